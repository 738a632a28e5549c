"""A tenant's videos at once: never more than its limit, by the upstream's books; the others wait and hold up nobody."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gateway.config.settings import KeySetup, TenantSetup
from gateway.policy.signing import fingerprint
from gateway.sandbox.server import Sandbox, serve
from gateway.sandbox.settings import AccountSettings, SandboxSettings
from gateway.wiring import Gateway, Seams, gateway
from schema.account import Limits, Secret
from schema.attempt import Attempt
from schema.quote import Decision, Exclusion, ReasonCode
from schema.tenant import Tenant, TenantLimits
from schema.video import Order, RoutingWish, Video, checked_spec
from tests.flows.engine import an_account, settings, until
from tests.flows.processes import Place, Server, Upstreams, address, sandbox_process, server
from tests.support.certificates import certificates
from tests.support.figures import told

SECONDS = 25.0
"""Less than who waits in line needs to look again by itself: whoever goes on within it was called."""

LIMIT = 2


def tenants(limit: int) -> tuple[TenantSetup, ...]:
    limits = {"small": TenantLimits(concurrent=limit), "large": TenantLimits()}
    return tuple(
        TenantSetup(
            tenant=Tenant(id=name, name=name, test=True, limits=limits),
            keys=(KeySetup(secret=Secret(f"fg_test_{name}_0123456789abcdefghijkl")),),
        )
        for name, limits in limits.items()
    )


class House(msgspec.Struct, frozen=True):
    """Replicas that share one account and one upstream; tenant small has a limit, tenant large has none."""

    replicas: list[Gateway]
    sandbox: Sandbox

    async def accept(self, tenant: str, prompt: str, replica: int = 0) -> Video:
        built = self.replicas[replica % len(self.replicas)]
        owner = built.tenants.get(tenant)
        assert owner is not None
        spec, wish = checked_spec({"prompt": f"{tenant} {prompt}"}), RoutingWish()
        print_ = fingerprint(spec, wish, {})
        order = Order(tenant=tenant, spec=spec, routing=wish, metadata={}, key=None, fingerprint=print_)
        return (await built.videos.accept(owner, order)).video

    async def flood(self, tenant: str, count: int, prompt: str = "boat") -> list[Video]:
        """In the order in which they wait: either of two that replicas accept in one millisecond may be first."""
        return sorted([await self.accept(tenant, f"{prompt} {n}", n) for n in range(count)], key=lambda one: one.id)

    async def ended(self, videos: list[Video]) -> set[str]:
        built = self.replicas[0]
        ended = [await built.events.wait(one.tenant, one.id, SECONDS) for one in videos]
        return {one.status for one in ended}

    async def attempts(self, tenant: str) -> list[Attempt]:
        found = await self.replicas[0].store.read(lambda tx: tx.attempts.at_account("only", first="", last="~"))
        return [one for one in found if one.tenant == tenant]

    async def waiting(self, count: int) -> None:
        """Until so many stand in line."""

        async def enough() -> bool:
            counts = await self.replicas[0].store.read(lambda tx: tx.queue.counts())
            return sum(counts.values()) >= count

        await until(enough, SECONDS)


@pytest.fixture
async def house(tmp_path: Path, database_url: str | None) -> AsyncIterator[House]:
    """One replica on a SQLite file, or two on one PostgreSQL; the account has no end of room."""
    upstream = SandboxSettings(
        speed=400.0,
        seed=7,
        accounts=(AccountSettings(name="v", provider="veo3o1", key="k", credits=10**6, concurrent=0),),
    )
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(serve(upstream))
        account = an_account("only", "veo3o1", running.veo3o1_url, credential=Secret("k"), limits=Limits(concurrent=50))
        replicas = []
        for n in range(1 if database_url is None else 2):
            folder = tmp_path / f"replica-{n}"
            folder.mkdir()
            chosen = settings(folder, account, database_url=database_url)
            files = replace(chosen.assets, url=f"file://{tmp_path}/assets")
            built = await stack.enter_async_context(
                gateway(replace(chosen, tenants=tenants(LIMIT), assets=files), Seams(verify=certificates()))
            )
            work = asyncio.create_task(built.worker.run())
            stack.push_async_callback(_stop, built, work)
            replicas.append(built)
        yield House(replicas, running)


async def _stop(built: Gateway, work: "asyncio.Task[None]") -> None:
    built.worker.stop()
    await work


def peak(jobs: list[tuple[int, int]]) -> int:
    """The most jobs at once, of those that were begun and ended at these moments."""
    return max((sum(began <= at < ended for began, ended in jobs) for at, _ in jobs), default=0)


async def test_never_more_than_the_limit_at_once_by_the_upstreams_books_and_all_finish(house):
    small = await house.flood("small", 12, "[sim:slow] boat")
    large = await house.flood("large", 8)
    statuses = await house.ended([*small, *large])
    jobs = house.sandbox.world.truth(house.replicas[0].clock.now()).jobs
    spans = {
        tenant: [(job.accepted_at, job.ends_at or 0) for job in jobs if job.prompt.startswith(tenant)]
        for tenant in ("small", "large")
    }

    told(f"limit {LIMIT}: at most {peak(spans['small'])} at once of 12; without a limit {peak(spans['large'])} of 8")
    assert statuses == {"completed"}
    assert [len(spans["small"]), len(spans["large"])] == [12, 8]
    assert peak(spans["small"]) <= LIMIT


async def test_who_waits_says_why_and_its_place_and_holds_up_no_other_tenant(house):
    stuck = await house.flood("small", LIMIT, "[sim:stuck] boat")

    async def full() -> bool:
        return len(await house.attempts("small")) == LIMIT

    await until(full, SECONDS)
    waiting = await house.flood("small", 6)
    await house.waiting(6)
    statuses = await house.ended(await house.flood("large", 5))
    built, last = house.replicas[0], waiting[-1]
    seen = await built.videos.seen("small", last.id)
    decision = msgspec.json.decode(await built.videos.decision("small", last.id), type=Decision)

    assert statuses == {"completed"}
    assert {one.video for one in await house.attempts("small")} == {one.id for one in stuck}
    assert decision.candidates[0].excluded == (
        Exclusion(ReasonCode.TENANT_AT_CAPACITY, {"running": LIMIT, "limit": LIMIT}),
    )
    assert (seen.video.status, seen.video.substate) == ("queued", "waiting_capacity")
    assert seen.forecast.position == 6
    assert seen.forecast.eta is not None


async def test_when_one_ends_the_tenants_oldest_is_called(house):
    await house.flood("small", LIMIT, "[sim:slow] boat")

    async def full() -> bool:
        return len(await house.attempts("small")) == LIMIT

    await until(full, SECONDS)
    videos = await house.flood("small", 6)
    await house.waiting(6)
    assert await house.ended(videos) == {"completed"}
    begun = sorted(await house.attempts("small"), key=lambda one: (one.started_at, one.id))[LIMIT:]
    order = [one.video for one in begun]

    assert len(order) == 6
    assert all(abs(order.index(one.id) - n) < LIMIT for n, one in enumerate(videos)), order


# two processes, one of which dies

SMALL_KEY = "fg_test_small_0123456789abcdefghijkl"
SMALL = f'[[tenants]]\nid = "small"\ntest = true\nkeys = ["{SMALL_KEY}"]\nlimits = {{ concurrent = 3 }}\n'


@pytest.fixture
async def upstreams(tmp_path: Path) -> AsyncIterator[Upstreams]:
    account = {
        "name": "d",
        "provider": "doitong",
        "key": "sandbox-doitong-key",
        "webhook_secret": "sandbox-webhook-secret",
        "credits": 10_000_000,
    }
    async with sandbox_process(tmp_path, accounts=[account], speed=60) as running:
        yield running


@pytest.fixture
async def places(tmp_path: Path, postgres: Any, upstreams: Upstreams) -> AsyncIterator[tuple[Place, Place]]:
    name = f"making_{tmp_path.name}".replace("-", "_").lower()
    database = await postgres.create(name)
    both = Place(tmp_path / "first", address()), Place(tmp_path / "second", address())
    for place in both:
        place.configure(upstreams, database=database, assets=tmp_path / "assets", public_url=both[1].url, tenants=SMALL)
    yield both
    await postgres.drop(name)


async def test_a_killed_replicas_places_are_free_again_and_the_limit_holds_all_the_time(places, upstreams):
    first_place, second_place = places
    async with server(first_place) as first, server(second_place) as second:
        ids = await _ask([first, second], 20)

        async def some() -> bool:
            return bool(await upstreams.accepted() >= 6)

        await until(some, SECONDS)
        first.kill()
        assert await first.exit_code() == -signal.SIGKILL
        statuses = {(await second.ended(id, SMALL_KEY))["status"] for id in ids}
    truth = await upstreams.truth()

    most = peak([(job["accepted_at"], job["ends_at"]) for job in truth["jobs"]])
    told(f"limit 3 over two processes, one killed: at most {most} at once, {len(truth['jobs'])} made of {len(ids)}")
    assert statuses == {"completed"}
    assert most <= 3
    assert len(truth["jobs"]) == len(ids)


async def _ask(gateways: list[Server], count: int) -> list[str]:
    ids = [await gateways[n % len(gateways)].create(f"wish {n}", "doitong", SMALL_KEY) for n in range(count)]
    return [id for id in ids if id is not None]
