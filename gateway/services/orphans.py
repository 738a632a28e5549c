"""A signed hook for an attempt this database does not know: it waits for the attempt a while, and is an incident then.

An attempt is kept before it is sent, so what never appears is a job that was paid for in a life that a restore has
lost.
"""

import structlog

from gateway.services.hearing import Hearing
from gateway.services.records import Records
from gateway.store.hooks import ParkedHook
from gateway.store.store import Store, Transaction
from gateway.store.tasks import Task, TaskKind
from schema.attempt import Attempt
from schema.clock import Clock, Millis
from schema.ids import INCIDENT, Ids
from schema.incident import Incident, IncidentKind

log = structlog.get_logger()

FIRST_LOOK = 250
LONGEST_PAUSE = 15_000
"""Between two looks whether the attempt is there: as long again as the hook has waited, and no longer than this."""


class Orphans:
    def __init__(
        self, *, store: Store, records: Records, hearing: Hearing, ids: Ids, clock: Clock, grace: Millis
    ) -> None:
        self._store = store
        self._records = records
        self._hearing = hearing
        self._ids = ids
        self._clock = clock
        self._grace = grace

    async def park(self, hook: ParkedHook) -> None:
        """Keep a hook until its attempt appears; once for a body."""
        told = {"provider": hook.provider, "attempt": hook.attempt, "body_sha256": hook.body_sha256}
        now = hook.received_at

        async def keep(tx: Transaction) -> None:
            if await tx.hooks.add(**told, now=now):
                await tx.hooks.park(hook)
                await tx.tasks.add(TaskKind.HOOK, hook.attempt, now + min(FIRST_LOOK, self._grace))

        await self._store.write(keep)

    async def handle(self, task: Task) -> None:
        """Look whether an attempt is there by now, and apply what waited for it."""

        async def look(tx: Transaction) -> None:
            now, attempt = self._clock.now(), await tx.attempts.get(task.subject)
            waiting = await tx.hooks.parked(task.subject)
            if attempt is None:
                await self._wait(tx, task, waiting, now)
                return
            await self._apply(tx, attempt, waiting, now)
            await tx.tasks.finish(task)

        await self._store.write(look)

    async def _wait(self, tx: Transaction, task: Task, waiting: list[ParkedHook], now: Millis) -> None:
        young = [hook for hook in waiting if now < hook.received_at + self._grace]
        for hook in waiting:
            if hook not in young:
                await self._give_up(tx, hook, now)
        if not young:
            await tx.tasks.finish(task)
            return
        waited = now - min(hook.received_at for hook in young)
        end = min(hook.received_at for hook in young) + self._grace
        await tx.tasks.snooze(task, min(now + min(max(waited, FIRST_LOOK), LONGEST_PAUSE), end))

    async def _apply(self, tx: Transaction, attempt: Attempt, waiting: list[ParkedHook], now: Millis) -> None:
        """What its own account signed is applied; what another did was sent to the wrong address."""
        for hook in waiting:
            case = await self._records.case(tx, attempt.video, attempt.id, now)
            if case is None or hook.provider != attempt.provider or attempt.account not in hook.accounts:
                await self._give_up(tx, hook, now)
            elif await tx.hooks.unpark(hook):
                log.info("hook.unparked", provider=hook.provider, attempt=attempt.id, waited=now - hook.received_at)
                await self._hearing.tell(case, hook.news)

    async def _give_up(self, tx: Transaction, hook: ParkedHook, now: Millis) -> None:
        """Nobody will ever know it: write an incident down."""
        if not await tx.hooks.unpark(hook):
            return
        log.warning("hook.orphan", provider=hook.provider, accounts=hook.accounts, attempt=hook.attempt)
        await tx.incidents.add(
            Incident(
                id=self._ids.make(INCIDENT, now),
                at=now,
                kind=IncidentKind.ORPHAN_HOOK,
                attempt=hook.attempt,
                account=hook.accounts[0],
                data={
                    "provider": hook.provider,
                    "body_sha256": hook.body_sha256,
                    "received_at": hook.received_at,
                    "news": [{"ref": update.ref, "phase": update.phase} for update in hook.news],
                },
            )
        )
