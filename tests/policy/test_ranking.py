"""How candidates compare: every strategy, every tie, scores that no bystander changes, and reasons that are true."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.ranking import expected_ms, failure_rate, score
from gateway.policy.routing import History
from schema.quote import Candidate, Exclusion, Facts, ReasonCode
from schema.tenant import Rule, Weights
from schema.video import Strategy
from tests.policy.deciding import Flat, crowds, decided, fact, histories, outranked, ranked, weights, wish, wishes

CHEAP = fact("cheap-1", 10, make_ms=90_000, made=90, failed=10)
FAST = fact("fast-1", 40, make_ms=30_000, made=90, failed=10)
SAFE = fact("safe-1", 20, make_ms=60_000, made=99, failed=1)
ALL = (CHEAP, FAST, SAFE)


@pytest.mark.parametrize(
    ("by", "order"),
    [
        pytest.param({"strategy": Strategy.CHEAPEST}, ["cheap-1", "safe-1", "fast-1"], id="cheapest"),
        pytest.param({"strategy": Strategy.FASTEST}, ["fast-1", "safe-1", "cheap-1"], id="fastest"),
        pytest.param({"strategy": Strategy.RELIABLE}, ["safe-1", "cheap-1", "fast-1"], id="reliable-then-cheaper"),
        pytest.param({"strategy": Strategy.ORDERED, "order": ("safe", "fast-1")}, ["safe-1", "fast-1", "cheap-1"]),
        pytest.param({"strategy": Strategy.ORDERED}, ["cheap-1", "safe-1", "fast-1"], id="ordered-without-a-list"),
        pytest.param({"strategy": Strategy.BALANCED}, ["safe-1", "cheap-1", "fast-1"], id="balanced"),
        pytest.param(
            {"strategy": Strategy.BALANCED, "weights": Weights(price=1, speed=0, reliability=0)},
            ["cheap-1", "safe-1", "fast-1"],
            id="balanced-by-price-alone",
        ),
        pytest.param(
            {"strategy": Strategy.BALANCED, "weights": Weights(price=0, speed=1, reliability=0)},
            ["fast-1", "safe-1", "cheap-1"],
            id="balanced-by-speed-alone",
        ),
        pytest.param(
            {"strategy": Strategy.BALANCED, "weights": Weights(price=0, speed=0, reliability=1)},
            ["safe-1", "cheap-1", "fast-1"],
            id="balanced-by-reliability-alone-then-cheaper",
        ),
    ],
)
def test_each_strategy_ranks_by_its_own(by, order):
    assert ranked(*ALL, by=wish(**by)) == order


@pytest.mark.parametrize(
    ("better", "worse", "policy", "reason"),
    [
        pytest.param(
            {"price": 10},
            {"price": 11},
            {},
            Exclusion(ReasonCode.DEARER, {"than": "a-1", "micros": 11, "than_micros": 10}),
            id="cheapest-by-what-is-expected",
        ),
        pytest.param(
            {"rates": Flat(1, 5)},
            {"rates": Flat(1, 6)},
            {},
            Exclusion(ReasonCode.DEARER, {"than": "a-1", "top_micros": 600, "than_top_micros": 500}),
            id="then-by-the-top",
        ),
        pytest.param(
            {},
            {"price": None},
            {},
            Exclusion(ReasonCode.DEARER, {"than": "a-1", "than_micros": 100}),
            id="an-unknown-price-is-not-made-up",
        ),
        pytest.param(
            {},
            {},
            {"order": ("x", "a")},
            Exclusion(ReasonCode.LATER_IN_ORDER, {"than": "a-1", "place": 2, "than_place": 1}),
            id="then-by-the-tenant-s-list",
        ),
        pytest.param(
            {},
            {"load": 2},
            {},
            Exclusion(ReasonCode.BUSIER, {"than": "a-1", "load": 2, "than_load": 0}),
            id="then-by-load",
        ),
        pytest.param({}, {}, {}, Exclusion(ReasonCode.LATER_NAME, {"than": "a-1"}), id="then-by-name"),
        pytest.param(
            {"make_ms": 5_000, "price": 900},
            {"make_ms": 4_000, "wait_ms": 1_001},
            {"strategy": Strategy.FASTEST},
            Exclusion(ReasonCode.SLOWER, {"than": "a-1", "ms": 5_001, "than_ms": 5_000}),
            id="what-is-waited-for-counts",
        ),
        pytest.param(
            {"made": 90},
            {"made": 89, "failed": 1},
            {"strategy": Strategy.RELIABLE},
            Exclusion(ReasonCode.LESS_RELIABLE, {"than": "a-1", "failures_ppm": 20_000, "than_failures_ppm": 10_000}),
            id="reliable",
        ),
        pytest.param(
            {"made": 90},
            {},
            {"strategy": Strategy.RELIABLE},
            Exclusion(ReasonCode.LESS_RELIABLE, {"than": "a-1", "failures_ppm": 100_000, "than_failures_ppm": 10_000}),
            id="who-was-never-tried-is-not-trusted-most",
        ),
        pytest.param(
            {},
            {},
            {"rules": (Rule(prefer=("a",)),)},
            Exclusion(ReasonCode.NOT_PREFERRED, {"than": "a-1", "place": 1, "than_place": 0}),
            id="a-rule-prefers-the-other",
        ),
    ],
)
def test_why_one_is_not_the_first_is_told_with_both_figures(better, worse, policy, reason):
    assert outranked(fact("b-1", **worse), fact("a-1", **better), by=wish(**policy)) == [None, reason]


def test_what_was_tried_before_stands_behind_what_was_not():
    history = History(tries={"a-1": 2})

    assert outranked(fact("a-1"), fact("b-1"), history=history) == [
        None,
        Exclusion(ReasonCode.TRIED_BEFORE, {"than": "b-1", "tries": 2, "than_tries": 0}),
    ]


def test_a_lower_score_is_lower():
    _, reason = outranked(fact("a-1", 10), fact("b-1", 20), by=wish(strategy=Strategy.BALANCED))

    assert reason is not None
    assert reason.code is ReasonCode.LOWER_SCORE
    assert int(reason.params["score_ppm"]) < int(reason.params["than_score_ppm"])


@pytest.mark.parametrize("strategy", Strategy)
def test_accounts_of_which_nothing_is_known_at_all_are_still_ranked(strategy):
    decision = decided(fact("b-1", None), fact("a-1", None), by=wish(strategy=strategy))

    assert [one.account for one in decision.candidates] == ["a-1", "b-1"]
    assert "score" not in decision.candidates[0].scores


def test_balanced_ranks_by_the_rest_when_price_has_no_weight():
    by = wish(strategy=Strategy.BALANCED, weights=Weights(price=0, speed=1, reliability=0))

    assert ranked(fact("a-1", None, make_ms=2), fact("b-1", 5, make_ms=3), by=by) == ["a-1", "b-1"]


def test_equal_factors_are_worth_the_same_under_equal_weights():
    even = Weights(price=1, speed=1, reliability=1)
    base = score(even, 1_000, 1_000, 0.2)

    assert score(even, 500, 1_000, 0.2) == score(even, 1_000, 500, 0.2) == score(even, 1_000, 1_000, 0.1)
    assert base is not None
    assert base < (score(even, 500, 1_000, 0.2) or -math.inf)


def test_a_score_without_a_price_is_unknown_unless_price_does_not_matter():
    assert score(Weights(), None, 1_000, 0.1) is None
    assert score(Weights(price=0), None, 1_000, 0.1) is not None


@pytest.mark.parametrize(
    ("made", "failed", "rate"), [(0, 0, 0.1), (90, 0, 0.01), (0, 90, 0.91), (40, 50, 0.51), (10**9, 0, 0.0)]
)
def test_failures_begin_at_one_in_ten_and_follow_what_is_observed(made, failed, rate):
    assert failure_rate(Facts(made=made, failed=failed)) == pytest.approx(rate, abs=1e-6)


def test_time_is_what_was_observed_else_what_is_usual_and_what_is_waited_for():
    assert expected_ms(Facts(), (60, 120)) == 90_000
    assert expected_ms(Facts(make_ms=5, wait_ms=2), (60, 120)) == 7


# properties


def told_of(candidate: Candidate, name: str) -> float | None:
    """What a reason's parameter says, read from the candidate itself."""
    price = None if candidate.price is None else candidate.price.high
    values: dict[str, float | None] = {
        "tries": candidate.scores["tries"],
        "micros": candidate.expected,
        "top_micros": price,
        "ms": candidate.scores["expected_ms"],
        "failures_ppm": round(candidate.scores["failure_rate"] * 1e6),
        "score_ppm": round(candidate.scores["score"] * 1e6) if "score" in candidate.scores else None,
        "load": candidate.facts.load,
    }
    return values[name]


PLACES = {ReasonCode.NOT_PREFERRED: "preference", ReasonCode.LATER_IN_ORDER: "place"}


@given(crowds, wishes, histories)
def test_what_is_said_of_an_outranked_one_is_true_of_the_two(crowd, by, history):
    decision = decided(*crowd, by=by, history=history)
    known = {one.account: one for one in decision.candidates}

    for candidate in decision.candidates:
        if candidate.outranked is None:
            continue
        code, params = candidate.outranked.code, dict(candidate.outranked.params)
        other = known[str(params.pop("than"))]
        assert other is decision.candidates[0]
        if code is ReasonCode.LATER_NAME:
            assert candidate.account > other.account
            assert params == {}
        elif code in PLACES:
            assert params == {"place": candidate.scores[PLACES[code]], "than_place": other.scores[PLACES[code]]}
            assert candidate.scores[PLACES[code]] > other.scores[PLACES[code]]
        elif code in (ReasonCode.DEARER, ReasonCode.LOWER_SCORE) and len(params) < 2:
            assert candidate.expected is None
        else:
            name, than = params
            own, others = told_of(candidate, name), told_of(other, name)
            assert params == {name: own, f"than_{name}": others}, than
            assert own is not None
            assert others is not None
            assert own < others if code is ReasonCode.LOWER_SCORE else own > others


@given(crowds, weights, st.randoms())
def test_a_bystander_changes_no_score_and_no_order(crowd, weighed, luck):
    by = wish(strategy=Strategy.BALANCED, weights=weighed)
    everybody = decided(*crowd, by=by).candidates
    some = [one for one in crowd if luck.random() < 0.5]
    names = {one.account for one in some}

    alone = decided(*some, by=by).candidates

    assert [one.account for one in alone] == [one.account for one in everybody if one.account in names]
    assert {one.account: one.scores for one in alone} == {
        one.account: one.scores for one in everybody if one.account in names
    }
