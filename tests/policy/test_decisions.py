"""What holds for every decision, whoever decides about what."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schema.quote import (
    OUTRANKED,
    PASSING,
    Decision,
    Exclusion,
)
from schema.video import Strategy
from tests.policy.deciding import (
    crowds,
    decided,
    fact,
    histories,
    ranked,
    wishes,
)

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
