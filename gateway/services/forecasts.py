"""Forecasts: a video's place in the queue, and when it will probably have ended, from what accounts have shown."""

import msgspec
from msgspec.structs import replace

from gateway.policy import fairness
from gateway.policy.fairness import Waiter
from gateway.policy.forecasting import Desk, begins_in, closed_for, remaining
from gateway.policy.ranking import usual_ms
from gateway.policy.routing import AccountFacts
from gateway.services.accounts import Accounts
from gateway.services.making import Making
from gateway.services.queue import Queue
from gateway.store.queue import Line
from gateway.store.store import Store, Transaction
from schema.attempt import Attempt
from schema.clock import Clock, Millis
from schema.forecast import NOTHING, Forecast
from schema.lifecycle import AttemptState, Substate
from schema.quote import Decision
from schema.video import Video

VIEW_LASTS = (20, 1_000)
"""Milliseconds a view of the queue serves, at least and at most: the longer the more wait, for it counts them all."""

WAITING_PER_MS = 100

FETCHING = 1_000
"""Milliseconds a finished file usually takes to be copied here: beside the making it does not count."""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """The queue at one moment: who waits where, whose turn is how far, and what the accounts are at.

    Attributes:
        makers: what tenants with a limit of their own are at, each once it was asked for.
    """

    at: Millis
    counts: dict[Line, int]
    shares: dict[str, dict[str, int]]
    desks: dict[str, Desk]
    makers: dict[str, Desk]

    @property
    def lasts(self) -> Millis:
        """How long it serves."""
        shortest, longest = VIEW_LASTS
        return min(shortest + sum(self.counts.values()) // WAITING_PER_MS, longest)


class Forecasts:
    def __init__(self, *, store: Store, accounts: Accounts, queue: Queue, making: Making, clock: Clock) -> None:
        self._store = store
        self._tenants = making
        self._accounts = accounts
        self._queue = queue
        self._clock = clock
        self._view: View | None = None

    async def of(self, video: Video, attempts: list[Attempt]) -> Forecast:
        """What can be said of a video now."""
        if video.ended:
            return NOTHING
        match video.substate:
            case Substate.WAITING_CAPACITY:
                return await self._waiting(video)
            case Substate.SUBMITTING | Substate.RUNNING:
                return self._making(attempts)
            case Substate.FETCHING:
                return Forecast(eta=FETCHING)
            case _:
                return NOTHING

    def _making(self, attempts: list[Attempt]) -> Forecast:
        live = next((one for one in attempts if one.state in (AttemptState.SUBMITTING, AttemptState.RUNNING)), None)
        usual = None if live is None else self._usual(live.account)
        if live is None or usual is None:
            return NOTHING
        return Forecast(eta=remaining(self._clock.now() - live.started_at, usual))

    def _usual(self, account: str) -> Millis | None:
        """How long videos take at an account; None when it is no longer configured."""
        facts = self._accounts.known(account)
        return None if facts is None else usual_ms(facts.known, facts.capabilities.typical_seconds)

    async def fresh(self, video: Video, decision: Decision) -> Forecast:
        """What can be said of a video that was accepted this moment, by the decision that accepted it."""
        place = self._queue.place(video, decision, in_vain=False)
        if place is None:
            return NOTHING
        view = await self._seen()
        maker = await self._maker(view, video.tenant)
        alone = not any(_meet(line, place.line) for line in view.counts)
        if decision.chosen is not None and alone and (maker is None or maker.begun(0)):
            usual = self._usual(decision.chosen.account)
            return NOTHING if usual is None else Forecast(eta=usual)
        view = await self._seen(place.line)
        own = sum(count for line, count in view.counts.items() if _competes(line, place.line))
        return self._in_line(view, place.line, own, maker)

    async def _waiting(self, video: Video) -> Forecast:
        place = await self._store.read(lambda tx: tx.queue.place(video.tenant, video.id))
        if place is None:
            return NOTHING
        line, priority = place
        view = await self._seen(line)
        own = await self._store.read(lambda tx: _before(tx, line, priority, video.id))
        return self._in_line(view, line, own, await self._maker(view, video.tenant))

    def _in_line(self, view: View, line: Line, own: int, maker: Desk | None) -> Forecast:
        ahead = self._ahead(view, line, own)
        desks = [view.desks[account] for account in line.accounts if account in view.desks]
        begins = begins_in(ahead, desks)
        if begins is None:
            return Forecast(position=ahead + 1)
        make = sum(desk.make for desk in desks) // len(desks)
        if maker is not None:  # it can begin no sooner than its tenant's own room allows
            begins = max(begins, begins_in(own, [replace(maker, make=make)]) or 0)
        return Forecast(position=ahead + 1, eta=begins + make)

    async def _maker(self, view: View, tenant: str) -> Desk | None:
        """A tenant with a limit of its own, as those of its videos see it that wait; None for others."""
        limit = self._tenants.limit(tenant)
        if limit is None:
            return None
        if tenant not in view.makers:
            begun = await self._store.read(lambda tx: tx.attempts.begun_for(tenant, limit))
            left = [remaining(view.at - at, self._usual(account) or 0) for account, at in begun]
            view.makers[tenant] = Desk(make=0, slots=tuple(sorted([*left, *([0] * (limit - len(left)))])))
        return view.makers[tenant]

    def _ahead(self, view: View, line: Line, own: int) -> int:
        """How many begin before one that has ``own`` of its tenant's before it, where its line may go."""
        counts = {line.tenant: 0}
        for other, count in view.counts.items():
            if _meet(other, line):
                counts[other.tenant] = counts.get(other.tenant, 0) + count
        shares = view.shares.get(line.accounts[0], {})
        me, *others = [
            Waiter(tenant=tenant, weight=self._queue.weight(tenant), passed=shares.get(tenant, 0), count=count)
            for tenant, count in counts.items()
        ]
        return fairness.ahead(own, me, others, shares.get("", 0))

    async def _seen(self, line: Line | None = None) -> View:
        """The queue, with the accounts of everybody who waits; and with a line's, though nobody waits there yet."""
        now, view = self._clock.now(), self._view
        wanted = frozenset() if line is None else frozenset(line.accounts)
        if view is None or now - view.at > view.lasts or not wanted <= view.shares.keys():
            facts = await self._accounts.everything()
            self._view = view = await self._store.read(lambda tx: self._look(tx, wanted, facts, now))
        return view

    async def _look(self, tx: Transaction, also: frozenset[str], facts: list[AccountFacts], now: Millis) -> View:
        counts = await tx.queue.counts()
        wanted = also.union(*(line.accounts for line in counts))
        shares = {account: await tx.queue.shares(account) for account in wanted}
        desks = {
            one.account: self._desk(one, await tx.attempts.begun(one.account), now)
            for one in facts
            if one.account in wanted
        }
        return View(at=now, counts=counts, shares=shares, desks=desks, makers={})

    def _desk(self, facts: AccountFacts, begun: list[Millis], now: Millis) -> Desk:
        make = usual_ms(facts.known, facts.capabilities.typical_seconds)
        configured = self._accounts.get(facts.account)
        limit = None if configured is None else configured[0].limits.concurrent
        slots = None
        if limit is not None:
            busy = sorted(remaining(now - at, make) for at in begun)[:limit]
            slots = tuple(sorted([*busy, *([0] * (limit - len(busy)))]))
        return Desk(
            make=make,
            slots=slots,
            every=self._accounts.every(facts.account),
            closed_for=closed_for(facts.standing, now),
        )


def _competes(one: Line, line: Line) -> bool:
    """Of the same tenant, for some of the same accounts."""
    return one.tenant == line.tenant and _meet(one, line)


def _meet(one: Line, other: Line) -> bool:
    return not set(one.accounts).isdisjoint(other.accounts)


async def _before(tx: Transaction, line: Line, priority: int, video: str) -> int:
    """How many of its tenant's go before a video, wherever it may go."""
    lines = [one for one in await tx.queue.lines() if _competes(one, line)]
    return sum([await tx.queue.before(one, priority, video) for one in lines])
