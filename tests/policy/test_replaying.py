"""What another policy had changed: figures worked out by hand, and a policy that changes nothing."""

from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.policy.replaying import Able, Choice, Difference, Move, Recorded, Skip, Totals, replayed, report
from gateway.policy.routing import AccountFacts, Circumstances, History, decide, overlay, snapshot
from providers.base import Capabilities
from schema.money import CreditRange, Credits
from schema.quote import Exclusion, Facts, ReasonCode
from schema.tenant import UNLIMITED, RoutingPolicy, Rule, When
from schema.video import AspectRatio, Quality, RoutingWish, Strategy, VideoSpec

NOW = 1_000_000


@dataclass
class Flat:
    """A rate card with one price; twice it for high quality."""

    credits: Credits
    refunds_failures: bool = False

    def quote(self, spec: VideoSpec) -> CreditRange:
        times = 2 if spec.quality is Quality.HIGH else 1
        return CreditRange(low=times * self.credits, high=times * self.credits)

    def estimate(self, spec: VideoSpec) -> Credits:
        return self.quote(spec).low


CAPABILITIES = Capabilities(
    models=("veo-3",), aspect_ratios=tuple(AspectRatio), seconds=None, qualities=(Quality.HIGH,), max_prompt=100
)
SLOW = Facts(price_per_credit=1_000, make_ms=90_000, made=90, failed=0)
FAST = Facts(price_per_credit=1_000, make_ms=20_000, made=90, failed=0)
PROVIDERS = {
    "cheap-1": Able(capabilities=CAPABILITIES, rates=Flat(100)),  # 0.10 a video, 90 s
    "quick-1": Able(capabilities=CAPABILITIES, rates=Flat(400)),  # 0.40 a video, 20 s
}
KNOWN = {"cheap-1": SLOW, "quick-1": FAST}


def recorded(
    number: int,
    *,
    policy: RoutingPolicy | None = None,
    spec: VideoSpec | None = None,
    routing: RoutingWish | None = None,
    known: dict[str, Facts] | None = None,
    standing: dict[str, tuple[Exclusion, ...]] | None = None,
    circumstances: Circumstances | None = None,
) -> Recorded:
    """A video decided under a policy, as it would have been stored."""
    spec, routing = spec or VideoSpec(prompt="a fox"), routing or RoutingWish()
    facts = [
        AccountFacts(
            account=account,
            provider=account.partition("-")[0],
            capabilities=PROVIDERS[account].capabilities,
            rates=PROVIDERS[account].rates,
            known=seen,
            standing=(standing or {}).get(account, ()),
        )
        for account, seen in (known or KNOWN).items()
    ]
    wish = overlay(routing, policy or RoutingPolicy(), spec=spec)
    decision = decide(spec, wish, snapshot(NOW, tuple(facts)), circumstances or Circumstances())
    stored = msgspec.json.decode(msgspec.json.encode(decision), type=type(decision))
    return Recorded(video=f"video_{number}", spec=spec, routing=routing, created_at=NOW, decision=stored)


def again(one: Recorded, **policy):
    return replayed(one, RoutingPolicy(**policy), UNLIMITED, PROVIDERS)


def test_the_figures_of_a_fixture_are_those_worked_out_by_hand():
    """Six videos that the cheapest account made, or was to make, and the strategy fastest instead.

    1, 2   plain: cheap-1, 0.10 and 90 s, to quick-1, 0.40 and 20 s.
    3      high quality: cheap-1, 0.20 and 90 s, to quick-1, 0.80 and 20 s.
    4      its own wish says only cheap-1: stays there, 0.10 and 90 s.
    5      quick-1 was resting, so it stays at cheap-1, 0.10 and 90 s.
    6      no account had a price then: cheap-1 to quick-1, no cost on either side, 90 s to 20 s.
    7      decided before facts were kept: skipped.
    8      only an account that is gone since could make it: skipped.

    Cost, of the five with prices: before 0.10 + 0.10 + 0.20 + 0.10 + 0.10 = 0.60;
                                   after  0.40 + 0.40 + 0.80 + 0.10 + 0.10 = 1.80; 1.20 more.
    Time, of all six: before 90 s each; after (20 + 20 + 20 + 90 + 90 + 20) / 6 = 43.333 s.
    """
    resting = Exclusion(ReasonCode.CIRCUIT_OPEN, until=NOW + 5_000)
    unpriced = {account: replace(facts, price_per_credit=None) for account, facts in KNOWN.items()}
    seven, eight = recorded(7), recorded(8)
    gone = replace(eight.decision.candidates[0], account="gone-1")
    videos = [
        recorded(1),
        recorded(2),
        recorded(3, spec=VideoSpec(prompt="a fox", quality=Quality.HIGH)),
        recorded(4, routing=RoutingWish(only=("cheap-1",))),
        recorded(5, standing={"quick-1": (resting,)}),
        recorded(6, known=unpriced),
        replace(seven, decision=replace(seven.decision, snapshot="")),
        replace(eight, decision=replace(eight.decision, candidates=(gone,))),
    ]

    changed = report(again(one, strategy=Strategy.FASTEST) for one in videos)

    assert (changed.considered, changed.same, changed.changed) == (8, 2, 4)
    assert changed.skipped == {Skip.NO_FACTS: 1, Skip.ACCOUNT_GONE: 1}
    assert changed.moves == (Move(before="cheap-1", after="quick-1", count=4),)
    assert (changed.nobody_before, changed.nobody_after) == (0, 0)
    assert changed.cost == Totals(counted=5, before=600_000, after=1_800_000)
    assert changed.cost.difference == 1_200_000
    assert changed.time == Totals(counted=6, before=90_000, after=43_333)
    assert [one.video for one in changed.differences] == ["video_1", "video_2", "video_3", "video_6"]
    assert changed.differences[2] == Difference(
        video="video_3",
        before=Choice(account="cheap-1", cost=200_000, time=90_000),
        after=Choice(account="quick-1", cost=800_000, time=20_000),
    )


def test_a_rule_moves_the_videos_it_speaks_of_and_no_others():
    tall, wide = (VideoSpec(prompt="a fox", aspect_ratio=ratio) for ratio in (AspectRatio.TALL, AspectRatio.WIDE))
    rule = Rule(when=When(aspect_ratio=AspectRatio.TALL), prefer=("quick",))

    changed = report(again(recorded(n, spec=spec), rules=(rule,)) for n, spec in enumerate((tall, wide, tall)))

    assert [one.video for one in changed.differences] == ["video_0", "video_2"]


def test_a_policy_under_which_nobody_could_says_so():
    changed = report([again(recorded(1), per_video=50_000)])

    assert (changed.nobody_before, changed.nobody_after, changed.changed) == (0, 1, 1)
    assert changed.moves == (Move(before="cheap-1", after=None, count=1),)
    assert changed.cost == changed.time == Totals()


def test_a_video_that_waits_counts_as_that_of_the_account_it_waits_for():
    full = Exclusion(ReasonCode.AT_CAPACITY)

    waits = again(recorded(1, standing={"quick-1": (full,)}), strategy=Strategy.FASTEST, max_wait_seconds=60)
    spills = again(recorded(1, standing={"quick-1": (full,)}), strategy=Strategy.FASTEST)

    assert isinstance(waits, Difference)
    assert isinstance(spills, Difference)
    assert waits.after.account == "quick-1"
    assert spills.after.account == "cheap-1"


def test_what_a_video_had_tried_what_it_could_afford_and_its_deadline_still_count():
    tried = Circumstances(history=History(tries={"quick-1": 1}, refused=frozenset({"cheap-1"})))
    poor = Circumstances(affordable=150_000)
    hurried = RoutingWish(deadline_seconds=10)
    known = {account: replace(facts, fast_ms=facts.make_ms) for account, facts in KNOWN.items()}

    refused = again(recorded(1, circumstances=tried), strategy=Strategy.FASTEST)
    short = again(recorded(2, circumstances=poor), strategy=Strategy.FASTEST)
    late = again(recorded(3, routing=hurried, known=known), strategy=Strategy.FASTEST)

    assert refused == Difference(video="video_1", before=chosen("quick-1"), after=chosen("quick-1"))
    assert isinstance(short, Difference)
    assert short.after.account == "cheap-1"
    assert isinstance(late, Difference)
    assert late.after == Choice()


def chosen(account: str) -> Choice:
    return {
        "cheap-1": Choice(account="cheap-1", cost=100_000, time=90_000),
        "quick-1": Choice(account="quick-1", cost=400_000, time=20_000),
    }[account]


def test_nothing_to_look_at_gives_an_empty_report():
    empty = report([])

    assert (empty.considered, empty.same, empty.changed) == (0, 0, 0)
    assert empty.cost.difference is None


policies = st.builds(
    RoutingPolicy,
    strategy=st.sampled_from(Strategy),
    order=st.lists(st.sampled_from(["cheap-1", "quick-1", "quick"]), max_size=2).map(tuple),
    exclude=st.lists(st.sampled_from(["cheap", "quick-1"]), max_size=1).map(tuple),
    per_video=st.none() | st.sampled_from([50_000, 150_000, 900_000]),
    max_wait_seconds=st.none() | st.sampled_from([0, 60]),
)
reasons = st.sampled_from([ReasonCode.AT_CAPACITY, ReasonCode.CIRCUIT_OPEN, ReasonCode.OUT_OF_CREDITS])


@given(
    policies,
    st.dictionaries(st.sampled_from(list(KNOWN)), reasons.map(lambda code: (Exclusion(code),)), max_size=2),
    st.sampled_from(Quality),
)
def test_the_policy_as_it_was_chooses_as_it_did(policy, standing, quality):
    spec = VideoSpec(prompt="a fox", quality=quality)
    since = Circumstances(since=NOW)

    one = replayed(
        recorded(1, policy=policy, spec=spec, standing=standing, circumstances=since), policy, UNLIMITED, PROVIDERS
    )

    assert isinstance(one, Difference)
    assert one.before == one.after


@pytest.mark.parametrize("field", ["affordable", "ends_by"])
def test_the_policy_as_it_was_chooses_as_it_did_when_money_or_time_was_short(field):
    short = Circumstances(affordable=150_000) if field == "affordable" else Circumstances(ends_by=NOW + 30_000)
    known = {account: replace(facts, fast_ms=facts.make_ms) for account, facts in KNOWN.items()}
    routing = RoutingWish(deadline_seconds=30) if field == "ends_by" else None

    one = again(recorded(1, routing=routing, known=known, circumstances=short))

    assert isinstance(one, Difference)
    assert one.before == one.after
    assert one.before.account == ("cheap-1" if field == "affordable" else "quick-1")
