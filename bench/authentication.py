"""What it costs to know who calls, and what a flood of wrong keys does to whoever has a right one."""

import asyncio
import os
import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from bench.gateway_server import KEY, settings
from bench.load import answer, get
from bench.servers import HOST, Server, process
from gateway.auth import caller_of
from gateway.policy.api_keys import make_key
from gateway.wiring import gateway
from schema.errors import Unauthenticated

CALLS = 20_000
ROUNDS = 5
READS = 50
SLICES = 16
READ_EVERY = 0.02
"""Seconds between two reads with a right key: far from what the server can do, so that only who is beside it counts."""

FLOOD_PER_SECOND = 200
FLOODERS = 4
ALONE = "alone"
PATH = "/v1/models"
UNKNOWN = make_key(test=True, entropy=os.urandom)
MISTYPED = UNKNOWN[:-1] + ("0" if UNKNOWN[-1] != "0" else "1")
READ = get(PATH, {"Authorization": f"Bearer {KEY}"})


class Beside(msgspec.Struct, frozen=True):
    """Latencies of reads with a right key, milliseconds, and how much of a flood was answered meanwhile."""

    name: str
    p50: float
    p99: float
    flood: float


def cpu_rows(folder: Path) -> list[tuple[str, float]]:
    """CPU microseconds of one authentication, by kind of key, in a gateway that is warm."""
    return asyncio.run(_cpu_rows(folder))


async def _cpu_rows(folder: Path) -> list[tuple[str, float]]:
    async with gateway(settings(0, f"sqlite:///{folder}/auth.db", folder)) as built:
        await built.ground.keeper.refresh()

        def spent(key: str) -> float:
            scope = {
                "client": ("127.0.0.1", 4711),
                "headers": [
                    (b"host", b"127.0.0.1"),
                    (b"user-agent", b"bench"),
                    (b"accept", b"*/*"),
                    (b"authorization", f"Bearer {key}".encode()),
                ],
            }
            begun = time.process_time()
            for _ in range(CALLS):
                with suppress(Unauthenticated):
                    caller_of(built, scope)
            return (time.process_time() - begun) / CALLS * 1e6

        rows = []
        for name, key in (("right", KEY), ("unknown", UNKNOWN), ("mistyped", MISTYPED)):
            rounds = []
            for _ in range(ROUNDS):
                rounds.append(spent(key))
                await asyncio.sleep(0)  # the keeper looks at its revision
                await built.ground.keeper.refresh()
            rows.append((name, statistics.median(rounds)))
        return rows


async def paced(server: Server, request: bytes, count: int, every: float) -> list[float]:
    """Send a request again and again on one connection, at a pace; how long each answer took, milliseconds."""
    reader, writer = await asyncio.open_connection(HOST, server.port)
    due, times = time.perf_counter(), []
    try:
        for _ in range(count):
            due += every
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            begun = time.perf_counter()
            writer.write(request)
            await answer(reader)
            times.append((time.perf_counter() - begun) * 1000)
    finally:
        writer.close()
    return times


async def beside(server: Server, flood: bytes | None) -> tuple[list[float], float]:
    """Reads with a right key, alone or while others send something else: times, and how many a second those sent."""
    answered = 0

    async def flooding(request: bytes) -> None:
        nonlocal answered
        reader, writer = await asyncio.open_connection(HOST, server.port)
        due = time.perf_counter()
        try:
            while True:
                due += FLOODERS / FLOOD_PER_SECOND
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                writer.write(request)
                await answer(reader)
                answered += 1
        finally:
            writer.close()

    others = [] if flood is None else [asyncio.create_task(flooding(flood)) for _ in range(FLOODERS)]
    begun = time.perf_counter()
    times = await paced(server, READ, READS, READ_EVERY)
    seconds = time.perf_counter() - begun
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    return times, answered / seconds


def flood_rows(server: Server) -> list[Beside]:
    """Alone and beside each flood, in many short turns, so that whatever else the machine does falls on all alike."""
    floods = {
        ALONE: None,
        "beside unknown keys": get(PATH, {"Authorization": f"Bearer {UNKNOWN}"}),
        "beside mistyped keys": get(PATH, {"Authorization": f"Bearer {MISTYPED}"}),
        "beside right keys": READ,
    }
    times: dict[str, list[float]] = {name: [] for name in floods}
    rates: dict[str, list[float]] = {name: [] for name in floods}
    asyncio.run(paced(server, READ, 200, 0.0))
    for _ in range(SLICES):
        for name, flood in floods.items():
            found, rate = asyncio.run(beside(server, flood))
            times[name] += found
            rates[name].append(rate)
    return [_row(name, sorted(found), statistics.mean(rates[name])) for name, found in times.items()]


def _row(name: str, times: list[float], flood: float) -> Beside:
    return Beside(name, statistics.median(times), times[int(0.99 * (len(times) - 1))], flood)


def show(cpu: list[tuple[str, float]], rows: list[Beside]) -> None:
    for name, micros in cpu:
        print(f"authentication, {name + ' key':14} {micros:6.1f} us CPU")
    alone = next(row for row in rows if row.name == ALONE)
    for row in rows:
        print(
            f"a right key {row.name:22} p50 {row.p50:6.2f} ms  p99 {row.p99:6.2f} ms  "
            f"{row.p99 / alone.p99:4.2f} x the p99 alone  ({row.flood:.0f} others a second)"
        )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        cpu = cpu_rows(Path(folder))
        with process("bench.gateway_server", f"sqlite:///{folder}/bench.db", folder) as server:
            show(cpu, flood_rows(server))


if __name__ == "__main__":
    main()
