"""Many who watch one gateway at once: all are told at once, and nothing of them is left when they go."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest

from gateway.rest.events import PATH
from tests.flows.conftest import ROUNDS
from tests.flows.engine import until
from tests.flows.processes import Place, Server, address, sandbox_process, server
from tests.graphql.asking import Socket, socket
from tests.support.figures import told
from tests.support.running import ACME_KEY

STREAM = {"accept": "text/event-stream", "authorization": f"Bearer {ACME_KEY}"}
LISTENING = "0A"
"""As `/proc/net/tcp` writes a socket's state (proc_pid_net(5))."""
WATCH = "subscription { events(types: [QUEUED]) { id } }"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Server]:
    """A process of its own: what it takes is nobody else's."""
    async with sandbox_process(tmp_path) as upstreams:
        place = Place(tmp_path, address())
        place.configure(upstreams)
        async with server(place) as running:
            yield running


def resident(here: Server) -> int:
    """Bytes of the gateway that are in memory."""
    return int(Path(f"/proc/{here.process.pid}/statm").read_text().split()[1]) * 4096


def served(here: Server) -> int:
    """Connections to the gateway that it has open; what it has open to others comes and goes as it likes."""
    port = f":{urlsplit(here.place.url).port:04X}"
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    inodes = {row[9] for row in rows if row[1].endswith(port) and row[3] != LISTENING}
    return sum(1 for link in links(Path(f"/proc/{here.process.pid}/fd")) if link[len("socket:[") : -1] in inodes)


def links(folder: Path) -> list[str]:
    """Where its links lead; one that is gone meanwhile leads nowhere."""
    found = []
    for link in folder.iterdir():
        with suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return found


class Crowd(NamedTuple):
    """What one crowd of watchers took of the gateway: bytes for a stream, bytes for a socket, seconds to tell them."""

    stream: float
    socket: float
    seconds: float
    served: int
    ids: set[str]


async def test_many_streams_and_subscriptions_are_told_at_once_and_leave_nothing_behind(here: Server, rounds: int):
    count = 500 if rounds > ROUNDS else 30
    for n in range(3):
        await here.create(f"a boat before, {n}", "veo3o1")  # whatever is loaded late is loaded
    before = resident(here)

    async def gone() -> bool:
        return served(here) <= 1  # whoever asks for the videos keeps one

    first = await crowd(here, count)
    await until(gone)
    between = resident(here)
    second = await crowd(here, count)
    await until(gone)
    after = resident(here)

    for one in (first, second):
        assert one.served >= 2 * count
        assert len(one.ids) == 1
    kib = 1024
    told(
        f"{count} streams: {first.stream / kib:.1f} KiB each, {count} sockets: {first.socket / kib:.1f} KiB each; "
        f"all told in {first.seconds * 1000:.0f} ms, and {second.seconds * 1000:.0f} ms; once they were gone "
        f"+{(between - before) / kib:.0f} KiB, after as many again +{(after - between) / kib:.0f} KiB more"
    )


async def crowd(here: Server, count: int) -> Crowd:
    """So many streams and sockets, that are told of one video."""
    limits = httpx.Limits(max_connections=None)
    before = resident(here)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=60, limits=limits, trust_env=False))
        url = f"{here.place.url}{PATH}?types=video.queued"
        streams = [await stack.enter_async_context(http.stream("GET", url, headers=STREAM)) for _ in range(count)]
        of_streams = resident(here) - before
        sockets = [await stack.enter_async_context(socket(here.place.url, ACME_KEY)) for _ in range(count)]
        for ws in sockets:
            await ws.subscribe("1", WATCH)
            await ws.send(type="ping")
            assert (await ws.next())["type"] == "pong"  # so it has heard of the subscription
        of_sockets = resident(here) - before - of_streams
        watching = served(here)

        heard = [asyncio.create_task(_first(stream)) for stream in streams]
        heard += [asyncio.create_task(_next(ws)) for ws in sockets]
        await asyncio.sleep(0)
        began = time.perf_counter()
        await here.create(f"a boat for all of {began}", "veo3o1")
        ids = await asyncio.gather(*heard)
        took = time.perf_counter() - began
    return Crowd(of_streams / count, of_sockets / count, took, watching, set(ids))


async def _first(stream: httpx.Response) -> str:
    async for line in stream.aiter_lines():
        if line.startswith("id: "):
            return line.removeprefix("id: ")
    raise AssertionError("the stream ended")


async def _next(ws: Socket) -> str:
    id: str = (await ws.next())["payload"]["data"]["events"]["id"]
    return id
