"""What the gateway answers about deliveries, as far as the command line reads it."""

import msgspec


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery; moments in seconds since the epoch."""

    id: str
    event_id: str
    event_type: str
    state: str
    created_at: int
    tries: int = 0
    webhook_endpoint_id: str | None = None
    video_id: str | None = None
    ended_at: int | None = None
    next_try_at: int | None = None


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """One call."""

    n: int
    at: int
    took_ms: int
    status_code: int | None = None
    error: str | None = None
    answer: str | None = None


class WholeDelivery(Delivery, frozen=True, kw_only=True):
    """A delivery and its tries, the oldest first."""

    log: tuple[Try, ...] = ()


class DeliveryPage(msgspec.Struct, frozen=True):
    """Some deliveries, newest first, and whether there are older ones than ``last_id``."""

    data: tuple[Delivery, ...]
    has_more: bool = False
    last_id: str | None = None


class Replayed(msgspec.Struct, frozen=True):
    """How many deliveries are on their way again."""

    count: int


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """How an endpoint took a sample."""

    event_type: str
    success: bool
    took_ms: int
    status_code: int | None = None
    error: str | None = None
