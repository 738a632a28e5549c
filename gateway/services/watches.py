"""Watching an attempt until its end is known: polls, replays of a lost submit under its key, and the deadline."""

import hashlib

import structlog
from msgspec.structs import replace

from gateway.config.settings import Timing
from gateway.policy import backoff
from gateway.policy.capability import fit
from gateway.policy.failover import AccountStep
from gateway.policy.metering import Purpose
from gateway.policy.standing import Lesson
from gateway.probe import Point, Probe
from gateway.services.accounts import Accounts
from gateway.services.limits import Limits
from gateway.services.pacing import Pacing
from gateway.services.places import ALONE, Places
from gateway.services.quarantine import Quarantine
from gateway.services.records import Case, Records
from gateway.services.sends import Sends
from gateway.services.submits import Callbacks, begin
from gateway.services.tending import UNANSWERED
from gateway.services.updates import Updates
from gateway.store.store import Store, Transaction
from gateway.store.tasks import Task
from gateway.upstream import Upstream
from providers.base import Provider, Submission
from providers.limits import until_reset
from schema.account import Account
from schema.attempt import Attempt
from schema.clock import Clock, Millis, millis
from schema.errors import FailureKind, ProviderFailure
from schema.lifecycle import OPEN, AttemptMove, AttemptState
from schema.luck import Luck
from schema.resolution import Verb
from schema.video import OnUnsupported, Video, VideoErrorCode

log = structlog.get_logger()

LATE_WATCH = 24 * 3_600_000
"""After its video ended an attempt is watched for a day: a late success was billed, and is recorded."""

LATE_POLL = 600_000
"""… every ten minutes (milliseconds)."""

HELD_LOOK = 2_000
"""While the database is in quarantine, a lost submit waits for its replay and looks so often for the release."""

BUSY_LOOK = 200
BUSY_LOOK_EACH = 10
"""While polls of its account have all the places they may, one more looks again so soon, and no sooner than so long for
each of its videos (milliseconds): together they look a hundred times a second, however many they are."""

NEVER_SEEN = 3
"""Polls in a row that knew no such ref, and none that did."""

NEVER_SEEN_FOR = 12
"""… over so many of the shortest pauses between two polls: a minute (reliability, rule PRETRY)."""

_LESSONS = {
    FailureKind.RATE_LIMITED: AccountStep.REST,
    FailureKind.BUSY: AccountStep.REST,
    FailureKind.UNAUTHORIZED: AccountStep.DISTRUST,
}
"""What a failed poll says about the account. It never fails the video: asking again is free."""


class Watches:
    def __init__(
        self,
        *,
        store: Store,
        accounts: Accounts,
        updates: Updates,
        records: Records,
        sends: Sends,
        upstream: Upstream,
        callbacks: Callbacks,
        quarantine: Quarantine,
        limits: Limits,
        clock: Clock,
        luck: Luck,
        pacing: Pacing,
        timing: Timing,
        probe: Probe,
        places: Places = ALONE,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._updates = updates
        self._records = records
        self._sends = sends
        self._upstream = upstream
        self._callbacks = callbacks
        self._quarantine = quarantine
        self._limits = limits
        self._clock = clock
        self._luck = luck
        self._pacing = pacing
        self._timing = timing
        self._probe = probe
        self._places = places

    async def handle(self, task: Task) -> None:
        """Look after one attempt, and say when to look again."""
        attempt, video = await self._store.read(lambda tx: _known(tx, task.subject))
        if attempt is None or video is None or attempt.state not in OPEN:
            await self._store.write(lambda tx: tx.tasks.finish(task))
            return
        now = self._clock.now()
        configured = self._accounts.once(attempt.account)
        held = await self._quarantine.is_on()
        if held:
            video = _unhurried(video, now)
        if not video.ended and now >= video.deadline_at:
            await self._expire(task, attempt, now)
        elif video.ended and now >= video.deadline_at + LATE_WATCH and not await self._found_lately(attempt, now):
            await self._let_go(task, attempt, now)
        elif configured is None:
            await self._snooze(task, attempt, video, LATE_POLL)
        elif held and attempt.ref is None:
            await self._snooze(task, attempt, video, HELD_LOOK)
        elif attempt.ref is None:
            await self._replay(task, attempt, video, *self._as_sent(attempt, configured))
        else:
            await self._poll(task, attempt, video, *self._as_sent(attempt, configured))

    def _as_sent(self, attempt: Attempt, configured: tuple[Account, Provider]) -> tuple[Account, Provider]:
        """With the credential it was sent with while that works, then with the one of today."""
        account, provider = configured
        return self._accounts.as_sent(account, attempt.credential_version), provider

    # polls

    async def _poll(self, task: Task, attempt: Attempt, video: Video, account: Account, provider: Provider) -> None:
        if provider.polls is None or attempt.ref is None:
            await self._snooze(task, attempt, video, None)
            return
        if self._places.busy(account.id):
            pause = max(BUSY_LOOK, BUSY_LOOK_EACH * self._accounts.active(account.id))
            await self._snooze(task, attempt, video, pause)
            return
        until = await self._limits.take_for_poll(account)
        taken_at = self._clock.now()
        if until is not None:
            await self._snooze(task, attempt, video, until - taken_at)
            return
        try:
            with self._places.polling(account.id):
                asked = await self._upstream.ask(provider.polls.poll(attempt.ref), account, provider.adapter)
        except ProviderFailure as failure:
            if self._of_former(account, failure):
                await self._snooze(task, attempt, video, 0)
            else:
                await self._failed_poll(task, attempt, video, account, failure, taken_at=taken_at)
            return
        update = asked.result
        now = self._clock.now()
        due = now + (LATE_POLL if now >= video.deadline_at else self._pacing.next(account, attempt, update))

        async def tell(tx: Transaction) -> None:
            case = await self._records.case(tx, attempt.video, attempt.id, now)
            await self._accounts.polled(tx, account, now)
            await self._limits.settle(tx, account, Purpose.POLL, asked.headers, taken_at=taken_at)
            await tx.tasks.snooze(task, _bounded(due, video))
            if case is not None and case.attempt.state in OPEN:
                await case.move_attempt(polls=case.attempt.polls + 1, sightings=0)
                await self._updates.news(case, update)

        self._probe(Point.BEFORE_NEWS)
        await self._store.write(tell)

    def _of_former(self, account: Account, failure: ProviderFailure) -> bool:
        """A credential that was replaced is refused: that says nothing about the account, and ends the credential."""
        current = self._accounts.once(account.id)
        former = current is not None and current[0].credential_version != account.credential_version
        if not former or failure.kind is not FailureKind.UNAUTHORIZED:
            return False
        self._accounts.drop(account.id, account.credential_version)
        log.info("account.former_credential_ended", account=account.id, credential_version=account.credential_version)
        return True

    async def _failed_poll(
        self,
        task: Task,
        attempt: Attempt,
        video: Video,
        account: Account,
        failure: ProviderFailure,
        *,
        taken_at: Millis,
    ) -> None:
        """Asking failed; the upstream may still be making it. Ask again later, later each time."""
        now = self._clock.now()
        log.info("attempt.poll_failed", attempt=attempt.id, account=account.id, kind=failure.kind)
        step = AccountStep.COUNT if failure.kind in UNANSWERED else _LESSONS.get(failure.kind, AccountStep.NOTHING)
        delay = self._after_failed_poll(task, video, failure)
        missing = failure.kind is FailureKind.NOT_FOUND
        rest = until_reset(failure.headers, now) if failure.retry_after is None else failure.retry_after

        async def note(tx: Transaction) -> None:
            case = await self._records.case(tx, attempt.video, attempt.id, now)
            if failure.headers:
                await self._limits.settle(tx, account, Purpose.POLL, failure.headers, taken_at=taken_at)
            if step is AccountStep.NOTHING:
                await self._accounts.polled(tx, account, now)
            else:
                lesson = Lesson(step=step, kind=failure.kind, retry_after=rest, polled=True, luck=self._luck())
                await self._accounts.learn(tx, account, lesson, now)
            if case is not None and case.attempt.state in OPEN:
                await case.move_attempt(
                    polls=case.attempt.polls + 1, sightings=case.attempt.sightings + 1 if missing else 0
                )
                if await self._wrongly_bound(case):
                    await self._updates.unbind(case)
            due = video.deadline_at if delay is None else now + delay
            await tx.tasks.snooze(task, _bounded(due, video), errors=task.errors + 1)

        await self._store.write(note)

    async def _wrongly_bound(self, case: Case) -> bool:
        """An operator gave it a ref that its provider has never heard of, and had time to hear of."""
        attempt = case.attempt
        if attempt.sightings < NEVER_SEEN or attempt.sightings < attempt.polls:
            return False
        since = case.now - NEVER_SEEN_FOR * millis(self._timing.poll_min_seconds)
        resolutions = await case.tx.resolutions.of_attempt(attempt.id)
        return any((one.verb, one.ref) == (Verb.BIND, attempt.ref) and one.at <= since for one in resolutions)

    def _after_failed_poll(self, task: Task, video: Video, failure: ProviderFailure) -> Millis | None:
        """None: there is no way to ask, so only a hook or the deadline is left (upstreams, row D4)."""
        if self._clock.now() >= video.deadline_at:
            return LATE_POLL
        if failure.kind is FailureKind.UNSUPPORTED:
            return None
        shortest = self._timing.poll_min_seconds
        pause = backoff.retry(task.errors, first=2 * shortest, longest=12 * shortest, luck=self._luck())
        return max(pause, millis(failure.retry_after or 0))

    # replays

    async def _replay(self, task: Task, attempt: Attempt, video: Video, account: Account, provider: Provider) -> None:
        """Send the same bytes under the same key to the same account, while the window lasts and somebody waits."""
        schedule = self._timing.replay_schedule_seconds
        forgotten = self._clock.now() - attempt.started_at > millis(self._timing.replay_window_seconds)
        if not attempt.keyed or video.ended or forgotten or attempt.replays >= len(schedule):
            await self._snooze(task, attempt, video, None)
            return
        # as it was sent: what needed adjusting was sent because the policy of then adjusted it
        spec = fit(video.spec, provider.capabilities, OnUnsupported.ADJUST).spec
        callback_url = self._callbacks.url(account.provider, attempt.id) if attempt.callback else None
        try:
            flow, request = begin(
                provider, spec, Submission(key=attempt.key, callback_url=callback_url, image=attempt.image)
            )
        except ProviderFailure:  # the account's options changed: it can not even be said any more
            log.exception("attempt.replay_impossible", attempt=attempt.id)
            await self._snooze(task, attempt, video, None)
            return
        if hashlib.sha256(request.body).hexdigest() != attempt.body_sha256:
            log.error("attempt.replay_differs", attempt=attempt.id)
            await self._snooze(task, attempt, video, None)
            return
        next_delay = backoff.replay(schedule, attempt.replays + 1, self._luck())
        replayed = await self._intend_replay(task, attempt, account, next_delay)
        if replayed is not None:
            await self._sends.send(replayed, flow, request, account, provider)

    async def _intend_replay(
        self, task: Task, attempt: Attempt, account: Account, next_delay: Millis | None
    ) -> Attempt | None:
        """Count the replay before it is sent; None when the truth arrived meanwhile."""
        now = self._clock.now()

        async def intend(tx: Transaction) -> Attempt | None:
            case = await self._records.case(tx, attempt.video, attempt.id, now)
            if case is None or case.attempt.ref is not None or case.attempt.state is not AttemptState.UNKNOWN:
                await tx.tasks.snooze(task, now)
                return None
            await tx.accounts.lock(account.id)
            blocked = await self._limits.until(tx, account, now) or await self._accounts.retry(tx, account.id, now)
            if blocked is not None:
                await tx.tasks.snooze(task, _bounded(blocked, case.video))
                return None
            await self._limits.take(tx, account, now)
            due = case.video.deadline_at if next_delay is None else now + next_delay
            await tx.tasks.snooze(task, _bounded(due, case.video))
            await case.move_attempt(replays=case.attempt.replays + 1, replayed_at=now)
            return case.attempt

        return await self._store.write(intend)

    # ends

    async def _expire(self, task: Task, attempt: Attempt, now: Millis) -> None:
        """Nobody told us the end in time: the video fails, the attempt stays watched for a late success."""

        async def expire(tx: Transaction) -> None:
            case = await self._records.case(tx, attempt.video, attempt.id, now)
            await tx.tasks.snooze(task, now + LATE_POLL)
            if case is None:
                return
            if case.attempt.state is AttemptState.RUNNING and case.video.routing.deadline_seconds is None:
                await case.move_attempt(AttemptMove.LOSE)
            await case.fail_video(VideoErrorCode.DEADLINE_EXCEEDED, "The provider did not finish in time.")

        await self._store.write(expire)

    async def _found_lately(self, attempt: Attempt, now: Millis) -> bool:
        """An operator bound it less than a day ago: it is watched as long as from its video's end."""
        resolutions = await self._store.read(lambda tx: tx.resolutions.of_attempt(attempt.id))
        return any(now < one.at + LATE_WATCH for one in resolutions)

    async def _let_go(self, task: Task, attempt: Attempt, now: Millis) -> None:
        """A day after its video ended nobody waits for this attempt any more; what it was stays unknown."""

        async def let_go(tx: Transaction) -> None:
            case = await self._records.case(tx, attempt.video, attempt.id, now)
            await tx.tasks.finish(task)
            if case is not None and case.attempt.state is AttemptState.RUNNING:
                await case.move_attempt(AttemptMove.LOSE)

        await self._store.write(let_go)

    async def _snooze(self, task: Task, attempt: Attempt, video: Video, delay: Millis | None) -> None:
        """Nothing to do now: come back after a delay, or when the video must end, or for the late watch."""
        now = self._clock.now()
        if attempt.ref is None and video.ended:
            await self._store.write(lambda tx: tx.tasks.finish(task))
            return
        fallback = video.deadline_at if now < video.deadline_at else now + LATE_POLL
        due = fallback if delay is None else now + delay
        await self._store.write(lambda tx: tx.tasks.snooze(task, _bounded(due, video)))


def _unhurried(video: Video, now: Millis) -> Video:
    """In quarantine no deadline ends a video: its end may have been told to the life of the database that is lost."""
    return video if video.ended else replace(video, deadline_at=max(video.deadline_at, now + LATE_POLL))


def _bounded(due: Millis, video: Video) -> Millis:
    """No later than the video's deadline, while it has not ended."""
    return due if video.ended else min(due, video.deadline_at)


async def _known(tx: Transaction, id: str) -> tuple[Attempt | None, Video | None]:
    attempt = await tx.attempts.get(id)
    return attempt, None if attempt is None else await tx.videos.peek(attempt.video)
