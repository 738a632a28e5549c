"""Who makes a video: every reason, every rule, every tie, waiting, and a decision that repeats itself."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.routing import Circumstances, History, Wish, decide, overlay
from schema.money import CreditRange, MicrosRange
from schema.quote import (
    CROWDED,
    OUTRANKED,
    PASSING,
    STANDING,
    Candidate,
    Decision,
    Exclusion,
    Facts,
    ReasonCode,
)
from schema.tenant import Funding, FundingMode, RoutingPolicy, Rule, When
from schema.video import AspectRatio, OnMaxWait, OnUnknown, OnUnsupported, Quality, RoutingWish, Strategy, VideoSpec
from tests.policy.deciding import (
    ABLE,
    NOW,
    SPEC,
    Flat,
    crowds,
    decided,
    fact,
    histories,
    ranked,
    reasons,
    seen,
    wish,
    wishes,
)
from tests.policy.reaching import PAIRS, REACHED_BY, reached

# every reason


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        pytest.param(
            VideoSpec(prompt="x", model="sora-2"),
            Exclusion(ReasonCode.OTHER_MODEL, {"asked": "sora-2", "able": "veo-3"}),
            id="other_model",
        ),
        pytest.param(
            VideoSpec(prompt="x", aspect_ratio=AspectRatio.SQUARE),
            Exclusion(ReasonCode.UNSUPPORTED_ASPECT_RATIO, {"asked": "1:1", "able": "16:9"}),
            id="unsupported_aspect_ratio",
        ),
        pytest.param(
            VideoSpec(prompt="x", seconds=11),
            Exclusion(ReasonCode.UNSUPPORTED_DURATION, {"asked": 11, "able": "5-10"}),
            id="unsupported_duration",
        ),
        pytest.param(
            VideoSpec(prompt="x", quality=Quality.HIGH),
            Exclusion(ReasonCode.UNSUPPORTED_QUALITY, {"asked": "high", "able": "standard"}),
            id="unsupported_quality",
        ),
        pytest.param(
            VideoSpec(prompt="x", image_url="https://a.example/b"),
            Exclusion(ReasonCode.NO_IMAGE_INPUT),
            id="no_image_input",
        ),
        pytest.param(
            VideoSpec(prompt="x" * 101),
            Exclusion(ReasonCode.PROMPT_TOO_LONG, {"asked": 101, "able": 100}),
            id="prompt_too_long",
        ),
    ],
)
def test_a_wish_it_can_not_be_told_excludes_an_account(spec, reason):
    assert reasons(fact("a"), spec=spec) == [reason]


@pytest.mark.parametrize("by", ["a-main", "a"], ids=["by-account", "by-provider"])
def test_only_admits_those_it_names_and_no_others(by):
    order = overlay(RoutingWish(only=(by,)), RoutingPolicy(), spec=SPEC)

    assert reasons(fact("a-main"), by=order) == []
    assert reasons(fact("b-main"), by=order) == [Exclusion(ReasonCode.NOT_IN_ONLY, {"only": by})]


@pytest.mark.parametrize("by", ["a-main", "a"], ids=["by-account", "by-provider"])
def test_a_tenant_s_own_list_admits_those_it_names_and_says_nothing_of_them(by):
    assert reasons(fact("a-main"), by=wish(only=(by,))) == []
    assert reasons(fact("b-main"), by=wish(only=(by,))) == [Exclusion(ReasonCode.NOT_ALLOWED)]


@pytest.mark.parametrize("by", ["a-main", "a"], ids=["by-account", "by-provider"])
def test_exclude_shuts_out_those_it_names(by):
    order = overlay(RoutingWish(exclude=(by,)), RoutingPolicy(), spec=SPEC)

    assert reasons(fact("a-main"), by=order) == [Exclusion(ReasonCode.EXCLUDED)]
    assert reasons(fact("b-main"), by=order) == []


@pytest.mark.parametrize("by", ["a-main", "a"], ids=["by-account", "by-provider"])
def test_whom_its_tenant_excludes_is_not_allowed_for_the_caller_can_not_change_it(by):
    assert reasons(fact("a-main"), by=wish(exclude=(by,))) == [Exclusion(ReasonCode.NOT_ALLOWED)]
    assert reasons(fact("b-main"), by=wish(exclude=(by,))) == []


@pytest.mark.parametrize("near", ["a-", "A", "a-main-2", "main", ""])
def test_a_name_that_is_only_similar_names_nobody(near):
    assert reasons(fact("a-main"), by=wish(exclude=(near,))) == []
    assert reasons(fact("a-main"), by=overlay(RoutingWish(exclude=(near,)), RoutingPolicy(), spec=SPEC)) == []


@pytest.mark.parametrize(
    ("price", "cap", "reason"),
    [
        pytest.param(100, 100, None, id="exactly-the-cap"),
        pytest.param(101, 100, ReasonCode.OVER_MAX_COST, id="a-micro-over"),
        pytest.param(1, 0, ReasonCode.OVER_MAX_COST, id="nothing-may-be-spent"),
        pytest.param(0, 0, None, id="nothing-is-asked"),
        pytest.param(None, 100, ReasonCode.PRICE_UNKNOWN, id="an-unknown-price-fits-no-cap"),
        pytest.param(None, None, None, id="an-unknown-price-without-a-cap"),
        pytest.param(10**15, None, None, id="any-price-without-a-cap"),
    ],
)
def test_a_cap_is_kept_and_needs_a_price(price, cap, reason):
    codes = [exclusion.code for exclusion in reasons(fact("a", price), by=wish(per_video=cap))]

    assert codes == ([] if reason is None else [reason])


def test_a_cap_holds_against_the_top_of_the_range_and_says_both_numbers():
    dear = fact("a", 10, rates=Flat(100, 200))

    assert reasons(dear, by=wish(per_video=1999)) == [
        Exclusion(ReasonCode.OVER_MAX_COST, {"max_cost_micros": 1999, "cost_micros": 2000})
    ]
    assert reasons(dear, by=wish(per_video=2000)) == []
    assert reasons(fact("a", None), by=wish(per_video=5)) == [
        Exclusion(ReasonCode.PRICE_UNKNOWN, {"max_cost_micros": 5})
    ]


def test_an_account_that_could_not_make_it_is_not_asked_again():
    history = History(tries={"a": 1}, refused=frozenset({"a"}))

    assert reasons(fact("a"), history=history) == [Exclusion(ReasonCode.ALREADY_REFUSED)]
    assert reasons(fact("b"), history=history) == []


@pytest.mark.parametrize("code", sorted(PASSING))
def test_what_speaks_against_an_account_now_is_passed_on_as_it_is(code):
    reason = Exclusion(code, {"n": 1}, until=NOW + 5)

    assert reasons(fact("a", standing=(reason,))) == [reason]


def test_all_reasons_stand_together():
    standing = (Exclusion(ReasonCode.CIRCUIT_OPEN),)
    spec = VideoSpec(prompt="x", seconds=60)
    by = overlay(RoutingWish(only=("b",), exclude=("a",), max_cost_micros=1), RoutingPolicy(only=("c",)), spec=SPEC)

    found = reasons(fact("a", standing=standing), spec=spec, by=by, history=History(refused=frozenset({"a"})))

    assert [reason.code for reason in found] == [
        ReasonCode.UNSUPPORTED_DURATION,
        ReasonCode.NOT_IN_ONLY,
        ReasonCode.EXCLUDED,
        ReasonCode.NOT_ALLOWED,
        ReasonCode.ALREADY_REFUSED,
        ReasonCode.OVER_MAX_COST,
        ReasonCode.CIRCUIT_OPEN,
    ]


@pytest.mark.parametrize("code", sorted(REACHED_BY))
def test_every_reason_is_reached(code):
    assert reached(code).code is code


@pytest.mark.parametrize("code", sorted(PAIRS))
def test_every_reason_beside_a_better_one_is_reached(code):
    assert reached(code).code is code


def test_every_reason_code_is_reached_above_and_is_of_one_sort():
    assert set(REACHED_BY) | set(PAIRS) == set(ReasonCode)
    assert not OUTRANKED & PASSING
    assert CROWDED < STANDING < PASSING


# the order


def test_the_cheapest_is_first_by_what_it_will_probably_cost_then_by_the_top():
    wide = fact("a", 1, rates=Flat(1, 300))
    narrow = fact("b", 1, rates=Flat(200, 250))
    narrower = fact("c", 1, rates=Flat(1, 2))

    assert ranked(wide, narrow, narrower) == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("learned", "expected"),
    [
        pytest.param({}, 100, id="nothing-learned-yet"),
        pytest.param({"auto/standard": 150}, 150, id="learned"),
        pytest.param({"auto/standard": 900}, 200, id="never-above-the-range"),
        pytest.param({"auto/standard": 1}, 100, id="never-below-it"),
        pytest.param({"5/standard": 150, "auto/high": 150}, 100, id="of-another-kind"),
    ],
)
def test_what_such_videos_have_cost_is_what_one_is_expected_to_cost(learned, expected):
    (candidate,) = decided(fact("a", 1, rates=Flat(100, 200), learned=learned)).candidates

    assert candidate.expected == candidate.scores["price"] == expected


def test_credits_of_different_accounts_compare_only_as_money():
    many_cheap_credits = fact("a", 1_000, rates=Flat(100, 200))
    few_dear_credits = fact("b", 200_000, rates=Flat(2, 2))

    assert ranked(few_dear_credits, many_cheap_credits) == ["a", "b"]


def test_an_unknown_price_is_dearer_than_any_known_one():
    assert ranked(fact("a", None), fact("b", 10**15)) == ["b", "a"]


def test_equal_prices_follow_the_tenant_s_order_then_load_then_name():
    facts = (fact("d"), fact("c"), fact("b", load=1), fact("e", load=1))

    assert ranked(*facts) == ["c", "d", "b", "e"]
    assert ranked(*facts, by=wish(order=("e", "b"))) == ["e", "b", "c", "d"]


def test_ordered_follows_the_tenant_s_list_by_account_or_provider_and_the_rest_by_price():
    facts = (fact("a-1", 5), fact("a-2", 4), fact("b-1", 9), fact("c-1", 2), fact("d-1", 1))
    by = wish(strategy=Strategy.ORDERED, order=("b-1", "a"))

    assert ranked(*facts, by=by) == ["b-1", "a-2", "a-1", "d-1", "c-1"]


def test_an_account_named_twice_stands_at_its_best_place():
    by = wish(strategy=Strategy.ORDERED, order=("b-1", "a", "b"))

    assert ranked(fact("a-1"), fact("b-1"), fact("b-2"), by=by) == ["b-1", "a-1", "b-2"]


def test_ordered_without_a_list_is_by_price():
    assert ranked(fact("a", 2), fact("b", 1), by=wish(strategy=Strategy.ORDERED)) == ["b", "a"]


@pytest.mark.parametrize("strategy", Strategy)
def test_who_was_tried_less_often_comes_first_whatever_the_strategy(strategy):
    facts = (fact("a", 1), fact("b", 2), fact("c", 3))
    by = wish(strategy=strategy, order=("a", "b", "c"))

    assert ranked(*facts, by=by, history=History(tries={"a": 1})) == ["b", "c", "a"]
    assert ranked(*facts, by=by, history=History(tries={"a": 2, "b": 1, "c": 1})) == ["b", "c", "a"]


def test_the_able_come_before_those_who_may_wait_before_the_hopeless():
    waiting = (Exclusion(ReasonCode.AT_CAPACITY),)
    facts = (fact("a", 1, capabilities=msgspec.structs.replace(ABLE, max_prompt=0)), fact("b", 2, standing=waiting))

    decision = decided(*facts, fact("c", 3))

    assert [candidate.account for candidate in decision.candidates] == ["c", "b", "a"]
    assert [candidate.able for candidate in decision.candidates] == [True, False, False]
    assert [candidate.waitable for candidate in decision.candidates] == [True, True, False]


def test_one_reason_that_will_not_pass_makes_an_account_hopeless():
    both = (Exclusion(ReasonCode.BUSY), Exclusion(ReasonCode.AT_CAPACITY))

    decision = decided(fact("a", standing=both), fact("b", standing=both), by=wish(exclude=("a",)))

    assert decision.hopeful is not None
    assert decision.hopeful.account == "b"


# what the decision says


def test_a_candidate_says_its_credits_its_price_and_what_was_compared():
    decision = decided(fact("a-1", 10, rates=Flat(100, 200)), by=wish(order=("x", "a")))

    assert decision == Decision(
        at=NOW,
        strategy=Strategy.CHEAPEST,
        candidates=(
            Candidate(
                account="a-1",
                provider="a",
                credits=CreditRange(low=100, high=200),
                price=MicrosRange(low=1_000, high=2_000),
                expected=1_000,
                scores={
                    "tries": 0,
                    "preference": 0,
                    "place": 1,
                    "expected_ms": 180_000,
                    "failure_rate": 0.1,
                    "price": 1_000,
                },
                facts=Facts(price_per_credit=10),
            ),
        ),
        snapshot=decision.snapshot,
    )


def test_without_a_price_none_is_shown_and_none_is_compared():
    (candidate,) = decided(fact("a", None)).candidates

    assert candidate.price is None
    assert candidate.expected is None
    assert not {"price", "score"} & set(candidate.scores)


def test_a_bent_wish_is_priced_as_it_would_be_made_and_lists_what_was_bent():
    spec = VideoSpec(prompt="x", quality=Quality.HIGH, seconds=60)

    (candidate,) = decided(fact("a", 10), spec=spec, by=wish(on_unsupported=OnUnsupported.ADJUST)).candidates

    assert candidate.able
    assert candidate.price == MicrosRange(low=10, high=10)
    assert [(bent.field, bent.asked) for bent in candidate.adjustments] == [("seconds", "60"), ("quality", "high")]


def test_the_chosen_is_the_first_able_and_the_hopeful_the_first_that_may_be():
    waiting = (Exclusion(ReasonCode.RATE_LIMITED, until=NOW + 1),)

    able = decided(fact("a", 9), fact("b", 1, standing=waiting))
    busy = decided(fact("a", 9, standing=waiting), fact("b", 1, standing=waiting))

    assert able.chosen is not None
    assert able.hopeful is not None
    assert (able.chosen.account, able.hopeful.account) == ("a", "a")
    assert busy.chosen is None
    assert busy.hopeful is not None
    assert busy.hopeful.account == "b"


def test_without_accounts_nobody_is_chosen_and_nobody_ever_will_be():
    decision = decided()

    assert (decision.candidates, decision.chosen, decision.hopeful) == ((), None, None)


def test_when_all_are_hopeless_nobody_ever_will_be():
    decision = decided(fact("a"), fact("b"), by=wish(exclude=("a", "b")))

    assert (decision.chosen, decision.hopeful) == (None, None)
    assert len(decision.candidates) == 2


def test_a_decision_survives_being_stored():
    decision = decided(fact("a"), fact("b", None), by=wish(per_video=1, exclude=("a",)))

    assert msgspec.json.decode(msgspec.json.encode(decision), type=Decision) == decision


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


# properties


@given(crowds, wishes, histories, st.randoms())
def test_the_same_facts_in_any_order_give_the_same_decision(crowd, by, history, luck):
    shuffled = list(crowd)
    luck.shuffle(shuffled)

    once, again = (decided(*facts, by=by, history=history) for facts in (crowd, shuffled))
    assert msgspec.json.encode(again) == msgspec.json.encode(once)


@given(crowds, wishes, histories)
def test_every_account_is_in_the_decision_once_the_able_first(crowd, by, history):
    decision = decided(*crowd, by=by, history=history)

    assert sorted(candidate.account for candidate in decision.candidates) == sorted(one.account for one in crowd)
    able = [candidate.able for candidate in decision.candidates]
    assert able == sorted(able, reverse=True)
    waitable = [candidate.waitable for candidate in decision.candidates]
    assert waitable == sorted(waitable, reverse=True)


@given(crowds, wishes, histories, st.sampled_from(sorted(PASSING)))
def test_an_excluded_candidate_more_changes_nothing_about_the_others(crowd, by, history, code):
    outsider = fact("z-1", 0, standing=(Exclusion(code),))

    before = decided(*crowd, by=by, history=history)
    after = decided(outsider, *crowd, by=by, history=history)

    assert tuple(one for one in after.candidates if one.account != "z-1") == before.candidates
    assert after.chosen == before.chosen


@given(crowds, wishes, histories)
def test_everybody_is_able_or_has_a_reason_and_every_able_one_but_the_first_is_outranked(crowd, by, history):
    for place, candidate in enumerate(decided(*crowd, by=by, history=history).candidates):
        assert candidate.able is (candidate.excluded == ())
        assert (candidate.outranked is not None) is (candidate.able and place > 0)
        assert candidate.outranked is None or candidate.outranked.code in OUTRANKED
        assert not {reason.code for reason in candidate.excluded} & OUTRANKED


@given(crowds, wishes, st.integers(1, 20), st.data())
def test_under_cheapest_the_cheaper_of_two_equals_never_loses(crowd, by, price, data):
    by = msgspec.structs.replace(by, strategy=Strategy.CHEAPEST, max_cost=None)
    dear = fact("m-2", price)
    cheap = fact("m-1", data.draw(st.integers(0, price - 1)), load=data.draw(st.integers(0, 9)))
    alike = msgspec.structs.replace(by, order=(), preferred=())

    order = ranked(dear, cheap, *crowd, by=alike)

    assert order.index("m-1") < order.index("m-2")


@given(crowds, wishes, histories)
def test_no_chosen_account_costs_more_than_the_cap_or_an_unknown_amount_under_one(crowd, by, history):
    chosen = decided(*crowd, by=by, history=history).chosen

    if chosen is not None and by.max_cost is not None:
        assert chosen.price is not None
        assert chosen.price.high <= by.max_cost


@given(crowds, wishes, histories)
def test_under_cheapest_nobody_able_and_less_tried_is_cheaper_than_the_chosen(crowd, by, history):
    by = msgspec.structs.replace(by, strategy=Strategy.CHEAPEST)
    decision = decided(*crowd, by=by, history=history)

    able = [one for one in decision.candidates if one.able]
    costs = [
        (one.scores["tries"], one.scores["preference"], one.scores.get("price", float("inf")), tuple(one.excluded))
        for one in able
    ]
    assert costs == sorted(costs)


@given(crowds, wishes, histories)
def test_every_decision_survives_being_stored_byte_for_byte(crowd, by, history):
    decision = decided(*crowd, by=by, history=history)
    stored = msgspec.json.encode(decision)

    again = msgspec.json.decode(stored, type=Decision)

    assert again == decision
    assert msgspec.json.encode(again) == stored


# money and retries


def test_what_its_tenant_can_not_afford_now_waits_for_money():
    dear = decide(SPEC, wish(), seen(fact("a", 300)), Circumstances(affordable=299)).candidates[0]

    assert [reason.code for reason in dear.excluded] == [ReasonCode.OVER_BUDGET]
    assert dear.waitable


@pytest.mark.parametrize("affordable", [None, 300])
def test_what_can_just_be_afforded_is_no_obstacle(affordable):
    assert decide(SPEC, wish(), seen(fact("a", 300)), Circumstances(affordable=affordable)).candidates[0].able


def test_a_tenant_with_limited_money_is_not_served_at_an_unknown_price():
    prepaid = overlay(RoutingWish(), RoutingPolicy(), Funding(mode=FundingMode.PREPAID), spec=SPEC)

    assert [reason.code for reason in reasons(fact("a", None), by=prepaid)] == [ReasonCode.PRICE_UNKNOWN]


def test_a_cap_of_the_tenant_s_funding_counts_like_any_other():
    capped = overlay(RoutingWish(max_cost_micros=500), RoutingPolicy(), Funding(per_video=200), spec=SPEC)

    assert [reason.code for reason in reasons(fact("a", 201), by=capped)] == [ReasonCode.OVER_MAX_COST]


def test_a_video_that_tried_an_account_before_waits_while_its_retries_are_used_up():
    tired = fact("a", retry_at=NOW + 5_000)

    assert reasons(tired, history=History(tries={"a": 2})) == [
        Exclusion(ReasonCode.RETRIES_USED_UP, {"tries": 2}, until=NOW + 5_000)
    ]
    assert reasons(tired) == []


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


# time that is left


def test_only_an_account_whose_fastest_videos_are_too_late_is_too_slow():
    slow = fact("a", fast_ms=2_000, make_ms=9_000)

    assert reasons(slow, ends_by=NOW + 2_000) == []
    assert reasons(slow, ends_by=NOW + 1_999) == [
        Exclusion(ReasonCode.TOO_SLOW, {"fastest_ms": 2_000, "left_ms": 1_999})
    ]
    assert reasons(slow, ends_by=NOW - 5) == [Exclusion(ReasonCode.TOO_SLOW, {"fastest_ms": 2_000, "left_ms": 0})]
    assert reasons(fact("a", make_ms=9_000), ends_by=NOW + 1) == [], "nobody has seen it be too slow"


# the digest


def test_the_same_world_has_the_same_digest_and_another_one_has_not():
    a, b = fact("a"), fact("b")
    other = msgspec.structs.replace(a, capabilities=msgspec.structs.replace(ABLE, max_prompt=5))

    assert seen(a, b).digest == seen(b, a).digest
    assert len({seen(*facts).digest for facts in ((a,), (b,), (fact("a", load=1),), (other,), ())}) == 5
    assert decided(a, b).snapshot == seen(a, b).digest
