"""Accounts, wishes and whole worlds for tests of decisions, by hand and at random."""

import msgspec
from hypothesis import strategies as st

from gateway.policy.routing import (
    NO_HISTORY,
    AccountFacts,
    Circumstances,
    History,
    Snapshot,
    Wish,
    decide,
    overlay,
    snapshot,
)
from providers.base import Capabilities
from schema.money import CreditRange, Credits
from schema.quote import PASSING, Decision, Exclusion, Facts, ReasonCode
from schema.tenant import Funding, FundingMode, RoutingPolicy, Rule, Weights, When
from schema.video import AspectRatio, OnUnsupported, Quality, RoutingWish, Strategy, VideoSpec

NOW = 1_000_000
SPEC = VideoSpec(prompt="a fox")
ABLE = Capabilities(models=("veo-3",), aspect_ratios=(AspectRatio.WIDE,), seconds=(5, 10), max_prompt=100)


class Flat(msgspec.Struct, frozen=True):
    """A rate card with one price; twice it for high quality."""

    low: Credits
    high: Credits
    refunds_failures: bool = True

    def quote(self, spec: VideoSpec) -> CreditRange:
        times = 2 if spec.quality is Quality.HIGH else 1
        return CreditRange(low=times * self.low, high=times * self.high)

    def estimate(self, spec: VideoSpec) -> Credits:
        return self.quote(spec).low


def fact(name: str, price: int | None = 100, **facts) -> AccountFacts:
    """An account named ``provider-…`` that asks ``price`` micros for a video; what was observed comes by its name."""
    observed = {key: facts.pop(key) for key in Facts.__struct_fields__ if key in facts}
    known = Facts(price_per_credit=price, **observed)
    defaults = {"provider": name.partition("-")[0], "capabilities": ABLE, "rates": Flat(1, 1), "known": known}
    return AccountFacts(account=name, **{**defaults, **facts})


def seen(*facts: AccountFacts) -> Snapshot:
    return snapshot(NOW, facts)


def wish(spec: VideoSpec = SPEC, **policy) -> Wish:
    """A video that wishes nothing, under a policy."""
    return overlay(RoutingWish(), RoutingPolicy(**policy), spec=spec)


def decided(
    *facts: AccountFacts, spec: VideoSpec = SPEC, by: Wish | None = None, history: History = NO_HISTORY, **standing
) -> Decision:
    return decide(spec, by or wish(spec), seen(*facts), Circumstances(history=history, **standing))


def ranked(*facts: AccountFacts, **how) -> list[str]:
    return [candidate.account for candidate in decided(*facts, **how).candidates]


def reasons(*facts: AccountFacts, **how) -> list[Exclusion]:
    (candidate,) = decided(*facts, **how).candidates
    return list(candidate.excluded)


def outranked(*facts: AccountFacts, **how) -> list[Exclusion | None]:
    """For each candidate in order why it is not the first."""
    return [candidate.outranked for candidate in decided(*facts, **how).candidates]


# at random

names = st.sampled_from(["a-1", "a-2", "b-1", "b-2", "c-1", "c-2"])
listed = st.lists(names | st.sampled_from(["a", "b", "c"]), max_size=3).map(tuple)
ratios = st.sampled_from(AspectRatio)
capabilities = st.builds(
    Capabilities,
    models=st.sampled_from([("veo-3",), ("veo-3", "a/x"), ("b/y",)]),
    aspect_ratios=st.lists(ratios, min_size=1, max_size=3, unique=True).map(tuple),
    seconds=st.none() | st.tuples(st.integers(1, 8), st.integers(8, 20)),
    default_aspect_ratio=st.none(),
    qualities=st.sampled_from([(), (Quality.HIGH,)]),
    image_input=st.booleans(),
    max_prompt=st.integers(1, 12),
    typical_seconds=st.tuples(st.integers(1, 60), st.integers(60, 300)),
)
standings = st.sampled_from(
    [(), (), (), *[(Exclusion(code),) for code in sorted(PASSING)], (Exclusion(ReasonCode.ALREADY_REFUSED),)]
)
rates = st.builds(lambda low, more: Flat(low, low + more), st.integers(0, 5), st.integers(0, 5))
facts = st.builds(
    fact,
    names,
    st.none() | st.integers(0, 20),
    standing=standings,
    load=st.integers(0, 3),
    rates=rates,
    wait_ms=st.sampled_from([0, 0, 60_000]),
    make_ms=st.none() | st.integers(1, 300_000),
    made=st.integers(0, 50),
    failed=st.integers(0, 50),
    learned=st.dictionaries(st.just("auto/standard"), st.integers(0, 12)),
)
crowds = st.lists(facts, max_size=6, unique_by=lambda one: one.account)
weights = st.builds(
    Weights,
    price=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    speed=st.sampled_from([0.0, 0.3, 1.0]),
    reliability=st.sampled_from([0.1, 0.2, 1.0]),
)
wishes = st.builds(
    wish,
    strategy=st.sampled_from(Strategy),
    weights=weights,
    order=listed,
    only=listed,
    exclude=listed,
    per_video=st.none() | st.integers(0, 60),
    rules=st.lists(st.builds(Rule, prefer=listed), max_size=1).map(tuple),
)
histories = st.builds(
    History, tries=st.dictionaries(names, st.integers(0, 2)), refused=st.frozensets(names, max_size=2)
)

# with everything that may stand in the way

specs = st.builds(
    VideoSpec,
    prompt=st.text("ab", min_size=1, max_size=15),
    model=st.sampled_from(["auto", "veo-3", "a/x", "b/y"]),
    aspect_ratio=st.none() | ratios,
    seconds=st.none() | st.integers(1, 30),
    quality=st.none() | st.sampled_from(Quality),
    image_url=st.none() | st.just("https://a.example/b.png"),
)
caps = st.none() | st.integers(0, 60)
asked_routings = st.builds(
    RoutingWish,
    only=listed,
    exclude=listed,
    max_cost_micros=caps,
    deadline_seconds=st.none() | st.integers(1, 200),
    on_unsupported=st.none() | st.sampled_from(OnUnsupported),
)
whens = st.builds(
    When,
    model=st.none() | st.sampled_from(["auto", "veo-3"]),
    aspect_ratio=st.none() | ratios,
    quality=st.none() | st.sampled_from(Quality),
    image=st.none() | st.booleans(),
    max_seconds=st.none() | st.integers(1, 30),
)
rules = st.builds(Rule, when=whens, only=listed, exclude=listed, per_video=caps)
policies = st.builds(
    RoutingPolicy,
    only=listed,
    exclude=listed,
    per_video=caps,
    on_unsupported=st.sampled_from(OnUnsupported),
    rules=st.lists(rules, max_size=3).map(tuple),
)
fundings = st.builds(Funding, mode=st.sampled_from(FundingMode), per_video=caps)
able_accounts = st.builds(
    fact,
    names,
    st.none() | st.integers(0, 20),
    capabilities=capabilities,
    rates=rates,
    fast_ms=st.none() | st.integers(1, 100_000_000),
)
worlds = st.lists(able_accounts, max_size=4, unique_by=lambda one: one.account)
