"""How many videos wait: each tenant has its bound, all together have one, and the nearer one speaks."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.services.backlog import COUNT_EVERY, Backlog
from gateway.store.database import connect
from gateway.store.migrate import packaged
from gateway.store.store import Store
from schema.errors import QueueFull, TooManyRequests
from schema.tenant import Tenant, TenantLimits
from tests.sandbox.callers import HandClock
from tests.store.rows import a_video, keep

ACME = Tenant(id="acme", name="acme", limits=TenantLimits(queued=4))
OTHER = Tenant(id="other", name="other")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    database = await connect(f"sqlite:///{tmp_path}/filmgate.db")
    await database.migrate(packaged())
    yield Store(database)
    await database.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def backlog(store: Store, clock: HandClock) -> Backlog:
    return Backlog(store=store, clock=clock, most=6)


async def test_room_is_what_the_tenants_own_bound_leaves(backlog: Backlog, store: Store) -> None:
    await keep(store, a_video("video_1"))

    assert await backlog.room(ACME, 2, least=2) == 2
    assert await backlog.room(ACME, 9, least=1) == 3
    with pytest.raises(TooManyRequests, match="room for 3 of these 9"):
        await backlog.room(ACME, 9, least=4)


async def test_others_videos_count_towards_the_bound_of_all(backlog: Backlog, store: Store) -> None:
    await keep(store, *(a_video(f"video_{n}", tenant="third") for n in range(5)))

    assert await backlog.room(OTHER, 9, least=1) == 1
    with pytest.raises(QueueFull):
        await backlog.room(ACME, 2, least=2)


async def test_what_is_taken_is_seen_at_once_and_given_back_when_it_came_to_nothing(backlog: Backlog) -> None:
    assert await backlog.room(ACME, 4, least=4) == 4
    backlog.added("acme", 4)
    with pytest.raises(TooManyRequests):
        await backlog.room(ACME, 1, least=1)
    backlog.added("acme", -4)

    assert await backlog.room(ACME, 4, least=4) == 4


async def test_it_is_counted_anew_after_a_while(backlog: Backlog, store: Store, clock: HandClock) -> None:
    await backlog.of("other")
    await keep(store, *(a_video(f"video_{n}", tenant="other") for n in range(6)))
    assert await backlog.room(OTHER, 1, least=1) == 1

    clock.time += COUNT_EVERY + 1

    with pytest.raises(QueueFull):
        await backlog.room(OTHER, 1, least=1)
