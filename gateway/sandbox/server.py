"""Serves the sandbox over real HTTP on loopback, inside the running event loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from litestar import Litestar, Router
from litestar.di import Provide
from msgspec import Struct

from gateway.sandbox.control import control_router
from gateway.sandbox.doitong_graphql import graphql
from gateway.sandbox.doitong_rest import text_to_video, video
from gateway.sandbox.files import files_router
from gateway.sandbox.hooks import Sender
from gateway.sandbox.settings import SandboxSettings
from gateway.sandbox.veo3o1 import veo3o1_router
from gateway.sandbox.wire import Connections
from gateway.sandbox.world import World
from schema.clock import Clock, SystemClock

HOST = "127.0.0.1"
GRACE_SECONDS = 5.0


class Sandbox(Struct, frozen=True):
    """A sandbox that is being served."""

    url: str
    world: World

    @property
    def veo3o1_url(self) -> str:
        return f"{self.url}/veo3o1/api"

    @property
    def doitong_url(self) -> str:
        """`/graphql` and `/v1/text_to_video` follow it."""
        return f"{self.url}/doitong"


@asynccontextmanager
async def serve(settings: SandboxSettings | None = None, *, clock: Clock | None = None) -> AsyncIterator[Sandbox]:
    """Both upstreams for as long as the context lasts. Installs no signal handler."""
    settings, clock = settings or SandboxSettings(), clock or SystemClock()
    listener = _listen(settings.port)
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    world = World(settings, clock, url)
    async with Sender(world) as sender:
        connections = Connections(_app(world, sender), world)
        server = await _start(connections, listener)
        try:
            yield Sandbox(url, world)
        finally:
            connections.stop()
            await _stop(server)


def _listen(port: int) -> socket.socket:
    """A free port or this one. Without the protocol's name asyncio leaves Nagle on: answers wait 40 ms for an ACK."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError:
        listener.close()
        raise
    return listener


def _app(world: World, sender: Sender) -> Litestar:
    async def the_world() -> World:
        return world

    async def the_sender() -> Sender:
        return sender

    doitong = Router("/doitong", route_handlers=[graphql, text_to_video, video])
    return Litestar(
        [veo3o1_router, doitong, files_router, control_router],
        dependencies={"world": Provide(the_world), "sender": Provide(the_sender)},
        openapi_config=None,
        logging_config=None,
    )


async def _start(connections: Connections, listener: socket.socket) -> uvicorn.Server:
    """Only the parts of uvicorn that listen: no signals, no logging set-up, no loop of its own."""
    config = uvicorn.Config(
        connections,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=60,
        backlog=2048,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    return server


async def _stop(server: uvicorn.Server) -> None:
    """As uvicorn does it, without its pauses: no new callers, then the answers under way, then the connections."""
    for listening in server.servers:
        listening.close()
    state = server.server_state
    for connection in [*state.connections]:
        connection.shutdown()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GRACE_SECONDS):
            while state.connections or state.tasks:  # noqa: ASYNC110 - uvicorn has no event to wait for
                await asyncio.sleep(0.001)
