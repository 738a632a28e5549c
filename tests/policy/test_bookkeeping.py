"""Which postings a change means: whatever path an attempt takes, its entries add up to what it stands for."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.policy import bookkeeping
from gateway.policy.bookkeeping import Draft, booked, change, charge, kind_of, periods, settlement, span, warning
from schema import ledger
from schema.attempt import Attempt, Reason, Verdict
from schema.errors import FailureKind
from schema.ledger import MICROS_UNIT, Booked, EntryKind, check_balanced, credits_unit
from schema.lifecycle import ATTEMPT_MOVES, AttemptState, move_attempt
from schema.tenant import Funding, FundingMode
from schema.video import Quality, VideoSpec
from tests.store.rows import an_attempt

amounts = st.integers(0, 10_000)
prices = st.none() | st.integers(0, 1_000_000)
ACCOUNT = "veo-main"
PREPAID = Funding(mode=FundingMode.PREPAID)


def attempt_in(state: AttemptState, verdict: Verdict | None = Verdict.ACCEPTED, **facts) -> Attempt:
    whole = {"credits_low": 100, "credits_high": 200, "expected": 150, "price": 1_000}
    return an_attempt(state=state, verdict=verdict, **{**whole, **facts})


REJECTED, UNKNOWN = Verdict.REJECTED, Verdict.UNKNOWN
LOST = Reason(FailureKind.LOST, "an operator says it was never made")


@pytest.mark.parametrize(
    ("attempt", "stands_for"),
    [
        (attempt_in(AttemptState.PLANNED, None), Booked()),
        (attempt_in(AttemptState.SUBMITTING, None), Booked()),
        (attempt_in(AttemptState.RUNNING), Booked(cost=150)),
        (attempt_in(AttemptState.RUNNING, credits=120), Booked(cost=120)),
        (attempt_in(AttemptState.SUCCEEDED), Booked(cost=150)),
        (attempt_in(AttemptState.SUCCEEDED, credits=230), Booked(cost=230)),
        (attempt_in(AttemptState.SUCCEEDED, credits=0), Booked(cost=0)),
        (attempt_in(AttemptState.UNKNOWN, UNKNOWN), Booked(suspense=200)),
        (attempt_in(AttemptState.UNKNOWN, credits=230), Booked(suspense=230)),
        (attempt_in(AttemptState.UNKNOWN, credits=120), Booked(suspense=200)),
        (attempt_in(AttemptState.FAILED), Booked(cost=150)),
        (attempt_in(AttemptState.FAILED, credits=120), Booked(cost=120)),
        (attempt_in(AttemptState.FAILED, credits=120, refunds=True), Booked()),
        (attempt_in(AttemptState.FAILED, REJECTED), Booked()),
        (attempt_in(AttemptState.FAILED, Verdict.NOT_SENT), Booked()),
        (attempt_in(AttemptState.FAILED, UNKNOWN, credits=70), Booked(cost=70)),
        (attempt_in(AttemptState.FAILED, credits=70, reason=LOST), Booked(cost=70)),
        (attempt_in(AttemptState.FAILED, reason=LOST), Booked()),
        (attempt_in(AttemptState.SUCCEEDED, expected=None, credits=120), Booked()),
    ],
)
def test_what_an_attempt_stands_for(attempt, stands_for):
    assert booked(attempt) == stands_for


@st.composite
def lives(draw: st.DrawFn) -> list[Attempt]:
    """An attempt as it was after each step of a life that the table of moves allows."""
    low = draw(amounts)
    attempt = attempt_in(
        AttemptState.SUBMITTING,
        None,
        credits_low=low,
        credits_high=low + draw(amounts),
        expected=draw(st.none() | amounts),
        price=draw(prices),
        refunds=draw(st.booleans()),
    )
    life = [attempt]
    while moves := sorted(ATTEMPT_MOVES[life[-1].state]):
        if len(life) > 6 or draw(st.integers(0, 9)) == 0:
            break
        credits = draw(st.just(life[-1].credits) | amounts)
        verdict = draw(st.sampled_from(Verdict))
        state = move_attempt(life[-1].state, draw(st.sampled_from(moves)))
        life.append(replace(life[-1], state=state, verdict=verdict, credits=credits))
    return life


def entries_of(life: list[Attempt]) -> list[Draft]:
    standings = [Booked(), *map(booked, life)]
    changes = [change(before, after, account=ACCOUNT, price=life[0].price) for before, after in pairwise(standings)]
    return [draft for draft in changes if draft is not None]


def total(drafts: list[Draft], account: str, unit: str) -> int:
    postings = [posting for draft in drafts for posting in draft.postings]
    return sum(one.amount for one in postings if (one.account, one.unit) == (account, unit))


@given(lives())
def test_whatever_becomes_of_an_attempt_its_entries_add_up_to_what_it_stands_for(life):
    drafts, last = entries_of(life), booked(life[-1])

    for unit, price in ((credits_unit(ACCOUNT), 1), (MICROS_UNIT, life[0].price or 0)):
        assert total(drafts, ledger.cost(ACCOUNT), unit) == last.cost * price
        assert total(drafts, ledger.suspense(ACCOUNT), unit) == last.suspense * price
        assert total(drafts, ledger.billed(ACCOUNT), unit) == -(last.cost + last.suspense) * price


@given(lives())
def test_every_entry_about_an_attempt_balances(life):
    for draft in entries_of(life):
        check_balanced(draft.postings)
        assert draft.kind in (EntryKind.COST, EntryKind.SUSPENSE)


def test_nothing_is_booked_when_nothing_changes():
    assert change(Booked(cost=2), Booked(cost=2), account=ACCOUNT, price=1_000) is None


def test_without_a_price_only_credits_are_booked():
    draft = change(Booked(), Booked(suspense=2), account=ACCOUNT, price=None)

    assert draft is not None
    assert draft.kind is EntryKind.SUSPENSE
    assert {posting.unit for posting in draft.postings} == {credits_unit(ACCOUNT)}


# tenants


@given(st.integers(1, 10**15), st.data())
def test_a_hold_is_resolved_to_the_last_micro_and_no_more_than_it_is_captured(held, data):
    paid = data.draw(st.integers(0, held))

    drafts = settlement("acme", ledger.available("acme"), held, paid)

    for draft in drafts:
        check_balanced(draft.postings)
        assert all(posting.amount for posting in draft.postings)
    assert total(drafts, ledger.held("acme"), MICROS_UNIT) == -held
    assert total(drafts, ledger.spent("acme"), MICROS_UNIT) == paid
    assert total(drafts, ledger.available("acme"), MICROS_UNIT) == held - paid
    assert [draft.kind for draft in drafts].count(EntryKind.CAPTURE) == (1 if paid else 0)


@given(st.none() | amounts, amounts, prices, st.integers(0, 10**12))
def test_a_tenant_pays_what_the_attempt_cost_and_never_more_than_was_quoted_or_is_held(credits, expected, price, held):
    made = attempt_in(AttemptState.SUCCEEDED, credits=credits, expected=expected, price=price)

    paid = charge(made, held)

    if price is None:
        assert paid is None
    else:
        cost = (expected if credits is None else credits) * price
        assert paid == min(cost, made.credits_high * price, held)


def test_holds_of_prepaid_tenants_come_from_what_is_available_and_others_from_what_they_owe():
    assert bookkeeping.source("acme", PREPAID) == "tenant:acme:available"
    assert bookkeeping.source("acme", Funding()) == "tenant:acme:owed"


# estimates


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        (VideoSpec(prompt="a fox"), "auto/standard"),
        (VideoSpec(prompt="another", quality=Quality.STANDARD), "auto/standard"),
        (VideoSpec(prompt="a fox", seconds=8, quality=Quality.HIGH), "8/high"),
    ],
)
def test_videos_of_one_kind_cost_about_the_same(spec, kind):
    assert kind_of(spec) == kind


# budgets

BUDGETS = Funding(per_day=10, per_month=100)


@given(st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_a_moment_lies_in_its_day_and_in_its_month(moment):
    millis = round(moment.timestamp() * 1000)

    counted = periods(BUDGETS, millis)

    assert [limit for _, limit in counted] == [100, 10]
    for period, _ in counted:
        begin, end = span(period)
        assert begin <= millis < end
        assert (period in dict(periods(BUDGETS, begin)), period in dict(periods(BUDGETS, end))) == (True, False)
        assert period in dict(periods(BUDGETS, end - 1))


@pytest.mark.parametrize(
    ("period", "days"), [("2026-11", 30), ("2026-12", 31), ("2028-02", 29), ("2026-11-20", 1), ("2026-12-31", 1)]
)
def test_a_period_is_as_long_as_the_calendar_says(period, days):
    begin, end = span(period)

    assert end - begin == days * 24 * 3_600_000


@pytest.mark.parametrize(
    ("funding", "names"),
    [
        (Funding(), []),
        (Funding(per_day=0), ["2026-11-20"]),
        (Funding(per_month=5), ["2026-11"]),
        (BUDGETS, ["2026-11", "2026-11-20"]),
    ],
)
def test_only_budgets_that_there_are_count(funding, names):
    moment = round(datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC).timestamp() * 1000)

    assert [period for period, _ in periods(funding, moment)] == names


@pytest.mark.parametrize(
    ("used", "told", "share"),
    [(79, 0, None), (80, 0, 80), (99, 0, 80), (100, 0, 100), (130, 0, 100), (90, 80, None), (100, 80, 100)],
)
def test_the_highest_share_that_is_reached_is_told_once(used, told, share):
    assert warning(Funding(warn_percent=(80, 100)), 100, used, told) == share
