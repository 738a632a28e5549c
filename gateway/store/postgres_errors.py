"""What PostgreSQL and its driver refuse, in the words both engines share, and free of values."""

import re

import asyncpg

from gateway.store.database import (
    ConstraintViolation,
    InvalidValue,
    ReadOnly,
    StoreError,
    StoreUnavailable,
    UniqueViolation,
)

DRIVER = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, UnicodeEncodeError)
"""Everything asyncpg raises."""

_CONTENDED = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidCachedStatementError,  # another replica migrated meanwhile: the next try prepares afresh
    asyncpg.OutdatedSchemaCacheError,
)
_UNAVAILABLE = (
    OSError,  # TimeoutError is one
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # statement timeout, shutdown, starting up
    asyncpg.InsufficientResourcesError,  # disk full, too many connections
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,
)


class Contended(StoreUnavailable):
    """Others hold what this transaction needs; trying again may help."""


def told(error: Exception, *, closed: bool = False) -> StoreError:
    """Translate; ``closed`` if the connection is gone, whatever the driver calls it."""
    match error:
        case asyncpg.IntegrityConstraintViolationError():
            ours: StoreError = _constraint(error)
        case asyncpg.ReadOnlySQLTransactionError():
            ours = ReadOnly("a read can not write")
        case asyncpg.DataError() | UnicodeEncodeError():
            ours = InvalidValue(f"a value does not fit its column: {type(error).__name__}")
        case asyncpg.InterfaceError() if isinstance(error, ValueError):
            ours = InvalidValue(f"a value does not fit its column: {_argument(error)}")
        case _ if isinstance(error, _CONTENDED):
            ours = Contended(f"Others are in the way: {type(error).__name__}", retry_after_seconds=1)
        case _ if isinstance(error, _UNAVAILABLE) or closed:
            ours = StoreUnavailable(f"The database can not be used: {_words(error)}", retry_after_seconds=1)
        case _:
            ours = StoreError(_words(error))
    return ours


def _words(error: Exception) -> str:
    """The message without DETAIL, where PostgreSQL quotes rows."""
    return f"{type(error).__name__}: {error.args[0] if error.args else ''}"


def _argument(error: Exception) -> str:
    found = re.search(r"\$\d+", str(error))
    return f"argument {found[0]}" if found else type(error).__name__


def _constraint(error: asyncpg.IntegrityConstraintViolationError) -> ConstraintViolation:
    if not isinstance(error, asyncpg.UniqueViolationError):
        return ConstraintViolation(str(error.args[0]))
    listed = re.search(r"\(([\w\", ]+)\)=\(", error.detail or "")
    columns = tuple(column.strip('"') for column in listed[1].split(", ")) if listed else ()
    return UniqueViolation(table=error.table_name or "", columns=columns, constraint=error.constraint_name or "")
