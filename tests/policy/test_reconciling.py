"""Reconciliation: what is a difference, who explains it, and what nobody can blame on anybody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy import reconciling
from gateway.policy.bookkeeping import booked, change
from gateway.policy.reconciling import (
    DAY,
    Booking,
    Code,
    Compared,
    Hint,
    Interval,
    Sighting,
    booking,
    compare,
    of_attempt,
    of_strays,
    pieces,
    suspense_of,
)
from schema.attempt import Attempt, Verdict
from schema.clock import Millis
from schema.ledger import Booked, Entry
from schema.lifecycle import AttemptState
from schema.money import Credits
from tests.store.rows import NOW, an_attempt

ACCOUNT = "veo-main"
SLACK = 100
BEFORE, AFTER = 10_000, 20_000
"""When the two balances were told."""


def an_entry(attempt: str | None, cost: Credits = 0, suspense: Credits = 0, *, at: Millis = NOW) -> Entry:
    draft = change(Booked(), Booked(cost=cost, suspense=suspense), account=ACCOUNT, price=200_000)
    assert draft is not None
    return Entry(
        id=f"led_{attempt}_{at}", kind=draft.kind, at=at, postings=draft.postings, attempt=attempt, account=ACCOUNT
    )


def made(id: str = "att_1", **facts) -> Attempt:
    whole = {"state": AttemptState.SUCCEEDED, "verdict": Verdict.ACCEPTED, "expected": 2, "price": 200_000}
    return an_attempt(id, **{**whole, **facts})


# attempts


@pytest.mark.parametrize(
    ("attempt", "entries"),
    [
        (made(), [an_entry("att_1", 2)]),
        (made(credits=3), [an_entry("att_1", 2), an_entry("att_1", 1)]),
        (made(state=AttemptState.RUNNING), [an_entry("att_1", 2)]),
        (made(state=AttemptState.FAILED), [an_entry("att_1", 2)]),
        (made(state=AttemptState.FAILED, refunds=True), [an_entry("att_1", 2), an_entry("att_1", -2)]),
        (made(state=AttemptState.FAILED, verdict=Verdict.REJECTED), []),
        (made(state=AttemptState.UNKNOWN, verdict=Verdict.UNKNOWN), [an_entry("att_1", 0, 2)]),
        (made(credits=0), []),
        (made(expected=None, credits=7), []),
    ],
    ids=["made", "corrected", "running", "burnt", "given_back", "refused", "lost", "free", "older_than_the_ledger"],
)
def test_what_is_booked_as_it_should_be_is_no_difference(attempt, entries):
    assert of_attempt(attempt, entries, 200_000) is None


@pytest.mark.parametrize(
    ("attempt", "entries", "code", "expected", "found"),
    [
        (made(credits=3), [an_entry("att_1", 2)], Code.REPORTED_NOT_BOOKED, 3, 2),
        (made(), [an_entry("att_1", 1)], Code.ESTIMATE_NOT_BOOKED, 2, 1),
        (made(), [], Code.UNBOOKED, 2, 0),
        (made(state=AttemptState.RUNNING), [], Code.UNBOOKED, 2, 0),
        (made(state=AttemptState.FAILED), [], Code.UNBOOKED, 2, 0),
        (made(credits=3), [an_entry("att_1", 0, 2)], Code.UNBOOKED, 3, 0),
        (made(state=AttemptState.FAILED, refunds=True), [an_entry("att_1", 2)], Code.BOOKED_WITHOUT_ATTEMPT, 0, 2),
        (made(state=AttemptState.SUBMITTING, verdict=None), [an_entry("att_1", 2)], Code.BOOKED_WITHOUT_ATTEMPT, 0, 2),
        (made(credits=0), [an_entry("att_1", 2)], Code.BOOKED_WITHOUT_ATTEMPT, 0, 2),
    ],
)
def test_a_difference_names_its_attempt_and_what_it_comes_to(attempt, entries, code, expected, found):
    difference = of_attempt(attempt, entries, 200_000)

    assert difference is not None
    assert (difference.code, difference.attempts, difference.hint) == (code, ("att_1",), None)
    assert (difference.expected, difference.found, difference.micros) == (
        expected,
        found,
        200_000 * abs(found - expected),
    )
    assert difference.day == "2023-11-14"


def test_without_a_price_a_difference_is_told_in_credits_alone():
    difference = of_attempt(made(price=None), [], None)

    assert difference is not None
    assert difference.micros is None


def test_a_cost_for_an_attempt_nobody_knows_is_a_difference_unless_it_was_taken_back():
    entries = [an_entry("att_1", 2), an_entry("att_8", 2), an_entry("att_9", 2), an_entry("att_9", -2, at=NOW + 1)]

    found = of_strays(ACCOUNT, entries, frozenset({"att_8", "att_9"}), None)

    assert [(one.code, one.attempts, one.found) for one in found] == [(Code.BOOKED_WITHOUT_ATTEMPT, ("att_8",), 2)]


def test_a_cost_that_names_no_attempt_is_told_by_its_entry():
    (found,) = of_strays(ACCOUNT, [an_entry(None, 2)], frozenset(), None)

    assert found.attempts == (f"led_None_{NOW}",)


@given(st.sampled_from(AttemptState), st.sampled_from(Verdict), st.none() | st.integers(0, 9), st.booleans())
def test_an_attempt_booked_as_the_books_book_it_never_differs(state, verdict, credits, refunds):
    attempt = made(state=state, verdict=verdict, credits=credits, refunds=refunds)
    standing = booked(attempt)
    entries = [an_entry("att_1", standing.cost, standing.suspense)] if standing != Booked() else []

    assert of_attempt(attempt, entries, 1) is None


# balances


def billed(id: str, cost: Credits, *, since: Millis, at: Millis | None = None, suspense: Credits = 0) -> Booking:
    return Booking(attempt=id, since=since, at=since + 10 if at is None else at, cost=cost, suspense=suspense)


def lost(id: str, since: Millis = 12_000, **facts) -> Attempt:
    return made(id, state=AttemptState.UNKNOWN, verdict=Verdict.UNKNOWN, started_at=since, **facts)


def between(left: Credits, *bookings: Booking, lost: tuple[Attempt, ...] = (), **facts) -> Compared:
    """Two balances: 1,000, then what is left."""
    suspects = [billed(one.id, 0, since=one.started_at, suspense=booked(one).suspense) for one in lost]
    return compare(
        Interval(
            account=ACCOUNT,
            before=Sighting(BEFORE, 1_000),
            after=Sighting(AFTER, left),
            slack=SLACK,
            bookings=(*bookings, *suspects),
            open=lost,
            **facts,
        )
    )


def test_an_account_that_lost_what_was_booked_is_as_it_should_be():
    assert between(995, billed("att_1", 3, since=12_000), billed("att_2", 2, since=13_000)) == Compared()


def test_costs_from_before_the_first_balance_and_after_the_second_do_not_count():
    assert between(1_000, billed("att_1", 3, since=9_000), billed("att_2", 2, since=20_001)) == Compared()


def test_a_balance_that_fell_further_names_everybody_who_was_billed_between():
    found = between(993, billed("att_2", 2, since=12_000), billed("att_1", 3, since=13_000), price=10).difference

    assert found is not None
    assert (found.code, found.expected, found.found, found.hint) == (Code.BALANCE_FELL, 995, 993, None)
    assert (found.attempts, found.explained_by, found.micros) == (("att_1", "att_2"), (), 20)


def test_a_balance_that_rose_may_have_been_topped_up():
    found = between(1_500, billed("att_1", 3, since=12_000)).difference

    assert found is not None
    assert (found.code, found.expected, found.found, found.hint) == (
        Code.BALANCE_ROSE,
        997,
        1_500,
        Hint.MAYBE_TOPPED_UP,
    )


@pytest.mark.parametrize("left", [995, 998])
@pytest.mark.parametrize(
    ("since", "at"),
    [(9_990, 10_200), (19_990, 20_300), (9_000, 9_950), (19_700, 19_950)],
    ids=["sent_before_the_first", "answered_after_the_second", "just_before_the_first", "just_before_the_second"],
)
def test_what_was_on_its_way_when_a_balance_was_told_may_be_in_it_or_not(left, since, at):
    assert between(left, billed("att_1", 3, since=since, at=at), billed("att_2", 2, since=15_000)).difference is None


def test_what_was_on_its_way_excuses_no_more_than_its_own_cost():
    found = between(994, billed("att_1", 3, since=9_990, at=10_200), billed("att_2", 2, since=15_000)).difference

    assert found is not None
    assert (found.code, found.attempts) == (Code.BALANCE_FELL, ("att_1", "att_2"))


def test_a_refund_that_is_booked_later_may_have_been_made_earlier():
    bookings = (billed("att_1", 2, since=12_000), billed("att_1", -2, since=12_000, at=25_000))

    assert between(998, *bookings).difference is None
    assert between(1_000, *bookings).difference is None


def test_a_lost_submit_that_is_the_whole_difference_was_likely_billed():
    found = between(995, billed("att_1", 3, since=12_000), lost=(lost("att_2"),))

    assert found.difference is not None
    assert (found.difference.code, found.difference.hint) == (Code.BALANCE_FELL, Hint.LIKELY_BILLED)
    assert found.difference.explained_by == ("att_2",)
    assert found.hints == {"att_2": Hint.LIKELY_BILLED}


def test_a_lost_submit_that_left_no_trace_was_likely_not_billed():
    found = between(997, billed("att_1", 3, since=12_000), lost=(lost("att_2"),))

    assert found == Compared(hints={"att_2": Hint.LIKELY_NOT_BILLED})


def test_of_two_lost_submits_that_explain_it_equally_well_neither_is_sure():
    found = between(998, lost=(lost("att_1"), lost("att_2")))

    assert found.difference is not None
    assert (found.difference.explained_by, found.difference.hint) == (("att_1", "att_2"), Hint.LIKELY_BILLED)
    assert found.hints == {}


def test_of_two_lost_submits_only_one_of_which_explains_it_that_one_is_named():
    dear = lost("att_2", expected=150, credits_low=100, credits_high=200)

    found = between(850, lost=(lost("att_1"), dear))

    assert found.difference is not None
    assert (found.difference.explained_by, found.hints) == (("att_2",), {"att_2": Hint.LIKELY_BILLED})


def test_a_lost_submit_is_not_acquitted_by_a_balance_that_may_hold_something_else():
    on_its_way = billed("att_1", 3, since=9_990, at=10_200)

    assert between(1_000, on_its_way, lost=(lost("att_2"),)) == Compared()


def test_a_lost_submit_is_sure_only_when_no_explanation_does_without_it():
    on_its_way = billed("att_3", 2, since=9_990, at=10_200)
    dearer = lost("att_2", expected=3, credits_low=3, credits_high=3)

    found = between(995, on_its_way, lost=(lost("att_1"), dearer))

    assert found.difference is not None
    assert found.difference.explained_by == ("att_1", "att_2")
    assert found.hints == {"att_2": Hint.LIKELY_BILLED}


def test_a_lost_submit_explains_no_other_amount():
    found = between(997, lost=(lost("att_1"),))

    assert found.difference is not None
    assert (found.difference.hint, found.difference.attempts, found.hints) == (None, ("att_1",), {})


@pytest.mark.parametrize("since", [8_000, 21_000])
def test_a_submit_lost_at_another_time_explains_nothing(since):
    found = between(998, lost=(lost("att_1", since),))

    assert found.difference is not None
    assert (found.difference.hint, found.difference.attempts) == (None, ())


def test_a_submit_lost_while_a_balance_was_told_is_never_acquitted():
    assert between(1_000, lost=(lost("att_1", 9_995),)) == Compared()


def test_what_is_known_not_to_be_booked_is_not_told_twice():
    assert between(998, unbooked={"att_1": 2}).difference is None
    assert between(1_000, unbooked={"att_1": 2}).difference is None


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 40)), max_size=60))
def test_a_provider_that_bills_what_is_booked_is_never_accused(jobs):
    """Whenever it bills between the sending and the booking, and whenever balances are told."""
    start, told = 1_000_000, [(500 * n, 0) for n in range(5)]
    sent = [(100 + 37 * n, cost, delay) for n, (cost, delay) in enumerate(jobs)]
    bookings = [billed(f"att_{n}", cost, since=at, at=at + delay) for n, (at, cost, delay) in enumerate(sent)]
    moments = [at for at, _ in told]
    left = [start - sum(cost for at, cost, delay in sent if at + delay // 2 < moment) for moment in moments]
    for n in range(len(moments) - 1):
        found = compare(
            Interval(
                account=ACCOUNT,
                before=Sighting(moments[n] + 1, left[n]),
                after=Sighting(moments[n + 1] + 1, left[n + 1]),
                slack=5,
                bookings=tuple(bookings),
            )
        )
        assert found == Compared()


def test_hundreds_of_costs_on_their_way_are_believed_by_their_bounds():
    crowd = [billed(f"att_{n}", 3**n % 9_973 + 1, since=9_990, at=10_200) for n in range(300)]

    assert between(1_000 - sum(one.cost for one in crowd), *crowd).difference is None
    assert between(1_000 - sum(one.cost for one in crowd) - 1, *crowd).difference is not None


def test_an_entry_is_a_booking_of_what_its_account_billed_since_it_was_sent():
    assert booking(an_entry("att_1", 2, 1, at=500), 400) == Booking(
        attempt="att_1", since=400, at=500, cost=2, suspense=1
    )


# the report


@pytest.mark.parametrize(("age", "listed"), [(DAY - 1, False), (DAY, True)])
def test_suspense_is_listed_apart_once_it_is_older_than_a_day(age, listed):
    found = suspense_of(lost("att_1", NOW), None, NOW + age)

    assert (found is not None) is listed
    if found is not None:
        assert (found.attempt, found.account, found.day, found.credits) == ("att_1", ACCOUNT, "2023-11-14", 2)


def test_suspense_that_balances_speak_of_is_listed_at_once():
    assert suspense_of(lost("att_1", NOW), Hint.LIKELY_BILLED, NOW) is not None


def test_only_what_nobody_can_explain_counts_as_unexplained():
    told = [between(995).difference, between(1_005).difference, between(998, lost=(lost("att_1"),)).difference]

    report = reconciling.report(NOW, NOW + DAY, (ACCOUNT,), [one for one in told if one is not None], [])

    assert (len(report.differences), report.unexplained) == (3, 1)
    assert (report.first, report.last) == ("2023-11-14", "2023-11-15")


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(1, 3_000))
def test_pieces_cover_a_span_without_gap_or_overlap(since, length, piece):
    found = list(pieces(since, since + length, piece))

    assert sum(end - begin for begin, end in found) == length
    assert all(0 < end - begin <= piece for begin, end in found)
    assert [begin for begin, _ in found[1:]] == [end for _, end in found[:-1]]
