"""An upstream that mistreats its callers: one scripted act per connection, and a record of every byte it was sent.

When the script has run out it is honest: it takes what is paid for, says at the first poll that the video is done, and
serves it. So one server plays the fault and the recovery from it.
"""

import asyncio
import gzip
import itertools
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

from gateway.sandbox.mp4 import clip

CHUNK = 1 << 16
DRIP_SECONDS = 0.03


@dataclass(frozen=True)
class Request:
    """One whole request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Dialect:
    """How much of a provider's wire an honest answer needs."""

    provider: str
    is_paid: Callable[[Request], bool]
    ref_of: Callable[[Request], str]
    accepted: Callable[[str], bytes]
    done: Callable[[str, str], bytes]


def _json(**fields: object) -> bytes:
    return json.dumps(fields).encode()


VEO3O1 = Dialect(
    provider="veo3o1",
    is_paid=lambda request: request.method == "POST" and request.path.endswith("/generate-video"),
    ref_of=lambda request: request.path.rpartition("/")[2],
    accepted=lambda ref: _json(code=0, msg="Success", data={"uuid": ref, "status": "pending"}),
    done=lambda ref, url: _json(code=0, msg="Success", data={"uuid": ref, "status": "completed", "videoUrl": url}),
)
DOITONG = Dialect(
    provider="doitong",
    is_paid=lambda request: "idempotency-key" in request.headers,
    ref_of=lambda request: next(iter(json.loads(request.body)["variables"].values())),
    accepted=lambda ref: _json(data={"generate": {"id": ref, "status": "processing", "creditCost": 100}}),
    done=lambda ref, url: _json(data={"generation": {"id": ref, "status": "completed", "url": url}}),
)


@dataclass
class Hostile:
    """A served upstream and what it saw: ``raw`` holds each connection's bytes, ``paid`` the whole paid requests."""

    url: str
    raw: list[bytearray] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    paid: list[Request] = field(default_factory=list)
    refs: dict[str, str] = field(default_factory=dict)
    stop_listening: Callable[[], None] = field(default=lambda: None, repr=False)

    @property
    def keys(self) -> list[str | None]:
        """The idempotency key of each paid request."""
        return [request.headers.get("idempotency-key") for request in self.paid]

    @property
    def bodies(self) -> set[bytes]:
        return {request.body for request in self.paid}


class Peer:
    """One caller, as an act sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hostile: Hostile, dialect: Dialect):
        self._reader = reader
        self._writer = writer
        self.hostile = hostile
        self.dialect = dialect
        self._raw = bytearray()
        hostile.raw.append(self._raw)

    async def read(self, at_least: int) -> None:
        """Until so many bytes have come on this connection in all. Raises EOFError when the caller leaves before."""
        while len(self._raw) < at_least:
            piece = await self._reader.read(at_least - len(self._raw))
            if not piece:
                raise EOFError
            self._raw += piece

    async def request(self) -> Request:
        """A whole request; a paid one is booked the moment its last byte is here."""
        start = len(self._raw)
        while (end := self._raw.find(b"\r\n\r\n", start)) < 0:
            await self.read(len(self._raw) + 1)
        first, *lines = self._raw[start:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body_at = end + 4
        await self.read(body_at + int(headers.get("content-length", 0)))
        method, path, _ = first.split(" ")
        request = Request(method, path, headers, bytes(self._raw[body_at:]))
        self.hostile.requests.append(request)
        if self.dialect.is_paid(request):
            self.hostile.paid.append(request)
        return request

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self, body: bytes, status: str = "200 OK", **headers: str) -> None:
        await self.write(head(len(body), status, **headers) + body)

    async def gone(self) -> None:
        """Until the caller hangs up."""
        while await self._reader.read(CHUNK):
            pass

    def reset(self) -> None:
        """Close with RST, so that nobody can take it for a tidy end."""
        raw: socket.socket = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


Act = Callable[[Peer], Awaitable[None]]


def head(length: int | None, status: str = "200 OK", **headers: str) -> bytes:
    """The head of an answer; without a length it ends with the connection."""
    fields = {"Content-Type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
    fields |= {"Connection": "close"} if length is None else {"Content-Length": str(length)}
    lines = "".join(f"{name}: {text}\r\n" for name, text in fields.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode()


# acts


async def reset_on_accept(peer: Peer) -> None:
    peer.reset()


async def close_on_accept(peer: Peer) -> None:
    del peer


async def reset_inside_the_body(peer: Peer) -> None:
    await peer.read(1_000)
    peer.reset()


async def reset_after_the_body(peer: Peer) -> None:
    await peer.request()
    peer.reset()


async def reset_and_vanish(peer: Peer) -> None:
    """A whole request, a reset, and from then on nobody listens."""
    await peer.request()
    peer.hostile.stop_listening()
    peer.reset()


async def close_after_the_body(peer: Peer) -> None:
    await peer.request()


async def hang(peer: Peer) -> None:
    await peer.request()
    await peer.gone()


async def half_of_the_headers(peer: Peer) -> None:
    await peer.request()
    await peer.write(head(100)[:40])


async def cut_short(peer: Peer) -> None:
    """A good answer cut in the middle, though its length was promised."""
    await peer.request()
    answer = peer.dialect.accepted("cut-1")
    await peer.write(head(len(answer)) + answer[: len(answer) // 2])


async def cut_short_in_silence(peer: Peer) -> None:
    """The same without a length: for HTTP it is a whole answer."""
    await peer.request()
    answer = peer.dialect.accepted("cut-2")
    await peer.write(head(None) + answer[: len(answer) // 2])


async def broken_chunk(peer: Peer) -> None:
    await peer.request()
    await peer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{")


async def drip(peer: Peer) -> None:
    """A good answer, one byte at a time: no single read ever takes long."""
    await peer.request()
    answer = peer.dialect.accepted("drip-1") + b" " * 10_000
    for byte in head(len(answer)) + answer:
        await peer.write(bytes([byte]))
        await asyncio.sleep(DRIP_SECONDS)


async def zipped(peer: Peer) -> None:
    """A good answer, encoded though the caller asked for identity."""
    await peer.request()
    await peer.answer(gzip.compress(peer.dialect.accepted("zipped-1")), Content_Encoding="gzip")


async def huge(peer: Peer) -> None:
    """A good answer that does not end within what anybody should read."""
    await peer.request()
    await peer.write(head(None) + peer.dialect.accepted("huge-1"))
    for _ in range(64):
        await peer.write(b" " * CHUNK)


def answers(body: bytes | str, status: str = "200 OK", **headers: str) -> Act:
    """A whole answer to a whole request."""
    data = body.encode() if isinstance(body, str) else body

    async def act(peer: Peer) -> None:
        await peer.request()
        await peer.answer(data, status, **headers)

    return act


def says(status: str = "200 OK", /, **fields: object) -> Act:
    """A whole JSON answer."""
    return answers(_json(**fields), status)


# the server


@asynccontextmanager
async def hostile(dialect: Dialect, *script: Act, tls: ssl.SSLContext | None = None) -> AsyncIterator[Hostile]:
    """Serve the script, one act a connection, then honesty. An act's connection is closed when it returns."""
    acts = iter(script)
    talks: set[asyncio.Task[None]] = set()
    served = Hostile(url="")

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            with suppress(OSError, EOFError):
                await next(acts, _honest)(Peer(reader, writer, served, dialect))
        finally:
            writer.close()
            talks.discard(task)

    server = await asyncio.start_server(meet, "127.0.0.1", 0, ssl=tls)
    served.stop_listening = server.close
    port = server.sockets[0].getsockname()[1]
    served.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    try:
        yield served
    finally:
        server.close()
        for task in [*talks]:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


def forever(act: Act) -> Iterator[Act]:
    """A script that never becomes honest: ``hostile(dialect, *forever(act))`` for more callers than any test makes."""
    return itertools.repeat(act, 100)


@contextmanager
def closed_port() -> Iterator[str]:
    """An address where nobody listens and, while it is held, nobody can begin to."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


async def _honest(peer: Peer) -> None:
    while True:
        await honestly(peer, await peer.request())


async def honestly(peer: Peer, request: Request) -> None:
    """Answer one request as it should be."""
    if peer.dialect.is_paid(request):
        key = request.headers.get("idempotency-key", f"call {len(peer.hostile.paid)}")
        ref = peer.hostile.refs.setdefault(key, f"ref-{len(peer.hostile.refs)}")
        await peer.answer(peer.dialect.accepted(ref))
    elif request.path.endswith(".mp4"):
        await peer.answer(clip("16:9", 1, 0), Content_Type="video/mp4")
    else:
        ref = peer.dialect.ref_of(request)
        await peer.answer(peer.dialect.done(ref, f"{peer.hostile.url}/{ref}.mp4"))
