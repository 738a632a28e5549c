"""How an event is told outside, the same at every door and to webhooks; and which progress is worth telling. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec

from schema.clock import Millis
from schema.event import Event, EventType
from schema.ids import ALPHABET, BODY_LENGTH, EVENT, VIDEO
from schema.lifecycle import VideoStatus
from schema.video import Video

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ID = f"^{EVENT}({VIDEO})?[{ALPHABET}]{{{BODY_LENGTH}}}(\\.[0-9]+)?$"
_MOST_DIGITS = 15

STATE_AS = {
    VideoStatus.QUEUED: EventType.QUEUED,
    VideoStatus.IN_PROGRESS: EventType.STARTED,
    VideoStatus.COMPLETED: EventType.COMPLETED,
    VideoStatus.FAILED: EventType.FAILED,
    VideoStatus.CANCELED: EventType.CANCELED,
}
"""What the event is called that says how a video is, when none was written at its version."""

_OF_A_STATE = {
    VideoStatus.QUEUED: {EventType.QUEUED},
    VideoStatus.IN_PROGRESS: {EventType.STARTED, EventType.PROGRESS, EventType.OUTCOME_UNKNOWN},
    VideoStatus.COMPLETED: {EventType.COMPLETED},
    VideoStatus.FAILED: {EventType.FAILED},
    VideoStatus.CANCELED: {EventType.CANCELED},
}
"""Events that say how a video is, and nothing beside."""

encode = msgspec.json.Encoder().encode


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened; webhooks say the same.

    Attributes:
        id: names it at every door; a stream resumes behind it.
        created_at: seconds since the Unix epoch.
        timestamp: the same moment with milliseconds, RFC 3339, UTC.
        data: what it is about. Of a video: `id`, `object`, `status`, `substate`, `progress`, `error` if it failed, and
            `seq`, the video's `version` after the change. Of an account of yours: `id`, `object` and what is known.
    """

    id: Annotated[str, msgspec.Meta(pattern=_ID, max_length=64)]
    object: Literal["event"] = "event"
    type: EventType
    created_at: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
    timestamp: Annotated[str, msgspec.Meta(max_length=32)]
    data: dict[str, Any]


def event_view(event: Event) -> EventView:
    """An event in the one shape in which it is told; its id and its words are the same wherever and whenever."""
    return EventView(
        id=event.id,
        type=event.type,
        created_at=event.at // 1000,
        timestamp=written(event.at),
        data=data_of(event),
    )


def event_json(event: Event) -> bytes:
    """The same as one line of JSON."""
    return encode(event_view(event))


def data_of(event: Event) -> dict[str, Any]:
    """What an event is about: its video, or what was written with it."""
    if event.video is None:
        return event.data
    return {"id": event.video, "object": "video", "seq": event.seq, **event.data}


def facts_of(video: Video) -> dict[str, Any]:
    """What every event of a video says of it."""
    facts: dict[str, Any] = {"status": video.status, "substate": video.substate, "progress": video.progress}
    if video.error is not None:
        facts["error"] = {"code": video.error.code, "message": video.error.message}
    return facts


def written(moment: Millis) -> str:
    """``2026-11-20T18:52:03.123Z``: always UTC, always milliseconds."""
    text = (_EPOCH + timedelta(milliseconds=moment)).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


# how a video is now


def state(video: Video, newest: Event | None) -> Event:
    """The event that whoever comes late sees first: the newest one if it says how the video is, else one like it.

    Its id is then the video's with its version behind it: a stream resumes behind that too.
    """
    if newest is not None and newest.seq == video.version and newest.type in _OF_A_STATE[video.status]:
        return newest
    return Event(
        id=f"{EVENT}{video.id}.{video.version}",
        video=video.id,
        tenant=video.tenant,
        seq=video.version,
        type=STATE_AS[video.status],
        at=video.completed_at or video.started_at or video.created_at,
        data=facts_of(video),
    )


def state_seq(id: str, video: str) -> int | None:
    """The version in such an id of a video; None when it is none."""
    head, _, seq = id.partition(".")
    if head != f"{EVENT}{video}" or not (seq.isascii() and seq.isdecimal() and len(seq) <= _MOST_DIGITS):
        return None
    return int(seq)


def whole(oldest: Event | None, after: int) -> bool:
    """Whether everything that happened to a video after a version is kept still; ``oldest`` is what is.

    A video's oldest events are removed first, and the first of all is that it was accepted.
    """
    return oldest is not None and (after >= oldest.seq or oldest.type is EventType.QUEUED)


# progress


def worth_telling(last: Event | None, progress: int, now: Millis, *, every: Millis, percent: int) -> bool:
    """Whether progress is told after the last event of its video: not again at once, unless there is much more."""
    if last is None or last.type is not EventType.PROGRESS:
        return True
    return now - last.at >= every or progress - int(last.data.get("progress", 0)) >= percent
