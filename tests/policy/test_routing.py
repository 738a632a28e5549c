"""Who makes a video: every reason, both strategies, every tie, and a decision that repeats itself."""

import msgspec
import pytest
from hypothesis import given
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
from schema.money import CreditRange, Credits, MicrosRange
from schema.quote import PASSING, Candidate, Decision, Exclusion, Facts, ReasonCode
from schema.tenant import Funding, FundingMode, RoutingPolicy
from schema.video import AspectRatio, OnUnknown, OnUnsupported, Quality, RoutingWish, Strategy, VideoSpec

NOW = 1_000_000
SPEC = VideoSpec(prompt="a fox")
ABLE = Capabilities(models=("veo-3",), aspect_ratios=(AspectRatio.WIDE,), seconds=(5, 10), max_prompt=100)


class Flat(msgspec.Struct, frozen=True):
    """A rate card with one price; twice it for high quality."""

    low: Credits
    high: Credits

    def quote(self, spec: VideoSpec) -> CreditRange:
        times = 2 if spec.quality is Quality.HIGH else 1
        return CreditRange(low=times * self.low, high=times * self.high)

    def estimate(self, spec: VideoSpec) -> Credits:
        return self.quote(spec).low


def fact(name: str, price: int | None = 100, **facts) -> AccountFacts:
    """An account named ``provider-…`` that asks ``price`` micros for a video."""
    known = Facts(price_per_credit=price, load=facts.pop("load", 0))
    defaults = {"provider": name.partition("-")[0], "capabilities": ABLE, "rates": Flat(1, 1), "known": known}
    return AccountFacts(account=name, **{**defaults, **facts})


def seen(*facts: AccountFacts) -> Snapshot:
    return snapshot(NOW, facts)


def wish(**wishes) -> Wish:
    return overlay(RoutingWish(), RoutingPolicy(**wishes), spec=SPEC)


def ranked(*facts: AccountFacts, spec: VideoSpec = SPEC, by: Wish | None = None, history: History = NO_HISTORY):
    return [candidate.account for candidate in decided(*facts, spec=spec, by=by, history=history).candidates]


def decided(
    *facts: AccountFacts, spec: VideoSpec = SPEC, by: Wish | None = None, history: History = NO_HISTORY
) -> Decision:
    return decide(spec, by or wish(), seen(*facts), Circumstances(history=history))


def reasons(*facts: AccountFacts, **how) -> list[Exclusion]:
    (candidate,) = decided(*facts, **how).candidates
    return list(candidate.excluded)


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
    assert reasons(fact("a-main"), by=wish(exclude=(by,))) == [Exclusion(ReasonCode.EXCLUDED)]
    assert reasons(fact("b-main"), by=wish(exclude=(by,))) == []


@pytest.mark.parametrize("near", ["a-", "A", "a-main-2", "main", ""])
def test_a_name_that_is_only_similar_names_nobody(near):
    assert reasons(fact("a-main"), by=wish(exclude=(near,))) == []


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
    by = overlay(RoutingWish(only=("b",), max_cost_micros=1), RoutingPolicy(only=("c",), exclude=("a",)), spec=SPEC)

    found = reasons(fact("a", standing=standing), spec=spec, by=by, history=History(refused=frozenset({"a"})))

    assert [reason.code for reason in found] == [
        ReasonCode.UNSUPPORTED_DURATION,
        ReasonCode.NOT_IN_ONLY,
        ReasonCode.NOT_ALLOWED,
        ReasonCode.EXCLUDED,
        ReasonCode.ALREADY_REFUSED,
        ReasonCode.OVER_MAX_COST,
        ReasonCode.CIRCUIT_OPEN,
    ]


def test_every_reason_code_has_a_test_above_that_reaches_it():
    reached = {
        *(ReasonCode.OTHER_MODEL, ReasonCode.UNSUPPORTED_ASPECT_RATIO, ReasonCode.UNSUPPORTED_DURATION),
        *(ReasonCode.UNSUPPORTED_QUALITY, ReasonCode.NO_IMAGE_INPUT, ReasonCode.PROMPT_TOO_LONG),
        *(ReasonCode.NOT_IN_ONLY, ReasonCode.NOT_ALLOWED, ReasonCode.EXCLUDED, ReasonCode.ALREADY_REFUSED),
        *(ReasonCode.PRICE_UNKNOWN, ReasonCode.OVER_MAX_COST),
        *PASSING,
    }

    assert reached == set(ReasonCode)


# the order


def test_the_cheapest_is_first_by_the_top_of_its_range():
    wide = fact("a", 1, rates=Flat(1, 300))
    narrow = fact("b", 1, rates=Flat(200, 250))

    assert ranked(wide, narrow) == ["b", "a"]


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
                scores={"tries": 0, "place": 1, "price": 2_000},
            ),
        ),
    )


def test_without_a_price_none_is_shown_and_none_is_compared():
    (candidate,) = decided(fact("a", None)).candidates

    assert candidate.price is None
    assert candidate.scores == {"tries": 0, "place": 0}


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

names = st.sampled_from(["a-1", "a-2", "b-1", "b-2", "c-1", "c-2"])
standings = st.sampled_from(
    [(), (), (), *[(Exclusion(code),) for code in sorted(PASSING)], (Exclusion(ReasonCode.EXCLUDED),)]
)
facts = st.builds(
    fact,
    names,
    st.none() | st.integers(0, 20),
    standing=standings,
    load=st.integers(0, 3),
    rates=st.builds(lambda low, more: Flat(low, low + more), st.integers(0, 5), st.integers(0, 5)),
)
crowds = st.lists(facts, max_size=6, unique_by=lambda one: one.account)
listed = st.lists(names | st.sampled_from(["a", "b", "c"]), max_size=3).map(tuple)
wishes = st.builds(
    wish,
    strategy=st.sampled_from(Strategy),
    order=listed,
    only=listed,
    exclude=listed,
    per_video=st.none() | st.integers(0, 60),
)
histories = st.builds(
    History, tries=st.dictionaries(names, st.integers(0, 2)), refused=st.frozensets(names, max_size=2)
)


@given(crowds, wishes, histories, st.randoms())
def test_the_same_facts_in_any_order_give_the_same_decision(crowd, by, history, luck):
    shuffled = list(crowd)
    luck.shuffle(shuffled)

    assert decided(*shuffled, by=by, history=history) == decided(*crowd, by=by, history=history)


@given(crowds, wishes, histories)
def test_every_account_is_in_the_decision_once_the_able_first(crowd, by, history):
    decision = decided(*crowd, by=by, history=history)

    assert sorted(candidate.account for candidate in decision.candidates) == sorted(one.account for one in crowd)
    able = [candidate.able for candidate in decision.candidates]
    assert able == sorted(able, reverse=True)
    waitable = [candidate.waitable for candidate in decision.candidates]
    assert waitable == sorted(waitable, reverse=True)


@given(crowds, wishes, histories)
def test_an_excluded_candidate_more_does_not_change_the_order_of_the_able(crowd, by, history):
    outsider = fact("z-1", 0, standing=(Exclusion(ReasonCode.CIRCUIT_OPEN),))

    before = [one.account for one in decided(*crowd, by=by, history=history).candidates if one.able]
    after = [one.account for one in decided(outsider, *crowd, by=by, history=history).candidates if one.able]

    assert after == before


@given(crowds, wishes, st.integers(1, 20), st.data())
def test_under_cheapest_the_cheaper_of_two_equals_never_loses(crowd, by, price, data):
    by = msgspec.structs.replace(by, strategy=Strategy.CHEAPEST, max_cost=None)
    dear = fact("m-2", price)
    cheap = fact("m-1", data.draw(st.integers(0, price - 1)), load=data.draw(st.integers(0, 9)))

    order = ranked(dear, cheap, *crowd, by=by)

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

    costs = [(one.scores["tries"], one.scores.get("price", float("inf"))) for one in decision.candidates if one.able]
    assert costs == sorted(costs)


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
