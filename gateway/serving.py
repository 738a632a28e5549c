"""A gateway behind an HTTP server: listening, working, draining."""

import asyncio
import logging
import random
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Any

import structlog
import uvicorn
from litestar.types import ASGIApp

from gateway.app import build_app
from gateway.config.settings import ServerSettings
from gateway.guarded import Guarded
from gateway.policy.heads import Header
from gateway.ports import listen, notice_the_vanished
from gateway.rest.bare import bare
from gateway.wiring import Gateway
from schema.clock import SystemClock
from schema.errors import GatewayError
from schema.ids import REQUEST, Ids
from schema.luck import Luck

log = structlog.get_logger()

GRACE_SECONDS = 30
"""How long requests and streams may take to end once the process was asked to stop."""


_TICK_SECONDS = 0.1
_USUAL = ServerSettings()

_NO_HANDSHAKE = "ASGI callable returned without completing handshake"


def _worth_logging(record: logging.LogRecord) -> bool:
    """uvicorn (0.54) calls every handshake an error that was refused with an answer of the application's own."""
    return not record.msg.startswith(_NO_HANDSHAKE)


def _guarded(bounds: ServerSettings, luck: Luck) -> Any:
    """The protocol of connections, which refuses what is no request before there is an application to do it."""
    ids, clock = Ids(), SystemClock()

    def refuse(error: GatewayError, headers: list[Header]) -> bytes:
        id = ids.make(REQUEST, clock.now())
        log.info("http.refused", request_id=id, status=error.status, problem=error.code)
        return bare(error, id, headers)

    return partial(Guarded, bounds=bounds, refuse=refuse, luck=luck)


class Server(uvicorn.Server):
    """uvicorn without its own signal handlers: stopping is the gateway's business, and begins at once."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._asked = asyncio.Event()

    def stop(self) -> None:
        self.should_exit = True
        self._asked.set()

    async def main_loop(self) -> None:
        """As uvicorn's (0.54), which looks ten times a second whether it is to stop."""
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._asked.wait()

    @contextmanager
    def capture_signals(self) -> Any:
        yield


@asynccontextmanager
async def listening(
    app: ASGIApp, listener: socket.socket, *, bounds: ServerSettings = _USUAL, luck: Luck = random.random
) -> AsyncIterator[Server]:
    """An HTTP server on a listening socket, ready when this yields; ends what was begun at the end.

    Args:
        bounds: how much clients may send, and how long that may take.
        luck: which of the clients that are too slow has a little longer.
    """
    notice_the_vanished(listener, bounds.answer_seconds)
    config = uvicorn.Config(
        app=app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,  # which proxies are believed is the gateway's business
        ws_per_message_deflate=False,
        http=_guarded(bounds, luck),
        ws_max_size=bounds.max_body_bytes,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = Server(config)
    config.load()
    logging.getLogger("uvicorn.error").addFilter(_worth_logging)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started and not task.done():  # noqa: ASYNC110  # uvicorn offers a flag, no event
            await asyncio.sleep(0.005)
        if task.done():
            await task  # raises what went wrong
        yield server
    finally:
        server.stop()
        await task


@asynccontextmanager
async def serving(built: Gateway, *, listener: socket.socket | None = None, worker: bool = True) -> AsyncIterator[None]:
    """Serve a gateway's doors and do its work, until the end of the block; then drain both.

    Args:
        listener: where to listen, if not where the settings say.

    Raises:
        OSError: the address is taken.
    """
    listener = listener or listen(*built.settings.server.address)
    working = asyncio.create_task(at_work(built)) if worker else None
    try:
        async with listening(build_app(built), listener, bounds=built.settings.server, luck=built.luck):
            log.info("gateway.ready", listen="{}:{}".format(*listener.getsockname()[:2]), worker=worker)
            try:
                yield
            finally:
                built.draining.set()
                stop_work(built)
    finally:
        stop_work(built)
        if working is not None:
            await working


async def at_work(built: Gateway) -> None:
    """Do its work and deliver its events, until ``stop_work``."""
    async with asyncio.TaskGroup() as group:
        group.create_task(built.worker.run())
        group.create_task(built.courier.run())


def stop_work(built: Gateway) -> None:
    """Begin nothing more; what was begun ends."""
    built.worker.stop()
    built.courier.stop()


@contextmanager
def stop_signals(stop: Callable[[], None]) -> Any:
    """SIGTERM and SIGINT ask to stop; a second one ends the process at once, which is as safe as a crash."""
    loop = asyncio.get_running_loop()
    asked = False

    def on_signal() -> None:
        nonlocal asked
        if asked:
            raise SystemExit(1)
        asked = True
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            with suppress(ValueError):
                loop.remove_signal_handler(number)
