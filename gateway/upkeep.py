"""What ``filmgate db`` does: migrate, back up, restore, look, put in quarantine, release. Servers may run meanwhile."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec

from gateway.config.settings import Settings
from gateway.footing import footing
from gateway.services.quarantine import Quarantine, Released, Waiting
from gateway.services.records import Records
from gateway.store import backup as copies
from gateway.store.database import Connection, Database, StoreError, connect
from gateway.store.instance import Census
from gateway.store.migrate import level, packaged
from gateway.store.sqlite import hold
from gateway.store.store import Store
from schema.account import Secret
from schema.clock import Clock, Millis, SystemClock
from schema.ids import Ids
from schema.instance import Instance

_SQLITE = "sqlite:///"


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """A backup that was made. ``level`` is its newest migration."""

    path: str
    bytes: int
    level: str | None
    videos: dict[str, int]


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """A restore that was done. ``replaced`` is where the database that was there lies now."""

    path: str
    replaced: str | None
    epoch: int
    videos: dict[str, int]
    unsent: int


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How a database stands; without facts of the instance while migrations are missing."""

    engine: str
    level: str | None
    pending: list[str]
    instance: Instance | None = None
    videos: dict[str, int] = {}
    tasks: dict[str, int] = {}
    unsent: int = 0


async def migrate(settings: Settings) -> list[str]:
    """Bring the database's schema up to date; the names of what was applied."""
    database = await connect(settings.database.url, pool=2, exclusive=False)
    try:
        return await database.migrate(packaged())
    finally:
        await database.close()


def sqlite_file(settings: Settings) -> Path | None:
    """Where the database lies; None when it is not a file."""
    url = settings.database.url
    return Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else None


def backup(database: Path, file: Path) -> Backup:
    """Copy a SQLite database, which may be in use, over a file.

    Raises:
        StoreError: the database can not be read, or the copy is not whole.
        OSError: the file can not be written.
    """
    copies.back_up(database, file)
    found = copies.census(file)
    return Backup(path=str(file), bytes=file.stat().st_size, level=copies.level(file), videos=found.videos)


async def restore(file: Path, database: Path, clock: Clock) -> Restored:
    """Make a backup the database, in quarantine; the one that was there is kept beside it.

    Raises:
        StoreInUse: a server works on the database.
        BadBackup, SchemaMismatch: the file can not be used. Nothing was changed.
        OSError: the disk refuses. The database is where it was, or under its new name beside it.
    """
    _check_apart(file, database)
    database.parent.mkdir(parents=True, exist_ok=True)
    lock = hold(database.with_name(database.name + ".lock"))
    try:
        copies.check(file)
        copies.check_schema(file, packaged())
        with copies.scratch(database) as fresh:
            copies.copy_to(file, fresh)
            instance, found = await _quarantined(fresh, file.name, clock.now(), behind=copies.epoch(database))
            _give(fresh, database)
            copies.sync(fresh)
            aside = database.with_name(f"{database.name}.replaced-{_stamp(clock.now())}")
            was_there = copies.put_in_place(fresh, database, aside)
    finally:
        os.close(lock)
    return Restored(
        path=str(database),
        replaced=str(aside) if was_there else None,
        epoch=instance.epoch,
        videos=found.videos,
        unsent=found.unsent,
    )


def _check_apart(file: Path, database: Path) -> None:
    """Raise BadBackup when the file is the database, by whatever name: restoring it would only put it aside."""
    if database.exists() and file.samefile(database):
        raise copies.BadBackup("it is the database itself")


async def _quarantined(fresh: Path, source: str, now: Millis, *, behind: int) -> tuple[Instance, Census]:
    """Bring a copy up to date and put it in quarantine, in a life that neither it nor who it replaces has had."""
    database = await connect(f"{_SQLITE}{fresh}", exclusive=False)
    try:
        await database.migrate(packaged())
        store = Store(database)
        await store.write(lambda tx: tx.instance.quarantine(now, source, behind=behind))
        return await store.read(lambda tx: tx.instance.get()), await store.read(lambda tx: tx.instance.census())
    finally:
        await database.close()


def _give(fresh: Path, database: Path) -> None:
    """Let whoever owns the database own what takes its place: the operator need not be the server's user."""
    if database.exists():
        was = database.stat()
        fresh.chmod(was.st_mode & 0o777)
        if os.geteuid() == 0:
            os.chown(fresh, was.st_uid, was.st_gid)


def _stamp(now: Millis) -> str:
    return datetime.fromtimestamp(now / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


async def status(settings: Settings) -> Status:
    """How the database stands. Raises StoreError."""
    async with _opened(settings) as database:
        applied = await database.read(partial(_level, engine=database.name))
        pending = await database.pending(packaged())
        if pending:
            return Status(engine=database.name, level=applied, pending=pending)
        store = Store(database)
        found = await store.read(lambda tx: tx.instance.census())
        return Status(
            engine=database.name,
            level=applied,
            pending=pending,
            instance=await store.read(lambda tx: tx.instance.get()),
            videos=found.videos,
            tasks=found.tasks,
            unsent=found.unsent,
        )


async def _level(connection: Connection, *, engine: str) -> str | None:
    return await level(connection, engine=engine)


async def quarantine(settings: Settings, source: str | None) -> Instance:
    """Put the database in quarantine, as ``restore`` does; for whoever restored it by other means."""
    async with _opened(settings) as database:
        await database.migrate(packaged())
        store = Store(database)
        await store.write(lambda tx: tx.instance.quarantine(SystemClock().now(), source))
        return await store.read(lambda tx: tx.instance.get())


async def root(settings: Settings) -> Secret:
    """What the tokens, hashes and receipts of this database hang on. Raises StoreError."""
    async with _opened(settings) as database:
        return (await footing(settings, Store(database))).root


async def release(settings: Settings, waiting: Waiting, actor: str) -> Released | None:
    """End the quarantine; None when there is none. Servers that run notice within two seconds."""
    async with _opened(settings) as database:
        store = Store(database)
        if not (await store.read(lambda tx: tx.instance.get())).quarantined:
            return None
        clock = SystemClock()
        ground = await footing(settings, store, clock=clock)
        await ground.keeper.refresh()
        service = Quarantine(store=store, records=Records(Ids(), ground.books), clock=clock, ids=Ids())
        return await service.release(waiting, actor, clock.now())


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Database]:
    file = sqlite_file(settings)
    if file is not None and not file.exists():
        raise StoreError(f"{file} is not there yet: filmgate db migrate makes it")
    database = await connect(settings.database.url, pool=2, exclusive=False)
    try:
        yield database
    finally:
        await database.close()
