"""Sending a video to an account, once: decide, write the intent down, send, keep the answer, write the answer down.

No transaction is open while the network is. Only the coroutine that wrote an intent sends it; an intent found later,
its sender gone, is never sent again unless the upstream knows its key (services/watches.py).
"""

import asyncio
import hashlib

import msgspec
import structlog
from msgspec.structs import replace

from gateway.journal import Heard, Journal, put_away
from gateway.journal import read as read_journal
from gateway.policy.backoff import spread
from gateway.policy.capability import fit
from gateway.policy.failover import REFUSED, VideoStep
from gateway.policy.routing import History, decide
from gateway.policy.signing import callback_token
from gateway.policy.verdict import Evidence, Outcome, classify
from gateway.services.accounts import Accounts
from gateway.services.backlog import Backlog
from gateway.services.records import Records
from gateway.services.tenants import Tenants
from gateway.services.updates import Updates
from gateway.store.database import CommitUnknown
from gateway.store.store import Store, Transaction
from gateway.store.tasks import Task
from gateway.upstream import Probe, Sent, Upstream
from providers.base import Accepted, Flow, Provider, Replay, Submission, WireRequest
from providers.limits import until_reset
from schema.account import Account, Secret
from schema.attempt import Attempt, Verdict
from schema.clock import Clock, Millis
from schema.errors import Overloaded
from schema.ids import Ids
from schema.lifecycle import AttemptState, Substate
from schema.luck import Luck
from schema.quote import Candidate, Decision
from schema.video import OnUnknown, Video, VideoErrorCode, VideoSpec

log = structlog.get_logger()

SHORTEST_WAIT = 200
WAIT_PER_WAITING = 10
"""How long a video waits for capacity before it looks again: so long for each that waits (milliseconds). Together they
look a hundred times a second, however many they are: a free slot is taken at once, and waiting costs nothing."""

LOST_SENDER = Evidence(started=True, reading=None, trouble="its sender did not live to tell")


class Callbacks(msgspec.Struct, frozen=True):
    """How inbound hook URLs are made; without a public URL there are none."""

    public_url: str | None
    key: Secret

    def url(self, provider: str, attempt: str) -> str | None:
        if self.public_url is None:
            return None
        return f"{self.public_url.rstrip('/')}/hooks/{provider}/{callback_token(self.key, attempt)}"


class Seat(msgspec.Struct, frozen=True):
    """Where an attempt would be made: a candidate of the decision, its account and its provider."""

    candidate: Candidate
    account: Account
    provider: Provider


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt ready to be sent: its row, and its flow, which stands at the one paid request."""

    attempt: Attempt
    flow: Flow[Accepted]
    request: WireRequest


class Submits:
    def __init__(
        self,
        *,
        store: Store,
        accounts: Accounts,
        tenants: Tenants,
        updates: Updates,
        records: Records,
        upstream: Upstream,
        journal: Journal,
        backlog: Backlog,
        callbacks: Callbacks,
        clock: Clock,
        ids: Ids,
        luck: Luck,
        probe: Probe,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._tenants = tenants
        self._updates = updates
        self._records = records
        self._upstream = upstream
        self._journal = journal
        self._backlog = backlog
        self._callbacks = callbacks
        self._clock = clock
        self._ids = ids
        self._luck = luck
        self._probe = probe

    async def handle(self, task: Task) -> None:
        """Bring one video to an account, or let it wait, or let it fail."""
        video, attempts = await self._store.read(lambda tx: _known(tx, task.subject))
        orphan = next((one for one in attempts if one.state is AttemptState.SUBMITTING), None)
        if orphan is not None:
            await self.record(orphan, classify(LOST_SENDER))
            return
        if video is None or video.ended or any(one.promising for one in attempts):
            await self._store.write(lambda tx: tx.tasks.finish(task))
            return
        now = self._clock.now()
        if now >= video.deadline_at:
            await self._give_up(task, VideoErrorCode.DEADLINE_EXCEEDED, "No provider account was free in time.")
            return
        decision = await self._decide(video, attempts, now)
        if decision.hopeful is None:
            await self._give_up(task, *_dead_end(attempts))
            return
        for candidate in decision.candidates:
            if candidate.able and await self._attempt(task, video, attempts, candidate, decision):
                return
        await self._wait(task, video, decision, now)

    async def _decide(self, video: Video, attempts: list[Attempt], now: Millis) -> Decision:
        facts = await self._accounts.facts(self._tenants.tests(video.tenant), fresh=True)
        wish = self._tenants.wish(video)
        return decide(video.spec, wish, facts, now=now, history=history(attempts, wish.on_unknown))

    # waiting and giving up

    async def _wait(self, task: Task, video: Video, decision: Decision, now: Millis) -> None:
        """Look again when the first account may be able, or soon; the task is not a failure."""
        pause = max(SHORTEST_WAIT, WAIT_PER_WAITING * await self._backlog.of(video.tenant))
        due = min(max(_cure(decision, now), now + round(spread(pause, self._luck()))), video.deadline_at)

        async def snooze(tx: Transaction) -> None:
            locked = await tx.videos.lock(video.id)
            if locked is not None and not locked.ended and locked.substate is None:
                await self._records.video(tx, locked, now, substate=Substate.WAITING_CAPACITY)
            await tx.tasks.snooze(task, due)

        await self._store.write(snooze)

    async def _give_up(self, task: Task, code: VideoErrorCode, message: str) -> None:
        now = self._clock.now()

        async def fail(tx: Transaction) -> None:
            video = await tx.videos.lock(task.subject)
            await tx.tasks.finish(task)
            if video is not None and not video.ended:
                await self._records.fail(tx, video, now, code, message)

        await self._store.write(fail)

    # one attempt

    async def _attempt(
        self, task: Task, video: Video, attempts: list[Attempt], candidate: Candidate, decision: Decision
    ) -> bool:
        """Make an attempt at one account; False when it has no room after all."""
        configured = self._accounts.get(candidate.account)
        if configured is None:
            return False
        self._probe("before_intent")
        seat = Seat(candidate, *configured)
        plan = await self._intend(task, video, len(attempts) + 1, seat, decision)
        if plan is None:
            return False
        self._probe("intended")
        await self.send(plan.attempt, plan.flow, plan.request, seat.account, seat.provider)
        return True

    async def _intend(self, task: Task, video: Video, n: int, seat: Seat, decision: Decision) -> Plan | None:
        """Write the intent down with the account's slot, in one transaction; None without room or without need."""
        now = self._clock.now()
        id = self._ids.attempt(now)
        stored = msgspec.json.encode(decision)
        plan: Plan | None = None

        async def intend(tx: Transaction) -> None:
            nonlocal plan
            locked = await tx.videos.lock(video.id)
            state = await self._accounts.admits(tx, seat.account, now)
            if locked is None or locked.version != video.version or state is None:
                plan = None
                return
            plan = self._plan(locked, id, n, seat, callbacks=not state.callbacks_refused)
            await tx.attempts.add(plan.attempt)
            await tx.tasks.hold(task, now + task.lease)
            await self._seat(tx, locked, seat, stored, now)

        try:
            await self._store.write(intend)
        except CommitUnknown:
            if await self._store.read(lambda tx: tx.attempts.get(id)) is None:
                raise
        return plan

    async def _seat(self, tx: Transaction, video: Video, seat: Seat, decision: bytes, now: Millis) -> None:
        price = seat.candidate.price
        await self._records.video(
            tx,
            video,
            now,
            decision=decision,
            substate=Substate.SUBMITTING,
            account=seat.account.id,
            provider=seat.account.provider,
            adjustments=seat.candidate.adjustments,
            quoted_low=None if price is None else price.low,
            quoted_high=None if price is None else price.high,
        )

    def _plan(self, video: Video, id: str, n: int, seat: Seat, *, callbacks: bool) -> Plan:
        account, provider = seat.account, seat.provider
        spec = fit(video.spec, provider.capabilities, self._tenants.wish(video).on_unsupported).spec
        calls_back = callbacks and provider.webhooks is not None
        callback_url = self._callbacks.url(account.provider, id) if calls_back else None
        flow, request = begin(provider, spec, Submission(key=id, callback_url=callback_url))
        attempt = Attempt(
            id=id,
            video=video.id,
            tenant=video.tenant,
            n=n,
            account=account.id,
            provider=account.provider,
            state=AttemptState.SUBMITTING,
            verdict=None,
            key=id,
            body_sha256=hashlib.sha256(request.body).hexdigest(),
            credential_version=account.credential_version,
            keyed=request.replay is Replay.KEYED,
            callback=callback_url is not None,
            started_at=self._clock.now(),
            credits_low=seat.candidate.credits.low,
            credits_high=seat.candidate.credits.high,
        )
        return Plan(attempt=attempt, flow=flow, request=request)

    # the send itself

    async def send(
        self, attempt: Attempt, flow: Flow[Accepted], request: WireRequest, account: Account, provider: Provider
    ) -> None:
        """Send a paid request and write its outcome down; neither ends half-way when the caller is cancelled."""
        sending = asyncio.ensure_future(self._send(attempt, flow, request, account, provider))
        try:
            await asyncio.shield(sending)
        except asyncio.CancelledError:
            await sending
            raise

    async def _send(
        self, attempt: Attempt, flow: Flow[Accepted], request: WireRequest, account: Account, provider: Provider
    ) -> None:
        sent = await self._upstream.submit(flow, request, account, provider.adapter)
        outcome = _with_reset(classify(sent.evidence), sent, self._clock.now())
        log.info("attempt.submitted", attempt=attempt.id, account=account.id, verdict=outcome.verdict)
        kept = await self._keep(_heard(attempt, outcome, sent, self._clock.now()))
        self._probe("before_record")
        await self.record(attempt, outcome)
        if kept:
            self._journal.recorded()

    async def _keep(self, heard: Heard) -> bool:
        """Whether the answer is on disk. A full disk must not cost us an answer that the database can take."""
        try:
            await self._journal.keep(heard)
        except OSError:
            log.exception("journal.not_kept", attempt=heard.attempt)
            return False
        return True

    async def record(self, attempt: Attempt, outcome: Outcome) -> None:
        """Write an outcome down, however long the database is away: the answer is on disk."""
        pause = 0.1
        while True:
            try:
                await self._store.write(lambda tx: self._conclude(tx, attempt, outcome))
            except (CommitUnknown, Overloaded) as error:
                log.warning("attempt.record_delayed", attempt=attempt.id, error=str(error))
                await asyncio.sleep(pause)
                pause = min(2 * pause, 5)
            else:
                return

    async def _conclude(self, tx: Transaction, attempt: Attempt, outcome: Outcome) -> None:
        case = await self._records.case(tx, attempt.video, attempt.id, self._clock.now())
        if case is not None:
            await self._updates.outcome(case, outcome)

    async def recover(self) -> int:
        """At start: write down what earlier runs were told and did not live to record. How many there were."""
        found = 0
        for journal in self._journal.orphans():
            answers, unreadable = read_journal(journal)
            for heard in answers:
                await self._recover(heard)
            found += len(answers)
            put_away(journal, unreadable=unreadable)
        return found

    async def _recover(self, heard: Heard) -> None:
        attempt = await self._store.read(lambda tx: tx.attempts.get(heard.attempt))
        if attempt is not None and attempt.state in (AttemptState.SUBMITTING, AttemptState.UNKNOWN):
            log.info("journal.recovered", attempt=attempt.id, verdict=heard.outcome.verdict)
            await self.record(attempt, heard.outcome)


def begin(provider: Provider, spec: VideoSpec, submission: Submission) -> tuple[Flow[Accepted], WireRequest]:
    """A fresh submit flow and its one paid request; the same spec and submission give the same bytes."""
    flow = provider.adapter.submit(spec, submission)
    return flow, next(flow)


def history(attempts: list[Attempt], on_unknown: OnUnknown) -> History:
    """What a video's earlier attempts say about where to go next."""
    tries: dict[str, int] = {}
    refused: set[str] = set()
    for attempt in attempts:
        tries[attempt.account] = tries.get(attempt.account, 0) + 1
        if _elsewhere(attempt, on_unknown):
            refused.add(attempt.account)
    return History(tries=tries, refused=frozenset(refused))


def _elsewhere(attempt: Attempt, on_unknown: OnUnknown) -> bool:
    """Whether this account must not be asked again: it can not make the video, or may have been paid for it."""
    if attempt.state is AttemptState.UNKNOWN:
        return on_unknown is OnUnknown.FAILOVER
    consequence = REFUSED.get(attempt.reason.code) if attempt.reason is not None else None
    return attempt.state is AttemptState.FAILED and consequence is not None and consequence.video is VideoStep.ELSEWHERE


def _dead_end(attempts: list[Attempt]) -> tuple[VideoErrorCode, str]:
    """Why a video fails that nobody can make any more; that one may have been made weighs more than who refused."""
    if any(attempt.state is AttemptState.UNKNOWN for attempt in attempts):
        code = VideoErrorCode.SUBMISSION_OUTCOME_UNKNOWN
        return code, "A provider's answer was lost, and no other account can make this video."
    return VideoErrorCode.NO_ROUTE, "No provider account can make this video any more."


def _cure(decision: Decision, now: Millis) -> Millis:
    """The earliest time at which a reason against a waitable account ends; now when none says so."""
    times = [
        max((reason.until or now for reason in candidate.excluded), default=now)
        for candidate in decision.candidates
        if candidate.waitable
    ]
    return min(times, default=now)


def _with_reset(outcome: Outcome, sent: Sent, now: Millis) -> Outcome:
    """A refusal that names no time to stay away may still report when the limit's window ends."""
    if outcome.verdict is not Verdict.REJECTED or outcome.retry_after is not None or sent.answer is None:
        return outcome
    return replace(outcome, retry_after=until_reset(sent.answer.headers, now))


def _heard(attempt: Attempt, outcome: Outcome, sent: Sent, now: Millis) -> Heard:
    answer = sent.answer
    status, body = (None, b"") if answer is None else (answer.status, answer.body)
    return Heard(attempt=attempt.id, at=now, outcome=outcome, status=status, body=body)


async def _known(tx: Transaction, video: str) -> tuple[Video | None, list[Attempt]]:
    return await tx.videos.peek(video), await tx.attempts.of_video(video)
