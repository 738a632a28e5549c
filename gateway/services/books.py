"""The one place that posts to the ledger: holds, their settlement, what providers bill, and operators' own entries."""

import msgspec
from msgspec.structs import replace

from gateway.policy import bookkeeping
from gateway.policy.bookkeeping import Draft
from gateway.services.accounts import Accounts
from gateway.services.allowances import Allowances
from gateway.services.budgets import Budgets, Shortage, Warned
from gateway.services.incidents import report
from gateway.services.tenants import Tenants
from gateway.store.store import Transaction
from schema import ledger
from schema.attempt import Attempt
from schema.clock import Millis
from schema.ids import Ids
from schema.incident import IncidentKind
from schema.ledger import Entry
from schema.lifecycle import LIVE, AttemptState, VideoStatus
from schema.luck import Luck
from schema.money import Credits, Micros
from schema.video import Video, VideoSpec


class Funded(msgspec.Struct, frozen=True):
    """A video for which enough is held, and what its tenant should be told about its budgets."""

    video: Video
    warned: tuple[Warned, ...] = ()


class Books:
    """Every method is called inside a transaction that has the video locked, or has just made it."""

    def __init__(self, *, accounts: Accounts, tenants: Tenants, ids: Ids, luck: Luck) -> None:
        self.allowances = Allowances()
        self.budgets = Budgets(tenants)
        self._accounts = accounts
        self._ids = ids
        self._luck = luck

    async def own(self, tx: Transaction, draft: Draft, now: Millis, **about: str | None) -> Entry:
        """An operator's own entry."""
        return await self._post(tx, draft, now, **about)

    def fresh(self, now: Millis) -> str:
        """What nothing was booked for yet."""
        return self._ids.entry(now)[0]

    async def _post(self, tx: Transaction, draft: Draft, now: Millis, **about: str | None) -> Entry:
        """Book an entry; ``about`` holds an Entry's other fields."""
        id, at = self._ids.entry(now)
        entry = Entry(id=id, kind=draft.kind, at=at, postings=draft.postings, **about)
        await tx.ledger.post(entry, luck=self._luck())
        return entry

    # holds

    async def hold(self, tx: Transaction, video: Video, amount: Micros, now: Millis) -> Shortage | list[Warned]:
        """Set money aside for a video, beside what it holds already; nothing when its tenant has not so much."""
        if amount <= 0:
            return []
        out_of = video.held_from or self.source(video.tenant)
        answer = await self.budgets.reserve(tx, video, amount, out_of=out_of)
        if isinstance(answer, Shortage):
            return answer
        draft = bookkeeping.transfer(ledger.EntryKind.HOLD, amount, out_of=out_of, into=ledger.held(video.tenant))
        await self._post(tx, draft, now, tenant=video.tenant, video=video.id)
        return answer

    def source(self, tenant: str) -> str:
        """Where a tenant's holds are drawn from today."""
        return bookkeeping.source(tenant, self.budgets.funding(tenant))

    async def affordable(self, tx: Transaction, video: Video) -> Micros | None:
        """The most that could be held for a video in all; None without a limit, or with a promised quote."""
        if video.routing.quote_id is not None:
            return None
        left = await self.budgets.left(tx, video.tenant, video.created_at)
        allowed = await self.allowances.most(tx, video)
        if left is None:
            return allowed
        return left + (video.held or 0) if allowed is None else min(left + (video.held or 0), allowed)

    async def extend(self, tx: Transaction, video: Video, needed: Micros | None, now: Millis) -> Funded | None:
        """Hold as much as the next account may cost; None when its tenant has not so much.

        A promised quote is never exceeded: what is more is ours.
        """
        if needed is None or video.routing.quote_id is not None or needed <= (video.held or 0):
            return Funded(video)
        if video.held_from not in (None, self.source(video.tenant)):
            return Funded(video)  # its tenant pays another way by now: it is made for what is held, and no more
        if not await self.allowances.extends(tx, video, needed):
            return None
        answer = await self.hold(tx, video, needed - (video.held or 0), now)
        if isinstance(answer, Shortage):
            return None
        held_from = video.held_from or self.source(video.tenant)
        return Funded(replace(video, held=needed, held_from=held_from), tuple(answer))

    def owned(self, account: str) -> bool:
        """Whether an account is a tenant's own."""
        configured = self._accounts.once(account)
        return configured is not None and configured[0].owner is not None

    # estimates

    async def expected(self, tx: Transaction, account: str, spec: VideoSpec) -> Credits:
        """What such a video will probably cost: what such videos did, else what the provider's prices say."""
        configured = self._accounts.once(account)
        learned = await tx.estimates.of(account, bookkeeping.kind_of(spec))
        if configured is None:
            return learned or 0
        rates = configured[1].rates
        if learned is None:
            return rates.estimate(spec)
        bounds = rates.quote(spec)
        return min(max(learned, bounds.low), bounds.high)

    # ends

    async def settle(self, tx: Transaction, video: Video, now: Millis, *, made: Attempt | None) -> Video:
        """Resolve what is held for a video that ended: captured by what ``made`` it cost, else given back."""
        credits = video.credits if made is None else made.credits
        if video.held is None or video.held_from is None:
            return replace(video, credits=credits)
        charged = None if made is None else bookkeeping.charge(made, video.held)
        after = replace(video, held=0, charged=charged, credits=credits)
        # the rows that creates take turns at come first, in their order, so that nobody waits for each other
        await self.budgets.free(tx, video, video.held - (charged or 0), into=video.held_from)
        for draft in bookkeeping.settlement(video.tenant, video.held_from, video.held, charged or 0):
            await self._post(tx, draft, now, tenant=video.tenant, video=video.id)
        return after

    async def ended(self, tx: Transaction, video: Video, now: Millis, *, made: Attempt | None) -> Video:
        """The money of a video that has just ended.

        A completed one costs what the attempt that made it did, a failed one nothing. One that its tenant gave up waits
        for what its provider does: no upstream can be stopped (DESIGN, section 2).
        """
        if video.given_up:
            return await self.resolve_given_up(tx, video, now)
        return await self.settle(tx, video, now, made=made if video.status is VideoStatus.COMPLETED else None)

    async def resolve_given_up(self, tx: Transaction, video: Video, now: Millis) -> Video:
        """Settle a video that its tenant gave up, unless an attempt still lives: a lost one costs nothing."""
        if not video.held:
            return video if video.held is None else replace(video, held=0)
        attempts = await tx.attempts.of_video(video.id)
        if any(attempt.state in LIVE for attempt in attempts):
            return video
        made = next((attempt for attempt in attempts if attempt.state is AttemptState.SUCCEEDED), None)
        return await self.settle(tx, video, now, made=made)

    # what providers bill

    async def attempt_changed(
        self, tx: Transaction, video: Video, before: Attempt | None, after: Attempt, now: Millis
    ) -> None:
        """Book what a change of an attempt means for what its account bills us."""
        was = bookkeeping.NOTHING if before is None else bookkeeping.booked(before)
        draft = bookkeeping.change(was, bookkeeping.booked(after), account=after.account, price=after.price)
        if draft is not None:
            await self._post(
                tx, draft, now, tenant=after.tenant, video=after.video, attempt=after.id, account=after.account
            )
        told = after.credits is not None and (before is None or before.credits != after.credits)
        if told and after.state is not AttemptState.FAILED:  # what nothing cost, as an operator says, teaches nothing
            await self._reported(tx, video, after, now)

    async def _reported(self, tx: Transaction, video: Video, attempt: Attempt, now: Millis) -> None:
        """A provider said what it charged: the next estimate knows it, and more than it quoted is told."""
        if attempt.expected is None or attempt.credits is None:
            return
        await tx.estimates.learn(attempt.account, bookkeeping.kind_of(video.spec), attempt.credits)
        if attempt.credits > attempt.credits_high:
            kind, quoted = IncidentKind.COST_ABOVE_QUOTE, attempt.credits_high
            await report(tx, self._ids, kind, attempt, now, credits=attempt.credits, quoted=quoted)
