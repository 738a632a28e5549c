"""A video that can not begin now: it waits in line, or looks again soon, or its patience or its time is over."""

import msgspec

from gateway.policy.backoff import spread
from gateway.policy.routing import Wish
from gateway.services.backlog import Backlog
from gateway.services.queue import Queue
from gateway.services.records import Records
from gateway.store.store import Store, Transaction
from gateway.store.tasks import Task
from schema.attempt import Attempt
from schema.clock import Clock, Millis
from schema.lifecycle import AttemptState, Substate
from schema.luck import Luck
from schema.quote import PASSING, Candidate, Decision, ReasonCode
from schema.video import OnMaxWait, Video, VideoErrorCode

SHORTEST_WAIT = 200
WAIT_PER_WAITING = 10
"""How long a video that can not wait in line waits before it looks again: so long for each that waits (milliseconds).
Together they look a hundred times a second, however many they are."""

LOOK_AGAIN = 30_000
"""Milliseconds after which who waits in line is decided anew though nobody called: what may be had may have changed."""


class Waiting:
    def __init__(
        self, *, store: Store, records: Records, queue: Queue, backlog: Backlog, clock: Clock, luck: Luck
    ) -> None:
        self._store = store
        self._records = records
        self._queue = queue
        self._backlog = backlog
        self._clock = clock
        self._luck = luck

    async def wait(self, task: Task, video: Video, wish: Wish, decision: Decision, *, in_vain: bool) -> None:
        """Let a video wait; the task is not a failure.

        Args:
            in_vain: it was its turn, and the room was gone.
        """
        now = self._clock.now()
        ends = None if wish.max_wait is None else video.created_at + wish.max_wait
        if ends is not None and now >= ends and wish.on_max_wait is OnMaxWait.FAIL:
            await self.give_up(task, VideoErrorCode.WAIT_EXCEEDED, "No better provider account was free in time.")
            return
        place = self._queue.place(video, decision, in_vain=in_vain)
        shortest, begins = (SHORTEST_WAIT, _cure(decision, now)) if place is None else (LOOK_AGAIN, now)
        pause = max(shortest, WAIT_PER_WAITING * await self._backlog.total())
        due = min(max(begins, now + round(spread(pause, self._luck()))), video.deadline_at)
        due = due if ends is None or ends <= now else min(due, ends)
        stored = msgspec.json.encode(decision)

        async def wait(tx: Transaction) -> None:
            locked = await tx.videos.lock(video.id)
            if locked is not None and not locked.ended and locked.substate is None:
                await self._records.video(tx, locked, now, decision=stored, substate=Substate.WAITING_CAPACITY)
            if place is None:
                await tx.tasks.snooze(task, due)
            else:
                await tx.queue.park(task, place, due)

        await self._store.write(wait)

    async def give_up(self, task: Task, code: VideoErrorCode, message: str) -> None:
        """Let a video fail that nobody can make, or not in time."""
        now = self._clock.now()

        async def fail(tx: Transaction) -> None:
            video = await tx.videos.lock(task.subject)
            await tx.tasks.finish(task)
            if video is not None and not video.ended:
                await self._records.fail(tx, video, now, code, message)

        await self._store.write(fail)


def dead_end(attempts: list[Attempt], decision: Decision) -> tuple[VideoErrorCode, str]:
    """Why a video fails that nobody can make any more; that one may have been made weighs more than who refused."""
    if _lost(attempts):
        code = VideoErrorCode.SUBMISSION_OUTCOME_UNKNOWN
        return code, "A provider's answer was lost, and no other account can make this video."
    if any(_only_late(candidate) for candidate in decision.candidates):
        code = VideoErrorCode.DEADLINE_EXCEEDED
        return code, "It could not have been finished in time any more, so it was not sent to a provider."
    return VideoErrorCode.NO_ROUTE, "No provider account can make this video any more."


def too_late(attempts: list[Attempt]) -> str:
    """What to say of a video whose time is over."""
    message = "No provider account was free in time."
    if _lost(attempts):
        message += " A provider's answer was lost before, so nobody can tell whether it makes the video."
    return message


def _lost(attempts: list[Attempt]) -> bool:
    return any(attempt.state is AttemptState.UNKNOWN for attempt in attempts)


def _only_late(candidate: Candidate) -> bool:
    """Nothing that will not pass is against it but the time that is left."""
    lasting = {reason.code for reason in candidate.excluded if reason.code not in PASSING}
    return lasting == {ReasonCode.TOO_SLOW}


def _cure(decision: Decision, now: Millis) -> Millis:
    """The earliest time at which a reason against a waitable account ends; now when none says so."""
    times = [
        max((reason.until or now for reason in candidate.excluded), default=now)
        for candidate in decision.candidates
        if candidate.waitable
    ]
    return min(times, default=now)
