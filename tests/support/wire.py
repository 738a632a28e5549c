"""HTTP by hand: bytes for a server, and what it says until it hangs up."""

import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import suppress
from typing import Any

import msgspec

PATIENCE = 60.0
"""Seconds; a server that takes longer to hang up does not."""

_GONE = (ConnectionResetError, BrokenPipeError)


class Reply(msgspec.Struct, frozen=True):
    """One answer: its status, its headers in small letters, its body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def told(port: int, sent: bytes | AsyncIterable[bytes]) -> list[Reply]:
    """All that is answered to what is sent, until the server hangs up; whatever it is still sent then."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        sending = asyncio.create_task(_send(writer, sent))
        try:
            return list(replies(await reader.read()))
        finally:
            sending.cancel()
            with suppress(*_GONE, asyncio.CancelledError):
                await sending
            writer.close()
            with suppress(*_GONE):
                await writer.wait_closed()


async def _send(writer: asyncio.StreamWriter, sent: bytes | AsyncIterable[bytes]) -> None:
    with suppress(*_GONE):
        if isinstance(sent, bytes):
            writer.write(sent)
            await writer.drain()
            return
        async for piece in sent:
            writer.write(piece)
            await writer.drain()


def replies(raw: bytes) -> Iterable[Reply]:
    """The answers that some bytes are; each says how long it is."""
    while raw:
        head, _, raw = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", 0))
        yield Reply(int(first.split()[1]), headers, raw[:length])
        raw = raw[length:]


def head(first: str = "GET /v1/models", /, **headers: str) -> bytes:
    """The head of a request, with a Host; ``_`` in names of headers is a hyphen."""
    lines = [f"{first} HTTP/1.1", "Host: here", *(f"{name.replace('_', '-')}: {it}" for name, it in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


async def dripping(begin: bytes, drop: bytes, seconds: float) -> AsyncIterator[bytes]:
    """A beginning, and then for ever a drop of the rest."""
    yield begin
    while True:
        await asyncio.sleep(seconds)
        yield drop
