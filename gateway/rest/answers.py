"""What a route gives back: a status, headers and a body already encoded, sent with nothing in between."""

import asyncio
from collections.abc import AsyncIterator

from litestar.types import Receive, Scope, Send

Header = tuple[bytes, bytes]

JSON: Header = (b"content-type", b"application/json")
_BODILESS = frozenset({204, 304})


class Answer:
    """A whole answer: what Litestar's Response does, for a third of the work.

    Args:
        length: what to announce when it is not the body's, as a HEAD does.
    """

    __slots__ = ("body", "headers", "length", "status")

    def __init__(
        self, body: bytes = b"", *, status: int = 200, headers: tuple[Header, ...] = (JSON,), length: int | None = None
    ) -> None:
        self.body = body
        self.status = status
        self.headers = headers
        self.length = len(body) if length is None else length

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's shape
        await self._start(send)
        await send({"type": "http.response.body", "body": self.body, "more_body": False})

    async def _start(self, send: Send) -> None:
        headers = list(self.headers)
        if self.status not in _BODILESS:
            headers.append((b"content-length", b"%d" % self.length))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})


class Download(Answer):
    """A file in pieces. The first was read before this is sent: once the status is out it can not be taken back."""

    __slots__ = ("rest",)

    def __init__(
        self, first: bytes, rest: AsyncIterator[bytes], *, length: int, status: int, headers: tuple[Header, ...]
    ) -> None:
        super().__init__(first, status=status, headers=headers, length=length)
        self.rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI's shape
        await self._start(send)
        left = asyncio.ensure_future(_left(receive))  # a server swallows what is sent to nobody: ask it
        try:
            await send({"type": "http.response.body", "body": self.body, "more_body": True})
            async for piece in self.rest:
                if left.done():
                    return
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            left.cancel()


class Stream(Download):
    """A file in pieces of which nobody knows how many there are."""

    __slots__ = ()

    def __init__(self, first: bytes, rest: AsyncIterator[bytes], *, headers: tuple[Header, ...]) -> None:
        super().__init__(first, rest, length=0, status=200, headers=headers)

    async def _start(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": list(self.headers)})


async def _left(receive: Receive) -> None:
    """Returns when the caller has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
