"""Who waits for a busy account goes in turn: newcomers soon, equals equally, by weight, by priority; with an ETA."""

import asyncio
import itertools
import math
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.config.settings import KeySetup, Settings, TenantSetup
from gateway.policy.signing import fingerprint
from gateway.sandbox.server import Sandbox, serve
from gateway.sandbox.settings import AccountSettings, SandboxSettings
from gateway.services import forecasts
from gateway.wiring import Gateway, Seams, gateway
from schema.account import Limits, Secret
from schema.attempt import Attempt
from schema.tenant import Tenant, TenantLimits
from schema.video import Order, Video, checked_routing, checked_spec
from tests.flows.conftest import ROUNDS
from tests.flows.engine import an_account, settings, until
from tests.support.certificates import certificates
from tests.support.figures import told

SECONDS = 120.0
"""No wait here is longer, on the busiest machine; alone the longest takes ten."""

FILM = "a paper boat"

WAITING, WAITING_IN_LONG_RUNS = 120, 500
"""Videos that are in line before a newcomer comes."""


@dataclass
class House:
    """One account that makes one video at a time, some replicas that share it, and tenants who want it."""

    replicas: list[Gateway]
    sandbox: Sandbox

    async def accept(self, tenant: str, prompt: str, replica: int = 0, **routing: Any) -> Video:
        built = self.replicas[replica % len(self.replicas)]
        owner = built.tenants.get(tenant)
        assert owner is not None
        spec, wish = checked_spec({"prompt": prompt}), checked_routing(routing)
        order = Order(
            tenant=tenant, spec=spec, routing=wish, metadata={}, key=None, fingerprint=fingerprint(spec, wish, {})
        )
        return (await built.videos.accept(owner, order)).video

    async def flood(self, tenant: str, count: int, prompt: str = FILM) -> list[Video]:
        """In the order in which they wait: either of two that replicas accept in one millisecond may be first."""
        return sorted([await self.accept(tenant, f"{prompt} {n}", n) for n in range(count)], key=lambda one: one.id)

    async def started(self) -> list[Attempt]:
        """Every attempt, in the order in which they were begun."""
        found: list[Attempt] = await self.replicas[0].store.read(
            lambda tx: tx.attempts.at_account("only", first="", last="~")
        )
        return sorted(found, key=lambda one: (one.started_at, one.id))

    async def begun(self, count: int) -> list[Attempt]:
        """The first so many attempts, once there are that many."""

        async with asyncio.timeout(SECONDS):
            while len(await self.started()) < count:  # noqa: ASYNC110 - what is waited for lies in a database
                await asyncio.sleep(0.1)  # reading them all more often would slow down what is measured
        return (await self.started())[:count]

    async def placed(self, count: int) -> None:
        """Until so many wait in line, or have been begun."""

        async def enough() -> bool:
            counts = await self.replicas[0].store.read(lambda tx: tx.queue.counts())
            return sum(counts.values()) + len(await self.started()) >= count

        await until(enough, SECONDS)


def _tenants(weights: dict[str, int]) -> tuple[TenantSetup, ...]:
    return tuple(
        TenantSetup(
            tenant=Tenant(id=name, name=name, test=True, limits=TenantLimits(queued=1000, weight=weight)),
            keys=(KeySetup(secret=Secret(f"fg_test_{name}_0123456789abcdefghijkl")),),
        )
        for name, weight in weights.items()
    )


@asynccontextmanager
async def house(
    folder: Path, weights: dict[str, int], urls: list[str | None], *, speed: float = 2000.0, **sandbox: Any
) -> AsyncIterator[House]:
    """The house, its replicas on the databases of ``urls`` (None is a SQLite file)."""
    upstream = SandboxSettings(
        speed=speed,
        seed=7,
        accounts=(AccountSettings(name="v", provider="veo3o1", key="k", credits=10**6),),
        **sandbox,
    )
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(serve(upstream))
        account = an_account("only", "veo3o1", running.veo3o1_url, credential=Secret("k"), limits=Limits(concurrent=1))
        replicas = []
        for n, url in enumerate(urls):
            place = folder / f"replica-{n}"
            place.mkdir()
            chosen: Settings = settings(place, account, database_url=url)
            chosen = replace(
                chosen, tenants=_tenants(weights), assets=replace(chosen.assets, url=f"file://{folder}/assets")
            )
            built = await stack.enter_async_context(gateway(chosen, Seams(verify=certificates())))
            work = asyncio.create_task(built.worker.run())
            stack.push_async_callback(_stop, built, work)
            replicas.append(built)
        yield House(replicas, running)


async def _stop(built: Gateway, work: "asyncio.Task[None]") -> None:
    built.worker.stop()
    await work


@pytest.fixture(params=["sqlite", "postgres"])
async def urls(request, postgres, tmp_path) -> AsyncIterator[list[str | None]]:
    """One replica on a SQLite file, or two on one PostgreSQL."""
    if request.param == "sqlite":
        yield [None]
        return
    name = f"fair_{tmp_path.name}".replace("-", "_").lower()
    url = await postgres.create(name)
    yield [url, url]
    await postgres.drop(name)


def tenants_of(attempts: list[Attempt]) -> list[str]:
    return [one.tenant for one in attempts]


async def test_a_newcomer_begins_within_two_turns_of_a_tenant_with_hundreds_waiting(tmp_path, urls, rounds):
    async with house(tmp_path, {"many": 1, "one": 1}, urls) as place:
        await place.flood("many", WAITING_IN_LONG_RUNS if rounds > ROUNDS else WAITING)
        before = len(await place.begun(4))
        arrived = await place.accept("one", FILM)
        now = len(await place.started())

        order = tenants_of(await place.begun(now + 3))

    assert before >= 4
    assert "one" in order[now : now + 3], order[now - 2 :]
    assert arrived.tenant == "one"


async def test_five_equal_tenants_have_equal_shares(tmp_path, urls):
    names = ["a", "b", "c", "d", "e"]
    async with house(tmp_path, dict.fromkeys(names, 1), urls) as place:
        for name in names:
            await place.flood(name, 20)
        await place.placed(100)
        skip = len(await place.started())
        had = Counter(tenants_of(await place.begun(skip + 40))[skip:])

    shares = [had[name] for name in names]
    jain = sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares))
    told(f"Jain's index of five equal tenants over 40 turns: {jain:.4f} {dict(had)}")
    assert jain >= 0.95


async def test_three_times_the_weight_is_three_times_the_videos(tmp_path, urls):
    async with house(tmp_path, {"heavy": 3, "light": 1}, urls) as place:
        await place.flood("light", 40)
        await place.flood("heavy", 70)
        await place.placed(110)
        skip = len(await place.started())
        had = Counter(tenants_of(await place.begun(skip + 60))[skip:])

    told(f"weights 3:1 over 60 turns: {had['heavy']}:{had['light']}")
    assert had["heavy"] / had["light"] == pytest.approx(3, rel=0.1)


async def test_a_tenant_s_own_urgent_video_goes_before_its_others(tmp_path):
    async with house(tmp_path, {"acme": 1}, [None]) as place:
        videos = await place.flood("acme", 6)
        low = await place.accept("acme", "whenever", priority="low")
        await place.placed(7)
        high = await place.accept("acme", "now", priority="high")
        await place.placed(8)

        order = [one.video for one in await place.begun(8)]

    assert order.index(high.id) < order.index(videos[-1].id)
    assert order[-1] == low.id


async def test_a_video_that_waits_says_its_place_and_it_only_gets_better(tmp_path):
    async with house(tmp_path, {"acme": 1}, [None], speed=400) as place:
        videos = await place.flood("acme", 6)
        await place.placed(6)
        built, last = place.replicas[0], videos[-1].id
        places: list[int] = []

        async def ended() -> bool:
            seen = await built.videos.seen("acme", last)
            if seen.forecast.position is not None:
                places.append(seen.forecast.position)
            return seen.video.ended

        await until(ended, SECONDS)

    assert places
    assert places[0] <= 6
    assert all(later <= earlier for earlier, later in itertools.pairwise(places)), places


async def test_what_may_not_be_finished_in_time_is_dropped_before_it_costs(tmp_path):
    async with house(tmp_path, {"acme": 1}, [None], speed=20) as place:
        await place.flood("acme", 3)
        late = await place.accept("acme", "too late", deadline_seconds=1)
        built = place.replicas[0]

        video = await built.events.wait("acme", late.id, SECONDS)
        asked = [one.prompt for one in place.sandbox.world.books.submissions]

    assert (video.status, video.error and video.error.code) == ("failed", "deadline_exceeded")
    assert "too late" not in asked


async def test_the_time_until_it_is_there_is_told_well_enough(tmp_path, monkeypatch):
    """Twelve films of one minute to two, one at a time: predicted when six others have shown how long they take."""
    monkeypatch.setattr(forecasts, "VIEW_LASTS", (-1, -1))  # what is told is of now: here a minute has 400 ms
    async with house(tmp_path, {"acme": 1, "other": 1}, [None], speed=150) as place:
        built = place.replicas[0]
        for video in await place.flood("acme", 6, "first"):
            await built.events.wait("acme", video.id, SECONDS)
        videos = [await place.accept(tenant, f"then {n}") for n in range(6) for tenant in ("acme", "other")]
        await place.placed(6 + len(videos))
        predicted, asked = {}, built.clock.now()
        for video in videos:
            seen = await built.videos.seen(video.tenant, video.id)
            predicted[video.id] = seen.forecast.eta
        errors = []
        for video in videos:
            ended = await built.events.wait(video.tenant, video.id, SECONDS)
            assert ended.completed_at is not None
            actual, eta = ended.completed_at - asked, predicted[video.id]
            assert eta is not None
            errors.append(abs(actual - eta) / actual)

    errors.sort()
    p80 = errors[math.ceil(0.8 * len(errors)) - 1]
    told(
        f"ETA error, |actual - predicted| / actual, of {len(errors)} videos: "
        f"p50 {errors[len(errors) // 2]:.2f}, p80 {p80:.2f}"
    )
    assert p80 <= 0.5
