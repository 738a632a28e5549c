"""Whole copies of a SQLite database: taken while a server works on it, checked before anybody trusts them.

``VACUUM INTO`` copies one moment of the source and holds up no writer; the copy is one file, with no log beside it.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import apsw

from gateway.store import migrate
from gateway.store.database import Connection, Migration, StoreError
from gateway.store.instance import Census, Instances
from gateway.store.sqlite import LOCK_WAIT, library_version, look_into, refuse_old, translated

_LOG = "-wal"
_INDEX = "-shm"


class BadBackup(StoreError):
    """The file is no database of ours, or is damaged."""


def back_up(database: Path, file: Path) -> None:
    """Copy a database that may be in use to a file, replacing it: whole and checked, or not at all."""
    with scratch(file) as copy:
        copy_to(database, copy)
        check(copy)
        copy.replace(file)
        sync(file.parent)


@contextlib.contextmanager
def scratch(file: Path) -> Iterator[Path]:
    """A place for what becomes a file, on the same disk; whatever is still there at the end is removed."""
    with tempfile.TemporaryDirectory(prefix=f".{file.name}.", dir=file.parent) as folder:
        yield Path(folder) / file.name


def copy_to(source: Path, target: Path) -> None:
    """Copy a database as it is at this moment; on disk when this returns. Only who may read the source may read it.

    Raises:
        StoreError: the source can not be read.
        OSError: the target is there already, or can not be written.
    """
    refuse_old(library_version())
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, source.stat().st_mode & 0o777))
    try:
        with contextlib.closing(apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            connection.set_busy_timeout(LOCK_WAIT)
            connection.execute("VACUUM INTO ?", (str(target),))
    except apsw.Error as error:
        raise translated(error) from error
    sync(target)


def check(file: Path) -> None:
    """Raise BadBackup unless the file is a whole database."""
    try:
        found = look_into(file, _integrity)
    except StoreError as error:
        raise BadBackup(f"it can not be read as a database ({error})") from error
    if found != "ok":
        raise BadBackup(f"it is damaged ({found})")


async def _integrity(connection: Connection) -> str:
    row = await connection.one("PRAGMA integrity_check(1)")
    return "nothing" if row is None else str(row[0]).splitlines()[0]


def check_schema(file: Path, migrations: list[Migration]) -> None:
    """Raise unless this version can work with the file, or bring it up to date.

    Raises:
        BadBackup: it is another program's.
        SchemaMismatch: it was migrated by a newer version, or by another one.
    """

    async def pending(connection: Connection) -> list[str]:
        return await migrate.pending(connection, engine="sqlite", migrations=migrations)

    if len(look_into(file, pending)) == len(migrations):
        raise BadBackup("it is not a database of filmgate's")


async def _census(connection: Connection) -> Census:
    return await Instances(connection).census()


def census(file: Path) -> Census:
    """What a file holds."""
    return look_into(file, _census)


async def _epoch(connection: Connection) -> int:
    return (await Instances(connection).get()).epoch


def epoch(file: Path) -> int:
    """Which life a file's database is in; 0 when there is none, or it can not be read."""
    try:
        return look_into(file, _epoch)
    except StoreError:
        return 0


async def _level(connection: Connection) -> str | None:
    return await migrate.level(connection, engine="sqlite")


def level(file: Path) -> str | None:
    """The newest migration applied to a file."""
    return look_into(file, _level)


def put_in_place(fresh: Path, database: Path, aside: Path) -> bool:
    """Make a fresh file the database; whether there was one, which is kept under another name, its log with it.

    Nobody may have either open. A crash in the middle leaves every file there is, under one name or the other.
    """
    was_there = database.exists()
    _fold_log(database)
    _beside(database, _INDEX).unlink(missing_ok=True)
    for suffix in (_LOG, ""):  # a log left behind would be taken for the fresh file's
        if (old := _beside(database, suffix)).exists():
            old.replace(_beside(aside, suffix))
    sync(database.parent)
    fresh.replace(database)
    sync(database.parent)
    return was_there


def _fold_log(database: Path) -> None:
    """Bring what lies in the log into the file, if both can still be read; if not, the log goes with its file."""
    with (
        contextlib.suppress(apsw.Error),
        contextlib.closing(apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READWRITE)) as connection,
    ):
        connection.pragma("schema_version")  # a connection that has read nothing does not know that there is a log
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)


def _beside(file: Path, suffix: str) -> Path:
    return file.with_name(file.name + suffix)


def sync(path: Path) -> None:
    """Make a file's bytes, or a folder's names, survive a power cut."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
