"""Who makes a video: a pure function from what is wanted and what is known to an ordered, explained decision."""

import msgspec

from gateway.policy.capability import fit
from providers.base import Capabilities, RateCard
from schema.clock import Millis
from schema.money import Micros
from schema.quote import PASSING, Candidate, Decision, Exclusion, ReasonCode
from schema.tenant import UNLIMITED, Funding, RoutingPolicy
from schema.video import OnUnknown, OnUnsupported, RoutingWish, Strategy, VideoSpec


class AccountFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One account as a decision sees it.

    Attributes:
        price_per_credit: micros; None when unknown.
        standing: what speaks against it now whatever the wish (breaker, rest, credits, capacity).
        load: videos it has in the making, for ties.
        retry_at: when a video that tried it before may try again; None for now.
    """

    account: str
    provider: str
    capabilities: Capabilities
    rates: RateCard
    price_per_credit: Micros | None
    standing: tuple[Exclusion, ...] = ()
    load: int = 0
    retry_at: Millis | None = None


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A video's routing wish laid over its tenant's policy: nothing is left undecided.

    Attributes:
        priced: an account whose price nobody knows must not serve it.
    """

    strategy: Strategy
    order: tuple[str, ...]
    only: tuple[str, ...]
    allowed: tuple[str, ...]
    exclude: tuple[str, ...]
    max_cost: Micros | None
    on_unsupported: OnUnsupported
    on_unknown: OnUnknown
    priced: bool = False


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What earlier attempts of this video taught: how often each account was tried, and who must not be again."""

    tries: dict[str, int] = {}
    refused: frozenset[str] = frozenset()


NO_HISTORY = History()


def overlay(wish: RoutingWish, policy: RoutingPolicy, funding: Funding = UNLIMITED) -> Wish:
    """A video may narrow its tenant's policy, never widen it: caps take the smaller, lists of accounts both apply."""
    caps = [cap for cap in (wish.max_cost_micros, policy.per_video, funding.per_video) if cap is not None]
    return Wish(
        strategy=wish.strategy or policy.strategy,
        order=policy.order,
        only=wish.only,
        allowed=policy.only,
        exclude=(*wish.exclude, *policy.exclude),
        max_cost=min(caps, default=None),
        on_unsupported=wish.on_unsupported or policy.on_unsupported,
        on_unknown=wish.on_unknown or policy.on_unknown,
        priced=funding.limited,
    )


def decide(
    spec: VideoSpec,
    wish: Wish,
    facts: tuple[AccountFacts, ...],
    *,
    now: Millis,
    history: History = NO_HISTORY,
    affordable: Micros | None = None,
) -> Decision:
    """Rank every account for a spec; the excluded stay in the list with their reasons.

    Ties break by load, then by name, so that the same facts give the same decision.

    Args:
        affordable: the most that can be held for it; None for any amount.
    """
    ranked = sorted((_rated(spec, wish, fact, history, affordable) for fact in facts), key=lambda pair: pair[0])
    return Decision(at=now, strategy=wish.strategy, candidates=tuple(candidate for _, candidate in ranked))


_Rank = tuple[int, int, float, float, int, str]


def _rated(
    spec: VideoSpec, wish: Wish, facts: AccountFacts, history: History, affordable: Micros | None
) -> tuple[_Rank, Candidate]:
    fitted = fit(spec, facts.capabilities, wish.on_unsupported)
    credits = facts.rates.quote(fitted.spec)
    price = None if facts.price_per_credit is None else credits.at(facts.price_per_credit)
    cost = float("inf") if price is None else float(price.high)
    place = _place(facts, wish.order)
    tries = history.tries.get(facts.account, 0)
    excluded = (
        *fitted.exclusions,
        *_policy(facts, wish, cost, history),
        *_beyond(cost, affordable),
        *_tired(facts, tries),
        *facts.standing,
    )
    candidate = Candidate(
        account=facts.account,
        provider=facts.provider,
        credits=credits,
        price=price,
        excluded=excluded,
        adjustments=fitted.adjustments,
        scores={"tries": tries, "place": place, **({} if price is None else {"price": cost})},
    )
    first, second = (cost, place) if wish.strategy is Strategy.CHEAPEST else (place, cost)
    return (_tier(excluded), tries, first, second, facts.load, facts.account), candidate


def _tier(excluded: tuple[Exclusion, ...]) -> int:
    """The able first, then those who may be able later, then the hopeless."""
    if not excluded:
        return 0
    return 1 if all(reason.code in PASSING for reason in excluded) else 2


def _place(facts: AccountFacts, order: tuple[str, ...]) -> float:
    """Where the tenant's list puts it; what the list does not name comes after it."""
    return float(min((n for n, name in enumerate(order) if _names(name, facts)), default=len(order)))


def _policy(facts: AccountFacts, wish: Wish, cost: float, history: History) -> tuple[Exclusion, ...]:
    """What the wish and the tenant's policy say against an account."""
    found: list[Exclusion] = []
    if wish.only and not _named(wish.only, facts):
        found.append(Exclusion(ReasonCode.NOT_IN_ONLY, {"only": ", ".join(wish.only)}))
    if wish.allowed and not _named(wish.allowed, facts):
        found.append(Exclusion(ReasonCode.NOT_ALLOWED))
    if _named(wish.exclude, facts):
        found.append(Exclusion(ReasonCode.EXCLUDED))
    if facts.account in history.refused:
        found.append(Exclusion(ReasonCode.ALREADY_REFUSED))
    if wish.max_cost is not None:
        found.extend(_over(cost, wish.max_cost))
    elif wish.priced and cost == float("inf"):
        found.append(Exclusion(ReasonCode.PRICE_UNKNOWN))
    return tuple(found)


def _beyond(cost: float, affordable: Micros | None) -> tuple[Exclusion, ...]:
    """What its tenant's money says against it: that may pass, with a top-up or a new day."""
    if affordable is None or cost <= affordable or cost == float("inf"):
        return ()
    return (Exclusion(ReasonCode.OVER_BUDGET, {"cost_micros": int(cost), "affordable_micros": affordable}),)


def _over(cost: float, cap: Micros) -> tuple[Exclusion, ...]:
    if cost == float("inf"):
        return (Exclusion(ReasonCode.PRICE_UNKNOWN, {"max_cost_micros": cap}),)
    if cost > cap:
        return (Exclusion(ReasonCode.OVER_MAX_COST, {"max_cost_micros": cap, "cost_micros": int(cost)}),)
    return ()


def _tired(facts: AccountFacts, tries: int) -> tuple[Exclusion, ...]:
    """A video that has tried it before waits while its retry budget is used up."""
    if not tries or facts.retry_at is None:
        return ()
    return (Exclusion(ReasonCode.RETRIES_USED_UP, {"tries": tries}, until=facts.retry_at),)


def _named(names: tuple[str, ...], facts: AccountFacts) -> bool:
    return any(_names(name, facts) for name in names)


def _names(name: str, facts: AccountFacts) -> bool:
    return name in (facts.account, facts.provider)
