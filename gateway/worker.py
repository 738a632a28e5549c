"""The worker: claims due tasks under leases, runs their handlers, keeps the leases alive, stops cleanly."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import structlog

from gateway.config.settings import Timing, WorkerSettings
from gateway.policy import backoff
from gateway.store.database import StoreError
from gateway.store.store import Store
from gateway.store.tasks import ALL_KINDS, StaleLease, Task, TaskKind
from schema.clock import Clock, Millis, millis
from schema.errors import IllegalMove, Overloaded
from schema.luck import Luck

log = structlog.get_logger()

Handler = Callable[[Task], Awaitable[None]]
Call = Callable[[], Awaitable[Millis | None]]
"""Makes those due whose turn it is; tells when it wants to be asked again though nothing else happens."""

MaySend = Callable[[], Awaitable[bool]]
"""Whether sends may be claimed now; asked before every claim."""

SAFE_KINDS = tuple(kind for kind in ALL_KINDS if kind is not TaskKind.SUBMIT)
"""What may be done at any time: none of it costs money."""

CLAIM_AT_ONCE = 50
SENDS_OF_FOUR = 3
"""Of four places, so many may be taken by sends; the rest is for polls, replays and downloads."""


class Worker:
    """One per process. ``run()`` until ``stop()``; then what was begun ends, and what was not is given back."""

    def __init__(
        self,
        *,
        name: str,
        store: Store,
        handlers: Mapping[TaskKind, Handler],
        clock: Clock,
        luck: Luck,
        timing: Timing,
        settings: WorkerSettings,
        may_send: MaySend,
        call: Call,
        beside: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._name = name
        self._store = store
        self._handlers = handlers
        self._clock = clock
        self._luck = luck
        self._lease = millis(timing.lease_seconds)
        self._beat = timing.lease_beat_seconds
        self._settings = settings
        self._may_send = may_send
        self._call = call
        self._beside = beside
        self._call_at: Millis | None = None
        self._stopping = asyncio.Event()
        self._news = asyncio.Event()
        self._running: dict[asyncio.Task[None], Task] = {}

    def nudge(self) -> None:
        """Work may have become due: look now."""
        self._news.set()

    def stop(self) -> None:
        """Claim no more."""
        self._stopping.set()
        self._news.set()

    async def run(self) -> None:
        """Work until told to stop; then let sends end, drop what is safe to do again, and give back what is left."""
        beating = asyncio.create_task(self._keep_leases())
        beside = None if self._beside is None else asyncio.ensure_future(self._beside())
        try:
            while not self._stopping.is_set():
                self._news.clear()
                claimed = await self._claim()
                for task in claimed:
                    await self._begin(task)
                if not claimed:
                    await self._pause()
            await self._drain()
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating
            if beside is not None:
                beside.cancel()
                await asyncio.wait({beside})
            await self._give_back()

    async def _drain(self) -> None:
        """Polls and downloads can be done again by anybody; a send that has begun can not (it shields itself)."""
        for running, task in self._running.items():
            if task.kind is not TaskKind.SUBMIT:
                running.cancel()
        while self._running:
            await asyncio.wait(self._running)

    async def _room(self) -> tuple[int, tuple[TaskKind, ...]]:
        """How many tasks may be claimed, and of which kinds: sends to a silent upstream must not take every place."""
        room = self._settings.concurrency - len(self._running)
        share = sends_at_once(self._settings.concurrency)
        sends = share - sum(task.kind is TaskKind.SUBMIT for task in self._running.values())
        if sends > 0 and await self._may_send():
            return min(room, sends, CLAIM_AT_ONCE), ALL_KINDS
        return min(room, CLAIM_AT_ONCE), SAFE_KINDS

    async def _claim(self) -> list[Task]:
        now = self._clock.now()
        try:
            room, kinds = await self._room()
            if room > 0 and TaskKind.SUBMIT in kinds:
                self._call_at = await self._call()
            due = await self._store.read(lambda tx: tx.tasks.next_due(kinds))
            if room <= 0 or due is None or due > now:
                return []
            return await self._store.write(
                lambda tx: tx.tasks.claim(self._name, now=now, until=now + self._lease, limit=room, kinds=kinds)
            )
        except (StoreError, Overloaded) as error:
            log.warning("worker.claim_failed", error=str(error))
            return []
        except Exception:  # whatever it is, a worker that died in silence would leave everything lying
            log.exception("worker.claim_crashed")
            return []

    async def _pause(self) -> None:
        """Until the next task is due, somebody nudges, or a while has passed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(await self._idle_seconds()):
                await self._news.wait()

    async def _idle_seconds(self) -> float:
        longest = self._settings.poll_seconds
        try:
            room, kinds = await self._room()
            due = await self._store.read(lambda tx: tx.tasks.next_due(kinds))
        except (StoreError, Overloaded):
            return longest
        call_at = self._call_at if TaskKind.SUBMIT in kinds else None  # whom nobody could send needs no call
        moments = [moment for moment in (due, call_at) if moment is not None]
        if not moments or room <= 0:
            return longest
        return min(max((min(moments) - self._clock.now()) / 1000, 0.001), longest)

    async def _begin(self, task: Task) -> None:
        """Run its handler, unless one still runs: then its lease had lapsed under it, and it is looked at later."""
        if any((task.kind, task.subject) == (other.kind, other.subject) for other in self._running.values()):
            log.warning("task.still_running", task=task.kind.value, subject=task.subject)
            await self._put_off(task, task.lease)
            return
        running = asyncio.create_task(self._run(task))
        self._running[running] = task
        running.add_done_callback(self._ended)

    def _ended(self, running: asyncio.Task[None]) -> None:
        del self._running[running]
        self._news.set()

    async def _run(self, task: Task) -> None:
        """One handler. Whatever it raises, the task comes back later; only this task suffers."""
        structlog.contextvars.bind_contextvars(task=task.kind.value, subject=task.subject)
        try:
            await self._handlers[task.kind](task)
        except StaleLease:
            log.info("task.stale_lease")
        except (StoreError, Overloaded, IllegalMove) as error:
            log.warning("task.put_off", error=str(error))
            await self._put_off(task)
        except Exception:
            log.exception("task.crashed")
            await self._put_off(task)

    async def _put_off(self, task: Task, delay: Millis | None = None) -> None:
        if delay is None:
            delay = backoff.retry(task.errors, first=1, longest=60, luck=self._luck())
        due = self._clock.now() + delay
        with suppress(StaleLease):  # the handler had finished or rescheduled it before it failed
            try:
                await self._store.write(lambda tx: tx.tasks.snooze(task, due, errors=task.errors + 1))
            except (StoreError, Overloaded) as error:
                log.warning("task.put_off_failed", error=str(error))  # its lease will lapse

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(self._beat)
            if self._running:
                await self._renew(self._clock.now() + self._lease)

    async def _renew(self, until: Millis) -> None:
        try:
            await self._store.write(lambda tx: tx.tasks.renew(self._name, until))
        except (StoreError, Overloaded) as error:
            log.warning("worker.renew_failed", error=str(error))

    async def _give_back(self) -> None:
        now = self._clock.now()
        try:
            await self._store.write(lambda tx: tx.tasks.release(self._name, now))
        except (StoreError, Overloaded) as error:
            log.warning("worker.release_failed", error=str(error))


def sends_at_once(concurrency: int) -> int:
    """How many of a worker's places sends may take."""
    return max(concurrency * SENDS_OF_FOUR // 4, 1)
