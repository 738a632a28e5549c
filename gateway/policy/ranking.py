"""How candidates compare: one tuple for each, the smaller the better, and the first difference between two in words."""

import math
from typing import NamedTuple

import msgspec

from schema.clock import Millis, millis
from schema.quote import Candidate, Exclusion, Facts, ReasonCode
from schema.tenant import Weights
from schema.video import Strategy

PRIOR = 10
"""An account nobody has tried counts as if it had failed once in ten times; what is observed soon outweighs that."""

_BY: dict[Strategy, tuple[ReasonCode, ReasonCode]] = {
    Strategy.CHEAPEST: (ReasonCode.DEARER, ReasonCode.LATER_IN_ORDER),
    Strategy.FASTEST: (ReasonCode.SLOWER, ReasonCode.DEARER),
    Strategy.RELIABLE: (ReasonCode.LESS_RELIABLE, ReasonCode.DEARER),
    Strategy.BALANCED: (ReasonCode.LOWER_SCORE, ReasonCode.DEARER),
    Strategy.ORDERED: (ReasonCode.LATER_IN_ORDER, ReasonCode.DEARER),
}
"""What each strategy looks at, first and second."""

_Part = tuple[float, ...]


class Rank(NamedTuple):
    """Compared from left to right, part by part; ``REASONS`` names the parts."""

    tries: _Part
    preference: _Part
    first: _Part
    second: _Part
    load: _Part
    account: str

    def reason(self, other: "Rank", strategy: Strategy) -> ReasonCode:
        """Why this one is behind another: the first part in which they differ."""
        reasons = (
            ReasonCode.TRIED_BEFORE,
            ReasonCode.NOT_PREFERRED,
            *_BY[strategy],
            ReasonCode.BUSIER,
            ReasonCode.LATER_NAME,
        )
        return next(reason for reason, mine, theirs in zip(reasons, self, other, strict=True) if mine != theirs)


class Standpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What of a wish and a video's past matters for one account's rank: the smaller each, the better.

    Attributes:
        tries: how often the video has tried the account.
        preference, order: its place in what a rule prefers, and in the tenant's list.
    """

    strategy: Strategy
    weights: Weights
    tries: int
    preference: int
    order: int


class Ranked(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate with its rank."""

    candidate: Candidate
    rank: Rank


def ranked(candidate: Candidate, asked: Standpoint, typical: tuple[int, int]) -> Ranked:
    """A candidate with its rank, and the parts that made it as its scores.

    Args:
        typical: how long the provider's videos usually take, seconds, for an account of which nothing was observed.
    """
    known = candidate.facts
    price = _price(candidate)
    time = expected_ms(known, typical)
    parts: dict[ReasonCode, _Part] = {
        ReasonCode.DEARER: price,
        ReasonCode.SLOWER: (time,),
        ReasonCode.LESS_RELIABLE: (failure_rate(known),),
        ReasonCode.LOWER_SCORE: (score(asked.weights, price[0], time, failure_rate(known)),),
        ReasonCode.LATER_IN_ORDER: (asked.order,),
    }
    first, second = _BY[asked.strategy]
    rank = Rank(
        tries=(asked.tries,),
        preference=(asked.preference,),
        first=parts[first],
        second=parts[second],
        load=(known.load,),
        account=candidate.account,
    )
    scores = {
        "tries": asked.tries,
        "place": asked.order,
        "expected_ms": time,
        "failure_rate": round(failure_rate(known), 6),
        **({} if candidate.expected is None else {"price": candidate.expected}),
        **({"score": round(parts[ReasonCode.LOWER_SCORE][0], 6)} if asked.strategy is Strategy.BALANCED else {}),
    }
    return Ranked(candidate=msgspec.structs.replace(candidate, scores=scores), rank=rank)


def _price(candidate: Candidate) -> _Part:
    """What it will probably cost, then the most it may."""
    if candidate.expected is None or candidate.price is None:
        return (math.inf, math.inf)
    return (candidate.expected, candidate.price.high)


def failure_rate(known: Facts) -> float:
    """The share of attempts that give no video, from 0 to 1, never quite 0."""
    return (known.failed + 1) / (known.made + known.failed + PRIOR)


def expected_ms(known: Facts, typical: tuple[int, int]) -> Millis:
    """After how long a video would probably be there: what is waited for, and what making one takes."""
    return known.wait_ms + usual_ms(known, typical)


def usual_ms(known: Facts, typical: tuple[int, int]) -> Millis:
    """How long making a video takes: the median of what was observed, else the middle of what is usual."""
    return known.make_ms if known.make_ms is not None else millis(sum(typical) / 2)


def score(weights: Weights, price: float, time: Millis, failures: float) -> float:
    """The logarithms' weighted sum: what a part is compared with does not matter, only by which factor it differs.

    So an account that is no candidate changes nothing between two that are.
    """
    parts = ((weights.price, price), (weights.speed, float(time)), (weights.reliability, failures * 1e6))
    return sum(weight * math.log(max(part, 1.0)) for weight, part in parts if weight)


def outranked(one: Ranked, first: Ranked, strategy: Strategy) -> Exclusion:
    """Why a candidate that could make the video is not the first, with both of what was compared."""
    code = one.rank.reason(first.rank, strategy)
    mine, theirs = one.candidate, first.candidate
    by: dict[ReasonCode, tuple[str, float | int | None, float | int | None]] = {
        ReasonCode.TRIED_BEFORE: ("tries", mine.scores["tries"], theirs.scores["tries"]),
        ReasonCode.DEARER: ("micros", mine.expected, theirs.expected),
        ReasonCode.SLOWER: ("ms", mine.scores["expected_ms"], theirs.scores["expected_ms"]),
        ReasonCode.LESS_RELIABLE: ("failures_ppm", _ppm(mine), _ppm(theirs)),
        ReasonCode.LOWER_SCORE: ("score_ppm", _score_ppm(mine), _score_ppm(theirs)),
        ReasonCode.BUSIER: ("load", mine.facts.load, theirs.facts.load),
    }
    params: dict[str, str | int] = {"than": theirs.account}
    name, own, others = by.get(code, ("", None, None))
    if own is not None and others is not None:
        params |= {name: int(own), f"than_{name}": int(others)}
    return Exclusion(code, params)


def _ppm(candidate: Candidate) -> int:
    return round(candidate.scores["failure_rate"] * 1e6)


def _score_ppm(candidate: Candidate) -> int | None:
    return round(candidate.scores["score"] * 1e6) if "score" in candidate.scores else None
