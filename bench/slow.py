"""`python -m bench.slow`: ordinary requests alone, and beside a thousand clients that are slow, gone or too loud.

    python -m bench.slow [CLIENTS] [SECONDS] [KIND]

For each kind: what those were answered, the server's memory before, meanwhile and after, its open descriptors before,
meanwhile, just before those end by themselves, and after, and what ordinary requests took without and with them: alone,
beside, and alone again, on the same server. Who does not read its answer does not see either that it was let go, after
60 seconds: `python -m bench.slow 1000 80 "unread answer"` shows it by the server's descriptors.
"""

import asyncio
import json
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec
import uvloop

from bench.gateway_server import KEY
from bench.load import answer, get, post
from bench.servers import HOST, Server, pin_load, process
from bench.slow_clients import KINDS

CONNECTIONS, A_SECOND = 8, 25
ALONE_SECONDS = 10.0
SETTLED_SECONDS = 75
HEADERS = {"Authorization": f"Bearer {KEY}"}


class Times(msgspec.Struct, frozen=True):
    """What ordinary requests took, in milliseconds, and how many were not answered 200."""

    p50: float
    p99: float
    failed: int


def descriptors(server: Server) -> int:
    return len(list(Path(f"/proc/{server.pid}/fd").iterdir()))


async def ordinary(port: int, request: bytes, seconds: float) -> Times:
    """So many requests a second on each connection, each begun at its time."""
    times: list[float] = []
    failed = 0

    async def client(number: int) -> None:
        nonlocal failed
        reader, writer = await asyncio.open_connection(HOST, port)
        begun = time.perf_counter() + number / CONNECTIONS / A_SECOND
        for turn in range(int(seconds * A_SECOND)):
            await asyncio.sleep(max(begun + turn / A_SECOND - time.perf_counter(), 0))
            sent = time.perf_counter()
            writer.write(request)
            failed += await answer(reader) != 200
            times.append(time.perf_counter() - sent)
        writer.close()

    await asyncio.gather(*(client(number) for number in range(CONNECTIONS)))
    ordered = sorted(times)
    return Times(ordered[len(ordered) // 2] * 1000, ordered[int(0.99 * (len(ordered) - 1))] * 1000, failed)


async def a_video(port: int) -> str:
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(post("/v1/videos", b'{"prompt":"a paper boat"}', {**HEADERS, "Connection": "close"}))
    id: str = msgspec.json.decode((await reader.read()).partition(b"\r\n\r\n")[2])["id"]
    writer.close()
    return id


async def settled(server: Server, before: int) -> int:
    """Open descriptors once they are as many as before, or after a while."""
    for _ in range(SETTLED_SECONDS):
        if descriptors(server) <= before:
            break
        await asyncio.sleep(1)
    return descriptors(server)


async def beside(server: Server, kind: str, request: bytes, clients: int, seconds: float) -> None:
    before, memory = descriptors(server), server.memory_mb()
    alone = await ordinary(server.port, request, ALONE_SECONDS)
    words = (sys.executable, "-m", "bench.slow_clients", kind, str(server.port), KEY, str(clients), str(seconds))
    others = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    assert others.stdout is not None
    await others.stdout.readline()  # all have begun
    measuring = asyncio.create_task(ordinary(server.port, request, seconds - 2))
    await asyncio.sleep(seconds * 0.6)
    most, then = descriptors(server), server.memory_mb()
    times = await measuring
    last = descriptors(server)
    told = json.loads((await others.communicate())[0])
    after = await settled(server, before)
    again = await ordinary(server.port, request, ALONE_SECONDS)
    p50, p99 = (alone.p50 + again.p50) / 2, (alone.p99 + again.p99) / 2
    print(
        f"{kind:14} {before:5} {most:6} {last:6} {after:5} {memory:7.1f} {then:7.1f} {server.memory_mb():7.1f} "
        f"{p50:6.2f} {times.p50:6.2f} {p99:6.2f} {times.p99:6.2f} {times.p99 / p99:5.2f} "
        f"{alone.failed + times.failed + again.failed:4}  {told}",
        flush=True,
    )


async def main(clients: int, seconds: float, kinds: list[str]) -> None:
    print(f"{clients} clients for {seconds:.0f} s; {CONNECTIONS * A_SECOND} ordinary requests a second beside them")
    print(
        f"{'':14} {'descriptors':>25} {'memory, MB':>23} {'p50 ms, with':>13} {'p99 ms, with':>13} {'':5} fail  answers"
    )
    with tempfile.TemporaryDirectory() as folder, gateway_on(folder) as server:
        request = get(f"/v1/videos/{await a_video(server.port)}", HEADERS)
        await ordinary(server.port, request, 2)
        for kind in kinds:
            await beside(server, kind, request, clients, seconds)


def gateway_on(folder: str) -> AbstractContextManager[Server]:
    return process("bench.gateway_server", f"sqlite:///{folder}/bench.db", folder)


if __name__ == "__main__":
    pin_load()
    given = sys.argv[1:]
    chosen = given[2:] or list(KINDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int((given or ["1000"])[0]), float((given[1:] or ["60"])[0]), chosen))
