"""Many at once on PostgreSQL: nobody waits in a circle, nothing is counted wrong, and nobody sees an error."""

import asyncio
import os
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from gateway.probe import no_probe
from gateway.store.tasks import TaskKind
from schema import ledger
from schema.errors import InsufficientFunds
from schema.ledger import EntryKind
from schema.lifecycle import VideoStatus
from schema.money import Micros
from schema.tenant import Funding, FundingMode
from schema.video import Video
from tests.flows.engine import until
from tests.flows.scripted import MIDNIGHT, Day, Daytime, honest, opened
from tests.store.postgres_server import PostgresServer
from tests.support.memory import scratch

NOON = MIDNIGHT + 12 * 3_600_000
MANY = 10**12
COUNT = 48
TOP = 200_000
"""Micros that are held for a video at the cheaper account."""

RICH = {
    "prepaid": Funding(mode=FundingMode.PREPAID, opening=MANY),
    "postpaid": Funding(),
    "postpaid-with-budgets": Funding(per_day=MANY, per_month=MANY, warn_percent=()),
}


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with PostgresServer(scratch(), deadlock_timeout="50ms") as running:
        yield running


@pytest.fixture
async def url(server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """An empty database; the gateways' own files lie in the test's folder."""
    monkeypatch.chdir(tmp_path)
    name = f"attacks_{secrets.token_hex(4)}"
    yield await server.create(name)
    await server.drop(name)


class Replicas:
    """Gateways on one database at one moment, with luck of their own, in front of honest providers."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._url = url
        self._clock = Daytime(NOON)
        self._sent: list[str] = []

    def one(self, funding: Mapping[str, Funding]) -> AbstractAsyncContextManager[Day]:
        seams: dict[str, Any] = {"luck": random.random, "entropy": os.urandom, "probe": no_probe}
        seams["transport"] = honest(self._sent)
        return opened(self._folder, NOON, self._url, clock=self._clock, funding=funding, **seams)

    def on(self, seconds: float) -> None:
        self._clock.on(seconds)


@pytest.fixture
def replicas(tmp_path: Path, url: str) -> Replicas:
    return Replicas(tmp_path, url)


async def deadlocks(url: str) -> int:
    """How many there were in a database, by its own count, which is whole when everybody else has left it."""
    connection = await asyncpg.connect(url)
    here = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"

    async def alone() -> bool:
        return not await connection.fetchval(f"SELECT count(*) {here} AND backend_type = 'client backend'")

    try:
        await until(alone)
        counted: int = await connection.fetchval(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        return counted
    finally:
        await connection.close()


def asks(day: Day, tenant: str, count: int = COUNT) -> list[Any]:
    return [day.ask(tenant, only=("doitong-main",)) for _ in range(count)]


async def test_replicas_that_start_at_once_on_an_empty_database_give_each_tenant_its_opening_once(replicas):
    newcomers = {f"newcomer-{n}": Funding(mode=FundingMode.PREPAID, opening=5_000_000) for n in range(16)}
    async with AsyncExitStack() as stack:
        days = await asyncio.gather(*(stack.enter_async_context(replicas.one(newcomers)) for _ in range(4)))
        told = days[0].gateway.ledger
        booked = [
            entry
            for tenant in [*newcomers, "acme"]
            async for entry in told.all(tenant)
            if entry.kind is EntryKind.TOP_UP
        ]
        sums = {await days[0].sum_of(ledger.available(tenant)) for tenant in newcomers}

        assert Counter(entry.tenant for entry in booked) == dict.fromkeys([*newcomers, "acme"], 1)
        assert sums == {5_000_000}
        assert await days[0].audit() == []


@pytest.mark.parametrize("way", RICH)
async def test_accepts_sends_cancels_and_settlements_of_one_tenant_do_not_deadlock(replicas, url, way):
    async with replicas.one({"cedar": RICH[way]}) as one, replicas.one({"cedar": RICH[way]}) as two:
        videos = await asyncio.gather(*asks(one, "cedar"), *asks(two, "cedar"))
        replicas.on(2)
        await asyncio.gather(*work(one, two, TaskKind.SUBMIT), *asks(one, "cedar"))
        replicas.on(60)
        cancels = [two.cancel(video) for video in videos[: COUNT // 2]]
        await asyncio.gather(*work(one, two, TaskKind.WATCH), *asks(two, "cedar"), *cancels)
        replicas.on(1)
        await asyncio.gather(*work(one, two, TaskKind.FETCH), *asks(one, "cedar"))
        after = [await one.look(video) for video in videos]

        assert {video.charged for video in after} <= {None, 100_000}
        assert Counter(video.status for video in after)[VideoStatus.COMPLETED] >= len(videos) - COUNT // 2
        assert await one.audit() == []
    assert await deadlocks(url) == 0


def work(one: Day, two: Day, kind: TaskKind) -> list[Any]:
    """Both replicas do what is due, about half of it each."""
    return [one.work(kind, COUNT), two.work(kind, COUNT)]


async def test_a_budget_that_is_new_is_counted_exactly_while_replicas_start_and_videos_settle(replicas, url):
    tenants = [f"tenant-{n}" for n in range(3)]
    async with replicas.one(dict.fromkeys(tenants, Funding())) as day:
        old = await asyncio.gather(*(day.ask(tenant) for tenant in tenants for _ in range(16)))
    with_budgets = dict.fromkeys(tenants, Funding(per_day=MANY, per_month=MANY, warn_percent=()))
    async with replicas.one(with_budgets) as one, replicas.one(with_budgets) as two:
        cancels = [two.cancel(video) for video in old]
        new = [one.ask(tenant) for tenant in tenants for _ in range(16)]
        starts = [
            day.gateway.ledger.open(day.gateway.tenants.all()) for day in (one, two) * 4
        ]  # what a replica does with money when it starts
        await asyncio.gather(*shuffled(cancels + new + starts))

        assert await one.audit() == []
        assert {await committed(one, tenant) for tenant in tenants} == {16 * TOP}
    assert await deadlocks(url) == 0


def shuffled(work: list[Any]) -> list[Any]:
    return random.Random(1).sample(work, len(work))  # noqa: S311 - the same order every time


async def committed(day: Day, tenant: str) -> Micros:
    """What of today's budget is used, as its tenant is told."""
    found = day.gateway.tenants.get(tenant)
    assert found is not None
    budgets = (await day.gateway.ledger.balance(found)).budgets
    [used] = {budget.used for budget in budgets}
    return used


@pytest.mark.parametrize(
    "funding",
    [
        Funding(mode=FundingMode.PREPAID, opening=1_100_000),
        Funding(per_day=1_100_000),
        Funding(per_day=3_000_000, per_month=1_100_000),
    ],
    ids=["prepaid", "by-the-day", "by-the-month"],
)
async def test_money_for_five_makes_exactly_five_of_twenty_four_creates_at_two_replicas(replicas, funding):
    async with replicas.one({"cedar": funding}) as one, replicas.one({"cedar": funding}) as two:
        answers = await asyncio.gather(*asks(one, "cedar", 12), *asks(two, "cedar", 12), return_exceptions=True)

        assert Counter(type(answer) for answer in answers) == {Video: 5, InsufficientFunds: 19}
        assert await one.sum_of(ledger.held("cedar")) == 5 * TOP
        assert await one.audit() == []
