"""A small HTTP/1.1 load generator: N connections, each sends its next request when its answer is whole."""

import asyncio
import statistics
import time
from collections.abc import Iterator

import msgspec


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What one run measured. Times in milliseconds; ``statuses`` counts answers by HTTP status."""

    requests: int
    seconds: float
    p50: float
    p99: float
    statuses: dict[int, int]

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


async def load(host: str, port: int, requests: list[bytes], connections: int) -> Figures:
    """Send all requests over so many connections, as fast as answers come."""
    waiting = iter(requests)
    times: list[float] = []
    statuses: dict[int, int] = {}
    begun = time.perf_counter()
    await asyncio.gather(*[_connection(host, port, waiting, times, statuses) for _ in range(connections)])
    seconds = time.perf_counter() - begun
    ordered = sorted(times)
    return Figures(
        requests=len(times),
        seconds=seconds,
        p50=statistics.median(ordered) * 1000,
        p99=ordered[int(0.99 * (len(ordered) - 1))] * 1000,
        statuses=statuses,
    )


async def _connection(
    host: str, port: int, waiting: Iterator[bytes], times: list[float], statuses: dict[int, int]
) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        for request in waiting:
            begun = time.perf_counter()
            writer.write(request)
            status = await answer(reader)
            times.append(time.perf_counter() - begun)
            statuses[status] = statuses.get(status, 0) + 1
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    if length:
        await reader.readexactly(length)
    return int(head[9:12])


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """One request, ready to be written."""
    return _request("POST", path, {**headers, "Content-Type": "application/json"}, body)


def get(path: str, headers: dict[str, str]) -> bytes:
    return _request("GET", path, headers, b"")


def _request(method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
