"""What the flows share: a PostgreSQL of their own, and how long the crash runs are (``--rounds 20`` for long ones)."""

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from tests.store.postgres_server import PostgresServer
from tests.support.memory import scratch

ROUNDS = 2


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, help=f"kills for each point and provider (default: {ROUNDS})")


@pytest.fixture(scope="session")
def rounds(pytestconfig: pytest.Config) -> int:
    """How often each crash is repeated; the option is unknown when this folder was not named on the command line."""
    chosen = pytestconfig.getoption("--rounds", default=None)
    return ROUNDS if chosen is None else int(chosen)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server for whoever needs one; each test makes a database of its own in it, and drops it."""
    with PostgresServer(scratch()) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgres"])
async def database_url(request: pytest.FixtureRequest) -> AsyncIterator[str | None]:
    """A database of each engine for one test: None for SQLite in the test's folder, or one of PostgreSQL's."""
    if request.param == "sqlite":
        yield None
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = f"flow_{secrets.token_hex(4)}"
    yield await server.create_migrated(name)
    await server.drop(name)


@pytest.fixture
def log_apart(tmp_path: Path) -> Iterator[None]:
    """What the gateway logs is not what the commands print, although one process does both here."""
    before = structlog.get_config()
    with (tmp_path / "log").open("w") as file:
        structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=file))
        yield
        structlog.configure(**before)
