"""Results as they come, over one HTTP answer.

Server-sent events (graphql-sse, distinct connections) and Apollo's multipart subscriptions.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple, cast

from graphql import ExecutionResult
from litestar.types import HTTPReceiveMessage, Receive, Scope, Send

from gateway.graphql.answers import encode, payload
from gateway.graphql.negotiation import Media
from gateway.graphql.schema import Results
from gateway.wiring import Gateway
from schema.tenant import Principal


class Framing(NamedTuple):
    """How results are told apart in one body: what stands before, around and after them."""

    content_type: bytes
    opening: bytes
    before: bytes
    after: bytes
    heartbeat: bytes
    ending: bytes


_PART = b"\r\ncontent-type: application/json\r\n\r\n"
_BOUNDARY = b"\r\n--graphql"
FRAMINGS = {
    Media.EVENTS: Framing(  # lines end with LF alone: some clients look for LF LF
        content_type=b"text/event-stream; charset=utf-8",
        opening=b"",
        before=b"event: next\ndata: ",
        after=b"\n\n",
        heartbeat=b":\n\n",
        ending=b"event: complete\ndata:\n\n",
    ),
    Media.MULTIPART: Framing(
        content_type=b'multipart/mixed; boundary="graphql"; subscriptionSpec="1.0"',
        opening=_BOUNDARY,
        before=_PART + b'{"payload":',
        after=b"}" + _BOUNDARY,
        heartbeat=_PART + b"{}" + _BOUNDARY,
        ending=b"--\r\n",
    ),
}

HEARTBEAT_SECONDS = 5.0
"""A quiet stream says this often that it lives; Apollo's protocol asks for 5."""


class Stream:
    """A streaming answer. A gateway that stops ends it without its ending, so that clients come again elsewhere.

    Args:
        watcher: whose key must go on working, or the stream ends in the same way; None for what is answered once.
    """

    def __init__(self, results: Results, media: Media, gateway: Gateway, watcher: Principal | None) -> None:
        self._results = results
        self._framing = FRAMINGS[media]
        self._draining = gateway.draining
        self._callers = gateway.ground.callers
        self._watcher = watcher

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self._headers()})
        gone, barred = asyncio.create_task(_gone(receive)), asyncio.create_task(self._barred())
        try:
            await _send(send, self._framing.opening)
            async for chunk in self._chunks(gone, barred):
                await _send(send, chunk)
            if not gone.done():
                broken_off = self._draining.is_set() or barred.done()
                await _send(send, b"" if broken_off else self._framing.ending, more=False)
        finally:
            gone.cancel()
            barred.cancel()
            await self._results.aclose()

    async def _barred(self) -> None:
        """Returns once the watcher would not be let in any more."""
        if self._watcher is None:
            await asyncio.Event().wait()
        else:
            await self._callers.ended(self._watcher)

    def _headers(self) -> list[tuple[bytes, bytes]]:
        return [
            (b"content-type", self._framing.content_type),
            (b"cache-control", b"no-cache, no-transform"),
            (b"x-accel-buffering", b"no"),
            (b"vary", b"Accept, Authorization"),
        ]

    async def _chunks(self, gone: asyncio.Task[None], barred: asyncio.Task[None]) -> AsyncGenerator[bytes, None]:
        """Results and heartbeats, until there are no more results, the client is gone or its key works no more."""
        coming = self._next()
        ends = {gone, barred}
        try:
            while not any(end.done() for end in ends):
                await asyncio.wait({coming, *ends}, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if barred.done():
                    return
                if not coming.done():
                    yield self._framing.heartbeat
                    continue
                result = coming.result()
                if result is None:
                    return
                yield self._framing.before + encode(payload(result)) + self._framing.after
                coming = self._next()
        finally:
            coming.cancel()
            await asyncio.wait({coming})

    def _next(self) -> asyncio.Task[ExecutionResult | None]:
        async def next_result() -> ExecutionResult | None:
            return cast("ExecutionResult | None", await anext(self._results, None))

        return asyncio.create_task(next_result())


async def _send(send: Send, body: bytes, *, more: bool = True) -> None:
    if body or not more:
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _gone(receive: Receive) -> None:
    """Returns once the client has hung up."""
    message: HTTPReceiveMessage | Any = {}
    while message.get("type") != "http.disconnect":
        message = await receive()
