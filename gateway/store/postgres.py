"""PostgreSQL: short transactions that are tried again when others were in the way.

Sessions are read-only until a transaction says otherwise, so the engine's read needs no transaction of its own: one
round trip instead of three. A tenant's has one, which names the tenant in the message that begins it. Every wait has an
end: statements, locks and idle transactions on the server, commands here.
"""

import asyncio
import contextlib
import itertools
import random
import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import lru_cache, partial
from typing import Any, NoReturn, TypeVar, cast

import asyncpg

from gateway.store import migrate
from gateway.store.bound import bind, scoped
from gateway.store.database import (
    MAX_WAITING,
    CommitUnknown,
    Connection,
    InvalidValue,
    Migration,
    Row,
    StoreError,
    Value,
    Work,
    check,
    overloaded,
)
from gateway.store.notify import Announcer, Listener
from gateway.store.pool import CONNECT_SECONDS, Pool, Session, give_up, open_session
from gateway.store.postgres_errors import DRIVER, Contended, told

T = TypeVar("T")

OLDEST = 13
"""The oldest major version we accept; the tests run on 18."""

ATTEMPTS = 4
RETRY_SECONDS = 0.02

WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
READ = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"
SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


async def open_postgres(url: str, *, pool: int) -> "Postgres":
    """Connect, and make sure that this server can keep what we give it, and keeps tenants apart."""
    session = await open_session(url, command_timeout=None)  # replicas that start together take turns
    try:
        await _check(session)
        role = await bind(session)
    except DRIVER as error:
        raise told(error) from error
    finally:
        await _close(session)
    return Postgres(url, Pool(url, pool, role=role))


async def _close(session: Session) -> None:
    with contextlib.suppress(*DRIVER):
        await session.close(timeout=CONNECT_SECONDS)


async def _check(session: Session) -> None:
    encoding = await session.fetchval("SHOW server_encoding")
    version = session.get_server_version().major
    if version < OLDEST or encoding != "UTF8":
        raise StoreError(f"PostgreSQL {OLDEST} or newer with UTF8 is needed; this is {version} with {encoding}")


class Postgres:
    """A Database that any number of replicas share."""

    name = "postgresql"

    def __init__(self, url: str, pool: Pool) -> None:
        self._url = url
        self._pool = pool
        self._writes: set[asyncio.Task[Any]] = set()
        self._announcer = Announcer(pool.session)
        self._listener: Listener | None = None

    async def write(self, work: Work[T], *, tenant: str | None = None) -> T:
        if len(self._writes) >= MAX_WAITING:
            raise overloaded()
        task = asyncio.ensure_future(_persistently(partial(self._write, scoped(WRITE, tenant), work)))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        return await asyncio.shield(task)  # a cancelled caller does not undo it, nor leaves a connection half way

    async def _write(self, begin: str, work: Work[T]) -> T:
        async with self._pool.session() as session:
            return await _transact(session, begin, work, _commit)

    async def read(self, work: Work[T], *, tenant: str | None = None, snapshot: bool = False) -> T:
        begin = scoped(SNAPSHOT if snapshot else READ, tenant)
        async with self._pool.session() as session:
            if snapshot or tenant is not None:
                return await _transact(session, begin, work, _end)
            transaction = _Transaction(session)
            result = await work(transaction)
            transaction.end()
            return result

    async def migrate(self, migrations: Sequence[Migration]) -> list[str]:
        session = await open_session(self._url, command_timeout=None)  # a migration takes the time it takes

        async def write(work: Work[T]) -> T:
            return await _persistently(lambda: _transact(session, WRITE, work, _commit))

        try:
            return await migrate.apply(write, self.name, migrations)
        finally:
            await _close(session)

    async def pending(self, migrations: Sequence[Migration]) -> list[str]:
        work = partial(migrate.pending, engine=self.name, migrations=migrations)
        return await self.read(work, snapshot=True)

    async def announce(self, topics: Collection[str]) -> None:
        self._announcer.add(topics)

    async def listen(self, heard: Callable[[list[str]], None]) -> None:
        if self._listener is not None:
            raise RuntimeError("this database listens already")
        self._listener = Listener(partial(open_session, self._url), self._announcer.sender, heard)
        await self._listener.start()

    async def ping(self) -> None:
        await self.write(_nothing)

    async def close(self) -> None:
        if self._listener is not None:
            await self._listener.stop()
        await asyncio.gather(*self._writes, return_exceptions=True)
        await self._announcer.stop()
        await self._pool.close()


async def _nothing(connection: Connection) -> None:
    """A transaction that may write: a standby would refuse it."""
    await connection.one("SELECT 1")


async def _persistently(attempt: Callable[[], Awaitable[T]]) -> T:
    """Try again when others were in the way. Nothing was kept then, so the whole transaction is run anew."""
    for tried in range(1, ATTEMPTS):
        try:
            return await attempt()
        except Contended:
            await asyncio.sleep(RETRY_SECONDS * tried * random.random())  # noqa: S311 - only to come apart
    return await attempt()


async def _transact(session: Session, begin: str, work: Work[T], end: Callable[[Session], Awaitable[None]]) -> T:
    try:
        await session.execute(begin)
    except DRIVER as error:
        give_up(session)
        raise told(error) from error
    transaction = _Transaction(session)
    try:
        result = await work(transaction)
        transaction.end()
    except Exception:
        await _roll_back(session)
        raise
    await end(session)
    return result


async def _roll_back(session: Session) -> None:
    if session.is_closed():
        return
    try:
        await session.execute("ROLLBACK")
    except DRIVER:
        give_up(session)


async def _end(session: Session) -> None:
    """End a read. Its answers are all there: a connection that is lost now takes nothing with it."""
    try:
        await session.execute("COMMIT")
    except DRIVER:
        give_up(session)


async def _commit(session: Session) -> None:
    try:
        ended = await session.execute("COMMIT")
    except asyncpg.IntegrityConstraintViolationError as error:
        raise told(error) from None
    except asyncpg.TransactionRollbackError as error:
        _commit_refused(error)
    except DRIVER as error:
        give_up(session)
        raise CommitUnknown(f"no answer to a commit: {type(error).__name__}") from error
    if ended != "COMMIT":  # what PostgreSQL answers for a transaction that had failed
        raise StoreError(f"a commit ended as {ended}")


def _commit_refused(error: asyncpg.TransactionRollbackError) -> NoReturn:
    if isinstance(error, asyncpg.StatementCompletionUnknownError):
        raise CommitUnknown("the server does not know how a commit ended") from error
    raise told(error) from error


class _Transaction:
    """The Connection a work is given."""

    __slots__ = ("_session", "refusal")

    def __init__(self, session: Session) -> None:
        self._session = session
        self.refusal: StoreError | None = None

    async def all(self, sql: str, *args: Value) -> list[Row]:
        self._check(args)
        try:
            return cast("list[Row]", await self._session.fetch(dollars(sql), *args))
        except DRIVER as error:
            self._refuse(error)

    async def one(self, sql: str, *args: Value) -> Row | None:
        self._check(args)
        try:
            return cast("Row | None", await self._session.fetchrow(dollars(sql), *args))
        except DRIVER as error:
            self._refuse(error)

    async def run(self, sql: str, *args: Value) -> int:
        self._check(args)
        try:
            tag = await self._session.execute(dollars(sql), *args)
        except DRIVER as error:
            self._refuse(error)
        return changed(tag)

    def end(self) -> None:
        """Raise if a statement failed, even if the work did not mind: the server would not commit."""
        if self.refusal is not None:
            raise self.refusal
        self.refusal = StoreError("this transaction has ended")

    def _check(self, args: tuple[Value, ...]) -> None:
        if self.refusal is not None:
            raise self.refusal
        try:
            check(args)
        except InvalidValue as error:
            self.refusal = error
            raise

    def _refuse(self, error: Exception) -> NoReturn:
        if isinstance(error, TimeoutError):  # ours: what the server is doing now nobody knows
            give_up(self._session)
        self.refusal = told(error, closed=self._session.is_closed())
        raise self.refusal from None  # the driver's message quotes values


def changed(tag: str) -> int:
    """Rows, from what the server says a command did: ``UPDATE 3``, ``INSERT 0 1``, ``CREATE TABLE``."""
    verb, _, rest = tag.partition(" ")
    return int(rest.rpartition(" ")[2]) if verb in {"INSERT", "UPDATE", "DELETE"} else 0


_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\?", re.DOTALL)
_MARKS = {"/*skip locked*/": "FOR UPDATE SKIP LOCKED", "/*for update*/": "FOR UPDATE"}


@lru_cache(4096)
def dollars(sql: str) -> str:
    """Our SQL as PostgreSQL spells it: ``?`` becomes ``$1``, ``$2``, …, marks become clauses, literals stay."""
    numbers = itertools.count(1)

    def spelled(token: re.Match[str]) -> str:
        return f"${next(numbers)}" if token[0] == "?" else _MARKS.get(token[0], token[0])

    return _TOKEN.sub(spelled, sql)
