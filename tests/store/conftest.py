"""Databases for tests: ``database`` runs a test on both engines, each time on an empty one of its own."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from gateway.store.database import Database, connect
from gateway.store.migrate import packaged
from gateway.store.store import Store
from tests.store.postgres_server import PostgresServer
from tests.support.databases import migrated
from tests.support.memory import scratch

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with PostgresServer(scratch(), deadlock_timeout="50ms") as server:
        yield server


@pytest.fixture
async def postgres_url(postgres_server: PostgresServer, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """An empty database; for tests of the ``store`` one that is migrated already, as they would begin by that."""
    name = f"test_{secrets.token_hex(6)}"
    migrated = "store" in request.fixturenames
    yield await (postgres_server.create_migrated(name) if migrated else postgres_server.create(name))
    await postgres_server.drop(name)


@pytest.fixture
async def sqlite_url(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The same of SQLite."""
    file = tmp_path / "filmgate.db"
    if "store" in request.fixturenames:
        await migrated(file)
    return f"sqlite:///{file}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database; ``-k postgres`` or ``-k sqlite`` picks one engine."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await connect(database_url, pool=8)
    yield opened
    await opened.close()


@pytest.fixture
async def store(database: Database) -> Store:
    """The tables as they are shipped, on both engines."""
    await database.migrate(packaged())
    return Store(database)


@pytest.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    opened = await connect(sqlite_url)
    yield opened
    await opened.close()


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[Database]:
    opened = await connect(postgres_url, pool=8)
    yield opened
    await opened.close()


@pytest.fixture
def eventually() -> Eventually:
    """``await eventually(lambda: …)``: until it is true, for a minute at most."""

    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 - nobody tells when it becomes true
                await asyncio.sleep(0.005)

    return wait
