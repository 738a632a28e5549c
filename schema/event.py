"""An event: something that happened to a tenant's video, or to what else it has, written with the change it tells."""

from enum import StrEnum
from typing import Any

import msgspec

from schema.clock import Millis


class EventType(StrEnum):
    QUEUED = "video.queued"
    STARTED = "video.started"
    PROGRESS = "video.progress"
    OUTCOME_UNKNOWN = "video.outcome_unknown"
    COMPLETED = "video.completed"
    FAILED = "video.failed"
    CANCELED = "video.canceled"
    LATE_OUTPUT = "video.late_output"
    BUDGET_WARNING = "budget.warning"
    CREDITS_LOW = "credits.low"
    ACCOUNT_DEGRADED = "account.degraded"
    ACCOUNT_RECOVERED = "account.recovered"
    ENDPOINT_DISABLED = "webhook_endpoint.disabled"


TERMINAL = frozenset({EventType.COMPLETED, EventType.FAILED, EventType.CANCELED})


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, to which video if to one, and the facts of its type.

    Attributes:
        seq: the video's version after the change: it grows, and a stream of the video resumes after any of them; 0
            of what happened to no video.
        position: its place in the tenant's log, from 1 and without holes; 0 until it is written.
    """

    id: str
    tenant: str
    type: EventType
    at: Millis
    video: str | None = None
    seq: int = 0
    data: dict[str, Any] = {}
    position: int = 0
