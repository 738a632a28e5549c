"""An upstream goes bad and heals while another works: three gateways on one PostgreSQL, and credits that run low."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from gateway.config.settings import Settings
from gateway.policy.observing import percentile
from gateway.sandbox.server import Sandbox, serve
from gateway.sandbox.settings import AccountSettings, SandboxSettings
from schema.account import Account, Limits, Secret
from schema.account_event import AccountEvent, AccountEventType
from schema.lifecycle import VideoStatus
from schema.tenant import RoutingPolicy
from schema.video import OnUnknown, Strategy
from tests.flows.conftest import ROUNDS
from tests.flows.engine import QUICK, Engine, an_account, settings, until, working
from tests.store.postgres_server import PostgresServer
from tests.support.certificates import certificates
from tests.support.figures import told

RESET = 0.5
TIMING = replace(QUICK, breaker_reset_seconds=RESET, submit_deadline_seconds=1, tend_seconds=0.1, lease_seconds=3)
A_FIRST = RoutingPolicy(strategy=Strategy.ORDERED, order=("a", "b"), on_unknown=OnUnknown.FAILOVER)
CALM, CALM_IN_LONG_RUNS = 12, 40
"""Videos that tell how long the good upstream takes while all is well; as many while the other one is bad."""
UNDER_WAY = 1_000
"""Milliseconds in which an intent that was being written when the circuit opened may still say that it began."""


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    accounts = (
        AccountSettings(name="a", provider="veo3o1", key="key of a", credits=100_000, concurrent=0),
        AccountSettings(name="b", provider="doitong", key="key of b", credits=10**9, plan="enterprise"),
    )
    async with serve(SandboxSettings(speed=200, hang_seconds=5, accounts=accounts)) as running:
        yield running


def both(sandbox: Sandbox) -> tuple[Account, Account]:
    return an_account("a", "veo3o1", sandbox.veo3o1_url), an_account("b", "doitong", sandbox.doitong_url)


@pytest.fixture
async def three(
    sandbox: Sandbox, postgres: PostgresServer, tmp_path: Path
) -> AsyncIterator[tuple[Engine, Engine, Engine]]:
    """Three gateways that share a database."""
    name = f"availability_{tmp_path.name}".replace("-", "_").lower()
    database = await postgres.create(name)
    async with AsyncExitStack() as stack:
        engines = [
            await stack.enter_async_context(working(of_place(tmp_path / str(n), sandbox, database))) for n in range(3)
        ]
        yield engines[0], engines[1], engines[2]
    await postgres.drop(name)


def of_place(folder: Path, sandbox: Sandbox, database: str) -> Settings:
    folder.mkdir()
    return settings(
        folder,
        *both(sandbox),
        allow=(sandbox.url,),
        timing=TIMING,
        database_url=database,
        routing=A_FIRST,
    )


async def turn(sandbox: Sandbox, **knobs: Any) -> None:
    async with httpx.AsyncClient(verify=certificates(), trust_env=False) as client:
        answer = await client.post(f"{sandbox.url}/control", json=knobs)
        assert answer.status_code == 200, answer.text


async def happened(engine: Engine, account: str = "a") -> list[AccountEvent]:
    """What happened to an account, first to last."""
    return (await engine.gateway.operators.events(account=account, limit=100)).events[::-1]


async def seconds_of(engine: Engine, n: int) -> float:
    began = time.monotonic()
    video = await engine.accept(f"good {n}", routing={"only": ["b"]})
    ended = await engine.ended(video.id, 30)
    assert ended.status is VideoStatus.COMPLETED, ended
    return time.monotonic() - began


async def p99(engines: tuple[Engine, ...], count: int) -> float:
    """Of videos at the good upstream, some at a time, spread over the gateways."""
    gate = asyncio.Semaphore(6)

    async def one(n: int) -> float:
        async with gate:
            return await seconds_of(engines[n % len(engines)], n)

    times = await asyncio.gather(*map(one, range(count)))
    return percentile(sorted(round(1000 * time) for time in times), 0.99) / 1000


async def test_a_bad_upstream_is_left_alone_probed_for_free_by_one_and_used_again_when_it_heals(sandbox, three, rounds):
    """How long the good one's videos take is judged in long runs (``make soak``), which have the machine alone."""
    count = CALM_IN_LONG_RUNS if rounds > ROUNDS else CALM
    known = await three[0].accept("known")
    await three[0].ended(known.id)
    calm = [
        await three[n % 3].accept(f"calm {n}", routing={"only": ["b"]}) for n in range(24)
    ]  # the same load as below
    before = await p99(three, count)
    await asyncio.gather(*(three[0].ended(video.id, 30) for video in calm))

    await turn(sandbox, doors={"veo3o1": "hang"})
    bad = [await three[n % 3].accept(f"bad {n}") for n in range(24)]
    during = await p99(three, count)
    await asyncio.gather(*(three[0].ended(video.id, 30) for video in bad))
    attempts = [one for video in bad for one in await three[0].attempts(video.id)]
    lost = [one for one in attempts if one.account == "a"]
    told(f"p99 of the good upstream: {before:.3f} s before, {during:.3f} s while the other hangs; lost {len(lost)}")
    opened = (await happened(three[0]))[0]

    assert opened.type is AccountEventType.CIRCUIT_OPENED
    assert opened.data["failures"] <= 10
    assert not [one for one in lost if one.started_at > opened.at + UNDER_WAY], opened
    await turn(sandbox, doors={"veo3o1": "500"})
    with capture_logs() as heard:
        at = time.monotonic()
        await until(lambda: probed_often(heard, 3))
        spent = time.monotonic() - at
    probed = len(probes(heard))
    told(f"{probed} free probes in {spent:.1f} s by three gateways")
    assert probed <= spent / (0.8 * RESET) + 1
    assert [one.type for one in await happened(three[0])] == [AccountEventType.CIRCUIT_OPENED]

    await turn(sandbox, doors={"veo3o1": "up"})
    healed = time.monotonic()
    await until(lambda: is_half_open(three[1]))
    trial = await three[2].accept("after healing")
    assert (await three[2].ended(trial.id)).account == "a"
    took = time.monotonic() - healed
    told(f"used again {took:.1f} s after healing")

    assert [one.type.value for one in await happened(three[0])] == [
        "account.circuit_opened",
        "account.circuit_half_opened",
        "account.circuit_closed",
    ]
    prompts = {one.prompt for one in sandbox.world.books.submissions}
    assert all(prompt is None or prompt.split()[0] in {"good", "bad", "calm", "known", "after"} for prompt in prompts)
    assert rounds <= ROUNDS or during <= 1.3 * before, (before, during)


async def is_half_open(engine: Engine) -> bool:
    state = (await engine.gateway.store.read(lambda tx: tx.accounts.all()))["a"]
    return state.circuit == "half_open"


def probes(heard: list[Any]) -> list[Any]:
    return [one for one in heard if one["event"] == "account.probed"]


async def probed_often(heard: list[Any], times: int) -> bool:
    return len(probes(heard)) >= times


async def test_credits_are_told_at_each_step_once_left_before_the_first_refusal_and_begun_anew(tmp_path):
    accounts = (
        AccountSettings(name="a", provider="veo3o1", key="key of a", credits=20, concurrent=0),
        AccountSettings(name="b", provider="doitong", key="key of b", credits=10**9, plan="enterprise"),
    )
    async with serve(SandboxSettings(speed=1_000, accounts=accounts)) as sandbox:
        chosen = settings(tmp_path, *both(sandbox), allow=(sandbox.url,), timing=TIMING, routing=A_FIRST)
        async with working(chosen) as engine:
            operators = engine.gateway.operators
            await operators.credits("a", 20, actor="house", note="its dashboard")
            makers = []
            for n in range(12):
                video = await engine.accept(f"boat {n}")
                makers.append((await engine.ended(video.id)).account)
            assert makers == ["a"] * 10 + ["b"] * 2
            outcomes = {one.outcome for one in sandbox.world.books.submissions}
            assert outcomes == {"accepted"}, "it was left before it said no"

            async def warned() -> bool:
                return len(await low(engine)) == 3

            await until(warned)
            assert await low(engine) == [20, 10, 5]
            await turn(sandbox, accounts={"a": {"credits": 100}})
            await operators.credits("a", 100, actor="house", note="paid")
            again = await engine.accept("boat again")
            assert (await engine.ended(again.id)).account == "a"
            assert await low(engine) == [20, 10, 5]
            last = [one for one in await happened(engine) if one.actor is not None][-1]
            assert (last.type, last.actor) == (AccountEventType.CREDITS_TOPPED_UP, "house")


async def low(engine: Engine) -> list[int]:
    return [one.data["percent"] for one in await happened(engine) if one.type is AccountEventType.CREDITS_LOW]


async def test_a_paused_account_gets_no_video_until_it_is_resumed_and_both_acts_are_kept(tmp_path):
    async with serve(SandboxSettings(speed=200)) as sandbox:
        veo = an_account("a", "veo3o1", sandbox.veo3o1_url, credential=Secret("sandbox-veo3o1-key"), limits=Limits())
        async with working(settings(tmp_path, veo, allow=(sandbox.url,), timing=TIMING)) as engine:
            await engine.gateway.operators.pause("a", actor="house", note="maintenance")
            video = await engine.accept()

            async def waits() -> bool:
                return (await engine.video(video.id)).substate == "waiting_capacity"

            await until(waits)
            assert sandbox.world.books.submissions == []
            await engine.gateway.operators.resume("a", actor="house")

            assert (await engine.ended(video.id)).status is VideoStatus.COMPLETED
            told = [(one.type.value, one.actor) for one in await happened(engine)]
            assert told == [("account.paused", "house"), ("account.resumed", "house")]

            async def observed() -> bool:
                [seen] = await engine.gateway.availability.all()
                return (seen.observed.all.made, seen.observed.all.failed) == (1, 0)

            await until(observed)
