"""Who makes a video: every reason, every tie, and what the decision says."""

import msgspec
import pytest

from gateway.policy.routing import Circumstances, History, decide, overlay
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
from schema.tenant import Funding, FundingMode, RoutingPolicy
from schema.video import AspectRatio, OnUnsupported, Quality, RoutingWish, Strategy, VideoSpec
from tests.policy.deciding import (
    ABLE,
    NOW,
    SPEC,
    Flat,
    decided,
    fact,
    ranked,
    reasons,
    seen,
    wish,
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


def test_a_decision_that_was_stored_before_more_was_told_can_still_be_read():
    candidate = b'{"account":"a","provider":"a","credits":{"low":1,"high":2},"price":null,"excluded":[],"scores":{}}'
    stored = b'{"at":1,"strategy":"cheapest","candidates":[' + candidate + b"]}"

    decision = msgspec.json.decode(stored, type=Decision)

    assert decision.chosen is not None
    assert (decision.chosen.account, decision.chosen.outranked, decision.snapshot) == ("a", None, "")


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
