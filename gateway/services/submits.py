"""Bringing a video to an account: decide, write the intent down, and have it sent, once (services/sends.py).

No transaction is open while the network is. Only the coroutine that wrote an intent sends it; an intent found later,
its sender gone, is never sent again unless the upstream knows its key (services/watches.py).
"""

import hashlib
from collections.abc import Callable

import msgspec
import structlog

from gateway.picture_links import LinkFailed
from gateway.policy import backoff
from gateway.policy.capability import fit
from gateway.policy.failover import REFUSED, VideoStep
from gateway.policy.routing import AccountFacts, Circumstances, History, Snapshot, Wish, decide
from gateway.policy.signing import callback_token
from gateway.policy.verdict import Evidence, Outcome, classify
from gateway.probe import Point, Probe
from gateway.services.accounts import Accounts, reaches
from gateway.services.books import Books
from gateway.services.limits import Limits
from gateway.services.making import Making
from gateway.services.pictures import NEVER_GIVEN, NOT_NEEDED, Given, Pictures
from gateway.services.policies import Policies
from gateway.services.queue import Queue
from gateway.services.records import Records
from gateway.services.sends import Sends
from gateway.services.tenants import Tenants
from gateway.services.waiting import Waiting, dead_end, too_late
from gateway.store.database import CommitUnknown
from gateway.store.store import Store, Transaction
from gateway.store.tasks import Task
from providers.base import Accepted, Flow, Provider, Replay, Submission, WireRequest
from schema.account import Account, Secret
from schema.attempt import Attempt, Reason, Verdict
from schema.clock import Clock, Millis
from schema.errors import FailureKind, GatewayError, Overloaded
from schema.ids import Ids
from schema.image import Image
from schema.lifecycle import AttemptState, Substate
from schema.luck import Luck
from schema.money import Credits, Micros, MicrosRange
from schema.quote import Candidate, Decision
from schema.video import OnUnknown, OnUnsupported, Video, VideoErrorCode, VideoSpec

log = structlog.get_logger()

MOST_OF_A_LEASE = 2 / 3
"""A process that was paused for so long between its intent and its send may have been given up for dead."""

PICTURE_TRIES = 4
"""How often a picture is fetched that can not be had from where its link leads."""

HELD_UP = Outcome(
    verdict=Verdict.NOT_SENT, reason=Reason(FailureKind.UNREACHABLE, "its sender was held up, and did not send it")
)

_decoded = msgspec.json.Decoder(Decision).decode

LOST_SENDER = Evidence(started=True, reading=None, trouble="its sender did not live to tell")


class Callbacks(msgspec.Struct, frozen=True):
    """How inbound hook URLs are made; without a public URL there are none."""

    public_url: str | None
    key: Secret

    def url(self, provider: str, attempt: str) -> str | None:
        if self.public_url is None:
            return None
        return f"{self.public_url.rstrip('/')}/hooks/{provider}/{callback_token(self.key, attempt)}"


class Wanted(msgspec.Struct, frozen=True):
    """A video that is to be sent, what was tried before, and the picture it starts from."""

    video: Video
    attempts: list[Attempt]
    image: Image | None


class Seat(msgspec.Struct, frozen=True):
    """Where an attempt would be made: a candidate of the decision, its account, its provider, and the picture there."""

    candidate: Candidate
    account: Account
    provider: Provider
    given: Given = NOT_NEEDED


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
        policies: Policies,
        records: Records,
        books: Books,
        sends: Sends,
        queue: Queue,
        making: Making,
        waiting: Waiting,
        limits: Limits,
        pictures: Pictures,
        callbacks: Callbacks,
        clock: Clock,
        ids: Ids,
        luck: Luck,
        probe: Probe,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._tenants = tenants
        self._policies = policies
        self._records = records
        self._books = books
        self._sends = sends
        self._queue = queue
        self._making = making
        self._waiting = waiting
        self._limits = limits
        self._pictures = pictures
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
            await self._sends.record(orphan, classify(LOST_SENDER))
            return
        if video is None or video.ended or any(one.promising for one in attempts):
            await self._store.write(lambda tx: tx.tasks.finish(task))
            return
        now = self._clock.now()
        if now >= video.deadline_at:
            await self._waiting.give_up(task, VideoErrorCode.DEADLINE_EXCEEDED, too_late(attempts))
            return
        try:
            video, image = await self._pictures.at_hand(video)
        except (LinkFailed, GatewayError) as trouble:
            await self._pictureless(task, video, trouble)
            return
        await self._policies.look(video.tenant)
        wish = self._tenants.wish(video)
        seen = await self._accounts.snapshot(video.tenant, tests=await self._tests(video), fresh=True)
        decision = await self._decide(video, attempts, wish, seen)
        if decision.hopeful is None:
            await self._waiting.give_up(task, *dead_end(attempts, decision))
            return
        in_vain = False
        for facts, candidate in _able(decision, seen):
            if await self._queue.turn(video, facts):
                if await self._attempt(task, Wanted(video, attempts, image), candidate, decision):
                    return
                in_vain = True
        await self._waiting.wait(task, video, wish, decision, in_vain=in_vain)

    async def _pictureless(self, task: Task, video: Video, trouble: LinkFailed | GatewayError) -> None:
        """The picture is not at hand: wait a little for what may pass, else the video fails and says why."""
        passing = trouble.passing if isinstance(trouble, LinkFailed) else isinstance(trouble, Overloaded)
        tries = PICTURE_TRIES if isinstance(trouble, LinkFailed) else None
        log.info("image.not_at_hand", video=video.id, tries=task.errors + 1, error=str(trouble))
        if not passing or (tries is not None and task.errors + 1 >= tries):
            await self._waiting.give_up(task, VideoErrorCode.INVALID_REQUEST, str(trouble))
            return
        pause = backoff.retry(task.errors, first=1, longest=60, luck=self._luck())
        due = min(self._clock.now() + pause, video.deadline_at)
        await self._store.write(lambda tx: tx.tasks.snooze(task, due, errors=task.errors + 1))

    async def _tests(self, video: Video) -> bool:
        """Whether it reaches sandbox accounts only: as its tenant says, or as it was accepted when nobody knows."""
        if self._tenants.once(video.tenant) is not None:
            return self._tenants.tests(video.tenant)
        stored = await self._store.read(lambda tx: tx.videos.decision(video.tenant, video.id))
        names = [] if stored is None else [one.account for one in _decoded(stored).candidates]
        return not any(not account.sandbox for account, _ in self._accounts.those(names))

    async def _decide(self, video: Video, attempts: list[Attempt], wish: Wish, seen: Snapshot) -> Decision:
        affordable = await self._store.read(lambda tx: self._books.affordable(tx, video)) if wish.priced else None
        full = None
        if self._making.limit(video.tenant) is not None:
            full = await self._store.read(lambda tx: self._making.full(tx, video.tenant, self._clock.now()))
        standing = Circumstances(
            history=history(attempts, wish.on_unknown, self._outdated),
            affordable=affordable,
            since=video.created_at,
            ends_by=None if video.routing.deadline_seconds is None else video.deadline_at,
            full=full,
        )
        return decide(video.spec, wish, seen, standing)

    def _outdated(self, attempt: Attempt) -> bool:
        """It was refused for a credential that has been replaced since."""
        configured = self._accounts.get(attempt.account)
        unauthorized = attempt.reason is not None and attempt.reason.code is FailureKind.UNAUTHORIZED
        return unauthorized and configured is not None and attempt.credential_version < configured[0].credential_version

    # one attempt

    async def _attempt(
        self,
        task: Task,
        wanted: Wanted,
        candidate: Candidate,
        decision: Decision,
    ) -> bool:
        """Make an attempt at one account; False when it has no room after all."""
        video, attempts = wanted.video, wanted.attempts
        configured = self._accounts.get(candidate.account)
        if configured is None:
            return False
        given = await self._pictures.give(wanted.image, *configured)
        if given is None or self._clock.now() >= video.deadline_at:
            return False
        self._probe(Point.BEFORE_INTENT)
        began = self._clock.now()
        seat = Seat(candidate, *configured, given)
        again = any(one.account == candidate.account for one in attempts)
        plan = await self._intend(task, video, len(attempts) + 1, seat, decision, again=again)
        if plan is None:
            return False
        self._probe(Point.INTENDED)
        if given.refusal is not None:
            await self._sends.record(plan.attempt, given.refusal)
        elif self._clock.now() - began > task.lease * MOST_OF_A_LEASE:
            await self._sends.record(plan.attempt, HELD_UP)
        else:
            await self._sends.send(plan.attempt, plan.flow, plan.request, seat.account, seat.provider)
        return True

    async def _intend(
        self, task: Task, video: Video, n: int, seat: Seat, decision: Decision, *, again: bool
    ) -> Plan | None:
        """Write the intent down with the account's slot, in one transaction; None without room or without need."""
        now = self._clock.now()
        id = self._ids.attempt(now)
        stored = msgspec.json.encode(decision)
        plan: Plan | None = None

        async def intend(tx: Transaction) -> None:
            nonlocal plan
            locked = await tx.videos.lock(video.id)
            state = await self._accounts.admits(tx, seat.account, now, again=again, needed=seat.candidate.credits.high)
            if state is not None and await self._limits.until(tx, seat.account, now) is not None:
                state = None
            if not self._may_still(seat.account.id, video.tenant):
                state = None
            if state is not None and not await self._making.admits(tx, video.tenant, now):
                state = None
            held = (await tx.instance.get()).quarantined  # not from the cache: it stops sends at once
            if held or locked is None or locked.version != video.version or state is None:
                plan = None
                return
            price = seat.candidate.price
            funded = await self._books.extend(tx, locked, None if price is None else price.high, now)
            if funded is None:
                plan = None
                return
            await self._accounts.enter(tx, state, id, now, again=again)
            await self._queue.served(tx, seat.account, video.tenant)
            expected = await self._books.expected(tx, seat.account.id, locked.spec)
            plan = self._plan(locked, id, n, seat, callbacks=not state.callbacks_refused, expected=expected)
            await self._limits.take(tx, seat.account, plan.attempt.started_at)
            await self._records.add_attempt(tx, locked, plan.attempt, now)
            await tx.tasks.hold(task, now + task.lease)
            seated = await self._seat(tx, funded.video, seat, stored, now)
            await self._records.warn(tx, seated, funded.warned, now)

        try:
            await self._store.write(intend)
        except CommitUnknown:
            if await self._store.read(lambda tx: tx.attempts.get(id)) is None:
                raise
        return plan

    def _may_still(self, account: str, tenant: str) -> bool:
        """The account is there, and still one that the tenant's videos may go to: both may have changed meanwhile."""
        configured, tests = self._accounts.get(account), self._tenants.tests(tenant)
        known = self._tenants.get(tenant) is not None
        return configured is not None and (
            reaches(configured[0], tests=tests, tenant=tenant) if known else configured[0].owner in (None, tenant)
        )

    async def _seat(self, tx: Transaction, video: Video, seat: Seat, decision: bytes, now: Millis) -> Video:
        low, high = _range(video, seat.candidate.price)
        return await self._records.video(
            tx,
            video,
            now,
            decision=decision,
            substate=Substate.SUBMITTING,
            account=seat.account.id,
            provider=seat.account.provider,
            adjustments=seat.candidate.adjustments,
            quoted_low=low,
            quoted_high=high,
        )

    def _plan(self, video: Video, id: str, n: int, seat: Seat, *, callbacks: bool, expected: Credits) -> Plan:
        account, provider = seat.account, seat.provider
        # a candidate is told everything, or its adjustments are allowed, whatever the policy has become since
        spec = fit(video.spec, provider.capabilities, OnUnsupported.ADJUST).spec
        calls_back = callbacks and provider.webhooks is not None
        callback_url = self._callbacks.url(account.provider, id) if calls_back else None
        picture = seat.given.uploaded if seat.given.refusal is None else NEVER_GIVEN
        flow, request = begin(provider, spec, Submission(key=id, callback_url=callback_url, image=picture))
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
            expected=expected,
            price=account.price_per_credit,
            refunds=provider.rates.refunds_failures,
            image=seat.given.uploaded,
            image_known=seat.given.known,
        )
        return Plan(attempt=attempt, flow=flow, request=request)


def _range(video: Video, price: MicrosRange | None) -> tuple[Micros | None, Micros | None]:
    """What a video may cost at the account it goes to; a promised quote stays the most."""
    if price is None:
        return None, None
    high = price.high if video.routing.quote_id is None or video.held is None else video.held
    return min(price.low, high), high


def begin(provider: Provider, spec: VideoSpec, submission: Submission) -> tuple[Flow[Accepted], WireRequest]:
    """A fresh submit flow and its one paid request; the same spec and submission give the same bytes."""
    flow = provider.adapter.submit(spec, submission)
    return flow, next(flow)


def history(attempts: list[Attempt], on_unknown: OnUnknown, outdated: Callable[[Attempt], bool]) -> History:
    """What a video's earlier attempts say about where to go next; nothing, when a credential was refused that has been
    replaced since.
    """
    tries: dict[str, int] = {}
    refused: set[str] = set()
    for attempt in attempts:
        tries[attempt.account] = tries.get(attempt.account, 0) + 1
        if _elsewhere(attempt, on_unknown) and not outdated(attempt):
            refused.add(attempt.account)
    return History(tries=tries, refused=frozenset(refused))


def _elsewhere(attempt: Attempt, on_unknown: OnUnknown) -> bool:
    """Whether this account must not be asked again: it can not make the video, or may have been paid for it."""
    if attempt.state is AttemptState.UNKNOWN:
        return on_unknown is OnUnknown.FAILOVER
    consequence = REFUSED.get(attempt.reason.code) if attempt.reason is not None else None
    return attempt.state is AttemptState.FAILED and consequence is not None and consequence.video is VideoStep.ELSEWHERE


def _able(decision: Decision, seen: Snapshot) -> list[tuple[AccountFacts, Candidate]]:
    """Who could make it now, best first, with what is known of each."""
    facts = {one.account: one for one in seen.accounts}
    return [(facts[candidate.account], candidate) for candidate in decision.candidates if candidate.able]


async def _known(tx: Transaction, video: str) -> tuple[Video | None, list[Attempt]]:
    return await tx.videos.peek(video), await tx.attempts.of_video(video)
