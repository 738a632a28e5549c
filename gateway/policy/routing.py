"""Who makes a video: a pure function from what is wanted and what is known to an ordered, explained decision.

How candidates compare is in ranking.py, what a provider can be told in capability.py, what speaks against an account
whatever the wish in standing.py, and what to change when nobody can in remedy.py.
"""

import hashlib

import msgspec
from msgspec.structs import replace

from gateway.policy.bookkeeping import kind_of
from gateway.policy.capability import fit
from gateway.policy.ranking import Rank, Ranked, Standpoint, outranked, ranked
from providers.base import Capabilities, RateCard
from schema.clock import Millis, millis
from schema.money import CreditRange, Credits, Micros
from schema.quote import CROWDED, PASSING, Candidate, Decision, Exclusion, Facts, ReasonCode
from schema.tenant import UNLIMITED, Funding, RoutingPolicy, Rule, Weights
from schema.video import OnMaxWait, OnUnknown, OnUnsupported, RoutingWish, Strategy, VideoSpec


class AccountFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One account as a decision sees it.

    Attributes:
        known: what was observed of it; stored with the decision.
        standing: what speaks against it now whatever the wish (breaker, rest, credits, capacity).
        room: how many more videos it may begin now; None is no end of them.
        retry_at: when a video that tried it before may try again; None for now.
    """

    account: str
    provider: str
    capabilities: Capabilities
    rates: RateCard
    known: Facts = Facts()
    standing: tuple[Exclusion, ...] = ()
    room: int | None = None
    retry_at: Millis | None = None


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about every account at one moment, and a digest of it."""

    at: Millis
    accounts: tuple[AccountFacts, ...]
    digest: str = ""


def snapshot(at: Millis, accounts: tuple[AccountFacts, ...]) -> Snapshot:
    """A snapshot with its digest, which is the same whenever and in whatever order the same is known."""
    in_order = sorted(accounts, key=lambda one: one.account)
    told = [(one.account, one.provider, one.capabilities, one.known, one.standing, one.retry_at) for one in in_order]
    digest = hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()[:16]
    return Snapshot(at=at, accounts=accounts, digest=digest)


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A video's routing wish laid over its tenant's policy: nothing is left undecided.

    Attributes:
        preferred: who goes first, whatever the strategy says.
        allowed: lists of accounts; who makes it stands in all of them.
        max_wait: how long it may wait for a better account; None goes to the best that has room.
        priced: an account whose price nobody knows must not serve it.
        policy, rule: the version of the tenant's policy, and which of its rules applies, from 1.
    """

    strategy: Strategy
    weights: Weights = Weights()
    order: tuple[str, ...]
    preferred: tuple[str, ...] = ()
    only: tuple[str, ...]
    allowed: tuple[tuple[str, ...], ...]
    exclude: tuple[str, ...]
    barred: tuple[str, ...] = ()
    max_cost: Micros | None
    max_wait: Millis | None = None
    on_max_wait: OnMaxWait = OnMaxWait.SPILL
    on_unsupported: OnUnsupported
    on_unknown: OnUnknown
    priced: bool = False
    policy: int | None = None
    rule: int | None = None


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What earlier attempts of this video taught: how often each account was tried, and who must not be again."""

    tries: dict[str, int] = {}
    refused: frozenset[str] = frozenset()


NO_HISTORY = History()
_NO_RULE = Rule()


def overlay(
    wish: RoutingWish,
    policy: RoutingPolicy,
    funding: Funding = UNLIMITED,
    *,
    spec: VideoSpec,
    version: int | None = None,
) -> Wish:
    """A video may narrow its tenant's policy, never widen it: caps take the smaller, lists of accounts both apply."""
    number, rule = _rule(policy, spec)
    caps = [wish.max_cost_micros, policy.per_video, rule.per_video, funding.per_video]
    waits = (wish.max_wait_seconds, rule.max_wait_seconds, policy.max_wait_seconds)
    max_wait = next((seconds for seconds in waits if seconds is not None), None)
    return Wish(
        strategy=wish.strategy or rule.strategy or policy.strategy,
        weights=policy.weights,
        order=policy.order,
        preferred=rule.prefer,
        only=wish.only,
        allowed=tuple(names for names in (policy.only, rule.only) if names),
        exclude=wish.exclude,
        barred=(*policy.exclude, *rule.exclude),
        max_cost=min((cap for cap in caps if cap is not None), default=None),
        max_wait=None if max_wait is None else millis(max_wait),
        on_max_wait=wish.on_max_wait or policy.on_max_wait,
        on_unsupported=wish.on_unsupported or policy.on_unsupported,
        on_unknown=wish.on_unknown or policy.on_unknown,
        priced=funding.limited,
        policy=version,
        rule=number,
    )


def _rule(policy: RoutingPolicy, spec: VideoSpec) -> tuple[int | None, Rule]:
    """The first rule that holds for a video, and its place."""
    return next(((n, rule) for n, rule in enumerate(policy.rules, 1) if rule.when.holds(spec)), (None, _NO_RULE))


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision minds beside the wish: where the video stands.

    Attributes:
        affordable: the most that can be held for it, micros; None for any amount.
        since: when it began to wait; None when it begins now.
        ends_by: when it must have ended; None when that is left open.
        full: its tenant has as many in the making as it may, so nobody begins it now.
    """

    history: History = NO_HISTORY
    affordable: Micros | None = None
    since: Millis | None = None
    ends_by: Millis | None = None
    full: Exclusion | None = None


PLAIN = Circumstances()


def decide(spec: VideoSpec, wish: Wish, seen: Snapshot, standing: Circumstances = PLAIN) -> Decision:
    """Rank every account for a spec; the excluded stay in the list with their reasons, the outranked with theirs.

    Ties break by load, then by name, so that the same facts give the same decision.
    """
    compared = [_compared(spec, wish, facts, seen.at, standing) for facts in seen.accounts]
    in_order = sorted(_held_back(wish, compared, seen.at, standing), key=_place)
    return Decision(
        at=seen.at,
        strategy=wish.strategy,
        candidates=tuple(_explained(in_order, wish.strategy)),
        snapshot=seen.digest,
        policy=wish.policy,
        rule=wish.rule,
    )


def _place(one: Ranked) -> tuple[int, Rank]:
    return _tier(one.candidate.excluded), one.rank


def _tier(excluded: tuple[Exclusion, ...]) -> int:
    """The able first, then those who may be able later, then the hopeless."""
    if not excluded:
        return 0
    return 1 if all(reason.code in PASSING for reason in excluded) else 2


def _compared(spec: VideoSpec, wish: Wish, facts: AccountFacts, now: Millis, standing: Circumstances) -> Ranked:
    fitted = fit(spec, facts.capabilities, wish.on_unsupported)
    known = facts.known
    credits = facts.rates.quote(fitted.spec)
    price = None if known.price_per_credit is None else credits.at(known.price_per_credit)
    likely = _likely(facts, fitted.spec)
    expected = None if known.price_per_credit is None else likely * known.price_per_credit
    tries = standing.history.tries.get(facts.account, 0)
    excluded = (
        *fitted.exclusions,
        *_policy(facts, wish, None if price is None else price.high, standing.history),
        *_late(known, now, standing.ends_by),
        *_beyond(None if price is None else price.high, standing.affordable),
        *(() if standing.full is None else (standing.full,)),
        *_tired(facts, tries),
        *_dry(known, credits),
        *facts.standing,
    )
    candidate = Candidate(
        account=facts.account,
        provider=facts.provider,
        credits=credits,
        price=price,
        expected=expected,
        excluded=excluded,
        adjustments=fitted.adjustments,
        facts=known,
    )
    asked = Standpoint(
        strategy=wish.strategy,
        weights=wish.weights,
        tries=tries,
        preference=_index(facts, wish.preferred),
        order=_index(facts, wish.order),
    )
    return ranked(candidate, asked, facts.capabilities.typical_seconds)


def _likely(facts: AccountFacts, spec: VideoSpec) -> Credits:
    """What it will probably cost: what such videos have cost there, else what the provider's price list says."""
    learned = facts.known.learned.get(kind_of(spec))
    if learned is None:
        return facts.rates.estimate(spec)
    bounds = facts.rates.quote(spec)
    return min(max(learned, bounds.low), bounds.high)


def _held_back(wish: Wish, compared: list[Ranked], now: Millis, standing: Circumstances) -> list[Ranked]:
    """While a video may wait, who could make it now lets a better one pass that only has no room at the moment."""
    until = None if wish.max_wait is None else (standing.since or now) + wish.max_wait
    if until is None or (now >= until and wish.on_max_wait is OnMaxWait.SPILL):
        return compared
    crowded = [one for one in compared if _only_crowded(one.candidate.excluded)]
    best = min(crowded, key=lambda one: one.rank, default=None)
    if best is None:
        return compared
    waits = Exclusion(ReasonCode.WAITS_FOR_BETTER, {"account": best.candidate.account}, until=until)
    return [
        replace(one, candidate=replace(one.candidate, excluded=(waits,)))
        if not one.candidate.excluded and best.rank.merit < one.rank.merit
        else one
        for one in compared
    ]


def _only_crowded(excluded: tuple[Exclusion, ...]) -> bool:
    return bool(excluded) and all(reason.code in CROWDED for reason in excluded)


def _explained(in_order: list[Ranked], strategy: Strategy) -> list[Candidate]:
    """The candidates in order, each able one but the first with the reason why it is not the first."""
    first = next((one for one in in_order if not one.candidate.excluded), None)
    return [
        replace(one.candidate, outranked=outranked(one, first, strategy))
        if first is not None and one is not first and not one.candidate.excluded
        else one.candidate
        for one in in_order
    ]


def _policy(facts: AccountFacts, wish: Wish, cost: Micros | None, history: History) -> tuple[Exclusion, ...]:
    """What the wish and the tenant's policy say against an account."""
    found: list[Exclusion] = []
    if wish.only and not _named(wish.only, facts):
        found.append(Exclusion(ReasonCode.NOT_IN_ONLY, {"only": ", ".join(wish.only)}))
    if _named(wish.exclude, facts):
        found.append(Exclusion(ReasonCode.EXCLUDED))
    if _named(wish.barred, facts) or not all(_named(names, facts) for names in wish.allowed):
        found.append(Exclusion(ReasonCode.NOT_ALLOWED))
    if facts.account in history.refused:
        found.append(Exclusion(ReasonCode.ALREADY_REFUSED))
    if wish.max_cost is not None:
        found.extend(_over(cost, wish.max_cost))
    elif wish.priced and cost is None:
        found.append(Exclusion(ReasonCode.PRICE_UNKNOWN))
    return tuple(found)


def _over(cost: Micros | None, cap: Micros) -> tuple[Exclusion, ...]:
    if cost is None:
        return (Exclusion(ReasonCode.PRICE_UNKNOWN, {"max_cost_micros": cap}),)
    if cost > cap:
        return (Exclusion(ReasonCode.OVER_MAX_COST, {"max_cost_micros": cap, "cost_micros": cost}),)
    return ()


def _beyond(cost: Micros | None, affordable: Micros | None) -> tuple[Exclusion, ...]:
    """What its tenant's money says against it: that may pass, with a top-up or a new day."""
    if affordable is None or cost is None or cost <= affordable:
        return ()
    return (Exclusion(ReasonCode.OVER_BUDGET, {"cost_micros": cost, "affordable_micros": affordable}),)


def _late(known: Facts, now: Millis, ends_by: Millis | None) -> tuple[Exclusion, ...]:
    """Not even the fastest videos there were made in the time that is left: only what was observed excludes."""
    if ends_by is None or known.fast_ms is None or now + known.fast_ms <= ends_by:
        return ()
    return (Exclusion(ReasonCode.TOO_SLOW, {"fastest_ms": known.fast_ms, "left_ms": max(ends_by - now, 0)}),)


def _dry(known: Facts, credits: CreditRange) -> tuple[Exclusion, ...]:
    """It would run out of credits on the way: that is known before it says so."""
    if known.credits_left is None or known.credits_left >= credits.high:
        return ()
    return (Exclusion(ReasonCode.OUT_OF_CREDITS, {"left": known.credits_left, "needed": credits.high}),)


def _tired(facts: AccountFacts, tries: int) -> tuple[Exclusion, ...]:
    """A video that has tried it before waits while its retry budget is used up."""
    if not tries or facts.retry_at is None:
        return ()
    return (Exclusion(ReasonCode.RETRIES_USED_UP, {"tries": tries}, until=facts.retry_at),)


def _named(names: tuple[str, ...], facts: AccountFacts) -> bool:
    return any(_names(name, facts) for name in names)


def _names(name: str, facts: AccountFacts) -> bool:
    return name in (facts.account, facts.provider)


def _index(facts: AccountFacts, names: tuple[str, ...]) -> int:
    """Where a list puts it; what the list does not name comes after it."""
    return min((n for n, name in enumerate(names) if _names(name, facts)), default=len(names))
