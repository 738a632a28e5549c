"""A delivery: one event on its way to one webhook endpoint, and how each try of it went."""

from enum import StrEnum

import msgspec

from schema.clock import Millis
from schema.event import EventType


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"  # its schedule is over
    SKIPPED = "skipped"  # its endpoint was disabled or removed


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint, or the address that a video was given, is told once, however often that is tried.

    Attributes:
        id: ``msg_…``, the header ``webhook-id`` of every try: receivers know by it what they have seen.
        endpoint: whose; of an address of a video's, the id of all those of its tenant at one origin.
        event: the event's id.
        position: the event's, in the tenant's log.
        video: whose event it is; what is told of one video is told in order.
        due: when it is tried next; None while another one is before it, and when it has ended.
        url: where, when the video itself said so; None when an endpoint does.
        tries: how often it was tried.
        since: how many of these were before it was sent again; its schedule begins behind them.
        body: what is sent, byte for byte; None before the first try.
    """

    id: str
    tenant: str
    endpoint: str
    event: str
    position: int
    type: EventType
    state: DeliveryState
    created_at: Millis
    ended_at: Millis | None = None
    video: str | None = None
    url: str | None = None
    due: Millis | None = None
    epoch: int = 0
    tries: int = 0
    since: int = 0
    body: str | None = None


class DeliveryTry(msgspec.Struct, frozen=True, kw_only=True):
    """One call of an endpoint.

    Attributes:
        took: milliseconds from the call to its answer, or to its failure.
        status: HTTP's; None when there was no answer.
        error: why it was no success, in words for people; None when it was.
        answer: the beginning of the body that came back.
    """

    n: int
    at: Millis
    took: Millis
    status: int | None = None
    error: str | None = None
    answer: str | None = None


class EndpointState(msgspec.Struct, frozen=True, kw_only=True):
    """How an endpoint answers.

    Attributes:
        failures: in a row.
        suspected_at: the first failure after which more of them count as failing.
        failing_since: nothing succeeded since then, and it failed more than once in a while.
        resting_until: it is not called before.
    """

    endpoint: str
    tenant: str
    failures: int = 0
    suspected_at: Millis | None = None
    failing_since: Millis | None = None
    resting_until: Millis | None = None
