"""What a database is to the store: a transaction to work in, two engines that offer it, and the errors they share.

* StoreError                  anything the database refuses; the message holds no values
  x ConstraintViolation       a CHECK, a NOT NULL or a foreign key
    x UniqueViolation         … and which columns
  x InvalidValue              a value no column of ours can hold (NUL in text, an integer over 64 bits, NaN)
  x ReadOnly                  a read tried to write
  x CommitUnknown             the commit was sent and its answer is lost: read again before you believe anything
  x StoreUnavailable          nothing was kept, try later; also an Overloaded, so that callers see a 503
  x StoreInUse                another server holds this SQLite file
  x SchemaMismatch            the schema is not the one this version knows (see migrate)

SQL is one text for both engines: ``?`` for values, and two marks that only PostgreSQL reads, ``/*skip locked*/`` and
``/*for update*/`` (SQLite has one writer, so nothing else can hold a row). PostgreSQL wants ``CAST(? AS BIGINT)`` where
a value takes part in arithmetic.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from schema.errors import Overloaded

T = TypeVar("T")

Value = str | int | float | bytes | None
Row = Sequence[Any]

MAX_WAITING = 1_000
"""Transactions that may wait for their turn. More are refused: a queue without end only moves the failure to later."""


class Connection(Protocol):
    """The inside of one transaction; of no use after it.

    A statement that failed ends the transaction: catching its error inside the work does not save the rest.
    """

    async def all(self, sql: str, *args: Value) -> list[Row]:
        """Every row the statement gives."""
        ...

    async def one(self, sql: str, *args: Value) -> Row | None:
        """The first row, or None."""
        ...

    async def run(self, sql: str, *args: Value) -> int:
        """How many rows an INSERT, UPDATE or DELETE changed; 0 for anything else."""
        ...


Work = Callable[[Connection], Awaitable[T]]
"""What is to be done in one transaction. It awaits its Connection and nothing else, and may be run more than once."""


class Migration(msgspec.Struct, frozen=True):
    """One step of the schema: the file's name without its suffix, and its text."""

    name: str
    sql: str


class Database(Protocol):
    """An engine. ``name`` is ``sqlite`` or ``postgresql``."""

    @property
    def name(self) -> str: ...

    async def write(self, work: Work[T], *, tenant: str | None = None) -> T:
        """Run the work in one transaction; durable when this returns, undone if the work raises.

        With ``tenant`` PostgreSQL shows it that tenant's rows and takes no others, whatever its statements say; without
        one it is the engine's and reaches everything. SQLite has no such second line.

        A caller who is cancelled does not undo it: it ends as it would have ended, and only a read can tell how.
        """
        ...

    async def read(self, work: Work[T], *, tenant: str | None = None, snapshot: bool = False) -> T:
        """Run work that can not write; ``tenant`` as for a write.

        Each statement sees one moment. With ``snapshot`` all of them see the same moment; on SQLite they always do,
        on PostgreSQL either costs two more round trips, and so do both together.
        """
        ...

    async def migrate(self, migrations: Sequence[Migration]) -> list[str]:
        """Bring the schema up to date; the names applied now. Any number of replicas may do so at once."""
        ...

    async def pending(self, migrations: Sequence[Migration]) -> list[str]:
        """The names that migrate() would apply."""
        ...

    async def announce(self, topics: Collection[str]) -> None:
        """Wake the other processes that listen, soon; call it after the commit.

        Only a wake-up: it may be lost, it may come twice, and this process does not hear its own. Nothing happens on
        SQLite, where there are no other processes.
        """
        ...

    async def listen(self, heard: Callable[[list[str]], None]) -> None:
        """Begin to hear what other processes announce; an empty list means "you may have missed some"."""
        ...

    async def ping(self) -> None:
        """Return if a transaction could be committed now; raise StoreError or Overloaded otherwise."""
        ...

    async def close(self) -> None:
        """Finish what was begun and let go of everything."""
        ...


class StoreError(Exception):
    """Something the database refused."""


class ConstraintViolation(StoreError):
    """A constraint of the schema refused the row."""


class UniqueViolation(ConstraintViolation):
    """There is such a row already.

    Attributes:
        table: where.
        columns: the columns that must be unique together, in the order of the index; empty if the engine did not say.
        constraint: the index's name if the engine said it (SQLite says it for an index on expressions only).
    """

    def __init__(self, *, table: str = "", columns: tuple[str, ...] = (), constraint: str = "") -> None:
        where = f"{table}({', '.join(columns)})" if columns else constraint or table or "an index"
        super().__init__(f"there is such a row already in {where}")
        self.table = table
        self.columns = columns
        self.constraint = constraint


class InvalidValue(StoreError, ValueError):
    """A value that no column of ours can hold."""


class ReadOnly(StoreError):
    """A read tried to write."""


class CommitUnknown(StoreError):
    """The transaction may have been committed, or not: read again."""


class StoreUnavailable(Overloaded, StoreError):
    """The database can not be used now. Nothing of this transaction was kept."""


class StoreInUse(StoreError):
    """Another server works on this database file."""


class SchemaMismatch(StoreError):
    """The schema in the database and the migrations of this version do not fit together."""


def overloaded() -> Overloaded:
    """The refusal to queue one more transaction."""
    return Overloaded("Too many transactions wait for the database", retry_after_seconds=1)


def check(args: tuple[Value, ...]) -> None:
    """Refuse what one engine would store and the other would not, before either sees it."""
    for position, value in enumerate(args, 1):
        if type(value) is str:
            if "\0" in value:
                raise InvalidValue(f"argument {position} holds a NUL character")
        elif type(value) is float and value != value:  # noqa: PLR0124 - what NaN is; SQLite would store NULL
            raise InvalidValue(f"argument {position} is not a number")


async def connect(url: str, *, pool: int = 16, exclusive: bool = True) -> Database:
    """Open ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``postgresql://…``.

    ``exclusive`` is for servers: a second one on the same SQLite file is refused with StoreInUse. Command line tools
    that look at or repair a running server's file pass False. ``pool`` is the number of PostgreSQL connections.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        from gateway.store.sqlite import open_sqlite

        if not rest.startswith("/") or rest in {"/", "/:memory:"}:
            raise StoreError("a SQLite database is a file: sqlite:///relative.db or sqlite:////absolute/path.db")
        return await open_sqlite(rest[1:], exclusive=exclusive)
    if scheme in {"postgresql", "postgres"}:
        from gateway.store.postgres import open_postgres

        return await open_postgres(url, pool=pool)
    raise StoreError("the database URL must begin with sqlite:/// or postgresql://")
