"""The event log: in order, resumable from any point, and told to watchers after the commit and never without one."""

import msgspec
import pytest

from gateway.store.database import UniqueViolation
from schema.event import Event, EventType
from tests.store.rows import NOW


def an_event(seq: int, **facts) -> Event:
    whole = {"id": f"evt_{seq}", "video": "video_1", "tenant": "acme", "type": EventType.PROGRESS, "at": NOW}
    return Event(seq=seq, **{**whole, **facts})


async def tell(store, *events: Event) -> None:
    async def add(tx):
        for event in events:
            await tx.events.add(event)

    await store.write(add)


async def after(store, seq: int, *, tenant="acme", video="video_1", limit=100) -> list[Event]:
    found: list[Event] = await store.read(lambda tx: tx.events.after(tenant, video, seq, limit))
    return found


@pytest.mark.parametrize("type", EventType)
async def test_an_event_comes_back_as_it_was_told(store, type):
    event = an_event(2**53, type=type, data={"progress": 40, "error": None, "words": "🦊 'x' \x00"})

    await tell(store, event)

    assert await after(store, 0) == [event]


@pytest.mark.parametrize(
    ("seq", "limit", "expected"),
    [
        pytest.param(0, 100, [1, 2, 5, 9], id="from-the-start"),
        pytest.param(2, 100, [5, 9], id="after-one-of-them"),
        pytest.param(3, 100, [5, 9], id="after-a-gap"),
        pytest.param(9, 100, [], id="after-the-last"),
        pytest.param(0, 2, [1, 2], id="a-few-at-a-time"),
        pytest.param(2, 1, [5], id="the-next"),
    ],
)
async def test_a_stream_resumes_in_order_after_any_position(store, seq, limit, expected):
    await tell(store, *map(an_event, (5, 1, 9, 2)))
    await tell(store, an_event(1, video="video_2"))

    assert [event.seq for event in await after(store, seq, limit=limit)] == expected


async def test_a_video_s_events_are_another_tenant_s_secret(store):
    await tell(store, an_event(1))

    assert await after(store, 0, tenant="globex") == []


async def test_a_position_is_told_once(store):
    await tell(store, an_event(1))

    with pytest.raises(UniqueViolation):
        await tell(store, an_event(1, id="evt_other"))

    assert await after(store, 0) == [an_event(1)]


async def test_watchers_hear_of_each_commit_s_videos_once(store):
    heard: list[frozenset[str]] = []
    store.on_told(heard.append)

    await tell(store, an_event(1), an_event(2), an_event(1, video="video_2"))
    await tell(store, an_event(3))

    assert heard == [{"video_1", "video_2"}, {"video_1"}]


async def test_every_watcher_hears(store):
    heard: list[tuple[str, frozenset[str]]] = []
    store.on_told(lambda videos: heard.append(("first", videos)))
    store.on_told(lambda videos: heard.append(("second", videos)))

    await tell(store, an_event(1))

    assert heard == [("first", frozenset({"video_1"})), ("second", frozenset({"video_1"}))]


async def test_a_transaction_without_events_wakes_nobody(store):
    heard: list[frozenset[str]] = []
    store.on_told(heard.append)

    await store.write(lambda tx: tx.hooks.add(provider="p", attempt="att_1", body_sha256="0", now=NOW))
    await after(store, 0)

    assert heard == []


async def test_what_was_undone_is_never_told(store):
    heard: list[frozenset[str]] = []
    store.on_told(heard.append)

    async def change_one_s_mind(tx):
        await tx.events.add(an_event(1))
        raise LookupError

    with pytest.raises(LookupError):
        await store.write(change_one_s_mind)

    assert heard == []
    assert await after(store, 0) == []


async def test_who_hears_finds_the_event_in_the_table(store):
    heard: list[str] = []
    store.on_told(heard.extend)

    await tell(store, an_event(1))
    (video,) = heard

    assert [event.seq for event in await after(store, 0, video=video)] == [1]


async def test_facts_of_any_json_shape_survive(store):
    data = {"a": [1, 2.5, None, True], "b": {"c": {"d": "e"}}, "": "", "big": 2**53}

    await tell(store, an_event(1, data=data))

    (event,) = await after(store, 0)
    assert msgspec.json.encode(event.data) == msgspec.json.encode(data)
