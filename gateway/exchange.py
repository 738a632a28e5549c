"""One request and its answer, as the server hands them to the application: what goes wrong on the way is said to it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from gateway.policy.heads import UNKNOWN
from schema.errors import GatewayError

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent, ASGISendEvent

_DRAINED = 64 * 1024
"""Bytes of a body that are read on although nobody wants them, so that the connection can be used again."""

PIECE = 64 * 1024
"""Bytes of an answer that are handed on at once: the next when the client has taken most of those before."""


class Exchange(RequestResponseCycle):
    """A request whose body may turn out to be broken: then whoever reads it hears why, and answers that.

    Attributes:
        broken: why no more of the body comes.
        last: the connection ends with this answer.
    """

    def __init__(self, *, length: int, **parts: Any) -> None:
        super().__init__(**parts)
        self.broken: GatewayError | None = None
        self.last = False
        self._short = length != UNKNOWN and length <= _DRAINED

    def fail(self, error: GatewayError) -> None:
        """No more of the body comes."""
        self.broken = error
        self.message_event.set()

    def forget(self) -> None:
        """Let go of where the error was met, which holds this exchange: only a collector would part them."""
        if self.broken is not None:
            self.broken.__traceback__ = None

    async def receive(self) -> "ASGIReceiveEvent":
        """The next of the body. Raises what is wrong with it, unless an answer has begun."""
        message = None if self.broken else await super().receive()
        broken = self._why()
        if message is not None and (broken is None or self.disconnected):
            return message
        if broken is not None and not self.response_started:
            raise broken
        return cast("ASGIReceiveEvent", {"type": "http.disconnect"})

    def _why(self) -> GatewayError | None:
        return self.broken

    async def send(self, message: "ASGISendEvent") -> None:
        """As the server does; but piece by piece, and it hangs up on nobody who is still sending: that could cost them
        the answer.
        """
        if self.response_started:
            for piece in _pieces(message):
                await super().send(piece)
        elif self.more_body and self._unwanted():
            self.keep_alive = False  # says that the connection ends
            await super().send(message)
            self.keep_alive, self.last = True, True  # and lets the connection see to it
        else:
            await super().send(message)

    def _unwanted(self) -> bool:
        """Whether what comes is too much to be read in vain; who waits for leave to send it, will not."""
        return self.waiting_for_100_continue or self.broken is not None or not self._short


def _pieces(message: Any) -> Iterator[Any]:
    """What is to be sent, none of it longer than a piece: what a client does not take waits where it was made, and is
    copied for nobody.
    """
    body = memoryview(message.get("body", b""))
    for start in range(0, len(body) - PIECE, PIECE):
        yield {**message, "body": body[start : start + PIECE], "more_body": True}
    yield message if len(body) <= PIECE else {**message, "body": body[(len(body) - 1) // PIECE * PIECE :]}
