"""A hook that is believed, written down: once for its bytes, once for what it says, and only ever forward."""

import structlog

from gateway.policy.hearing import hint, meaning
from gateway.services.records import Case, Records
from gateway.services.updates import Updates
from gateway.store.store import Transaction
from providers.base import Update
from schema.attempt import Attempt
from schema.clock import Millis

log = structlog.get_logger()


class Hearing:
    def __init__(self, *, records: Records, updates: Updates) -> None:
        self._records = records
        self._updates = updates

    async def apply(
        self, tx: Transaction, attempt: Attempt, body_sha256: str, news: tuple[Update, ...], now: Millis
    ) -> bool:
        """Write a hook down; False when it was heard before."""
        case = await self._records.case(tx, attempt.video, attempt.id, now)
        first = await tx.hooks.add(provider=attempt.provider, attempt=attempt.id, body_sha256=body_sha256, now=now)
        if case is None or not first:
            return False
        await self.tell(case, news)
        return True

    async def tell(self, case: Case, news: tuple[Update, ...]) -> None:
        """Write down what a hook says about an attempt."""
        for update in news:
            await self._tell(case, update)

    async def _tell(self, case: Case, update: Update) -> None:
        whose = await self._whose(case, update)
        if whose is None and not case.attempt.replays:
            log.warning("hook.other_ref", attempt=case.attempt.id, ref=case.attempt.ref, said=update.ref)
            return
        believed = hint(update, whose or case.attempt)
        if believed != update:
            log.warning("hook.cost_ignored", attempt=case.attempt.id, said=update.credits)
        if not await self._is_new(case, believed):
            log.info("hook.said_before", attempt=case.attempt.id, phase=update.phase.value)
        elif whose is None:  # sent more than once, and begun more than once
            await self._updates.another_job(case, believed)
        elif whose.id == case.attempt.id:
            await self._updates.news(case, believed)
        else:
            await self._updates.news_beside(case, whose, believed)

    async def _whose(self, case: Case, update: Update) -> Attempt | None:
        """The attempt it speaks of: the one addressed, or another of its video that was sent with its callback URL."""
        if case.attempt.ref in (None, update.ref):
            return case.attempt
        second = await case.tx.attempts.by_ref(case.attempt.account, update.ref)
        return second if second is not None and second.video == case.video.id else None

    async def _is_new(self, case: Case, update: Update) -> bool:
        said = meaning(update, usable=self._updates.brings_file(case.attempt, update))
        if said is None:
            return True
        told = {"provider": case.attempt.provider, "attempt": case.attempt.id, "ref": update.ref, "meaning": said}
        return await case.tx.hooks.tell(**told, now=case.now)
