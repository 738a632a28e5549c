"""Three replicas share an account with tight limits: none is ever exceeded, and what they allow is used.

How well it is used depends on the machine too: long runs (``make soak``), which have it alone, judge that.
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from schema.clock import Millis
from tests.flows.conftest import ROUNDS
from tests.flows.engine import until
from tests.flows.processes import Place, Server, Upstreams, address, sandbox_process, server
from tests.support.figures import told

LIMIT = 10
MINUTE = 6.0
"""Seconds in these tests' minute."""

TENANTS = tuple(f"house{n}" for n in range(6))


def key_of(tenant: str) -> str:
    return f"fg_test_{tenant}_0123456789abcdefghijkl"


def _tenants() -> str:
    return "\n".join(f'[[tenants]]\nid = "{one}"\ntest = true\nkeys = ["{key_of(one)}"]\n' for one in TENANTS)


@pytest.fixture
async def upstreams(tmp_path: Path) -> AsyncIterator[Upstreams]:
    """One account on the smallest plan: ten requests a minute, one job at once, a hundred requests a day."""
    account = {
        "name": "d",
        "provider": "doitong",
        "key": "sandbox-doitong-key",
        "webhook_secret": "sandbox-webhook-secret",
        "credits": 10_000_000,
        "plan": "free",
        "variant": {"doitong_reset": "epoch_ms"},
    }
    async with sandbox_process(tmp_path, accounts=[account], speed=400, limit_speed=60 / MINUTE) as running:
        yield running


@pytest.fixture
async def database(tmp_path, postgres) -> AsyncIterator[str]:
    name = f"limits_{tmp_path.name}".replace("-", "_").lower()
    yield await postgres.create(name)
    await postgres.drop(name)


@asynccontextmanager
async def replicas(folder: Path, database: str, upstreams: Upstreams, doitong: str) -> AsyncIterator[list[Server]]:
    """Three gateways that share one database; hooks come to the last one, which stays."""
    places = [Place(folder / f"replica-{n}", address()) for n in range(3)]
    async with AsyncExitStack() as stack:
        running = []
        for place in places:
            place.configure(
                upstreams,
                database=database,
                assets=folder / "assets",
                public_url=places[-1].url,
                video_deadline_seconds=120,
                timing=f"minute_seconds = {MINUTE}\nday_seconds = {1440 * MINUTE}",
                doitong=doitong,
                tenants=_tenants(),
            )
            running.append(await stack.enter_async_context(server(place)))
        yield running


async def ask(gateways: list[Server], count: int) -> dict[str, str]:
    """Give the tenants' wishes to the replicas in turn. Tenants by video."""
    accepted: dict[str, str] = {}
    for number in range(count):
        tenant = TENANTS[number % len(TENANTS)]
        id = await gateways[number % len(gateways)].create(f"wish {number}", "doitong", key_of(tenant))
        assert id is not None
        accepted[id] = tenant
    return accepted


async def all_ended(gateway: Server, accepted: dict[str, str]) -> set[str]:
    return {(await gateway.ended(id, key_of(tenant)))["status"] for id, tenant in accepted.items()}


def windows(calls: list[Millis]) -> list[Millis]:
    """When the upstream's minutes opened: each with the first call after the last one closed."""
    opened: list[Millis] = []
    for at in calls:
        if not opened or at >= opened[-1] + MINUTE * 1000:
            opened.append(at)
    return opened


def used(truth: dict[str, Any]) -> float:
    """Requests made ÷ requests allowed, from the first submit until the last of the upstream's minutes opened.

    What is allowed is ten for each minute of that time. In the last one there may be too few videos left to make.
    """
    calls: list[Millis] = truth["accounts"][0]["counted"]
    last = windows(calls)[-1]
    made = sum(1 for at in calls if at < last)
    return made / (LIMIT * (last - calls[0]) / (MINUTE * 1000))


def report(name: str, truth: dict[str, Any]) -> float:
    account, share = truth["accounts"][0], used(truth)
    told(
        f"{name}: {len(account['counted'])} requests in {len(windows(account['counted']))} minutes, "
        f"{share:.0%} of what was allowed; violations {account['violations']}"
    )
    return share


async def test_a_known_plan_is_never_exceeded_and_used_well_though_a_replica_is_killed(
    tmp_path, database, upstreams, rounds
):
    count = 60 if rounds > ROUNDS else 24
    async with replicas(tmp_path, database, upstreams, 'plan = "free"') as gateways:
        accepted = await ask(gateways, count)

        async def halfway() -> bool:
            return bool(await upstreams.accepted() >= count * 2 // 5)

        await until(halfway, 60)
        gateways[0].kill()
        assert await gateways[0].exit_code() == -signal.SIGKILL
        async with asyncio.timeout(100):
            statuses = await all_ended(gateways[-1], accepted)
    truth = await upstreams.truth()

    share = report("known plan", truth)
    assert statuses == {"completed"}
    assert truth["accounts"][0]["violations"] == {}
    assert truth["totals"]["jobs"] == count
    assert rounds <= ROUNDS or share >= 0.9


async def test_a_limit_that_nobody_configured_is_learned_from_the_first_answer(tmp_path, database, upstreams, rounds):
    doitong = 'plan = "enterprise"\nlimits = { concurrent = 1 }'
    async with replicas(tmp_path, database, upstreams, doitong) as gateways:
        accepted = await ask(gateways, 36 if rounds > ROUNDS else 14)
        async with asyncio.timeout(100):
            statuses = await all_ended(gateways[-1], accepted)
    truth = await upstreams.truth()

    share = report("learned limit", truth)
    first = truth["submissions"][0]["at"]
    assert statuses == {"completed"}
    assert [one for one in truth["accounts"][0]["over"] if one["at"] > first] == []
    assert rounds <= ROUNDS or share >= 0.9
