"""An event: something that happened to a tenant's video, numbered per video, written with the change it tells."""

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


TERMINAL = frozenset({EventType.COMPLETED, EventType.FAILED, EventType.CANCELED})


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """``seq`` is the video's version after the change: it grows, and a stream resumes after any of them."""

    id: str
    video: str
    tenant: str
    seq: int
    type: EventType
    at: Millis
    data: dict[str, Any] = {}
