"""Deliveries in the database: written with their events, in order, claimed once, and fairly."""

import asyncio
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schema.delivery import DeliveryState, DeliveryTry, EndpointState
from schema.endpoint import Endpoint, EndpointRecord
from schema.event import Event, EventType
from schema.ownership import Ownership
from tests.store.rows import NOW

LATER = NOW + 10_000


def an_event(video: str, seq: int, type: EventType = EventType.PROGRESS) -> Event:
    return Event(id=f"evt_{video}_{seq}", tenant="acme", video=video, seq=seq, type=type, at=NOW)


async def an_endpoint(store, id: str, **facts) -> None:
    removed = facts.pop("removed_at", None)
    record = EndpointRecord(
        endpoint=Endpoint(id=id, tenant="acme", url="https://a.example/hook", **facts),
        ownership=Ownership(removed_at=removed),
    )
    await store.write(lambda tx: tx.webhook_endpoints.put(record))


async def tell(store, *events: Event, tenant: str | None = None) -> None:
    async def add(tx):
        for event in events:
            tx.events.add(event)

    await store.write(add, tenant=tenant)


async def claim(store, limit: int = 100, *, now=NOW, **wish):
    return await store.write(lambda tx: tx.deliveries.claim(now=now, until=now + 20_000, limit=limit, **wish))


async def end(store, delivery, state=DeliveryState.DELIVERED) -> bool:
    async def work(tx):
        await tx.deliveries.hold("acme")
        return await tx.deliveries.end(delivery, state, NOW)

    ended: bool = await store.write(work)
    return ended


async def page(store, endpoint: str = "whe_1", **wish):
    return await store.read(lambda tx: tx.deliveries.page("acme", endpoint, after=None, limit=100, **wish))


async def test_an_event_waits_for_each_endpoint_that_hears_it_and_for_no_other(store):
    await an_endpoint(store, "whe_1")
    await an_endpoint(store, "whe_2", events=(EventType.COMPLETED,))
    await an_endpoint(store, "whe_3", events=(EventType.PROGRESS,))
    await an_endpoint(store, "whe_4", disabled_at=NOW)
    await an_endpoint(store, "whe_5", removed_at=NOW)

    await tell(store, an_event("video_1", 1), tenant="acme")

    assert {one.endpoint for one in await claim(store)} == {"whe_1", "whe_3"}


async def test_nothing_waits_when_the_event_was_not_committed(store):
    await an_endpoint(store, "whe_1")

    async def fail(tx):
        tx.events.add(an_event("video_1", 1))
        await tx.events.write()
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await store.write(fail)

    assert await page(store) == []


async def test_of_a_video_only_the_first_is_due_until_it_has_ended(store):
    await an_endpoint(store, "whe_1")
    await tell(store, an_event("video_1", 1), an_event("video_1", 2), an_event("video_2", 1))

    first = await claim(store)
    assert sorted((one.video, one.position) for one in first) == [("video_1", 1), ("video_2", 3)]
    assert await claim(store) == []

    (one,) = (one for one in first if one.video == "video_1")
    assert await end(store, one)
    assert [each.position for each in await claim(store)] == [2]


async def test_a_lease_lapses_and_whoever_held_it_changes_nothing_any_more(store):
    await an_endpoint(store, "whe_1")
    await tell(store, an_event("video_1", 1))
    (dead,) = await claim(store)

    (alive,) = await claim(store, now=NOW + 20_001)

    assert (alive.id, alive.tries) == (dead.id, 2)
    assert not await end(store, dead)
    assert await end(store, alive)


async def test_an_endpoint_is_called_by_five_at_a_time_and_by_one_when_it_fails(store):
    await an_endpoint(store, "whe_1")
    await an_endpoint(store, "whe_2")
    await tell(store, *(an_event(f"video_{n}", 1) for n in range(10)))
    failing = EndpointState(endpoint="whe_2", tenant="acme", failures=5)
    await store.write(lambda tx: tx.deliveries.keep(failing))

    claimed = [one.endpoint for one in await claim(store)]

    assert (claimed.count("whe_1"), claimed.count("whe_2")) == (5, 1)
    assert await claim(store) == []


async def test_everybody_s_first_comes_before_anybody_s_second(store):
    for n in range(4):
        await an_endpoint(store, f"whe_{n}", events=() if n == 0 else (EventType.COMPLETED,))
    await tell(store, *(an_event(f"video_{n}", 1) for n in range(10)))
    await tell(store, replace(an_event("video_99", 1, EventType.COMPLETED), at=NOW + 1))

    claimed = [one.endpoint for one in await claim(store, 4, now=NOW + 1)]

    assert sorted(claimed) == ["whe_0", "whe_1", "whe_2", "whe_3"]


async def test_a_resting_endpoint_is_not_called_and_a_failing_one_not_when_only_healthy_ones_may_be(store):
    await an_endpoint(store, "whe_1")
    await tell(store, an_event("video_1", 1))
    resting = EndpointState(endpoint="whe_1", tenant="acme", failures=1, resting_until=LATER)
    await store.write(lambda tx: tx.deliveries.keep(resting))

    assert await claim(store) == []
    assert await claim(store, now=LATER, healthy_only=True) == []
    assert len(await claim(store, now=LATER)) == 1


async def test_one_that_is_sent_again_takes_its_place_in_the_line(store):
    await an_endpoint(store, "whe_1")
    await tell(store, an_event("video_1", 1))
    (one,) = await claim(store)
    await end(store, one, DeliveryState.EXHAUSTED)
    await tell(store, an_event("video_1", 2))

    assert await store.write(lambda tx: tx.deliveries.again("acme", [one.id], NOW), tenant="acme") == 1

    (again,) = await claim(store)
    assert (again.id, again.tries, again.since) == (one.id, 2, 1)
    await end(store, again)
    assert [each.position for each in await claim(store)] == [2]


async def test_what_ended_long_ago_is_forgotten_with_its_tries(store):
    await an_endpoint(store, "whe_1")
    await tell(store, an_event("video_1", 1), an_event("video_2", 1))
    one, other = await claim(store)
    await store.write(lambda tx: tx.deliveries.tried(one, DeliveryTry(n=1, at=NOW, took=3, status=204)))
    await end(store, one)

    assert await store.write(lambda tx: tx.deliveries.forget(NOW + 1, 100)) == 1

    assert [each.id for each in await page(store)] == [other.id]
    assert await store.read(lambda tx: tx.deliveries.tries("acme", one.id)) == []


async def test_another_tenant_sees_none_of_it(store):
    await an_endpoint(store, "whe_1")
    await tell(store, an_event("video_1", 1))
    (one,) = await claim(store)

    assert await store.read(lambda tx: tx.deliveries.get("other", one.id), tenant="other") is None
    assert await store.write(lambda tx: tx.deliveries.again("other", [one.id], NOW), tenant="other") == 0


async def test_events_told_while_others_end_are_never_left_behind(store):
    await an_endpoint(store, "whe_1")

    async def deliver() -> int:
        done = 0
        while done < 60:
            for one in await claim(store):
                done += await end(store, one)
            await asyncio.sleep(0)
        return done

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(deliver())
        for video in range(3):
            group.create_task(_told_slowly(store, f"video_{video}"))

    assert {one.state for one in await page(store)} == {DeliveryState.DELIVERED}


async def _told_slowly(store, video: str) -> None:
    for seq in range(1, 21):
        await tell(store, an_event(video, seq))


_RUNS = itertools.count()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fates=st.lists(st.sampled_from(["delivered", "exhausted", "again", "crash"]), max_size=20))
async def test_whatever_fails_a_line_is_told_in_its_order(store, fates):
    run = next(_RUNS)
    await an_endpoint(store, f"whe_{run}")
    videos = [f"video_{run}_{n}" for n in range(2)]
    await tell(store, *(an_event(video, seq) for seq in range(1, 4) for video in videos))
    told: dict[str, list[int]] = {video: [] for video in videos}

    now = NOW
    while claimed := [one for one in await claim(store, now=now) if one.endpoint == f"whe_{run}"]:
        for one in claimed:
            match fates.pop() if fates else "delivered":
                case "again":
                    await store.write(lambda tx, one=one, due=now: tx.deliveries.retry(one, due))
                case "delivered" | "exhausted" as fate:
                    told[one.video].append(one.position)
                    await end(store, one, DeliveryState(fate))
        now += 20_001

    assert all(positions == sorted(positions) and len(positions) == 3 for positions in told.values())


async def test_addresses_of_many_videos_at_one_origin_share_five_calls_and_each_has_an_order_of_its_own(store):
    async def add(tx):
        for n in range(10):
            for seq in (1, 2):
                tx.events.add(an_event(f"video_{n}", seq), f"https://a.example/of/{n}")
        tx.events.add(an_event("video_x", 1), "https://b.example/of/x")

    await store.write(add)

    claimed = await claim(store)

    there = [one.url for one in claimed if one.url.startswith("https://a.example/")]
    assert len(there) == len(set(there)) == 5
    assert {one.url for one in claimed} - set(there) == {"https://b.example/of/x"}
    of_video = await store.read(lambda tx: tx.deliveries.of_video("acme", "video_3", after=None, limit=100))
    assert sorted((one.event, one.url) for one in of_video) == [
        ("evt_video_3_1", "https://a.example/of/3"),
        ("evt_video_3_2", "https://a.example/of/3"),
    ]
