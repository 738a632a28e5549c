"""A client's connection, with bounds: on what is sent before anybody reads it, and on how long that may take.

uvicorn (0.54) reads HTTP and speaks to the application; it would wait for ever for the rest of a request, keep any
number of headers, and for ever offer an answer that nobody takes.
"""

import asyncio
import socket
import struct
import urllib.parse
from collections.abc import Callable
from enum import Enum, auto
from typing import Any

import httptools
import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from gateway.config.settings import ServerSettings
from gateway.exchange import Exchange
from gateway.policy.heads import Header, check_count, check_head, check_size, check_target
from schema.errors import GatewayError, MalformedRequest, Overloaded, RequestTimeout
from schema.luck import Luck

log = structlog.get_logger()

LINGER_SECONDS = 2.0
"""How long a client that was refused may take to notice: hung up on at once, it could miss why."""

SPREAD = 0.2
"""By up to such a part more a client has for what it sends, by luck: a crowd that came in one moment is not refused in
one, and does not come again in one.
"""

_AT_ONCE = struct.pack("ii", 1, 0)

MAX_PIPELINED = 32
"""Requests that may wait on one connection for the answers before theirs."""

Refuse = Callable[[GatewayError, list[Header]], bytes]
"""Makes the whole answer of an error, with the server's own headers."""


class Part(Enum):
    """What a client is to send next."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


class Guarded(HttpToolsProtocol):
    """One connection.

    It has two clocks: one for what the client sends, which runs while a head or a body is incomplete, and one for what
    it reads, which runs while an answer waits for it. A request that came whole in one piece starts neither.
    """

    cycle: Exchange

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        bounds: ServerSettings,
        refuse: Refuse,
        luck: Luck,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.timeout_keep_alive = bounds.idle_seconds  # type: ignore[assignment]  # declared whole; a timer takes both
        self._bounds = bounds
        self._bare = refuse
        self._luck = luck
        self._part = Part.HEAD
        self._arrived = 0
        self._sending: asyncio.TimerHandle | None = None
        self._unread = 0
        self._taking: asyncio.TimerHandle | None = None
        self._answering: Exchange | None = None
        self._refusal: GatewayError | None = None
        self._deaf = False

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        most = self._bounds.max_connections
        if len(self.connections) <= most:
            self._watch()
        elif len(self.connections) <= most + max(most // 8, 1):
            self._refuse(Overloaded("Too many clients are connected; come again", retry_after_seconds=1))
        else:
            self._cut()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._stop_sending()
        self._stop_taking()
        self.pipeline.clear()

    def shutdown(self) -> None:
        super().shutdown()
        self._see_off()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._see_off()

    # What the client sends

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._unset_keepalive_if_required()
        if self._part is Part.NOTHING:
            self._part, self._arrived = Part.HEAD, 0
        self._arrived += len(data)
        try:
            self._feed(data)
            if self._part is Part.HEAD:
                check_size(self._arrived, self._bounds.max_head_bytes)
        except GatewayError as error:
            self._refuse(error)
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, GatewayError) else MalformedRequest("The address can not be read"))
        except httptools.HttpParserError as error:
            self._refuse(MalformedRequest(f"This is no HTTP/1.1: {error}"))
        else:
            self._watch()

    def _feed(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                if self._should_upgrade():
                    self._hand_over()
                    break
                data = self._plain_head() + data[upgrade.args[0] :]
            else:
                break

    def _plain_head(self) -> bytes:
        """The head of a request that offers another protocol than ours, without the offer: one like any other.

        The parser reads no body behind an offer (httptools 0.9); Java's client makes one with its first request.
        """
        lines = [b"%s: %s\r\n" % (name, value) for name, value in self.headers if name != b"upgrade"]
        return b"%s %s HTTP/1.1\r\n%s\r\n" % (self.parser.get_method(), self.url, b"".join(lines))

    def _hand_over(self) -> None:
        """The connection becomes a WebSocket, whose protocol has clocks of its own."""
        if self._busy():
            raise MalformedRequest("A WebSocket begins on a connection on which nothing else is asked")
        self._deaf = True
        self._stop_taking()
        self.handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        if self._part is Part.NOTHING:  # behind another request, in one piece with it
            self._part, self._arrived = Part.HEAD, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        check_target(self.url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._part is Part.BODY:
            return  # behind a body in chunks; nobody may add to a head that was judged
        super().on_header(name, value)
        check_count(len(self.headers))

    def on_headers_complete(self) -> None:
        """As uvicorn's, which knows neither what a head may not say nor an exchange that can break."""
        version = self.parser.get_http_version()
        method = self.parser.get_method().decode("ascii")
        if self._busy() and len(self.pipeline) >= MAX_PIPELINED:
            raise MalformedRequest(f"No more than {MAX_PIPELINED} requests may wait on one connection")
        most = self._bounds.max_head_bytes
        length = check_head(method=method, version=version, target=self.url, headers=self.headers, most=most)
        self._stop_sending()
        self.scope["method"] = method
        if version != "1.1":
            self.scope["http_version"] = version
        if self.parser.should_upgrade():
            return
        self._aim()
        self._part, self._arrived = Part.BODY, 0
        busy = self._busy()
        self.cycle = Exchange(
            length=length,
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if busy:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))
        else:
            self._start_asgi_task(self.cycle, self.app)

    def _busy(self) -> bool:
        """Whether an answer is still to be given."""
        return self.cycle is not None and not self.cycle.response_complete

    def _aim(self) -> None:
        """Say in the scope what is asked for."""
        address = httptools.parse_url(self.url)
        raw = address.path or b"/"
        path = raw.decode("ascii")
        self.scope["path"] = self.root_path + (urllib.parse.unquote(path) if "%" in path else path)
        self.scope["raw_path"] = self.root_path.encode("ascii") + raw
        self.scope["query_string"] = address.query or b""

    def on_message_complete(self) -> None:
        self._part = Part.NOTHING
        self._stop_sending()
        if not self.parser.should_upgrade():
            super().on_message_complete()

    # The clock of what the client sends

    def _watch(self) -> None:
        """Let the clock run while something is incomplete, and only then."""
        if self._deaf:
            return
        if self._part is Part.NOTHING:
            self._keep()
        elif self._sending is None:
            patience = self._bounds.head_seconds if self._part is Part.HEAD else self._bounds.body_seconds
            self._sending = self.loop.call_later(patience * (1 + SPREAD * self._luck()), self._check_sending)

    def _check_sending(self) -> None:
        """The time is over: whoever was held up by us, or has sent enough of a body, has as much again."""
        self._sending = None
        enough = self._bounds.body_seconds * self._bounds.min_bytes_per_second
        if self._part is Part.BODY and (self._arrived >= enough or self.flow.read_paused):
            self._arrived = 0
        elif not self.flow.read_paused:
            self._refuse(RequestTimeout(f"The {self._part.name.lower()} of the request did not come in time"))
        self._watch()

    def _stop_sending(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def _keep(self) -> None:
        """A connection on which nothing is asked any more, since a body that nobody wanted has come to its end."""
        if self.cycle is not None and self.cycle.response_complete and self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    # What the client reads, and its clock

    def pause_writing(self) -> None:
        super().pause_writing()
        self._see_off()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._stop_taking()

    def _see_off(self) -> None:
        """Let the clock run while an answer waits to be read."""
        self._unread = self.transport.get_write_buffer_size()
        if self._unread and self._taking is None:
            self._taking = self.loop.call_later(self._bounds.answer_seconds, self._check_taking)

    def _check_taking(self) -> None:
        self._taking = None
        before, enough = self._unread, self._bounds.answer_seconds * self._bounds.min_bytes_per_second
        left = self.transport.get_write_buffer_size()
        if left and before - left < enough:
            log.info("http.unread", bytes=left)
            self._cut()
        else:
            self._see_off()

    def _stop_taking(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    # Refusals, and the end

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        answered = self._answering
        if answered is not None and answered.body:
            answered.body.clear()  # of a body that nobody wanted
        if self.transport.is_closing():
            self._see_off()
        elif answered is not None and (answered.last or answered.broken is not None):
            answered.forget()
            self._leave()
        elif self._refusal is not None and not self.pipeline:
            self._say(self._refusal)
        else:
            super().on_response_complete()

    def _refuse(self, error: GatewayError) -> None:
        """Hear no more. Whoever reads the body says why; before there is a request, we do, once others are answered."""
        part, self._deaf = self._part, True
        self._stop_sending()
        if self.transport.is_closing():
            return
        if part is Part.BODY and self._busy():
            self.cycle.fail(error)
        elif part is Part.BODY:
            self._leave()
        elif self._busy():
            self._refusal = error
        else:
            self._say(error)

    def _say(self, error: GatewayError) -> None:
        self.transport.write(self._bare(error, self.server_state.default_headers))
        self._leave()

    def _leave(self) -> None:
        """Nothing more is said; the client has a while to read what was."""
        self._deaf = True
        self.pipeline.clear()
        self._stop_sending()
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        self.transport.write_eof()
        self._sending = self.loop.call_later(LINGER_SECONDS, self._lingered)

    def _cut(self) -> None:
        """End it without a word, and let the system keep nothing of what was to be said."""
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self.transport.abort()

    def _lingered(self) -> None:
        if self.transport.get_write_buffer_size():  # it reads slowly, which has a clock of its own
            self._see_off()
            self._sending = self.loop.call_later(LINGER_SECONDS, self._lingered)
        else:
            self.transport.abort()
