"""PostgreSQL connections, lent one at a time. They keep no session state, so nothing is reset in between.

Whose rows a transaction reaches is said in the transaction, and forgotten with it.

asyncpg's own pool resets by a query that costs more than a read, makes a task for each return, and lends proxies that
forget their connection the moment the server ends it; all this one needs is a semaphore and a list.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TypeAlias

import asyncpg

from gateway.store.database import StoreError, StoreUnavailable
from gateway.store.postgres_errors import DRIVER, told

Session: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

SETTINGS = {
    "application_name": "filmgate",
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
    "default_transaction_read_only": "on",
    "jit": "off",  # it compiles for longer than our statements run
    "filmgate.scope": "*",  # the engine's; a tenant's transaction says whose it is (bound.py)
}

CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 10.0
"""Longer than the server's own limits: it speaks only when the server is gone without a word."""

WAIT_SECONDS = 5.0
"""How long a transaction may wait for a free connection."""

IDLE_SECONDS = 300.0
"""Unused for longer, a connection may have been forgotten by something in between."""


async def open_session(
    url: str, *, command_timeout: float | None = COMMAND_SECONDS, role: str | None = None
) -> Session:
    """A connection of its own, which acts as ``role`` from its first message on; as whoever logs in when it is None."""
    try:
        return await asyncpg.connect(
            url,
            timeout=CONNECT_SECONDS,
            command_timeout=command_timeout,
            statement_cache_size=512,
            server_settings=SETTINGS if role is None else SETTINGS | {"role": role},
        )
    except ValueError as error:  # its message may quote the URL, which may hold a password
        raise StoreError(f"the database URL can not be used: {type(error).__name__}") from None
    except DRIVER as error:
        raise told(error) from error


def give_up(session: Session) -> None:
    """Whatever state it is in, nobody shall borrow it again."""
    if not session.is_closed():
        session.terminate()


class Pool:
    """Up to ``size`` connections, made when they are needed and replaced when they break; all act as ``role``."""

    def __init__(self, url: str, size: int, *, role: str | None = None) -> None:
        self._url = url
        self._role = role
        self._size = size
        self._permits = asyncio.Semaphore(size)
        self._idle: list[tuple[float, Session]] = []  # the longest idle first
        self._now = asyncio.get_running_loop().time
        self._closing = False

    @contextlib.asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Borrow a connection."""
        if self._closing:
            raise StoreError("the database is closed")
        await self._permit()
        try:
            session = self._take() or await open_session(self._url, role=self._role)
            try:
                yield session
            except asyncio.CancelledError:
                give_up(
                    session
                )  # cancelled while it prepared a statement, asyncpg leaves the server in the midst of it
                raise
            finally:
                self._take_back(session)
        finally:
            self._permits.release()

    async def close(self) -> None:
        """Wait a while for what is lent, then close everything."""
        if self._closing:
            return
        self._closing = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                for _ in range(self._size):
                    await self._permits.acquire()
        for _, session in self._idle:
            with contextlib.suppress(*DRIVER):
                await session.close(timeout=CONNECT_SECONDS)
        self._idle.clear()

    async def _permit(self) -> None:
        if not self._permits.locked():  # only who must wait pays for a timer
            await self._permits.acquire()
            return
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._permits.acquire()
        except TimeoutError:
            raise StoreUnavailable("Every connection to the database is in use", retry_after_seconds=1) from None

    def _take(self) -> "Session | None":
        while self._idle:
            since, session = self._idle.pop()
            if not session.is_closed() and since > self._now() - IDLE_SECONDS:
                return session
            give_up(session)
        return None

    def _take_back(self, session: Session) -> None:
        if session.is_closed():
            return
        if self._closing or session.is_in_transaction():
            give_up(session)
        else:
            self._idle.append((self._now(), session))
        if self._idle and self._idle[0][0] < self._now() - IDLE_SECONDS:
            give_up(self._idle.pop(0)[1])
