"""What goes back over the wire, including what no framework lets a handler do: resets, silence, half an answer."""

import asyncio
import socket
import struct
from enum import StrEnum
from typing import Any

from litestar import Response
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from msgspec import Struct

from gateway.sandbox.refusals import Refusal
from gateway.sandbox.settings import Provider
from gateway.sandbox.world import Door, World

JSON = "application/json"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
PAGE = b"<!doctype html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1><p>nginx</p>"

_HEADER = "x-sandbox-wire"  # from a handler to the outermost layer; never leaves the process
_HUGE = 10_000_000_000


class Wire(StrEnum):
    """How a connection is mistreated."""

    RESET = "reset"
    """RST instead of an answer."""
    HANG = "hang"
    """The answer comes after `hang_seconds`."""
    HALF = "half"
    """Half of the promised body, then the connection is closed."""
    SHORT = "short"
    """The body, where twice as much was promised, then the connection is closed."""
    ENDLESS = "endless"
    """10 GB promised, and the body again and again until the caller leaves."""


class Answer(Struct, frozen=True, kw_only=True):
    status: int = 200
    body: bytes = b""
    media_type: str = JSON
    headers: dict[str, str] = {}
    wire: Wire | None = None


RESET = Answer(wire=Wire.RESET)


def reply(answer: Answer) -> Response[bytes]:
    headers = answer.headers if answer.wire is None else {**answer.headers, _HEADER: answer.wire.value}
    return Response(answer.body, status_code=answer.status, headers=headers, media_type=answer.media_type)


def bare(refusal: Refusal) -> Answer | None:
    """Refusals that come from somewhere before the upstream, so not in its words."""
    return {
        Refusal.HTTP_502: Answer(status=502, body=PAGE, media_type=HTML),
        Refusal.HTTP_503: Answer(
            status=503, body=b"Service Unavailable", media_type=TEXT, headers={"Retry-After": "1"}
        ),
        Refusal.DROPPED: RESET,
    }.get(refusal)


def spoil(answer: Answer, spoils: tuple[str, ...]) -> Answer:
    """A good answer, spoilt as the first marker that spoils whole answers says."""
    for name in spoils:
        if name in _SPOILT:
            return _SPOILT[name]
        if name in _MISTREATED:
            return Answer(body=answer.body, headers=answer.headers, wire=_MISTREATED[name])
    return answer


_SPOILT = {
    "drop-after-accept": RESET,
    "500-after-accept": Answer(status=500, body=b"Internal Server Error", media_type=TEXT),
    "html-200": Answer(body=PAGE, media_type=HTML),
    "empty-200": Answer(),
}
_MISTREATED = {"hang-after-accept": Wire.HANG, "truncated": Wire.HALF}


class Connections:
    """The outermost layer: closed doors, and the mistreatment a handler asked for."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app = app
        self._world = world
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Let go of everybody who is kept waiting."""
        self._stopping.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and (shut := self._shut(scope["path"])) is not None:
            await self._mistreat(shut.wire, [*_messages(shut)], receive, send)
            return
        held: list[Message] = []
        how: Wire | None = None

        async def catch(message: Message) -> None:
            nonlocal how
            if message["type"] == "http.response.start":
                how = _take_wire(message)
            if how is None:
                await send(message)
            else:
                held.append(message)

        await self._app(scope, receive, catch)
        if how is not None:
            await self._mistreat(how, held, receive, send)

    def _shut(self, path: str) -> Answer | None:
        provider: Provider = "veo3o1" if path.startswith("/veo3o1/") else "doitong"
        if not path.startswith(f"/{provider}/") or self._world.doors[provider] is Door.UP:
            return None
        self._world.books.calls[f"{provider}.shut"] += 1
        return _SHUT[self._world.doors[provider]]

    async def _mistreat(self, how: Wire | None, held: list[Message], receive: Receive, send: Send) -> None:
        if how is Wire.RESET or (how is Wire.HANG and not await self._wait(receive)):
            await _reset(receive, send)
        elif how in {Wire.HALF, Wire.SHORT}:
            await _cut(held, how, receive, send)
        elif how is Wire.ENDLESS:
            await self._pour(held, receive, send)
        else:
            for message in held:
                await send(message)

    async def _wait(self, receive: Receive) -> bool:
        """Keep the caller waiting. Whether it still waits at the end."""
        gone, stopped = asyncio.create_task(_until_gone(receive)), asyncio.create_task(self._stopping.wait())
        seconds = self._world.settings.hang_seconds
        done, pending = await asyncio.wait({gone, stopped}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        return not done

    async def _pour(self, held: list[Message], receive: Receive, send: Send) -> None:
        _promise(held[0], _HUGE)
        await send(held[0])
        gone = asyncio.create_task(_until_gone(receive))
        while not (gone.done() or self._stopping.is_set()):
            await send({"type": "http.response.body", "body": _body(held), "more_body": True})
            await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        if not _transport(send).is_closing():
            _transport(send).abort()


_SHUT = {
    Door.REFUSE: RESET,
    Door.HTTP_500: Answer(status=500, body=b"Internal Server Error", media_type=TEXT),
    Door.HTTP_503: Answer(status=503, body=b"Service Unavailable", media_type=TEXT),
    Door.HANG: Answer(status=504, body=b"Gateway Timeout", media_type=TEXT, wire=Wire.HANG),
}


def _messages(answer: Answer) -> tuple[Message, Message]:
    length, kind = str(len(answer.body)).encode(), answer.media_type.encode()
    headers = [(b"content-type", kind), (b"content-length", length)]
    return (
        {"type": "http.response.start", "status": answer.status, "headers": headers},
        {"type": "http.response.body", "body": answer.body, "more_body": False},
    )


def _take_wire(start: Any) -> Wire | None:
    """The handler's wish, taken out of the headers."""
    name = _HEADER.encode()
    for key, value in start["headers"]:
        if key == name:
            start["headers"] = [pair for pair in start["headers"] if pair[0] != name]
            return Wire(value.decode())
    return None


def _promise(start: Any, length: int) -> None:
    kept = [pair for pair in start["headers"] if pair[0] != b"content-length"]
    start["headers"] = [*kept, (b"content-length", str(length).encode())]


def _body(held: list[Message]) -> bytes:
    return b"".join(message.get("body", b"") for message in held if message["type"] == "http.response.body")


def _transport(send: Send) -> Any:
    """uvicorn's transport: its `send` is a method of the object that holds it."""
    owner: Any = send
    return owner.__self__.transport


async def _reset(receive: Receive, send: Send) -> None:
    """Close with RST, so that the caller cannot take it for a tidy end."""
    transport = _transport(send)
    if transport.is_closing():
        return
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
    await _until_gone(receive)


async def _cut(held: list[Message], how: Wire | None, receive: Receive, send: Send) -> None:
    body = _body(held)
    _promise(held[0], len(body) if how is Wire.HALF else 2 * len(body) + 1)
    sent = body[: len(body) // 2] if how is Wire.HALF else body
    await send(held[0])
    await send({"type": "http.response.body", "body": sent, "more_body": True})
    _transport(send).close()
    await _until_gone(receive)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
