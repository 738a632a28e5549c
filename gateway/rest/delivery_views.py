"""Deliveries to webhook endpoints as callers read them, and what they may be asked for."""

from typing import Annotated, Literal

import msgspec

from gateway.rest.admin import seconds
from gateway.rest.views import Moment
from gateway.services.delivery_log import MOST_AGAIN, DeliveryPage, DeliveryRecord
from schema.clock import Millis
from schema.delivery import Delivery, DeliveryState, DeliveryTry
from schema.event import EventType
from schema.ids import ENDPOINT, EVENT, MESSAGE, VIDEO, pattern

_DeliveryId = Annotated[str, msgspec.Meta(pattern=pattern(MESSAGE), max_length=30)]
_EndpointId = Annotated[str, msgspec.Meta(pattern=pattern(ENDPOINT), max_length=30)]
_EventId = Annotated[str, msgspec.Meta(pattern=pattern(EVENT), max_length=30)]
_VideoId = Annotated[str, msgspec.Meta(pattern=pattern(VIDEO), max_length=32)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
_Status = Annotated[int, msgspec.Meta(ge=100, le=999)]
_Words = Annotated[str, msgspec.Meta(max_length=1024)]
_LATEST = 253_402_300_799
"""The last second of the year 9999."""


class DeliveryTryView(msgspec.Struct, frozen=True, kw_only=True):
    """One call.

    Attributes:
        at: seconds since the Unix epoch.
        took_ms: from the call to its answer, or to its failure.
        status_code: null when there was no answer.
        error: why it was no success; null when it was.
        answer: the beginning of what came back, 1 KiB at most; what looks like a secret is left out.
    """

    n: _Count
    at: Moment
    took_ms: _Count
    status_code: _Status | None
    error: _Words | None
    answer: _Words | None


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way to one address.

    Attributes:
        id: the `webhook-id` of every try.
        webhook_endpoint_id: null when it goes to the address that its video was given.
        video_id: whose event it is; null when it is no video's.
        state: `pending`; or how it ended: `delivered`, `exhausted` when its schedule was over, `skipped` when its
            endpoint was disabled or removed.
        created_at: when the event was; seconds since the Unix epoch, as all moments here.
        ended_at: null while it is pending.
        next_try_at: null when it has ended, and while another one of its video is before it.
        tries: how often it was tried.
    """

    id: _DeliveryId
    object: Literal["webhook_delivery"] = "webhook_delivery"
    webhook_endpoint_id: _EndpointId | None
    video_id: _VideoId | None
    event_id: _EventId
    event_type: EventType
    state: DeliveryState
    created_at: Moment
    ended_at: Moment | None
    next_try_at: Moment | None
    tries: _Count


class WholeDeliveryView(DeliveryView, frozen=True, kw_only=True):
    """A delivery and how it was tried.

    Attributes:
        body: what is sent, byte for byte; null before the first try.
        log: its tries, the oldest first.
    """

    body: Annotated[str, msgspec.Meta(max_length=1 << 20)] | None
    log: Annotated[tuple[DeliveryTryView, ...], msgspec.Meta(max_length=10_000)]


class DeliveryPageView(msgspec.Struct, frozen=True, kw_only=True):
    """Some deliveries, newest first.

    Attributes:
        last_id: give it as `after` to see older ones.
    """

    object: Literal["list"] = "list"
    data: Annotated[tuple[DeliveryView, ...], msgspec.Meta(max_length=100)]
    last_id: _DeliveryId | None
    has_more: bool


class ReplaySince(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which deliveries are to be sent again.

    Attributes:
        since: those of events since then; seconds since the Unix epoch.
        event_types: only of these; of all unless said.
        failed_only: not what was delivered.
    """

    since: Annotated[int, msgspec.Meta(ge=0, le=_LATEST)]
    event_types: Annotated[tuple[EventType, ...], msgspec.Meta(max_length=len(EventType))] = ()
    failed_only: bool = False


class ReplayedView(msgspec.Struct, frozen=True, kw_only=True):
    """What is being sent again.

    Attributes:
        count: how many deliveries; at 10,000 there may be more.
    """

    object: Literal["webhook_replay"] = "webhook_replay"
    count: Annotated[int, msgspec.Meta(ge=0, le=MOST_AGAIN)]


class TestEndpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an endpoint is to be sent.

    Attributes:
        event_type: of the sample.
    """

    event_type: EventType = EventType.COMPLETED


class TestedView(msgspec.Struct, frozen=True, kw_only=True):
    """How an endpoint took a sample.

    Attributes:
        status_code: null when there was no answer.
        success: it answered with 2xx.
        error: why not; null when it did.
    """

    object: Literal["webhook_endpoint.test"] = "webhook_endpoint.test"
    webhook_endpoint_id: _EndpointId
    event_type: EventType
    status_code: _Status | None
    success: bool
    took_ms: _Count
    error: _Words | None


def delivery_view(one: Delivery) -> DeliveryView:
    return DeliveryView(
        id=one.id,
        webhook_endpoint_id=one.endpoint if one.url is None else None,
        video_id=one.video,
        event_id=one.event,
        event_type=one.type,
        state=one.state,
        created_at=one.created_at // 1000,
        ended_at=seconds(one.ended_at),
        next_try_at=seconds(one.due),
        tries=one.tries,
    )


def whole_view(record: DeliveryRecord) -> WholeDeliveryView:
    view = delivery_view(record.delivery)
    log = tuple([_try_view(one) for one in record.tries])
    return WholeDeliveryView(**msgspec.structs.asdict(view), body=record.delivery.body, log=log)


def _try_view(one: DeliveryTry) -> DeliveryTryView:
    return DeliveryTryView(
        n=one.n,
        at=one.at // 1000,
        took_ms=one.took,
        status_code=one.status,
        error=one.error,
        answer=one.answer,
    )


def delivery_page(page: DeliveryPage) -> DeliveryPageView:
    data = tuple([delivery_view(one) for one in page.deliveries])
    return DeliveryPageView(data=data, last_id=data[-1].id if data else None, has_more=page.more)


def tested_view(endpoint: str, type: EventType, one: DeliveryTry) -> TestedView:
    return TestedView(
        webhook_endpoint_id=endpoint,
        event_type=type,
        status_code=one.status,
        success=one.error is None,
        took_ms=one.took,
        error=one.error,
    )


def since_millis(wanted: ReplaySince) -> Millis:
    return wanted.since * 1000
