"""How candidates compare: one tuple for each, the smaller the better, and the first difference between two in words."""

import math
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from schema.clock import Millis, millis
from schema.money import Micros
from schema.quote import Candidate, Exclusion, Facts, ReasonCode
from schema.tenant import Weights
from schema.video import Strategy

PRIOR = 10
"""An account nobody has tried counts as if it had failed once in ten times; what is observed soon outweighs that."""

_DIGITS = 6
"""Fractions are compared as they are told: in millionths."""

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

    @property
    def merit(self) -> tuple[_Part, ...]:
        """What makes one better than another, without what only parts equals."""
        return (self.tries, self.preference, self.first, self.second)

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
    price, time, failures = _price(candidate), expected_ms(known, typical), failure_rate(known)
    worth = score(asked.weights, candidate.expected, time, failures)
    parts: dict[ReasonCode, _Part] = {
        ReasonCode.DEARER: price,
        ReasonCode.SLOWER: (time,),
        ReasonCode.LESS_RELIABLE: (failures,),
        ReasonCode.LOWER_SCORE: (math.inf if worth is None else -worth,),
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
        "preference": asked.preference,
        "place": asked.order,
        "expected_ms": time,
        "failure_rate": failures,
        "price": candidate.expected,
        "score": worth if asked.strategy is Strategy.BALANCED else None,
    }
    told = {name: value for name, value in scores.items() if value is not None}
    return Ranked(candidate=msgspec.structs.replace(candidate, scores=told), rank=rank)


def _price(candidate: Candidate) -> _Part:
    """What it will probably cost, then the most it may."""
    if candidate.expected is None or candidate.price is None:
        return (math.inf, math.inf)
    return (candidate.expected, candidate.price.high)


def failure_rate(known: Facts) -> float:
    """The share of attempts that give no video, from 0 to 1, never quite 0."""
    return round((known.failed + 1) / (known.made + known.failed + PRIOR), _DIGITS)


def expected_ms(known: Facts, typical: tuple[int, int]) -> Millis:
    """After how long a video would probably be there: what is waited for, and what making one takes."""
    return known.wait_ms + usual_ms(known, typical)


def usual_ms(known: Facts, typical: tuple[int, int]) -> Millis:
    """How long making a video takes: the median of what was observed, else the middle of what is usual."""
    return known.make_ms if known.make_ms is not None else millis(sum(typical) / 2)


def score(weights: Weights, price: Micros | None, time: Millis, failures: float) -> float | None:
    """How good an account is, the higher the better; None when its price is minded and nobody knows it.

    It is a weighted sum of logarithms: what a part is compared with does not matter, only by which factor it differs.
    So an account that is no candidate changes nothing between two that are.
    """
    if price is None and weights.price:
        return None
    parts = ((weights.price, float(price or 0)), (weights.speed, float(time)), (weights.reliability, failures * 1e6))
    return round(-sum(weight * math.log(max(part, 1.0)) for weight, part in parts if weight), _DIGITS)


def outranked(one: Ranked, first: Ranked, strategy: Strategy) -> Exclusion:
    """Why a candidate that could make the video is not the first, with both of what was compared."""
    code = one.rank.reason(first.rank, strategy)
    params: dict[str, str | int] = {"than": first.candidate.account}
    for name, value in _COMPARED.get(code, ()):
        own, others = value(one.candidate), value(first.candidate)
        if own != others:
            params |= {key: told for key, told in ((name, own), (f"than_{name}", others)) if told is not None}
            break
    return Exclusion(code, params)


def _scored(name: str, times: int = 1) -> Callable[[Candidate], int | None]:
    """Reads one of a candidate's scores as a whole number; None when it has none."""
    return lambda candidate: round(candidate.scores[name] * times) if name in candidate.scores else None


_COMPARED: dict[ReasonCode, tuple[tuple[str, Callable[[Candidate], int | None]], ...]] = {
    ReasonCode.TRIED_BEFORE: (("tries", _scored("tries")),),
    ReasonCode.NOT_PREFERRED: (("place", _scored("preference")),),
    ReasonCode.DEARER: (
        ("micros", lambda candidate: candidate.expected),
        ("top_micros", lambda candidate: None if candidate.price is None else candidate.price.high),
    ),
    ReasonCode.SLOWER: (("ms", _scored("expected_ms")),),
    ReasonCode.LESS_RELIABLE: (("failures_ppm", _scored("failure_rate", 1_000_000)),),
    ReasonCode.LOWER_SCORE: (("score_ppm", _scored("score", 1_000_000)),),
    ReasonCode.LATER_IN_ORDER: (("place", _scored("place")),),
    ReasonCode.BUSIER: (("load", lambda candidate: candidate.facts.load),),
}
"""What each reason compared, as it is told; of two, the first in which the candidates differ."""
