"""SQLite for an asyncio server: one writer that commits in groups, reads on the loop, one server per file.

Concurrent write() calls share one BEGIN IMMEDIATE … COMMIT, each in its own SAVEPOINT. Statements run on the event
loop (tens of microseconds each transaction); only COMMIT, which waits for the disk, runs in a thread, and nobody is
answered before it returned. Work that comes meanwhile waits for the next group. Why not a writer thread: it would have
to win the interpreter back for every statement, and a busy loop does not let go (measured: p99 of 100 ms and more).
"""

import asyncio
import contextlib
import contextvars
import fcntl
import os
import re
from collections import deque
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar, cast

import apsw

from gateway.store import migrate
from gateway.store.database import (
    MAX_WAITING,
    CommitUnknown,
    Connection,
    ConstraintViolation,
    InvalidValue,
    Migration,
    ReadOnly,
    Row,
    StoreError,
    StoreInUse,
    StoreUnavailable,
    UniqueViolation,
    Value,
    Work,
    check,
    overloaded,
)

T = TypeVar("T")

OLDEST = (3, 51, 3)
"""Older ones can corrupt a WAL that two connections write and checkpoint (sqlite.org/wal.html, "the WAL-reset bug")."""

LOCK_WAIT = 5_000
"""Milliseconds to wait for another process (a command line tool) that writes."""

GROUP_SIZE = 64
GROUP_SECONDS = 0.003
"""A group ends at so many transactions or after so much time on the loop, so that requests are served in between."""

PRAGMAS: dict[str, str | int] = {
    "journal_mode": "wal",
    "synchronous": 2,  # FULL: what was acknowledged survives a power cut
    "busy_timeout": LOCK_WAIT,
    "foreign_keys": 1,
    "mmap_size": 0,  # an I/O error must be an error, not a signal
    "journal_size_limit": 64 * 1024 * 1024,
    "wal_autocheckpoint": 1_000,
    "temp_store": 2,
    "cache_size": -32_000,
}

_UNIQUE = frozenset({apsw.SQLITE_CONSTRAINT_UNIQUE, apsw.SQLITE_CONSTRAINT_PRIMARYKEY, apsw.SQLITE_CONSTRAINT_ROWID})
_UNAVAILABLE = (apsw.BusyError, apsw.LockedError, apsw.FullError, apsw.IOError, apsw.CantOpenError, apsw.NoMemError)

_Outcome = tuple["asyncio.Future[Any]", Any, BaseException | None]


async def open_sqlite(path: str, *, exclusive: bool) -> "Sqlite":
    """Open the file, make it if there is none."""
    refuse_old(library_version())
    file = Path(path)
    with contextlib.ExitStack() as undo:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            lock = hold(file.with_name(file.name + ".lock")) if exclusive else None
            if lock is not None:
                undo.callback(os.close, lock)
            writer = _open(file)
            undo.callback(writer.close)
            reader = _open(file)
            undo.callback(reader.close)
            reader.pragma("query_only", True)
        except (apsw.Error, OSError) as error:
            raise StoreError(f"can not open {file}: {error}") from error
        undo.pop_all()
    return Sqlite(writer, reader, lock)


def look_into(file: Path, work: Work[T]) -> T:
    """Run a work that only asks on a file as it lies: nothing is locked, made or changed.

    Raises:
        StoreError: there is no such file, it is no database, or what the work asked for is not there.
    """
    try:
        connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
        with contextlib.closing(connection):
            connection.set_busy_timeout(LOCK_WAIT)
            return _drive(work, _Transaction(connection, connection.cursor()))
    except apsw.Error as error:
        raise translated(error) from error


def library_version() -> str:
    """The SQLite that apsw brought, such as ``3.54.1``."""
    version: str = apsw.sqlite_lib_version()
    return version


def refuse_old(version: str) -> None:
    """Raise unless this SQLite is free of the bug that corrupts files."""
    if tuple(int(part) for part in version.split(".")) < OLDEST:
        raise StoreError(f"SQLite {version} can corrupt its file; {'.'.join(map(str, OLDEST))} or newer is needed")


def hold(path: Path) -> int:
    """Take the lock that one server holds while it lives; the kernel lets go of it however the server ends."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 20).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise StoreInUse(
            f"another filmgate server (process {holder}) works on this database: {path} is locked"
        ) from None
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    return lock


def _open(file: Path) -> apsw.Connection:
    connection = apsw.Connection(str(file), statementcachesize=512)
    # without it a statement whose plan may depend on a value (a partial index) is prepared anew whenever one is bound
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    for name, value in PRAGMAS.items():
        connection.pragma(name, value)
    for name, value in PRAGMAS.items():
        if (actual := connection.pragma(name)) != value:
            connection.close()
            raise StoreError(f"SQLite keeps {name} at {actual} where {value} is needed; is {file} on a local disk?")
    return connection


class Sqlite:
    """A Database in one file."""

    name = "sqlite"

    def __init__(self, writer: apsw.Connection, reader: apsw.Connection, lock: int | None) -> None:
        self._writer = _Writer(writer)
        self._reader = reader
        self._read = reader.cursor()
        self._lock = lock
        self._closed = False

    async def write(self, work: Work[T], *, tenant: str | None = None) -> T:  # noqa: ARG002 - it has no second line
        result: T = await self._writer.add(work)
        return result

    async def read(
        self,
        work: Work[T],
        *,
        tenant: str | None = None,  # noqa: ARG002 - it has no second line
        snapshot: bool = False,  # noqa: ARG002 - it always is one here
    ) -> T:
        if self._closed:
            raise StoreError("the database is closed")
        if self._writer.working or self._reader.in_transaction:
            raise RuntimeError("a transaction can not begin inside another")
        self._read.execute("BEGIN DEFERRED")
        try:
            return _drive(work, _Transaction(self._reader, self._read))
        finally:
            if not self._reader.get_autocommit():  # some I/O errors end it on their own
                self._read.execute("END")

    async def migrate(self, migrations: Sequence[Migration]) -> list[str]:
        return await migrate.apply(self.write, self.name, migrations)

    async def pending(self, migrations: Sequence[Migration]) -> list[str]:
        return await self.read(partial(migrate.pending, engine=self.name, migrations=migrations))

    async def announce(self, topics: Collection[str]) -> None:
        """Nobody else to wake: one server works on this file."""

    async def listen(self, heard: Callable[[list[str]], None]) -> None:
        """Nobody else to hear."""

    async def ping(self) -> None:
        await self.write(_nothing)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._reader.close()
        await self._writer.close()
        if self._lock is not None:
            os.close(self._lock)


async def _nothing(_: Connection) -> None:
    """Begin and commit: the write lock can be had and the commit thread lives."""


class _Writer:
    """Runs works in groups on the one connection that writes."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.working = False  # a work is being driven at this moment
        self._connection = connection
        self._cursor = connection.cursor()
        self._connection.set_busy_timeout(0)  # on the loop nothing waits; see _wait_for_lock
        self._loop = asyncio.get_running_loop()
        self._thread = _DiskThread(self._loop)
        self._waiting: deque[tuple[Work[Any], asyncio.Future[Any], contextvars.Context]] = deque()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False

    def add(self, work: Work[Any]) -> "asyncio.Future[Any]":
        """Queue the work; the future is done after its commit. Cancelling the future changes nothing else."""
        if self.working:
            raise RuntimeError("a transaction can not begin inside another")
        if self._closing:
            raise StoreError("the database is closed")
        if len(self._waiting) >= MAX_WAITING:
            raise overloaded()
        future: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append((work, future, contextvars.copy_context()))  # one of a group still knows whose it is
        if self._idle.is_set():
            self._idle.clear()
            self._loop.call_soon(self._begin)  # soon, not now: whoever else is ready joins this group
        return future

    async def close(self) -> None:
        self._closing = True
        await self._idle.wait()
        done = self._loop.create_future()
        self._thread.run(self._tidy, done.set_result)
        await done
        self._thread.stop()
        self._connection.close()

    def _tidy(self) -> None:
        with contextlib.suppress(apsw.Error):  # a tool that still reads may hold it up; the next start does it again
            self._cursor.execute("PRAGMA optimize")
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def _begin(self) -> None:
        try:
            self._cursor.execute("BEGIN IMMEDIATE")
        except apsw.BusyError:
            self._thread.run(self._wait_for_lock, self._begun)
        except apsw.Error as error:
            self._begun(error)
        else:
            self._begun(None)

    def _wait_for_lock(self) -> None:
        self._connection.set_busy_timeout(LOCK_WAIT)
        try:
            self._cursor.execute("BEGIN IMMEDIATE")
        finally:
            self._connection.set_busy_timeout(0)

    def _begun(self, refusal: Exception | None) -> None:
        group: list[_Outcome] = []
        if refusal is not None:
            group = [(future, None, None) for _, future, _ in self._waiting]
            self._waiting.clear()
            self._fail(group, refusal, translated(refusal))
            return
        try:
            self._work(group)
        except (apsw.Error, StoreUnavailable) as error:  # the whole group is undone, or can not manage a savepoint
            self._fail(group, error, translated(error))
        else:
            self._thread.run(self._commit, partial(self._committed, group))

    def _work(self, group: list[_Outcome]) -> None:
        until = self._loop.time() + GROUP_SECONDS
        while self._waiting and len(group) < GROUP_SIZE and (not group or self._loop.time() < until):
            work, future, context = self._waiting.popleft()
            group.append((future, None, None))  # counted in before it begins: it shares the group's fate
            self._cursor.execute("SAVEPOINT work")
            self.working = True
            try:
                group[-1] = (future, context.run(_drive, work, _Transaction(self._connection, self._cursor)), None)
            except BaseException as error:  # whatever it is, it belongs to the work's caller
                if not self._connection.in_transaction:
                    raise StoreUnavailable(f"SQLite undid a group of transactions: {error}") from error
                self._cursor.execute("ROLLBACK TO work")
                group[-1] = (future, None, error)
            finally:
                self.working = False
            self._cursor.execute("RELEASE work")

    def _commit(self) -> None:
        self._cursor.execute("COMMIT")

    def _committed(self, group: list[_Outcome], refusal: Exception | None) -> None:
        if refusal is None:
            self._answer(group)
        elif isinstance(
            refusal, apsw.FullError | apsw.BusyError | apsw.ConstraintError
        ):  # said before a mark was written
            self._fail(group, refusal, translated(refusal))
        else:
            self._fail(group, refusal, CommitUnknown(f"the commit failed: {refusal}"))

    def _fail(self, group: list[_Outcome], cause: Exception, error: StoreError) -> None:
        if self._connection.in_transaction:
            with contextlib.suppress(apsw.Error):
                self._cursor.execute("ROLLBACK")
        error.__cause__ = cause
        self._answer([(future, None, error) for future, _, _ in group])

    def _answer(self, group: list[_Outcome]) -> None:
        for future, result, error in group:
            if future.done():  # its caller was cancelled
                continue
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)
        if self._waiting:
            self._loop.call_soon(self._begin)  # behind the callers just woken: what they write next joins in
        else:
            self._idle.set()


class _DiskThread:
    """The one thread that waits for the disk; what it did is told on the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._jobs: SimpleQueue[tuple[Callable[[], None], Callable[[Exception | None], object]] | None] = SimpleQueue()
        # a daemon: a process that ends without close() must end; whoever waited for this commit was told nothing
        self._thread = Thread(target=self._serve, name="sqlite-commit", daemon=True)
        self._thread.start()

    def run(self, job: Callable[[], None], then: Callable[[Exception | None], object]) -> None:
        self._jobs.put((job, then))

    def stop(self) -> None:
        self._jobs.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (item := self._jobs.get()) is not None:
            job, then = item
            refusal: Exception | None = None
            try:
                job()
            except Exception as error:  # noqa: BLE001 - judged on the loop
                refusal = error
            try:
                self._loop.call_soon_threadsafe(then, refusal)
            except RuntimeError:  # the loop is closed, nobody waits for the answer
                return


class _Transaction:
    """The Connection a work is given: statements run at once on this thread, so awaiting them never suspends."""

    __slots__ = ("_connection", "_cursor", "refusal")

    def __init__(self, connection: apsw.Connection, cursor: apsw.Cursor) -> None:
        self._connection = connection
        self._cursor = cursor
        self.refusal: StoreError | None = None

    async def all(self, sql: str, *args: Value) -> list[Row]:
        return self._execute(sql, args)

    async def one(self, sql: str, *args: Value) -> Row | None:
        rows = self._execute(sql, args)
        return rows[0] if rows else None

    async def run(self, sql: str, *args: Value) -> int:
        before = self._connection.total_changes()
        self._execute(sql, args)
        # changes() keeps its count through statements that change nothing, such as CREATE
        return self._connection.changes() if self._connection.total_changes() != before else 0

    def _execute(self, sql: str, args: tuple[Value, ...]) -> list[Row]:
        if self.refusal is not None:
            raise self.refusal
        try:
            check(args)
            return cast("list[Row]", self._cursor.execute(sql, args).fetchall())
        except (apsw.Error, OverflowError, UnicodeEncodeError, InvalidValue) as error:
            self.refusal = translated(error)
            raise self.refusal from None


def _drive(work: Work[T], transaction: _Transaction) -> T:
    """Run the work to its end, here and now."""
    steps = _steps(work, transaction)
    try:
        steps.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    transaction.refusal = StoreError("this transaction has ended")
    steps.close()
    raise RuntimeError("a transaction may await its Connection and nothing else")


async def _steps(work: Work[T], transaction: _Transaction) -> T:
    result = await work(transaction)
    if transaction.refusal is not None:  # PostgreSQL would not commit this either
        raise transaction.refusal
    transaction.refusal = StoreError("this transaction has ended")
    return result


def translated(error: Exception) -> StoreError:
    """SQLite's refusal in the words both engines share."""
    match error:
        case StoreError():
            told: StoreError = error
        case OverflowError():
            told = InvalidValue("an integer does not fit into 64 bits")
        case UnicodeEncodeError():
            told = InvalidValue("a text can not be written as UTF-8")
        case apsw.ConstraintError():
            told = _constraint(error)
        case apsw.ReadOnlyError():
            told = ReadOnly("a read can not write")
        case _ if isinstance(error, _UNAVAILABLE):
            told = StoreUnavailable(f"The database can not be used: {error}", retry_after_seconds=1)
        case _:
            told = StoreError(str(error))
    return told


def _constraint(error: apsw.ConstraintError) -> ConstraintViolation:
    if getattr(error, "extendedresult", 0) not in _UNIQUE:
        return ConstraintViolation(str(error))
    if index := re.search(r"index '([^']+)'", str(error)):
        return UniqueViolation(constraint=index[1])
    names = [name.rpartition(".") for name in str(error).partition(": ")[2].split(", ")]
    return UniqueViolation(table=names[0][0], columns=tuple(column for _, _, column in names))
