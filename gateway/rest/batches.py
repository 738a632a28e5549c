"""/v1/video_batches"""

from collections import Counter
from typing import Annotated, Literal

import msgspec
from litestar import get, post
from litestar.exceptions import HTTPException

from gateway.rest.answers import JSON, Answer, Header
from gateway.rest.bodies import JSON_TYPE, UNREADABLE
from gateway.rest.headers import CANCEL_AFTER, cancel_after, idempotency_key
from gateway.rest.requests import Call, browser, creator, headers
from gateway.rest.videos import PRIVATE, VARY, poll_hints
from gateway.rest.views import Moment, Money, VideoView, encode, video_view
from gateway.rest.wishes import CreateVideo, canceled_after, wish_of
from gateway.services.batches import BatchOrder, Whole, check_size
from gateway.wiring import Gateway
from schema.batch import MAX_BATCH, BatchMode
from schema.errors import InvalidRequest, MalformedRequest, NotFound
from schema.ids import BATCH, names_batch, pattern
from schema.lifecycle import VideoStatus
from schema.money import CURRENCY
from schema.tenant import Scope
from schema.video import Order, invalid

PATH = "/v1/video_batches"

_BatchId = Annotated[str, msgspec.Meta(pattern=pattern(BATCH), max_length=32)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_BATCH)]


class CreateBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Wishes to be accepted together.

    Attributes:
        videos: each as `POST /v1/videos` takes it.
        mode: what to do when money, or room among your waiting videos, does not cover every wish: accept none, or
            accept the first ones, as many as it covers.
    """

    videos: Annotated[tuple[CreateVideo, ...], msgspec.Meta(min_length=1, max_length=MAX_BATCH)]
    mode: BatchMode = BatchMode.ALL


class BatchCountsView(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the batch's videos are where in their life."""

    queued: _Count
    in_progress: _Count
    completed: _Count
    failed: _Count
    canceled: _Count


class BatchView(msgspec.Struct, frozen=True, kw_only=True):
    """Videos that were accepted together, as they are now.

    Attributes:
        created_at: seconds since the Unix epoch.
        wished: how many were asked for.
        accepted: how many of them, from the first on, were accepted.
        quoted_micros: the most its videos may cost together, in millionths of the currency; those whose price is not
            known count nothing.
        held_micros: set aside for them now.
        missing_micros: what lacked for the other wishes when it was accepted.
        missing_places: how many of the other wishes found no room: among the videos that wait, or in the
            minute's creates.
        videos: in the order of the wishes.
    """

    id: _BatchId
    object: Literal["batch"] = "batch"
    created_at: Moment
    mode: BatchMode
    wished: _Count
    accepted: _Count
    currency: Literal["USD"] = CURRENCY
    quoted_micros: Money
    held_micros: Money
    missing_micros: Money
    missing_places: _Count
    counts: BatchCountsView
    videos: Annotated[tuple[VideoView, ...], msgspec.Meta(max_length=MAX_BATCH)]


class _Envelope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same with every wish still to be read, so that one that is wrong does not hide the others."""

    videos: tuple[msgspec.Raw, ...]
    mode: BatchMode = BatchMode.ALL


_decode = msgspec.json.Decoder(_Envelope).decode


@post(PATH)
async def create(request: Call) -> Answer:
    gateway, principal = await creator(request)
    key = idempotency_key(headers(request.scope, b"idempotency-key"))
    asked = await _read(request, principal.tenant.id, key)
    whole = await gateway.batches.accept(principal.tenant, asked.granted(principal.grant))
    replayed: tuple[Header, ...] = ((b"idempotent-replayed", b"true"),) if whole.replayed else ()
    return Answer(
        encode(await _view(gateway, whole)),
        status=202,
        headers=(JSON, (b"location", f"{PATH}/{whole.batch.id}".encode()), *_hints(gateway, whole), *replayed),
    )


@get(PATH + "/{batch_id:str}")
async def retrieve(request: Call) -> Answer:
    gateway, principal = browser(request, Scope.VIDEOS_READ)
    id: str = request.path_params["batch_id"]
    if not names_batch(id):
        raise NotFound
    whole = await gateway.batches.get(principal.tenant.id, id, principal.grant)
    return Answer(encode(await _view(gateway, whole)), headers=(JSON, PRIVATE, VARY, *_hints(gateway, whole)))


async def _read(call: Call, tenant: str, key: str | None) -> BatchOrder:
    """The body as an order; what is wrong with a wish stands in its place.

    Raises:
        MalformedRequest: the body or a header can not be read.
        InvalidRequest: it is no batch, or a wish says another thing than the header Cancel-After.
        HTTPException: 415 when it is not JSON.
    """
    seconds = cancel_after(headers(call.scope, CANCEL_AFTER.lower().encode()))
    if call.content_type[0] != JSON_TYPE:
        raise HTTPException(status_code=415, detail=f"Send {JSON_TYPE}", headers={"accept-post": JSON_TYPE})
    try:
        body = _decode(await call.body())
        check_size(len(body.videos))
        wishes = tuple([_order(raw, tenant, seconds) for raw in body.videos])
    except msgspec.ValidationError as error:
        raise invalid(error) from error
    except UNREADABLE as error:
        raise MalformedRequest(f"The body is not readable as {JSON_TYPE}") from error
    return BatchOrder(tenant=tenant, mode=body.mode, key=key, wishes=wishes)


def _order(raw: msgspec.Raw, tenant: str, seconds: int | None) -> Order | InvalidRequest:
    try:
        wish = wish_of(bytes(raw))
    except InvalidRequest as error:
        return error
    return canceled_after(wish, seconds).order(tenant)


async def _view(gateway: Gateway, whole: Whole) -> BatchView:
    batch, videos = whole.batch, whole.videos
    seen = await gateway.videos.whole(batch.tenant, videos)
    counts = Counter(video.status for video in videos)
    return BatchView(
        id=batch.id,
        created_at=batch.created_at // 1000,
        mode=batch.mode,
        wished=batch.wished,
        accepted=batch.accepted,
        quoted_micros=sum(video.quoted_high or 0 for video in videos),
        held_micros=sum(video.held or 0 for video in videos),
        missing_micros=batch.missing,
        missing_places=batch.missing_places,
        counts=BatchCountsView(**{status.value: counts[status] for status in VideoStatus}),
        videos=tuple([video_view(one, gateway.accounts) for one in seen]),
    )


def _hints(gateway: Gateway, whole: Whole) -> tuple[Header, ...]:
    """When to look again; nothing once all have ended."""
    going = next((video for video in whole.videos if not video.ended), None)
    return () if going is None else poll_hints(gateway, going)
