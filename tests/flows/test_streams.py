"""One log at every door: whoever is cut off, wherever, comes again and has missed nothing and seen nothing twice."""

import asyncio
import itertools
import json
import pickle
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.cli.following import parsed
from gateway.graphql.controller import PATH as GRAPHQL
from gateway.rest.events import PATH
from gateway.rest.streaming import framed
from schema.event import Event, EventType
from tests.flows.processes import START_SECONDS
from tests.graphql.asking import socket
from tests.support.receiving import HUNG_UP, Answering, Receiver, endpoint, receiving
from tests.support.running import ACME_KEY, FAST, Running, Setup, running

STREAM = {"accept": "text/event-stream"}
WATCH = "subscription Watch($after: ID) { events(after: $after) { id type data } }"
WATCH_VIDEO = "subscription Watch($id: ID!, $after: ID) { videoEvents(id: $id, afterId: $after) { id } }"
EVENTS = 12
QUICK = replace(FAST, delivery_schedule_seconds=(0.05,) * 3, breaker_reset_seconds=0.02)
Seen = list[tuple[str, int]]
Watch = Callable[[str, str, int], Awaitable[Seen]]


async def tell(pair: Running, n: int) -> str:
    """Something happens to acme, in a transaction of its own."""
    now = pair.gateway.clock.now()
    event = Event(
        id=pair.gateway.ids.event(now),
        tenant="acme",
        type=EventType.CREDITS_LOW,
        at=now,
        video=None,
        seq=0,
        data={"id": "main", "object": "account", "n": n},
        position=0,
    )

    async def work(tx) -> None:
        tx.events.add(event)

    await pair.gateway.store.write(work)
    return event.id


@asynccontextmanager
async def replica(pair: Running) -> AsyncIterator[str]:
    """Where acme watches: a gateway on the same database in another process where there can be one, else the same."""
    if pair.gateway.store.database.name == "sqlite":
        yield pair.url
        return
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.flows.second_gateway"), stdin=PIPE, stdout=PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(pickle.dumps(pair.gateway.settings))
        async with asyncio.timeout(START_SECONDS):
            url = (await process.stdout.readline()).decode().strip()
        yield url
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def client(url: str) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {ACME_KEY}"}
    limits = httpx.Limits(max_connections=None)
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=60, limits=limits, trust_env=False)


async def by_rest(url: str, last: str, count: int) -> Seen:
    """So many events behind one, then the line is cut."""
    seen: Seen = []
    lines: list[str] = []
    headers = {**STREAM, "last-event-id": last}
    async with client(url) as http, http.stream("GET", PATH, headers=headers) as response:
        assert response.status_code == 200
        async for line in response.aiter_lines():
            lines.append(line)
            seen = [(id, event["data"]["n"]) for id, event in parsed(lines)]
            if len(seen) == count:
                break
    return seen


async def by_socket(url: str, last: str, count: int) -> Seen:
    """The same over graphql-transport-ws."""
    seen: Seen = []
    async with socket(url, ACME_KEY) as ws:
        await ws.subscribe("1", WATCH, after=last)
        while len(seen) < count:
            event = (await ws.next())["payload"]["data"]["events"]
            seen.append((event["id"], event["data"]["n"]))
    return seen


async def cut_off(watch: Watch, url: str, mark: str, at: int) -> Seen:
    """All of them, by somebody who is cut off after so many."""
    first = await watch(url, mark, at) if at else []
    last = first[-1][0] if first else mark
    return [*first, *(await watch(url, last, EVENTS - at) if at < EVENTS else [])]


def cut_at(at: int) -> Answering:
    """A receiver that hangs up on the call that comes after so many, whichever it is, and takes all others."""
    came = itertools.count()
    return lambda n, path: (HUNG_UP if next(came) == at else 204, {})


async def by_webhook(receiver: Receiver) -> Seen:
    """All that one who was cut off took."""
    await receiver.until(lambda: len(receiver.accepted) == EVENTS)
    return [(call.event["id"], call.event["data"]["n"]) for call in receiver.accepted]


async def test_cut_off_at_every_place_and_resumed_at_every_door_all_see_the_same(tmp_path: Path, database_url):
    async with AsyncExitStack() as stack:
        receivers = [await stack.enter_async_context(receiving(cut_at(at))) for at in range(EVENTS + 1)]
        allowed = tuple(receiver.url for receiver in receivers)
        pair = await stack.enter_async_context(
            running(Setup(tmp_path, database_url=database_url, timing=QUICK, allow=allowed))
        )
        url = await stack.enter_async_context(replica(pair))
        mark = await tell(pair, 0)
        for receiver in receivers:
            await endpoint(pair.gateway, receiver.url)
        watchers = [
            asyncio.create_task(cut_off(watch, url, mark, at))
            for watch in (by_rest, by_socket)
            for at in range(EVENTS + 1)
        ]
        watchers += [asyncio.create_task(by_webhook(receiver)) for receiver in receivers]
        ids = [await tell(pair, n) for n in range(1, EVENTS + 1)]
        all_seen = await asyncio.gather(*watchers)
        calls = [len(receiver.calls) for receiver in receivers]

    assert len(all_seen) == 3 * (EVENTS + 1)
    for seen in all_seen:
        assert seen == list(zip(ids, range(1, EVENTS + 1), strict=True))
    assert calls == [EVENTS + 1] * EVENTS + [EVENTS]


async def test_a_video_is_resumed_behind_each_of_its_events_and_its_end_is_told_once(tmp_path: Path, database_url):
    async with running(Setup(tmp_path, database_url=database_url)) as pair, replica(pair) as url, client(url) as http:
        id = (await pair.create("boat [sim:slow]", model="veo3o1/veo-3.1"))["id"]
        path = f"/v1/videos/{id}/events"
        live = [one for one, _ in parsed((await http.get(path, params={"after": "start"})).text.split("\n"))]
        for n, last in enumerate(live[:-1]):
            again = (await http.get(path, headers={"last-event-id": last})).text.split("\n")
            assert [one for one, _ in parsed(again)] == live[n + 1 :]
            body = {"query": WATCH_VIDEO, "variables": {"id": id, "after": last}}
            told_there = (await http.post(GRAPHQL, json=body, headers=STREAM)).text
            frames = [json.loads(part) for part in told_there.split("data: ")[1:] for part in [part.split("\n")[0]]]
            assert [frame["data"]["videoEvents"]["id"] for frame in frames] == live[n + 1 :]
        beyond = await http.get(path, headers={"last-event-id": live[-1]})
        (state,) = parsed((await http.get(path)).text.split("\n"))

    assert len(live) == len(set(live)) >= 3
    assert beyond.status_code == 204
    assert state[0] == live[-1]


@given(cuts=st.lists(st.integers(0, EVENTS), max_size=6), broken=st.integers(0, 400))
def test_whoever_is_cut_off_anywhere_and_resumes_behind_the_last_id_sees_each_event_once(cuts, broken):
    events = [
        Event(id=f"evt_{n:026d}", tenant="acme", type=EventType.CREDITS_LOW, at=n, video=None, seq=0, data={"n": n})
        for n in range(EVENTS)
    ]
    seen: list[str] = []
    for cut in [*cuts, None]:
        behind = len(seen)
        bytes_ = b"".join(framed(event) for event in events[behind:])
        arrived = bytes_ if cut is None else bytes_[: cut * broken]
        seen += [id for id, _ in parsed(arrived.decode().split("\n"))]

    assert seen == [event.id for event in events]
