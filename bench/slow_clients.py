"""A thousand clients that are slow, gone or too loud: ``python -m bench.slow_clients KIND PORT KEY CLIENTS SECONDS``.

Each begins again a second after it was let go. Says when all have begun, and at the end how many answers there were of
each status, ``0`` for none.
"""

import asyncio
import json
import os
import random
import socket
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import uvloop

from bench.servers import HOST, pin_load

PAUSE = 1.0
_SMALL_WINDOW = 4096

Pieces = tuple[bytes, bytes]
"""What is sent at once, and what after every pause, for ever."""


def _head(first: str, key: str, *more: str) -> bytes:
    lines = [f"{first} HTTP/1.1", "Host: bench", f"Authorization: Bearer {key}", *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def _create(key: str, length: int) -> bytes:
    return _head("POST /v1/videos", key, "Content-Type: application/json", f"Content-Length: {length}")


KINDS: dict[str, Callable[[str], Pieces]] = {
    "silent": lambda _: (b"", b""),
    "half a head": lambda key: (_head("GET /v1/models", key)[:-2], b""),
    "head by drops": lambda key: (_head("GET /v1/models", key)[:-2] + b"X: ", b"x"),
    "half a body": lambda key: (_create(key, 4000) + b"{", b""),
    "body by drops": lambda key: (_create(key, 4000) + b"{", b" "),
    "large header": lambda key: (_head("GET /v1/models", key, "X: " + "x" * 20_000), b""),
    "large body": lambda key: (_create(key, 10**9) + b" " * 65_536, b" " * 1024),
    "unread answer": lambda key: (_head("GET /openapi.json", key) * 3, b""),
}
UNREAD = "unread answer"


async def _once(kind: str, port: int, pieces: Pieces, until: float) -> int:
    """One connection, until the server ends it or the time is over; the last status it was told."""
    loop = asyncio.get_running_loop()
    client = socket.socket()
    client.setblocking(False)
    if kind == UNREAD:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_WINDOW)
    await loop.sock_connect(client, (HOST, port))
    reader, writer = await asyncio.open_connection(sock=client, limit=_SMALL_WINDOW)
    writer.write(pieces[0])
    sending = asyncio.create_task(_drip(writer, pieces[1]))
    try:
        async with asyncio.timeout_at(until):
            if kind == UNREAD:
                reader._transport.pause_reading()  # type: ignore[attr-defined]  # noqa: SLF001 - a client that never reads
                await sending
                return 0
            said = await reader.read()
            return int(said[9:12]) if said else 0
    except (TimeoutError, OSError):
        return -1
    finally:
        sending.cancel()
        writer.transport.abort()


async def _drip(writer: asyncio.StreamWriter, drop: bytes) -> None:
    with suppress(OSError):
        while not writer.is_closing():
            await asyncio.sleep(PAUSE)
            writer.write(drop)


async def main(kind: str, port: int, key: str, clients: int, seconds: float) -> None:
    until = asyncio.get_running_loop().time() + seconds
    told: Counter[int] = Counter()

    async def client() -> None:
        await asyncio.sleep(random.random() * PAUSE)
        while asyncio.get_running_loop().time() < until:
            told[await _once(kind, port, KINDS[kind](key), until)] += 1
            await asyncio.sleep(PAUSE)

    everybody = asyncio.gather(*(client() for _ in range(clients)))
    await asyncio.sleep(PAUSE)
    print("begun", flush=True)
    await everybody
    print(json.dumps({status: count for status, count in sorted(told.items()) if status >= 0}))


if __name__ == "__main__":
    pin_load()
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))  # on the core of whoever measures, not to be measured
    kind, port, key, clients, seconds = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(kind, int(port), key, int(clients), float(seconds)))
