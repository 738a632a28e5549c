"""Server-sent events (HTML, 9.2) as an answer: until they end, the caller leaves, or may no more be told."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import ExitStack, suppress
from typing import Any

import structlog
from litestar.types import Receive, Scope, Send

from gateway.policy.telling import event_json
from gateway.rest.answers import Answer, Header
from schema.errors import GatewayError
from schema.event import Event

log = structlog.get_logger()

RETRY_MILLIS = 2_000
"""After which a client whose stream was broken off comes again."""
STALLED_SECONDS = 60.0
"""Whoever takes nothing for so long is let go of; it may resume."""
_PARTING_SECONDS = 1.0
_HEARTBEAT = b":\n\n"
_OPENING = b"retry: %d\n\n" % RETRY_MILLIS

HEADERS: tuple[Header, ...] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"vary", b"Authorization, Accept"),
)

Ended = Coroutine[Any, Any, None]


def framed(event: Event) -> bytes:
    """An event as the stream carries it; lines end with LF alone, and JSON has no line breaks."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (event.id.encode(), event.type.value.encode(), event_json(event))


def promised() -> Answer:
    """What a HEAD is told of a stream."""
    return Answer(headers=HEADERS)


class EventStream:
    """A stream that has its seat.

    Args:
        ended: returns once the caller would not be let in any more.
        seat: is left when the stream has ended.
        heartbeat: seconds of quiet after which it says that it lives.
    """

    def __init__(
        self,
        events: AsyncGenerator[Event, None],
        *,
        ended: Ended,
        seat: ExitStack,
        heartbeat: float,
    ) -> None:
        self._events = events
        self._ended = ended
        self._seat = seat
        self._heartbeat = heartbeat

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        with self._seat:
            await self._stream(receive, send)

    async def _stream(self, receive: Receive, send: Send) -> None:
        telling = asyncio.ensure_future(self._tell(send))
        left, ended = asyncio.ensure_future(_left(receive)), asyncio.ensure_future(self._ended)
        try:
            await asyncio.wait({telling, left, ended}, return_when=asyncio.FIRST_COMPLETED)
            telling.cancel()
            await asyncio.wait({telling})
            if not left.done():
                with suppress(TimeoutError):
                    async with asyncio.timeout(_PARTING_SECONDS):
                        await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            for task in (telling, left, ended):
                task.cancel()
            await self._events.aclose()
        if not telling.cancelled() and (error := telling.exception()) is not None:
            raise error

    async def _tell(self, send: Send) -> None:
        """What happens, and heartbeats between; until nothing more comes, or the client takes no more."""
        await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
        await _send(send, _OPENING)
        coming = self._next()
        try:
            while True:
                await asyncio.wait({coming}, timeout=self._heartbeat)
                if not coming.done():
                    await _send(send, _HEARTBEAT)
                    continue
                event = coming.result()
                if event is None:
                    return
                await _send(send, framed(event))
                coming = self._next()
        except TimeoutError:
            log.info("stream.stalled")
        except GatewayError as error:
            log.warning("stream.broken_off", error=str(error))
        finally:
            coming.cancel()
            await asyncio.wait({coming})

    def _next(self) -> asyncio.Task[Event | None]:
        async def next_event() -> Event | None:
            return await anext(self._events, None)

        return asyncio.create_task(next_event())


async def _send(send: Send, body: bytes) -> None:
    async with asyncio.timeout(STALLED_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def _left(receive: Receive) -> None:
    """Returns when the caller has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
