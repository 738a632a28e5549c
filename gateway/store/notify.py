"""Wake-ups between replicas: topics gathered into few NOTIFYs, and one LISTEN connection that comes back by itself.

Only wake-ups: the tables are the truth. A NOTIFY is sent after the commit it speaks of, never inside it, because all
committing transactions that notify share one lock.
"""

import asyncio
import contextlib
import itertools
import random
import secrets
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator

import msgspec
import structlog

from gateway.store.database import StoreError
from gateway.store.pool import Session, give_up
from gateway.store.postgres_errors import DRIVER, told

CHANNEL = "filmgate"
GATHER_SECONDS = 0.015
PAYLOAD_BYTES = 7_900  # PostgreSQL refuses 8,000
RECONNECT_SECONDS = (0.05, 0.2, 0.5, 1.0, 2.0, 5.0)
HEARTBEAT_SECONDS = 15.0

log = structlog.get_logger()


class Announcer:
    """Gathers topics for a moment and sends them in one NOTIFY, signed, so that we do not wake ourselves."""

    def __init__(self, session: Callable[[], contextlib.AbstractAsyncContextManager[Session]]) -> None:
        self.sender = secrets.token_hex(8)
        self._session = session
        self._topics: dict[str, None] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, topics: Collection[str]) -> None:
        self._topics.update(dict.fromkeys(topics))
        if self._topics and self._task is None:
            self._task = asyncio.create_task(self._soon())

    async def stop(self) -> None:
        if self._task is not None:
            await self._task

    async def _soon(self) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        topics, self._topics = self._topics, {}
        self._task = None  # what comes from now on goes with the next one
        try:
            async with self._session() as session:
                for payload in payloads(self.sender, topics):
                    await session.execute("SELECT pg_notify($1, $2)", CHANNEL, payload)
        except (StoreError, *DRIVER) as error:  # only a wake-up; the others look by themselves now and then
            log.warning("store.announce_failed", topics=len(topics), error=type(error).__name__)


def payloads(sender: str, topics: Iterable[str]) -> Iterator[str]:
    """JSON arrays small enough for NOTIFY: who sends, then topics."""
    batch: list[str] = [sender]
    size = len(sender) + 4
    for topic in topics:
        cost = len(msgspec.json.encode(topic)) + 1
        if size + cost > PAYLOAD_BYTES and len(batch) > 1:
            yield msgspec.json.encode(batch).decode()
            batch, size = [sender], len(sender) + 4
        batch.append(topic)
        size += cost
    if len(batch) > 1:
        yield msgspec.json.encode(batch).decode()


class Listener:
    """One LISTEN connection, outside the pool, that comes back whenever it is lost."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Session]],
        sender: str,
        heard: Callable[[list[str]], None],
    ) -> None:
        self._connect = connect
        self._sender = sender
        self._heard = heard
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return when it hears; raise if it can not."""
        self._task = asyncio.create_task(self._stay(await self._subscribe()))

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _subscribe(self) -> Session:
        session = await self._connect()
        try:
            await session.add_listener(CHANNEL, self._notified)
        except BaseException as error:
            give_up(session)
            if isinstance(error, DRIVER):
                raise told(error) from error
            raise
        return session

    async def _stay(self, session: Session) -> None:
        while True:
            try:
                await _until_lost(session)
            finally:
                give_up(session)
            log.warning("store.listener_lost")
            session = await self._subscribe_again()
            self._tell([])

    async def _subscribe_again(self) -> Session:
        for seconds in itertools.chain(RECONNECT_SECONDS, itertools.repeat(RECONNECT_SECONDS[-1])):
            await asyncio.sleep(seconds * (0.5 + random.random() / 2))  # noqa: S311 - replicas come back one by one
            try:
                return await self._subscribe()
            except StoreError as error:
                log.warning("store.listener_down", error=type(error).__name__)
        raise AssertionError("unreachable: the delays never end")

    def _notified(self, _session: object, _pid: int, _channel: str, payload: object) -> None:
        try:
            sender, *topics = msgspec.json.decode(str(payload), type=list[str])
        except ValueError:  # somebody else speaks on our channel
            return
        if sender != self._sender:
            self._tell(topics)

    def _tell(self, topics: list[str]) -> None:
        try:
            self._heard(topics)
        except Exception:
            log.exception("store.listener_callback_failed")


async def _until_lost(session: Session) -> None:
    """Return when the connection is gone; ask now and then, because a dead peer says nothing."""
    lost = asyncio.Event()
    session.add_termination_listener(lambda _: lost.set())
    while not session.is_closed():
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await lost.wait()
        except TimeoutError:
            try:
                await session.execute("SELECT 1")
            except DRIVER:
                return
