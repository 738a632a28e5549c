"""The event log: in order, resumable from any point, and told to watchers after the commit and never without one."""

import asyncio

import msgspec
import pytest
from msgspec.structs import replace

from gateway.store.database import UniqueViolation
from gateway.store.events import log_of
from schema.event import Event, EventType
from tests.store.rows import NOW


def an_event(seq: int, **facts) -> Event:
    whole = {"id": f"evt_{seq}", "video": "video_1", "tenant": "acme", "type": EventType.PROGRESS, "at": NOW}
    return Event(seq=seq, **{**whole, **facts})


async def tell(store, *events: Event) -> None:
    async def add(tx):
        for event in events:
            tx.events.add(event)

    await store.write(add)


async def after(store, seq: int, *, tenant="acme", video="video_1", limit=100) -> list[Event]:
    found: list[Event] = await store.read(lambda tx: tx.events.after(tenant, video, seq, limit))
    return [replace(event, position=0) for event in found]


async def log(store, position: int = 0, *, tenant="acme") -> list[Event]:
    found: list[Event] = await store.read(lambda tx: tx.events.log(tenant, position))
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
    await tell(store, an_event(1, id="evt_0", video="video_2"))

    assert [event.seq for event in await after(store, seq, limit=limit)] == expected


async def test_a_video_s_events_are_another_tenant_s_secret(store):
    await tell(store, an_event(1))

    assert await after(store, 0, tenant="globex") == []


async def test_a_position_is_told_once(store):
    await tell(store, an_event(1))

    with pytest.raises(UniqueViolation):
        await tell(store, an_event(1, id="evt_other"))

    assert await after(store, 0) == [an_event(1)]


async def test_a_tenant_s_log_counts_its_events_without_holes_whatever_they_are_about(store):
    await tell(
        store, an_event(1), an_event(7, video="video_2"), an_event(1, id="evt_g", tenant="globex", video="video_3")
    )
    await tell(store, an_event(2), Event(id="evt_c", tenant="acme", type=EventType.CREDITS_LOW, at=NOW))

    found = [(event.position, event.id, event.video, event.seq) for event in await log(store)]

    assert found == [
        (1, "evt_1", "video_1", 1),
        (2, "evt_7", "video_2", 7),
        (3, "evt_2", "video_1", 2),
        (4, "evt_c", None, 0),
    ]
    assert [event.id for event in await log(store, 2)] == ["evt_2", "evt_c"]
    assert [event.position for event in await log(store, tenant="globex")] == [1]
    assert await store.read(lambda tx: tx.events.last("acme")) == 4


async def test_what_was_undone_leaves_no_hole_in_the_log(store):
    async def change_one_s_mind(tx):
        tx.events.add(an_event(1))
        await tx.events.write()
        raise LookupError

    with pytest.raises(LookupError):
        await store.write(change_one_s_mind)
    await tell(store, an_event(1))

    assert [event.position for event in await log(store)] == [1]


async def test_transactions_of_many_tenants_at_once_wait_for_each_other_and_never_for_ever(store):
    tenants = ["acme", "globex", "initech"]

    def turn(n: int) -> list[Event]:
        order = tenants[n % 3 :] + tenants[: n % 3]
        return [an_event(n + 1, id=f"evt_{tenant}{n}", tenant=tenant, video=f"video_{tenant}") for tenant in order]

    await asyncio.gather(*(tell(store, *turn(n)) for n in range(30)))

    for tenant in tenants:
        assert [event.position for event in await log(store, tenant=tenant)] == list(range(1, 31))


async def test_watchers_hear_of_each_commit_s_videos_once(store):
    heard: list[frozenset[str]] = []
    store.on_told(heard.append)

    await tell(store, an_event(1), an_event(2), an_event(1, id="evt_0", video="video_2"))
    await tell(store, an_event(3))

    assert heard == [{"video_1", "video_2", "log:acme"}, {"video_1", "log:acme"}]


async def test_every_watcher_hears(store):
    heard: list[tuple[str, frozenset[str]]] = []
    store.on_told(lambda videos: heard.append(("first", videos)))
    store.on_told(lambda videos: heard.append(("second", videos)))

    await tell(store, an_event(1))

    assert heard == [(who, frozenset({"video_1", "log:acme"})) for who in ("first", "second")]


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
        tx.events.add(an_event(1))
        raise LookupError

    with pytest.raises(LookupError):
        await store.write(change_one_s_mind)

    assert heard == []
    assert await after(store, 0) == []


async def test_who_hears_finds_the_event_in_the_table(store):
    heard: list[str] = []
    store.on_told(heard.extend)

    await tell(store, an_event(1))
    (video,) = set(heard) - {log_of("acme")}

    assert [event.seq for event in await after(store, 0, video=video)] == [1]


async def test_facts_of_any_json_shape_survive(store):
    data = {"a": [1, 2.5, None, True], "b": {"c": {"d": "e"}}, "": "", "big": 2**53}

    await tell(store, an_event(1, data=data))

    (event,) = await after(store, 0)
    assert msgspec.json.encode(event.data) == msgspec.json.encode(data)
