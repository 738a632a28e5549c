"""A wish laid over its tenant's policy, the policy's rules, and waiting for a better account."""

import msgspec
import pytest

from gateway.policy.routing import Wish, overlay
from schema.quote import (
    CROWDED,
    STANDING,
    Exclusion,
    ReasonCode,
)
from schema.tenant import RoutingPolicy, Rule, When
from schema.video import AspectRatio, OnMaxWait, OnUnknown, OnUnsupported, Quality, RoutingWish, Strategy, VideoSpec
from tests.policy.deciding import (
    NOW,
    SPEC,
    decided,
    fact,
    ranked,
    reasons,
    wish,
)

# a wish over a policy

POLICY = RoutingPolicy(
    strategy=Strategy.ORDERED,
    order=("a",),
    only=("a", "b"),
    exclude=("c",),
    per_video=500,
    on_unsupported=OnUnsupported.ADJUST,
    on_unknown=OnUnknown.WAIT,
)


def test_a_video_that_wishes_nothing_follows_its_tenant_s_policy():
    assert overlay(RoutingWish(), POLICY, spec=SPEC) == Wish(
        strategy=Strategy.ORDERED,
        order=("a",),
        only=(),
        allowed=(("a", "b"),),
        exclude=(),
        barred=("c",),
        max_cost=500,
        on_unsupported=OnUnsupported.ADJUST,
        on_unknown=OnUnknown.WAIT,
    )


def test_a_video_s_own_wishes_come_first():
    own = RoutingWish(
        strategy=Strategy.CHEAPEST, on_unsupported=OnUnsupported.ERROR, on_unknown=OnUnknown.FAIL, only=("b",)
    )

    laid = overlay(own, POLICY, spec=SPEC)

    assert (laid.strategy, laid.on_unsupported, laid.on_unknown) == (
        Strategy.CHEAPEST,
        OnUnsupported.ERROR,
        OnUnknown.FAIL,
    )
    assert (laid.only, laid.allowed) == (("b",), (("a", "b"),))


@pytest.mark.parametrize(
    ("asked", "allowed", "cap"),
    [(None, None, None), (7, None, 7), (None, 5, 5), (7, 5, 5), (3, 5, 3), (0, 5, 0), (5, 0, 0)],
)
def test_of_two_caps_the_smaller_holds(asked, allowed, cap):
    assert overlay(RoutingWish(max_cost_micros=asked), RoutingPolicy(per_video=allowed), spec=SPEC).max_cost == cap


def test_a_video_can_not_reach_an_account_that_its_tenant_shut_out():
    own = RoutingWish(only=("a", "c", "d"), exclude=("x",))

    decision = decided(fact("a"), fact("c"), fact("d"), by=overlay(own, POLICY, spec=SPEC))

    assert [candidate.account for candidate in decision.candidates if candidate.able] == ["a"]


# rules

TALL = VideoSpec(prompt="x", aspect_ratio=AspectRatio.TALL, seconds=8, quality=Quality.HIGH)


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        pytest.param(When(), True, id="nothing-is-asked"),
        pytest.param(When(model="auto"), True, id="model"),
        pytest.param(When(model="veo-3"), False, id="another-model"),
        pytest.param(When(aspect_ratio=AspectRatio.TALL), True, id="ratio"),
        pytest.param(When(aspect_ratio=AspectRatio.WIDE), False, id="another-ratio"),
        pytest.param(When(quality=Quality.HIGH), True, id="quality"),
        pytest.param(When(quality=Quality.STANDARD), False, id="another-quality"),
        pytest.param(When(image=False), True, id="no-picture"),
        pytest.param(When(image=True), False, id="a-picture"),
        pytest.param(When(min_seconds=8, max_seconds=8), True, id="just-so-long"),
        pytest.param(When(min_seconds=9), False, id="too-short"),
        pytest.param(When(max_seconds=7), False, id="too-long"),
        pytest.param(When(aspect_ratio=AspectRatio.TALL, image=True), False, id="all-must-hold"),
    ],
)
def test_a_rule_is_for_the_videos_it_speaks_of(when, holds):
    assert when.holds(TALL) is holds
    assert wish(TALL, rules=(Rule(when=when, strategy=Strategy.FASTEST),)).rule == (1 if holds else None)


def test_a_rule_about_durations_means_no_video_that_asks_for_none():
    assert not When(min_seconds=1).holds(SPEC)
    assert not When(max_seconds=60).holds(SPEC)
    assert When(quality=Quality.STANDARD).holds(SPEC)


def test_of_several_rules_that_hold_the_first_counts_and_is_named():
    never = Rule(when=When(image=True), strategy=Strategy.RELIABLE)
    first, second = Rule(strategy=Strategy.FASTEST), Rule(strategy=Strategy.ORDERED)

    decision = decided(fact("a"), by=wish(rules=(never, first, second)))

    assert (decision.strategy, decision.rule) == (Strategy.FASTEST, 2)
    assert decided(fact("a"), by=wish(rules=(never,))).rule is None


def test_the_version_of_the_policy_is_told():
    by = overlay(RoutingWish(), RoutingPolicy(), spec=SPEC, version=7)

    assert decided(fact("a"), by=by).policy == 7


def test_whom_a_rule_prefers_goes_first_whatever_the_strategy_in_its_order():
    facts = (fact("a", 1), fact("b-1", 2), fact("c", 3))

    for strategy in Strategy:
        by = wish(strategy=strategy, order=("a",), rules=(Rule(prefer=("c", "b")),))
        assert ranked(*facts, by=by) == ["c", "b-1", "a"]


def test_a_rule_s_lists_and_its_cap_stand_beside_the_policy_s_own():
    rule = Rule(only=("a", "b"), exclude=("a-2",), per_video=150)
    by = wish(only=("a",), exclude=("a-3",), per_video=500, rules=(rule,))
    facts = [fact(name, 150) for name in ("a-1", "a-2", "a-3", "b-1", "c-1")]

    decision = decided(*facts, by=by)

    assert [one.account for one in decision.candidates if one.able] == ["a-1"]
    assert [reason.code for reason in reasons(fact("a-1", 151), by=by)] == [ReasonCode.OVER_MAX_COST]


def test_a_rule_s_strategy_and_wait_replace_the_policy_s_and_a_wish_s_replace_both():
    policy = RoutingPolicy(max_wait_seconds=60, rules=(Rule(strategy=Strategy.RELIABLE, max_wait_seconds=30),))
    own = RoutingWish(strategy=Strategy.ORDERED, max_wait_seconds=0)

    ruled, wished = (overlay(asked, policy, spec=SPEC) for asked in (RoutingWish(), own))

    assert (ruled.strategy, ruled.max_wait) == (Strategy.RELIABLE, 30_000)
    assert (wished.strategy, wished.max_wait) == (Strategy.ORDERED, 0)
    assert overlay(RoutingWish(), msgspec.structs.replace(policy, rules=()), spec=SPEC).max_wait == 60_000


# waiting

BUSY = (Exclusion(ReasonCode.AT_CAPACITY),)


def test_a_video_that_may_wait_waits_for_the_better_one_that_only_has_no_room():
    decision = decided(fact("a", 1, standing=BUSY), fact("b", 2), fact("c", 3), by=wish(max_wait_seconds=10))

    assert decision.chosen is None
    assert decision.hopeful is not None
    assert decision.hopeful.account == "a"
    waits = Exclusion(ReasonCode.WAITS_FOR_BETTER, {"account": "a"}, until=NOW + 10_000)
    assert [one.excluded for one in decision.candidates] == [BUSY, (waits,), (waits,)]


def test_what_is_better_than_who_waits_is_taken_at_once():
    decision = decided(fact("a", 2, standing=BUSY), fact("b", 1), fact("c", 3), by=wish(max_wait_seconds=10))

    assert decision.chosen is not None
    assert decision.chosen.account == "b"
    assert [one.able for one in decision.candidates] == [True, False, False]


@pytest.mark.parametrize("code", sorted(STANDING - CROWDED))
def test_nobody_waits_for_an_account_that_lacks_more_than_room(code):
    broken = fact("a", 1, standing=(Exclusion(ReasonCode.BUSY), Exclusion(code)))

    assert ranked(broken, fact("b", 2), by=wish(max_wait_seconds=10)) == ["b", "a"]


def test_nobody_waits_for_an_equal_one():
    crowded, free = fact("a", standing=BUSY), fact("b", load=3)

    chosen = decided(crowded, free, by=wish(max_wait_seconds=10)).chosen

    assert chosen is not None
    assert chosen.account == "b"


def test_without_a_wait_the_best_that_has_room_is_taken():
    chosen = decided(fact("a", 1, standing=BUSY), fact("b", 2)).chosen

    assert chosen is not None
    assert chosen.account == "b"


@pytest.mark.parametrize(
    ("waited", "then", "chosen"),
    [
        (9_999, OnMaxWait.SPILL, None),
        (10_000, OnMaxWait.SPILL, "b"),
        (9_999, OnMaxWait.FAIL, None),
        (10_000, OnMaxWait.FAIL, None),
    ],
)
def test_when_it_has_waited_long_enough_it_spills_or_goes_on_waiting_to_be_failed(waited, then, chosen):
    by = wish(max_wait_seconds=10, on_max_wait=then)

    decision = decided(fact("a", 1, standing=BUSY), fact("b", 2), by=by, since=NOW - waited)

    assert (None if decision.chosen is None else decision.chosen.account) == chosen
