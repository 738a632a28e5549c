"""The body of ``POST /v1/videos`` as a wish: JSON and forms say the same, and what is wrong names its field."""

from typing import Annotated, Any, NoReturn
from urllib.parse import parse_qsl

import msgspec
from litestar.exceptions import HTTPException
from msgspec.structs import replace

from gateway.arriving import gateway_of
from gateway.policy.signing import fingerprint
from gateway.rest.bodies import JSON_TYPE, UNREADABLE, decoded
from gateway.rest.forms import MAX_FIELDS, nested
from gateway.rest.headers import CANCEL_AFTER, cancel_after
from gateway.rest.requests import Call, headers
from gateway.rest.uploads import FormReader, body_within
from gateway.services.images import DATA, REFERENCE
from gateway.spool import Spool
from schema.errors import FieldError, InvalidRequest, MalformedRequest
from schema.image import ImageId, ImageRef
from schema.money import parse_micros
from schema.size import SIZE_HINT, wished_shape
from schema.video import (
    ANY_MODEL,
    LONGEST_REUSE,
    LONGEST_SECONDS,
    MAX_METADATA,
    MAX_METADATA_KEY,
    MAX_METADATA_VALUE,
    MAX_PROMPT,
    AccountName,
    AspectRatio,
    Metadata,
    OnMaxWait,
    OnUnknown,
    OnUnsupported,
    Order,
    Priority,
    Quality,
    QuoteId,
    RoutingWish,
    Strategy,
    Url,
    VideoSpec,
    checked_metadata,
    checked_routing,
    checked_spec,
    invalid,
)

MULTIPART_TYPE = "multipart/form-data"
FORM_TYPE = "application/x-www-form-urlencoded"
FORM_TYPES = (MULTIPART_TYPE, FORM_TYPE)
BODY_TYPES = (JSON_TYPE, *FORM_TYPES)

PictureUrl = Annotated[
    str, msgspec.Meta(min_length=8, max_length=1 << 26, pattern=r"^(https?://[^\s]{1,2040}|data:[^\s]+)$(?!\n)")
]
_MetadataKey = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_METADATA_KEY)]
_MetadataValue = Annotated[str, msgspec.Meta(max_length=MAX_METADATA_VALUE)]
_Names = Annotated[tuple[AccountName, ...], msgspec.Meta(max_length=32)]


class ImageReference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The picture to start from: exactly one of these.

    Attributes:
        image_url: where it lies, https; we fetch it before the video is sent. Or the picture itself, as a data URL.
        image_id: one of your pictures, as `POST /v1/images` gave it.
        file_id: the same, by OpenAI's word.
    """

    image_url: PictureUrl | None = None
    image_id: ImageId | None = None
    file_id: ImageId | None = None


class ReuseOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file of an equal wish of yours will do: the same prompt, model, shape, duration, quality and picture.

    Attributes:
        within_seconds: if that was completed no longer ago.
    """

    within_seconds: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_REUSE)]


class RoutingOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How this video is routed; what is left out is your tenant's policy, which a video may narrow and never widen.

    Attributes:
        only: account ids or provider names; nobody else may make it.
        exclude: account ids or provider names that must not make it.
        strategy: how the candidates are ranked.
        max_cost: the most it may cost, as decimal text in the gateway's currency.
        deadline_seconds: from accepted to ended; later it fails with `deadline_exceeded`, and costs what the provider
            still does, as if it had been canceled.
        cancel_after_seconds: cancel it by itself when it has not ended by then; also the header `Cancel-After`.
        quote_id: of a quote for this very wish: what it promised is the most that is charged.
        on_unsupported: what to do with a wish a provider can not express: refuse, or use the nearest and say so in
            `gateway.adjustments`.
        on_unknown: what to do when nobody knows whether a paid submit arrived. `retry` and `failover` accept that the
            video may be paid for twice.
        max_wait_seconds: how long it may wait for a better account that has no room now; left out, it goes to the best
            that has, unless your tenant's policy says otherwise.
        on_max_wait: what to do when it has waited so long: `spill` goes to the next that has room, `fail` ends it with
            `wait_exceeded`.
        priority: which of your own waiting videos goes first; it means nothing to other tenants.
        reuse: have the file of an equal video of yours, if there is one: it is completed at once and costs nothing.
        webhook_url: told what happens to this video, as webhook endpoints are; signed with your tenant's own webhook
            secret, which must be there already. Not for client tokens.
    """

    only: _Names | None = None
    exclude: _Names | None = None
    strategy: Strategy | None = None
    max_cost: (
        Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?$", max_length=16, examples=["0.50"])] | None
    ) = None
    deadline_seconds: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_SECONDS)] | None = None
    cancel_after_seconds: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_SECONDS)] | None = None
    quote_id: QuoteId | None = None
    on_unsupported: OnUnsupported | None = None
    on_unknown: OnUnknown | None = None
    max_wait_seconds: Annotated[int, msgspec.Meta(ge=0, le=LONGEST_SECONDS)] | None = None
    on_max_wait: OnMaxWait | None = None
    priority: Priority | None = None
    reuse: ReuseOptions | None = None
    webhook_url: Url | None = None


class CreateVideo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wish for one video.

    Attributes:
        prompt: what to show.
        model: `auto`, a model several providers may serve, or one provider's; see `GET /v1/models`.
        seconds: wished duration, as a number or as text; left out, the provider decides.
        size: width and height; its ratio must be 16:9, 9:16 or 1:1. Providers choose the pixels.
        aspect_ratio: the same wish said directly; with `size`, both must agree.
        quality: left out, the plain one.
        input_reference: the picture to start from.
        metadata: up to 16 pairs of text, returned as given.
        gateway: what OpenAI's shape has no word for.
    """

    prompt: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_PROMPT)]
    model: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    seconds: (
        Annotated[int, msgspec.Meta(ge=1, le=60)]
        | Annotated[str, msgspec.Meta(pattern=r"^([1-9]|[1-5][0-9]|60)$", max_length=2)]
        | None
    ) = None
    size: Annotated[str, msgspec.Meta(pattern=r"^(auto|[1-9][0-9]{1,4}x[1-9][0-9]{1,4})$", max_length=11)] | None = None
    aspect_ratio: AspectRatio | None = None
    quality: Quality | None = None
    input_reference: ImageReference | None = None
    metadata: Annotated[dict[_MetadataKey, _MetadataValue], msgspec.Meta(max_length=MAX_METADATA)] | None = None
    gateway: RoutingOptions | None = None


class Wish(msgspec.Struct, frozen=True):
    """What the caller wants, as the services take it.

    Attributes:
        picture: what it starts from, still to be kept: a data URL, or a file that was received.
    """

    spec: VideoSpec
    routing: RoutingWish
    metadata: Metadata
    picture: str | Spool | None = None

    def let_go(self) -> None:
        """Forget a file that was received and is not wanted."""
        if self.picture is not None and not isinstance(self.picture, str):
            self.picture.let_go()

    def order(self, tenant: str, *, key: str | None = None, resent: bool = False) -> Order:
        """The same as a tenant's order."""
        return Order(
            tenant=tenant,
            spec=self.spec,
            routing=self.routing,
            metadata=self.metadata,
            key=key,
            fingerprint=fingerprint(self.spec, self.routing, self.metadata),
            resent=resent,
        )


_HINTS = {
    "seconds": 'must be a whole number of seconds from 1 to 60, such as 5 or "5"',
    "size": SIZE_HINT,
    "input_reference": 'must be a file of the form, or {"image_url": "https://…"}, or {"image_id": "img_…"}',
    "metadata": f"takes up to {MAX_METADATA} pairs of text: keys of 1 to {MAX_METADATA_KEY} characters, "
    f"values of at most {MAX_METADATA_VALUE}",
    "gateway.reuse": 'must be {"within_seconds": N}, from 1 to 31536000',
    "gateway.quote_id": "must be the id of a quote, as it was given",
}
"""What to say instead of msgspec's words, by field or by the object it lies in; schema/video.py has more."""


_LISTS = ("only", "exclude")
"""Lists of a wish: a form writes ``gateway[only][]=a``, or ``gateway[only]=a`` for one alone."""


async def read_wish(call: Call) -> Wish:
    """The request's body as a wish, and what its header Cancel-After says beside it.

    Raises:
        MalformedRequest: the body or the header can not be read.
        InvalidRequest: a field is missing, unknown, of a wrong type or out of range, or says another thing than the
            header; it names the field.
        HTTPException: 413 when it is too large, 415 when it is of a type we do not read.
    """
    seconds = cancel_after(headers(call.scope, CANCEL_AFTER.lower().encode()))
    wish = await _read(call)
    try:
        return canceled_after(wish, seconds)
    except InvalidRequest:
        wish.let_go()
        raise


def canceled_after(wish: Wish, seconds: int | None) -> Wish:
    """The wish with what its header says; the body may say the same."""
    routing = wish.routing
    if seconds is None or seconds == routing.cancel_after_seconds:
        return wish
    if routing.cancel_after_seconds is not None:
        detail = f"says {seconds} seconds, and gateway.cancel_after_seconds {routing.cancel_after_seconds}"
        raise InvalidRequest.field(CANCEL_AFTER, "conflict", detail)
    return replace(wish, routing=replace(routing, cancel_after_seconds=seconds))


async def _read(call: Call) -> Wish:
    kind, _ = call.content_type
    try:
        if kind == JSON_TYPE:
            return as_wish(decoded(await body_within(call, _texts(call)), CreateVideo))
        return await _form(call, kind)
    except msgspec.ValidationError as error:
        raise _refused(error) from error
    except UNREADABLE as error:
        raise MalformedRequest(f"The body is not readable as {kind}") from error


async def _form(call: Call, kind: str) -> Wish:
    if kind == MULTIPART_TYPE:
        return await _with_file(call)
    if kind == FORM_TYPE:
        return _wanted(nested(_pairs(await body_within(call, _texts(call)))))
    accepted = ", ".join(BODY_TYPES)
    raise HTTPException(status_code=415, detail=f"Send one of {accepted}", headers={"accept-post": accepted})


async def _with_file(call: Call) -> Wish:
    """A form that may carry the picture. Who reads the wish lets go of that."""
    gateway = gateway_of(call.scope)
    tenant = call.scope["state"]["principal"].tenant.id
    reader = FormReader(
        call,
        field=REFERENCE,
        begin=lambda: gateway.images.begin(tenant, REFERENCE),
        largest=gateway.settings.images.max_bytes,
        texts=_texts(call),
    )
    form = await reader.read()
    try:
        fields = nested(form.fields)
        if form.file is not None and REFERENCE in fields:
            _refuse_both()
        return replace(_wanted(fields), picture=form.file) if form.file is not None else _wanted(fields)
    except BaseException:
        if form.file is not None:
            form.file.let_go()
        raise


def _refuse_both() -> NoReturn:
    raise InvalidRequest.field(REFERENCE, "conflict", "is given as a file and as a link; give one")


def _wanted(fields: dict[str, Any]) -> Wish:
    routing = fields.get("gateway")
    if isinstance(routing, dict):
        fields["gateway"] = routing | {name: _listed(routing[name]) for name in _LISTS if name in routing}
    return as_wish(msgspec.convert(fields, CreateVideo, strict=False))


def _listed(value: Any) -> Any:
    """A list as a form may write it: one name alone is a list of one, and nothing is none."""
    return [value] if isinstance(value, str) and value else value or []


def _texts(call: Call) -> int:
    """How long a body may be beside its file."""
    return gateway_of(call.scope).settings.server.max_body_bytes


async def pictured(call: Call, wish: Wish) -> Wish:
    """The wish with its picture kept, if it brought one: the same bytes are the same wish."""
    if wish.picture is None:
        return wish
    images, tenant = gateway_of(call.scope).images, call.scope["state"]["principal"].tenant.id
    if isinstance(wish.picture, str):
        image = await images.keep_data(tenant, wish.picture)
    else:
        try:
            image = (await images.keep(tenant, wish.picture)).image
        finally:
            wish.picture.let_go()
    return replace(wish, spec=replace(wish.spec, image=ImageRef.of(image)), picture=None)


def unpictured(wish: Wish) -> Wish:
    """The same where no picture is kept. Raises InvalidRequest for one that brought its own."""
    if wish.picture is None:
        return wish
    wish.let_go()
    detail = "can not be sent here; send it to /v1/images, and give its image_id"
    raise InvalidRequest.field(REFERENCE, "not_here", detail)


def _pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except UnicodeDecodeError:
        raise
    except ValueError as error:
        raise MalformedRequest(f"A form may have at most {MAX_FIELDS} fields") from error


def wish_of(content: bytes) -> Wish:
    """One wish of several, JSON. Raises InvalidRequest, naming the field."""
    try:
        return unpictured(as_wish(decoded(content, CreateVideo)))
    except msgspec.ValidationError as error:
        raise _refused(error) from error


def as_wish(wanted: CreateVideo) -> Wish:
    """The checked body in the services' own words, through the one door both edges use.

    Raises:
        InvalidRequest: fields that are right alone do not go together; it names one.
    """
    routing = {} if wanted.gateway is None else _given(wanted.gateway)
    if (max_cost := routing.pop("max_cost", None)) is not None:
        routing["max_cost_micros"] = parse_micros(max_cost)
    if (reuse := routing.pop("reuse", None)) is not None:
        routing["reuse"] = {"within_seconds": reuse.within_seconds}
    spec: dict[str, Any] = {
        "prompt": wanted.prompt,
        "model": wanted.model or ANY_MODEL,
        "aspect_ratio": wished_shape(wanted.size, wanted.aspect_ratio),
        "seconds": None if wanted.seconds is None else int(wanted.seconds),
        "quality": wanted.quality,
    }
    url, id = _referenced(wanted.input_reference)
    data = url is not None and url.startswith(DATA)
    spec |= {"image_url": None if data else url, "image": None if id is None else {"id": id}}
    checked = checked_spec(spec), checked_routing(routing), checked_metadata(wanted.metadata or {})
    return Wish(*checked, picture=url if data else None)


def _referenced(reference: ImageReference | None) -> tuple[str | None, str | None]:
    """Where the picture lies, or which of the tenant's it is. Raises InvalidRequest unless it is exactly one."""
    if reference is None:
        return None, None
    given = [one for one in (reference.image_url, reference.image_id, reference.file_id) if one is not None]
    if len(given) != 1:
        raise InvalidRequest.field(REFERENCE, "invalid_value", _HINTS[REFERENCE])
    return reference.image_url, reference.image_id or reference.file_id


def _given(options: RoutingOptions) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(options).items() if value is not None}


def _refused(error: msgspec.ValidationError) -> InvalidRequest:
    """msgspec's complaint as ours, with a hint where its own words do not say what to do."""
    (first,) = invalid(error).errors
    field, detail = first.field, first.detail
    for named, hint in _HINTS.items():
        if field == named or (field.startswith((named + ".", named + "["))):
            field, detail = named, hint
    return InvalidRequest(f"{field}: {detail}", errors=(FieldError(field, first.code, detail),))
