"""What hooks cost: how many a second, and how long from one to its event. The callers share the gateway's core."""

import asyncio
import hashlib
import hmac
import json
import statistics
import tempfile
import time
from pathlib import Path

import uvloop

from bench.load import Figures, answer, load, post
from bench.servers import HOST, process
from gateway.policy.signing import callback_token
from schema.event import EventType
from tests.support.running import Running, Setup, running

VIDEOS = 100
HOOKS = 3_000
CONNECTIONS = 16
PER_SECOND = 200
SECONDS = 5
Video = tuple[str, str, str]
"""Its id, the path of its hooks, and what its provider calls it."""

SECRET = b"sandbox-webhook-secret"


async def begun(pair: Running) -> list[Video]:
    """Videos under way."""
    made = []
    for number in range(VIDEOS):
        id = (await pair.create(f"[sim:stuck] {number}", gateway={"only": ["doitong"]}))["id"]
        await pair.begun(id)
        attempt = (await pair.client.get(f"/v1/videos/{id}")).json()["gateway"]["attempts"][0]
        token = callback_token(pair.gateway.ground.root, attempt["id"])
        made.append((id, f"/hooks/doitong/{token}", attempt["provider_ref"]))
    return made


def told(ref: str, progress: int) -> tuple[bytes, dict[str, str]]:
    body = json.dumps({"id": ref, "status": "processing", "progress": progress}).encode()
    return body, {"x-doitong-signature": f"sha256={hmac.new(SECRET, body, hashlib.sha256).hexdigest()}"}


async def latencies(pair: Running, videos: list[Video]) -> list[float]:
    """Milliseconds from the first byte of a hook to its event, at a steady rate; every hook is told as one."""
    sent: dict[tuple[str, int], float] = {}
    times: list[float] = []
    rounds = PER_SECOND * SECONDS // VIDEOS
    begun_at = time.perf_counter() + 0.5

    async def watch(id: str) -> None:
        async for event, _ in pair.gateway.events.watch("acme", id):
            if event.type is EventType.PROGRESS:
                times.append((time.perf_counter() - sent[id, event.data["progress"]]) * 1000)
                if event.data["progress"] == rounds:
                    return

    async def call(first: int) -> None:
        """One connection, and the videos it speaks of: what is said of one comes in order."""
        reader, writer = await asyncio.open_connection(HOST, int(pair.url.rpartition(":")[2]))
        for progress in range(1, rounds + 1):
            for number in range(first, VIDEOS, CONNECTIONS):
                id, path, ref = videos[number]
                due = begun_at + ((progress - 1) * VIDEOS + number) / PER_SECOND
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                sent[id, progress] = time.perf_counter()
                writer.write(post(path, *told(ref, progress)))
                await answer(reader)
        writer.close()

    watching = [watch(id) for id, _, _ in videos]
    await asyncio.gather(*watching, *[call(first) for first in range(CONNECTIONS)])
    return sorted(times)


async def measured(folder: Path) -> tuple[Figures, Figures, list[float]]:
    async with running(Setup(folder=folder, doitong_options={"status_query": ""})) as pair:
        videos = await begun(pair)
        times = await latencies(pair, videos)
        port = int(pair.url.rpartition(":")[2])
        fresh = [post(path, *told(ref, 20 + number)) for number in range(HOOKS // VIDEOS) for _, path, ref in videos]
        again = [fresh[-1]] * HOOKS
        return await load(HOST, port, fresh, CONNECTIONS), await load(HOST, port, again, CONNECTIONS), times


def main() -> None:
    with process("bench.floor") as server:
        requests = [post("/v1/videos", b'{"prompt": "a boat"}', {})] * HOOKS
        bare = asyncio.run(load(HOST, server.port, requests, CONNECTIONS))
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        fresh, again, times = runner.run(measured(Path(folder)))
    for name, figures in (("news", fresh), ("again", again)):
        print(
            f"hooks, {name:6} {figures.rate:7.0f}/s  p50 {figures.p50:6.2f} ms  p99 {figures.p99:6.2f} ms  "
            f"{figures.rate / bare.rate:4.0%} of the bare framework's rate  {figures.statuses}"
        )
    p50, p99 = statistics.median(times), times[int(0.99 * (len(times) - 1))]
    print(f"hook to event at {PER_SECOND}/s: p50 {p50:.2f} ms  p99 {p99:.2f} ms  ({len(times)} hooks)")


if __name__ == "__main__":
    main()
