"""The body of ``POST /v1/videos`` as a wish: JSON and forms say the same, and what is wrong names its field."""

from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import parse_qsl

import msgspec
from litestar.datastructures import FormMultiDict, UploadFile
from litestar.exceptions import ClientException, HTTPException
from msgspec.structs import replace

from gateway.policy.signing import fingerprint
from gateway.rest.forms import MAX_FIELDS, nested
from gateway.rest.headers import CANCEL_AFTER, cancel_after
from gateway.rest.requests import Call, headers
from schema.errors import FieldError, InvalidRequest, MalformedRequest
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

JSON_TYPE = "application/json"
MULTIPART_TYPE = "multipart/form-data"
FORM_TYPE = "application/x-www-form-urlencoded"
FORM_TYPES = (MULTIPART_TYPE, FORM_TYPE)
BODY_TYPES = (JSON_TYPE, *FORM_TYPES)

_MetadataKey = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_METADATA_KEY)]
_MetadataValue = Annotated[str, msgspec.Meta(max_length=MAX_METADATA_VALUE)]
_Names = Annotated[tuple[AccountName, ...], msgspec.Meta(max_length=32)]


class ImageReference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The picture to start from.

    Attributes:
        image_url: where it lies, http or https; the provider fetches it. Uploading a file is not available in this
            version.
    """

    image_url: Url


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
    """What the caller wants, as the services take it."""

    spec: VideoSpec
    routing: RoutingWish
    metadata: Metadata

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
    "input_reference": 'must be {"image_url": "https://…"}; uploading a file is not available in this version',
    "metadata": f"takes up to {MAX_METADATA} pairs of text: keys of 1 to {MAX_METADATA_KEY} characters, "
    f"values of at most {MAX_METADATA_VALUE}",
    "gateway.reuse": 'must be {"within_seconds": N}, from 1 to 31536000',
    "gateway.quote_id": "must be the id of a quote, as it was given",
}
"""What to say instead of msgspec's words, by field or by the object it lies in; schema/video.py has more."""

_MAX_NAME = 64
_decode = msgspec.json.Decoder(CreateVideo).decode


async def read_wish(call: Call) -> Wish:
    """The request's body as a wish, and what its header Cancel-After says beside it.

    Raises:
        MalformedRequest: the body or the header can not be read.
        InvalidRequest: a field is missing, unknown, of a wrong type or out of range, or says another thing than the
            header; it names the field.
        HTTPException: 413 when it is too large, 415 when it is of a type we do not read.
    """
    seconds = cancel_after(headers(call.scope, CANCEL_AFTER.lower().encode()))
    return canceled_after(await _read(call), seconds)


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
            return as_wish(_decode(await call.body()))
        return as_wish(msgspec.convert(await _form(call, kind), CreateVideo, strict=False))
    except msgspec.ValidationError as error:
        raise _refused(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedRequest(f"The body is not readable as {kind}") from error


async def _form(call: Call, kind: str) -> dict[str, Any]:
    if kind == MULTIPART_TYPE:
        fields = nested((await _parts(call)).multi_items())
    elif kind == FORM_TYPE:
        fields = nested(_pairs(await call.body()))
    else:
        accepted = ", ".join(BODY_TYPES)
        raise HTTPException(status_code=415, detail=f"Send one of {accepted}", headers={"accept-post": accepted})
    for name, value in fields.items():
        if isinstance(value, UploadFile):
            detail = "uploading a file is not available in this version; give input_reference[image_url]"
            raise InvalidRequest.field(name[:_MAX_NAME], "unsupported", detail)
    return fields


async def _parts(call: Call) -> FormMultiDict:
    try:
        return await call.form()
    except LookupError as error:
        raise MalformedRequest("A part of the form is in an unknown charset") from error
    except ClientException as error:
        if error.status_code != HTTPStatus.BAD_REQUEST:
            raise
        raise MalformedRequest(f"The form can not be read; it may have {MAX_FIELDS} fields") from error


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
        return as_wish(_decode(content))
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
    spec = {
        "prompt": wanted.prompt,
        "model": wanted.model or ANY_MODEL,
        "aspect_ratio": wished_shape(wanted.size, wanted.aspect_ratio),
        "seconds": None if wanted.seconds is None else int(wanted.seconds),
        "quality": wanted.quality,
        "image_url": None if wanted.input_reference is None else wanted.input_reference.image_url,
    }
    return Wish(checked_spec(spec), checked_routing(routing), checked_metadata(wanted.metadata or {}))


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
