"""A restored database sends nothing and accepts nothing until an operator confirms it.

What waited when the backup was made may have been sent after it, by a life of this database that is lost. Nobody here
can tell; so nobody here sends it (docs/decisions/0008).
"""

import asyncio
from enum import StrEnum
from functools import partial

import msgspec
import structlog

from gateway.services.records import Records
from gateway.services.trailing import write_down
from gateway.store.store import Store, Transaction
from gateway.store.tasks import TaskKind
from schema.attempt import Attempt, Reason, Verdict
from schema.clock import Clock, Millis
from schema.errors import FailureKind, Quarantined
from schema.ids import Ids
from schema.instance import Instance
from schema.lifecycle import AttemptMove, AttemptState
from schema.video import Video, VideoErrorCode

log = structlog.get_logger()

LOOK_EVERY = 1_000
"""Milliseconds for which one look at the database serves every create and every claim."""

FAILED_AT_ONCE = 50
"""Videos that are ended at once, each in a transaction of its own: a server that runs meanwhile must get its turn."""

_MESSAGE = (
    "It had not been sent when the backup was made from which the gateway was restored. It may have been sent after "
    "that, so it was not sent again, and costs you nothing."
)


class Waiting(StrEnum):
    """What becomes, at the release, of videos that no upstream is known to have."""

    FAIL = "fail"  # they end as submission_outcome_unknown: nothing is paid twice
    RESUME = "resume"  # they are sent: whoever says so knows that nothing was sent since the backup


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """How many videos the release let go on, and how many it ended."""

    resumed: int
    failed: int


class Quarantine:
    def __init__(self, *, store: Store, records: Records, clock: Clock, ids: Ids) -> None:
        self._ids = ids
        self._store = store
        self._records = records
        self._clock = clock
        self._on = True
        self._looked_at: Millis | None = None

    async def state(self) -> Instance:
        """How it stands now, exactly."""
        now = self._clock.now()
        instance = await self._store.read(lambda tx: tx.instance.get())
        self._on, self._looked_at = instance.quarantined, now
        return instance

    async def is_on(self) -> bool:
        """Whether nothing may be sent or accepted; at most a second old."""
        now = self._clock.now()
        if self._looked_at is None:
            await self.state()
        elif not 0 <= now - self._looked_at <= LOOK_EVERY:
            self._looked_at = now  # those who ask while one looks are answered from the last look
            await self.state()
        return self._on

    async def is_off(self) -> bool:
        return not await self.is_on()

    async def refuse(self) -> None:
        """Raise Quarantined while nothing may be accepted."""
        if await self.is_on():
            raise Quarantined(retry_after_seconds=60)

    async def release(self, waiting: Waiting, actor: str, now: Millis) -> Released:
        """End the quarantine. Without one nothing happens; after one that broke off it can be said again.

        Args:
            waiting: what becomes of videos that no upstream is known to have.
            actor: who takes the responsibility; remembered.
        """
        failed = 0
        end = partial(self._end, waiting=waiting, actor=actor, now=now)
        while isinstance(ended := await self._store.write(end), list):
            failed += sum(await asyncio.gather(*(self._fail(id, now) for id in ended)))
        await self.state()
        log.warning("quarantine.released", actor=actor, waiting=waiting, resumed=ended, failed=failed)
        return Released(resumed=ended, failed=failed)

    async def _end(self, tx: Transaction, *, waiting: Waiting, actor: str, now: Millis) -> int | list[str]:
        """End the quarantine, and say how many videos go on; or, when some must fail first, say which."""
        if not (await tx.instance.lock()).quarantined:
            return 0
        if waiting is Waiting.FAIL and (unsent := await tx.instance.unsent(FAILED_AT_ONCE)):
            return unsent
        await tx.instance.release(now, actor)
        facts = {"waiting": waiting.value}
        action, subject = "quarantine.released", "gateway"
        await write_down(tx, self._ids, now, actor=actor, action=action, subject=subject, after=facts)
        return await tx.instance.count_unsent()

    async def _fail(self, id: str, now: Millis) -> bool:
        """End one video; False when it ended, turned up at an upstream, or was released by somebody else meanwhile."""

        async def fail(tx: Transaction) -> bool:
            released = not (await tx.instance.lock()).quarantined
            video = await tx.videos.lock(id)
            attempts = await tx.attempts.of_video(id)
            if video is None or video.ended or released or any(map(_turned_up, attempts)):
                return False
            await tx.tasks.drop(TaskKind.SUBMIT, id)
            for attempt in attempts:
                if attempt.state is AttemptState.SUBMITTING:
                    video = await self._lose(tx, attempt, now) or video
            await self._records.fail(tx, video, now, VideoErrorCode.SUBMISSION_OUTCOME_UNKNOWN, _MESSAGE)
            return True

        return await self._store.write(fail)

    async def _lose(self, tx: Transaction, attempt: Attempt, now: Millis) -> Video | None:
        """Its sender is lost, as for every start; what became of it stays unknown."""
        case = await self._records.case(tx, attempt.video, attempt.id, now)
        if case is None:
            return None
        reason = Reason(FailureKind.LOST, "its sender did not live to tell")
        await case.move_attempt(AttemptMove.LOSE, verdict=Verdict.UNKNOWN, reason=reason)
        return case.video


def _turned_up(attempt: Attempt) -> bool:
    return attempt.ref is not None and attempt.state is not AttemptState.FAILED
