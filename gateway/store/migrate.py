"""The schema, step by step: plain SQL files, forward only, each applied once and in one transaction.

A file ``migrations/NNNN_what_it_does.sql`` holds statements that end with ``;`` at the end of a line. A statement whose
first line ends with ``-- sqlite only`` or ``-- postgresql only`` is skipped on the other engine. A file that was
applied anywhere is never edited: the database remembers its checksum.
"""

import hashlib
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from importlib import resources

from gateway.store.database import Connection, Migration, SchemaMismatch, Work
from schema.clock import SystemClock

FOLDER = "migrations"
POSTGRESQL = "postgresql"

_NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_ONLY = re.compile(r"--\s*(sqlite|postgresql) only\s*$")
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(?P<comment>--[^\n]*)|(?P<end>;[ \t]*(?:--[^\n]*)?(?:\n|\Z))")

_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
  name TEXT PRIMARY KEY,
  sha256 TEXT NOT NULL,
  applied_at BIGINT NOT NULL
)"""
_EXISTS = {
    "sqlite": "SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'",
    POSTGRESQL: "SELECT 1 FROM pg_class WHERE oid = to_regclass('schema_migrations')",
}
_ALONE = (  # replicas that start together take turns; the one that waits may wait as long as a migration takes
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL lock_timeout = '10min'",
    "SELECT pg_advisory_xact_lock(7267017461)",
    "SET LOCAL lock_timeout = '2s'",  # a table lock that queues longer would stop the replicas that serve
)

Write = Callable[[Work[str | None]], Awaitable[str | None]]
"""An engine's write(): one transaction a call."""


def packaged() -> list[Migration]:
    """The migrations this version comes with, in order."""
    files = [file for file in resources.files(__package__).joinpath(FOLDER).iterdir() if _NAME.fullmatch(file.name)]
    return [Migration(file.name.removesuffix(".sql"), file.read_text("utf-8")) for file in sorted(files, key=_by_name)]


def _by_name(file: resources.abc.Traversable) -> str:
    return file.name


async def apply(write: Write, engine: str, migrations: Sequence[Migration]) -> list[str]:
    """Apply what is missing, one transaction each; the names applied here."""
    names: list[str] = []
    while (name := await write(partial(_apply_next, engine=engine, migrations=migrations))) is not None:
        names.append(name)
    return names


async def pending(connection: Connection, *, engine: str, migrations: Sequence[Migration]) -> list[str]:
    """What apply() would apply."""
    return [migration.name for migration in await _missing(connection, engine, migrations)]


async def level(connection: Connection, *, engine: str) -> str | None:
    """The newest migration that was applied; None when nothing was."""
    if await connection.one(_EXISTS[engine]) is None:
        return None
    row = await connection.one("SELECT max(name) FROM schema_migrations")
    return None if row is None else row[0]


async def _apply_next(connection: Connection, *, engine: str, migrations: Sequence[Migration]) -> str | None:
    """Apply the first that is missing; None when there is none."""
    for sql in _ALONE if engine == POSTGRESQL else ():
        await connection.run(sql)
    missing = await _missing(connection, engine, migrations)
    if not missing:
        return None
    migration = missing[0]
    await connection.run(_TABLE)
    for sql in statements(migration.sql, engine):
        await connection.run(sql)
    await connection.run(
        "INSERT INTO schema_migrations (name, sha256, applied_at) VALUES (?, ?, ?)",
        migration.name,
        checksum(migration),
        SystemClock().now(),
    )
    return migration.name


async def _missing(connection: Connection, engine: str, migrations: Sequence[Migration]) -> list[Migration]:
    """Those not applied yet, in order; raises if what was applied is not what this version knows."""
    ordered = sorted(migrations, key=lambda migration: migration.name)
    if await connection.one(_EXISTS[engine]) is None:
        return ordered
    rows = await connection.all("SELECT name, sha256 FROM schema_migrations ORDER BY name")
    applied: dict[str, str] = {name: sha256 for name, sha256 in rows}  # noqa: C416 - rows are not pairs to mypy
    known = {migration.name: checksum(migration) for migration in ordered}
    if unknown := [name for name in applied if name not in known]:
        raise SchemaMismatch(
            f"the database was migrated by a newer version ({', '.join(unknown)}); this version can not go back. "
            "Start the newer version, or restore a backup from before the upgrade"
        )
    if changed := [name for name, sha256 in applied.items() if known[name] != sha256]:
        raise SchemaMismatch(f"migration {', '.join(changed)} was changed after it was applied; restore its text")
    return [migration for migration in ordered if migration.name not in applied]


def checksum(migration: Migration) -> str:
    return hashlib.sha256(migration.sql.encode()).hexdigest()


def statements(sql: str, engine: str) -> Iterator[str]:
    """The statements meant for this engine, without comments."""
    for statement in _split(sql):
        first = next((line for line in statement.splitlines() if not _is_comment(line)), "")
        only = _ONLY.search(first)
        if first and (only is None or only[1] == engine):
            yield _TOKEN.sub(_bare, statement).strip()


def _split(sql: str) -> Iterator[str]:
    start = 0
    for token in _TOKEN.finditer(sql):
        if token["end"] is not None:
            yield sql[start : token.end()]
            start = token.end()
    yield sql[start:]


def _is_comment(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("--")


def _bare(token: re.Match[str]) -> str:
    return token[0] if token["comment"] is None and token["end"] is None else ""
