"""Creates a minute hold over all replicas, however many ask at once: exactly as many are accepted, and no one more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.policy.signing import fingerprint
from gateway.services.batches import BatchOrder
from gateway.wiring import Gateway, Seams, gateway
from schema.account import Account
from schema.batch import BatchMode
from schema.errors import RateLimited
from schema.tenant import Tenant, TenantLimits
from schema.video import Order, RoutingWish, checked_spec
from tests.flows.engine import an_account, settings
from tests.support.certificates import certificates

LIMIT, ASKED = 10, 50


def nowhere() -> Account:
    """Nobody works here, so nothing is ever sent to it."""
    return an_account("only", "veo3o1", "http://127.0.0.1:1")


@pytest.fixture
async def replicas(tmp_path: Path, database_url: str | None) -> AsyncIterator[list[Gateway]]:
    """One gateway on a SQLite file, or three on one PostgreSQL; tenant acme may create ten videos a minute."""
    async with AsyncExitStack() as stack:
        running = []
        for n in range(1 if database_url is None else 3):
            folder = tmp_path / f"replica-{n}"
            folder.mkdir()
            chosen = settings(folder, nowhere(), database_url=database_url, limits=TenantLimits(per_minute=LIMIT))
            running.append(await stack.enter_async_context(gateway(chosen, Seams(verify=certificates()))))
        yield running


def order(n: int, key: str | None = None) -> Order:
    spec, wish = checked_spec({"prompt": f"boat {n}"}), RoutingWish()
    return Order(tenant="acme", spec=spec, routing=wish, metadata={}, key=key, fingerprint=fingerprint(spec, wish, {}))


def acme(built: Gateway) -> Tenant:
    found = built.tenants.get("acme")
    assert found is not None
    return found


async def create(built: Gateway, wish: Order) -> str | None:
    """The video's id; None when it was refused by the minute."""
    try:
        return (await built.videos.accept(acme(built), wish)).video.id
    except RateLimited:
        return None


async def kept(built: Gateway) -> int:
    counts = await built.store.read(lambda tx: tx.videos.queued())
    return counts.get("acme", 0)


async def test_of_fifty_that_ask_at_once_exactly_ten_are_accepted(replicas):
    ids = await asyncio.gather(*(create(replicas[n % len(replicas)], order(n)) for n in range(ASKED)))

    assert sum(id is not None for id in ids) == LIMIT
    assert await kept(replicas[0]) == LIMIT


async def test_twins_that_ask_at_once_are_one_and_count_once(replicas):
    wishes = [order(n, key=f"key-{n}") for n in range(LIMIT) for _ in range(5)]
    ids = await asyncio.gather(*(create(replicas[n % len(replicas)], wish) for n, wish in enumerate(wishes)))
    over = await create(replicas[-1], order(LIMIT))

    assert None not in ids
    assert len(set(ids)) == LIMIT
    assert over is None


async def test_batches_that_ask_at_once_are_accepted_as_far_as_the_minute_goes(replicas):
    async def batch(n: int) -> int:
        built = replicas[n % len(replicas)]
        wishes = tuple([order(10 * n + one) for one in range(3)])
        asked = BatchOrder(tenant="acme", mode=BatchMode.AFFORDABLE, key=None, wishes=wishes)
        try:
            return len((await built.batches.accept(acme(built), asked)).videos)
        except RateLimited:
            return 0

    accepted = await asyncio.gather(*(batch(n) for n in range(12)))

    assert sorted(accepted, reverse=True) == [3, 3, 3, 1] + [0] * 8
    assert await kept(replicas[0]) == LIMIT


async def test_what_was_refused_for_another_reason_leaves_the_minute_as_it_was(replicas):
    built = replicas[0]
    wrong = replace(order(0), spec=checked_spec({"prompt": "a boat", "model": "nobody-s"}))
    with pytest.raises(Exception, match="model"):
        await built.videos.accept(acme(built), wrong)
    ids = [await create(built, order(n)) for n in range(LIMIT + 1)]

    assert [id is not None for id in ids] == [True] * LIMIT + [False]
