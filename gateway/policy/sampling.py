"""Sample events, one of each type: what an endpoint is sent to see whether it understands. Pure."""

from typing import Any

from schema.clock import Millis
from schema.event import Event, EventType
from schema.ids import EVENT, VIDEO, derived

_VIDEOS: dict[EventType, dict[str, Any]] = {
    EventType.QUEUED: {"status": "queued", "substate": "waiting_capacity", "progress": 0},
    EventType.STARTED: {"status": "in_progress", "substate": "running", "progress": 0},
    EventType.PROGRESS: {"status": "in_progress", "substate": "running", "progress": 40},
    EventType.OUTCOME_UNKNOWN: {"status": "in_progress", "substate": "outcome_unknown", "progress": 0},
    EventType.COMPLETED: {"status": "completed", "substate": None, "progress": 100},
    EventType.FAILED: {
        "status": "failed",
        "substate": None,
        "progress": 40,
        "error": {"code": "generation_failed", "message": "This is a sample of a failure"},
    },
    EventType.CANCELED: {"status": "canceled", "substate": None, "progress": 40},
    EventType.LATE_OUTPUT: {"status": "canceled", "substate": None, "progress": 40},
    EventType.BUDGET_WARNING: {"status": "queued", "substate": None, "progress": 0},
}


def sample(type: EventType, tenant: str, id: str, now: Millis) -> Event:
    """What an event of a type looks like; of a video that there is not, or of nothing."""
    facts = _VIDEOS.get(type)
    if facts is None:
        return Event(id=id, tenant=tenant, type=type, at=now, data={"id": "sample", "object": type.partition(".")[0]})
    return Event(
        id=id,
        tenant=tenant,
        type=type,
        at=now,
        video=derived(VIDEO, now, EVENT, id),
        seq=1,
        data={**facts, "test": True},
    )
