"""A tenant's routing policy through time: its versions, and how a policy is written where people read and write it."""

from typing import Annotated, Self

import msgspec

from schema.clock import Millis
from schema.money import Micros, format_micros, parse_micros
from schema.tenant import RoutingPolicy, Rule, Weights, When
from schema.video import (
    LONGEST_SECONDS,
    MAX_SECONDS,
    AccountName,
    AspectRatio,
    OnMaxWait,
    OnUnknown,
    OnUnsupported,
    Quality,
    Strategy,
)

MAX_NAMES = 256
MAX_RULES = 64
MAX_WEIGHT = 1_000_000
MAX_NOTE = 1000
"""Characters somebody may say about a version."""

BY_FILE = "file"
BY_DEFAULT = "default"
"""Authors that are nobody's key: the configuration file, and the gateway when a tenant first appears."""


class PolicyVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A policy as it was from one change to the next; it is never changed itself.

    Attributes:
        version: from 1, without gaps.
        author: whose key it was, ``file`` or ``default``.
    """

    tenant: str
    version: int
    at: Millis
    author: str
    note: str = ""
    policy: RoutingPolicy


Names = Annotated[tuple[AccountName, ...], msgspec.Meta(max_length=MAX_NAMES)]
_UP_TO_A_BILLION = r"^([0-9]{1,9}(\.[0-9]{1,6})?|1000000000(\.0{1,6})?)$(?!\n)"
Amount = Annotated[str, msgspec.Meta(pattern=_UP_TO_A_BILLION, max_length=17, examples=["0.50"])]
Share = Annotated[float, msgspec.Meta(ge=0, le=MAX_WEIGHT)]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=MAX_SECONDS)]
Wait = Annotated[int, msgspec.Meta(ge=0, le=LONGEST_SECONDS)]


class WrittenWeights(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `balanced` minds: with equal weights, half the price is worth half the time, or half the failures."""

    price: Share = Weights().price
    speed: Share = Weights().speed
    reliability: Share = Weights().reliability

    def weights(self) -> Weights:
        return Weights(price=self.price, speed=self.speed, reliability=self.reliability)


class WrittenWhen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which videos a rule is for: all that is not null must hold.

    Attributes:
        image: whether it starts from a picture.
        min_seconds, max_seconds: of a duration that was asked for; a video without one is not meant.
    """

    model: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    aspect_ratio: AspectRatio | None = None
    quality: Quality | None = None
    image: bool | None = None
    min_seconds: Seconds | None = None
    max_seconds: Seconds | None = None


class WrittenRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How some videos are routed differently; of several rules that hold the first one counts.

    Attributes:
        prefer: account ids or provider names that go first, before the strategy is asked.
        only, exclude: beside the policy's own.
        max_cost: the most such a video may cost, as decimal text, beside the policy's own.
        strategy, max_wait_seconds: instead of the policy's own.
    """

    when: WrittenWhen = WrittenWhen()
    prefer: Names = ()
    only: Names = ()
    exclude: Names = ()
    strategy: Strategy | None = None
    max_cost: Amount | None = None
    max_wait_seconds: Wait | None = None

    @classmethod
    def of(cls, rule: Rule) -> Self:
        return cls(
            when=WrittenWhen(**msgspec.structs.asdict(rule.when)),
            prefer=rule.prefer,
            only=rule.only,
            exclude=rule.exclude,
            strategy=rule.strategy,
            max_cost=_text(rule.per_video),
            max_wait_seconds=rule.max_wait_seconds,
        )

    def rule(self) -> Rule:
        return Rule(
            when=When(**msgspec.structs.asdict(self.when)),
            prefer=self.prefer,
            only=self.only,
            exclude=self.exclude,
            strategy=self.strategy,
            per_video=_micros(self.max_cost),
            max_wait_seconds=self.max_wait_seconds,
        )


class WrittenRouting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a tenant's videos are routed when a video says nothing else.

    Attributes:
        strategy: how accounts are ranked.
        weights: for the strategy `balanced`.
        order: account ids or provider names, best first; the rest follow by price.
        only: when not empty, no other account or provider serves this tenant.
        exclude: account ids or provider names that never serve it.
        max_cost: the most one video may cost, as decimal text in the gateway's currency.
        max_wait_seconds: how long a video may wait for a better account that has no room; null goes to the best that
            has.
        on_max_wait: what to do after that.
        on_unsupported: what to do with a wish a provider can not express.
        on_unknown: what to do when nobody knows whether a paid submit arrived.
        rules: for some videos, differently; the first that holds counts.
    """

    strategy: Strategy = RoutingPolicy().strategy
    weights: WrittenWeights = WrittenWeights()
    order: Names = ()
    only: Names = ()
    exclude: Names = ()
    max_cost: Amount | None = None
    max_wait_seconds: Wait | None = None
    on_max_wait: OnMaxWait = RoutingPolicy().on_max_wait
    on_unsupported: OnUnsupported = RoutingPolicy().on_unsupported
    on_unknown: OnUnknown = RoutingPolicy().on_unknown
    rules: Annotated[tuple[WrittenRule, ...], msgspec.Meta(max_length=MAX_RULES)] = ()

    @classmethod
    def of(cls, policy: RoutingPolicy) -> Self:
        """A policy as it is written: money as decimal text."""
        return cls(
            strategy=policy.strategy,
            weights=WrittenWeights(**msgspec.structs.asdict(policy.weights)),
            order=policy.order,
            only=policy.only,
            exclude=policy.exclude,
            max_cost=_text(policy.per_video),
            max_wait_seconds=policy.max_wait_seconds,
            on_max_wait=policy.on_max_wait,
            on_unsupported=policy.on_unsupported,
            on_unknown=policy.on_unknown,
            rules=tuple([WrittenRule.of(rule) for rule in policy.rules]),
        )

    def policy(self) -> RoutingPolicy:
        """The policy that is meant."""
        return RoutingPolicy(
            strategy=self.strategy,
            weights=self.weights.weights(),
            order=self.order,
            only=self.only,
            exclude=self.exclude,
            per_video=_micros(self.max_cost),
            max_wait_seconds=self.max_wait_seconds,
            on_max_wait=self.on_max_wait,
            on_unsupported=self.on_unsupported,
            on_unknown=self.on_unknown,
            rules=tuple([rule.rule() for rule in self.rules]),
        )


def _text(amount: Micros | None) -> str | None:
    return None if amount is None else format_micros(amount)


def _micros(text: str | None) -> Micros | None:
    return None if text is None else parse_micros(text)
