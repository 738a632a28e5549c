"""A sandbox with a clock that only moves by hand, and callers for it."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import msgspec
import pytest

from gateway.sandbox.server import Sandbox, serve
from gateway.sandbox.settings import DEFAULT_ACCOUNTS, AccountSettings, SandboxSettings
from tests.sandbox.callers import Desk, Doitong, HandClock, Receiver, Veo

CERTIFICATES = httpx.create_ssl_context()  # once: loading them is slower than a test
Start = Callable[..., Awaitable[Sandbox]]


@pytest.fixture(autouse=True)
def nothing_breaks_inside(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The server logs an error when a handler or a connection breaks in a way nobody scripted."""
    yield
    assert [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR] == []


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def start(clock: HandClock) -> AsyncIterator[Start]:
    """Starts a sandbox; `veo3o1={…}` and `doitong={…}` change the default accounts."""
    async with AsyncExitStack() as stack:

        async def begin(veo3o1: dict[str, Any] | None = None, doitong: dict[str, Any] | None = None, **settings: Any):
            changes = ({"concurrent": 0} | (veo3o1 or {}), doitong or {})
            accounts: list[AccountSettings] = [
                msgspec.structs.replace(account, **change)
                for account, change in zip(DEFAULT_ACCOUNTS, changes, strict=True)
            ]
            chosen = SandboxSettings(accounts=tuple(accounts), **settings)
            return await stack.enter_async_context(serve(chosen, clock=clock))

        yield begin


@pytest.fixture
async def sandbox(start: Start) -> Sandbox:
    return await start()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=60, verify=CERTIFICATES) as client:
        yield client


@pytest.fixture
def veo(client: httpx.AsyncClient, sandbox: Sandbox) -> Veo:
    return Veo(client, sandbox)


@pytest.fixture
def doitong(client: httpx.AsyncClient, sandbox: Sandbox) -> Doitong:
    return Doitong(client, sandbox)


@pytest.fixture
def desk(client: httpx.AsyncClient, sandbox: Sandbox) -> Desk:
    return Desk(client, sandbox)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


@pytest.fixture
def advance(clock: HandClock, sandbox: Sandbox) -> Callable[[float], None]:
    """Moves the clock by so many seconds and lets the webhooks know."""

    def move(seconds: float) -> None:
        clock.time += round(seconds * 1000)
        sandbox.world.agenda.on_head()

    return move
