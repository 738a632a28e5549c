"""Two hundred endpoints, many of which fail in every way there is: the healthy ones are told everything in order.

Everything ends, and a gateway that is killed in the middle loses none. ``--rounds 20`` is the long run, of a minute.
"""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter, defaultdict
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any, NamedTuple

import pytest

from tests.flows.conftest import ROUNDS
from tests.flows.delivering_server import TENANTS, Load, how
from tests.support.figures import told

OF_A_ROUND = 60


class Run(NamedTuple):
    """Every call that was received, and the events that were given up, by the path of their endpoint."""

    calls: list[dict[str, Any]]
    exhausted: dict[str, list[str]]


SHORT = Load(events=OF_A_ROUND, rate=60, of_a_video=2, timeout=1.0)
"""Three events for each endpoint."""


def load(rounds: int) -> Load:
    """A minute's in the long run."""
    return Load(events=OF_A_ROUND * rounds, rate=20, of_a_video=6, timeout=0.5) if rounds > ROUNDS else SHORT


@asynccontextmanager
async def process(module: str, *arguments: str):
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"tests.flows.{module}", *arguments), stdout=PIPE, limit=1 << 26
    )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


async def said(running: Process) -> str:
    assert running.stdout is not None
    async with asyncio.timeout(300):
        return (await running.stdout.readline()).decode().strip()


async def run(folder: Path, database: str | None, load: Load, *, hang: bool = True, kill: bool = False):
    """What became of it all; the gateway is killed once if asked."""
    folder.mkdir()
    log = folder / "calls.jsonl"
    async with process("receiving_server", str(log)) as receiver:
        url = f"http://127.0.0.1:{await said(receiver)}"
        wished = (load.rate, load.events, load.of_a_video, load.timeout, int(hang))
        arguments = (str(folder), url, database or "", *map(str, wished))
        if kill:
            async with process("delivering_server", *arguments) as killed:
                assert await said(killed) == "ready"
                await _called(log, load.events // 4)
                killed.send_signal(signal.SIGKILL)
                await killed.wait()
        async with process("delivering_server", *arguments) as gateway:
            assert [await said(gateway), await said(gateway)] == ["ready", "told"]
            exhausted = json.loads(await said(gateway))
            gateway.send_signal(signal.SIGKILL)
    return Run([json.loads(line) for line in log.read_text().splitlines()], exhausted)


async def _called(log: Path, times: int) -> None:
    async with asyncio.timeout(60):
        while len(log.read_bytes().splitlines()) < times:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)


def told_in_order(run: Run, load: Load, *, hang: bool = True) -> None:
    """Every healthy endpoint was told everything but what is listed as exhausted, in order of each video."""
    each = load.events // len(TENANTS)
    by_path = defaultdict(list)
    for call in run.calls:
        if call["event"]["type"] == "video.progress":
            by_path[call["path"]].append(call)
    for place in range(len(TENANTS)):
        for n in range(10):
            if how(place, n, hang=hang) != "healthy":
                continue
            path = f"/healthy/{place}/{n}"
            of_video = defaultdict(list)
            for call in by_path[path]:
                of_video[call["event"]["data"]["id"]].append(call["event"]["data"]["seq"])
            assert len({call["event"]["id"] for call in by_path[path]} | set(run.exhausted[path])) == each
            for seqs in of_video.values():
                assert seqs == sorted(seqs)
                assert set(seqs) <= set(range(1, load.of_a_video + 1))


def lags(calls) -> list[int]:
    """Of the first call of every delivery to a healthy endpoint, milliseconds after its event."""
    first: dict[str, int] = {}
    for call in calls:
        if call["path"].startswith("/healthy/"):
            first.setdefault(call["id"], call["at"] - _moment(call["event"]["timestamp"]))
    return sorted(first.values())


def _moment(text: str) -> int:
    from datetime import datetime

    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.timeout(1200)
async def test_many_endpoints_fail_and_the_healthy_ones_are_told_everything_in_order(tmp_path, rounds):
    if rounds <= ROUNDS:
        pytest.skip("the short form says it of a gateway that is killed besides")
    much = load(rounds)

    some = await run(tmp_path / "some-hang", None, much)
    without = await run(tmp_path / "none-hangs", None, much, hang=False)

    told_in_order(some, much)
    told_in_order(without, much, hang=False)
    told(f"some hang: {_figures(some)}")
    told(f"none hangs: {_figures(without)}")


@pytest.mark.timeout(1200)
async def test_a_gateway_that_is_killed_in_the_middle_loses_none(tmp_path, postgres, rounds):
    much, database = load(rounds), await postgres.create_migrated("load")
    on_sqlite = run(tmp_path / "sqlite", None, much, kill=True)
    on_postgres = run(tmp_path / "postgres", database, much, kill=True)

    if rounds > ROUNDS:
        found = [await on_sqlite, await on_postgres]
    else:
        found = list(await asyncio.gather(on_sqlite, on_postgres))  # they mostly wait for those that hang
    await postgres.drop("load")

    for one in found:
        told_in_order(one, much)
        told(f"killed: {_figures(one)}")


def _figures(run: Run) -> dict[str, object]:
    calls, found = run.calls, lags(run.calls)
    given_up = sum(len(events) for path, events in run.exhausted.items() if path.startswith("/healthy/"))
    cuts = quantiles(found, n=100)
    kinds = Counter(call["path"].split("/")[1] for call in calls)
    return {
        "calls": dict(kinds),
        "p50_ms": cuts[49],
        "p95_ms": cuts[94],
        "p99_ms": cuts[98],
        "longest_ms": found[-1],
        "exhausted": given_up,
    }
