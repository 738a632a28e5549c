"""How an event is told: the same at every door; and which progress is worth it."""

import msgspec
import pytest

from gateway.policy.telling import event_json, state_seq, whole, worth_telling, written
from schema.event import Event, EventType

AT = 1_764_282_725_123
VIDEO = "video_01kb4y9t7m0000000000000000"


def event(kind: EventType = EventType.PROGRESS, **more) -> Event:
    facts = {
        "id": "evt_01kb4y9t7m0000000000000000",
        "tenant": "acme",
        "at": 1_764_282_725_123,
        "video": VIDEO,
        "seq": 4,
    }
    return Event(type=kind, **{**facts, **more})


def test_an_event_of_a_video_says_which_and_at_which_version():
    said = msgspec.json.decode(event_json(event(data={"status": "in_progress", "progress": 40})))

    assert said["data"] == {"id": VIDEO, "object": "video", "seq": 4, "status": "in_progress", "progress": 40}
    assert (said["type"], said["created_at"], said["timestamp"]) == (
        "video.progress",
        1_764_282_725,
        "2025-11-27T22:32:05.123Z",
    )


def test_an_event_of_no_video_says_what_was_written_and_nothing_else():
    said = msgspec.json.decode(event_json(event(EventType.CREDITS_LOW, video=None, seq=0, data={"id": "main"})))

    assert said["data"] == {"id": "main"}


def test_moments_always_have_milliseconds():
    assert written(0) == "1970-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("id", "seq"),
    [
        (f"evt_{VIDEO}.7", 7),
        (f"evt_{VIDEO}.", None),
        (f"evt_{VIDEO}.-7", None),
        (f"evt_{VIDEO}.\u0667", None),
        (f"evt_{VIDEO}.{'9' * 16}", None),
        ("evt_other.7", None),
    ],
)
def test_the_id_of_a_state_leads_to_its_version_and_nothing_else_does(id, seq):
    assert state_seq(id, VIDEO) == seq


def test_a_story_is_whole_from_its_first_event_or_from_the_oldest_that_is_kept():
    assert whole(event(EventType.QUEUED, seq=1), 0)
    assert whole(event(seq=4), 4)
    assert not whole(event(seq=4), 3)
    assert not whole(None, 0)


def test_progress_is_told_after_a_while_or_when_there_is_much_more():
    last = event(at=1_000, data={"progress": 10})

    assert not worth_telling(last, 12, 1_500, every=1_000, percent=5)
    assert worth_telling(last, 12, 2_000, every=1_000, percent=5)
    assert worth_telling(last, 15, 1_500, every=1_000, percent=5)
    assert worth_telling(event(EventType.STARTED, at=1_000), 1, 1_001, every=1_000, percent=5)
    assert worth_telling(None, 1, 1, every=1_000, percent=5)
