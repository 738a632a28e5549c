"""The breaker as values: what opens it, what a free probe may do, and what becomes of a trial."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.policy import breaker
from gateway.policy.breaker import MAX_OPEN, WINDOW, Breaker
from schema.account import AccountState, Circuit

NOW = 1_000_000
RESET = 30_000
RULES = Breaker(failures=5, reset=RESET)
FRESH = AccountState(id="a")


def even() -> float:
    """Neither a fifth more nor a fifth less."""
    return 0.5


def failed(times: int, state: AccountState = FRESH) -> AccountState:
    for _ in range(times):
        state = breaker.failed(state, RULES, NOW, even)
    return state


OPEN = failed(5)
HALF = breaker.probed(OPEN, well=True, breaker=RULES, now=NOW + RESET, luck=even)


@pytest.mark.parametrize(("failures", "circuit"), [(0, "closed"), (4, "closed"), (5, "open"), (9, "open")])
def test_so_many_submits_in_a_row_that_nobody_answers_open_it(failures, circuit):
    assert failed(failures).circuit == circuit


def test_it_stays_open_for_its_time_and_later_failures_do_not_lengthen_it():
    assert OPEN.circuit_until == NOW + RESET
    assert failed(3, OPEN).circuit_until == NOW + RESET


def test_polls_open_it_too_and_one_that_is_answered_forgets_polls_alone():
    state = failed(4)
    for _ in range(4):
        state = breaker.unpolled(state, RULES, NOW, even)

    assert state.circuit is Circuit.CLOSED
    assert breaker.unpolled(state, RULES, NOW, even).circuit is Circuit.OPEN
    assert (breaker.polled(state).failures, breaker.polled(state).poll_failures) == (4, 0)


def test_any_whole_answer_to_a_submit_forgets_the_failures_and_closes_it():
    assert breaker.answered(failed(4), NOW).failures == 0
    for state in (OPEN, HALF):
        answered = breaker.answered(state, NOW)
        assert (answered.circuit, answered.opens, answered.failures) == (Circuit.CLOSED, 0, 0)


@pytest.mark.parametrize(
    ("submits", "failures", "opens"),
    [
        pytest.param(9, 9, False, id="too-few-to-say"),
        pytest.param(10, 4, False, id="less-than-half"),
        pytest.param(10, 5, True, id="half"),
        pytest.param(1_000, 499, False, id="many-less-than-half"),
    ],
)
def test_half_of_the_submits_of_the_last_minute_failing_opens_it(submits, failures, opens):
    state = breaker.failed_mostly(FRESH, (submits, failures), RULES, NOW, even)

    assert (state.circuit is Circuit.OPEN) == opens


def test_what_was_before_its_circuit_last_moved_is_not_looked_at():
    assert breaker.window(FRESH, NOW) == NOW - WINDOW
    assert breaker.window(replace(FRESH, circuit_at=NOW - 10), NOW) == NOW - 10


def test_a_probe_before_its_time_changes_nothing():
    assert breaker.probed(OPEN, well=True, breaker=RULES, now=NOW + RESET - 1, luck=even) == OPEN


def test_a_probe_that_is_answered_opens_it_by_half_and_one_that_is_not_waits_as_long_again():
    again = breaker.probed(OPEN, well=False, breaker=RULES, now=NOW + RESET, luck=even)

    assert HALF.circuit is Circuit.HALF_OPEN
    assert (again.circuit, again.circuit_until, again.opens) == (Circuit.OPEN, NOW + 2 * RESET, OPEN.opens)


def test_a_half_open_circuit_lets_one_through_until_its_trial_lapses():
    trying = breaker.tried(HALF, "att_1", NOW + 9)

    assert not breaker.blocked(HALF, NOW)
    assert breaker.blocked(trying, NOW)
    assert not breaker.blocked(trying, NOW + 9)


def test_a_closed_circuit_puts_nobody_on_trial():
    assert breaker.tried(FRESH, "att_1", NOW) == FRESH


@given(st.integers(1, 30), st.integers(1, MAX_OPEN), st.floats(0, 1))
def test_a_trial_that_fails_opens_it_for_twice_as_long_within_a_fifth_and_a_bound(trials, reset, luck):
    rules = Breaker(failures=5, reset=reset)
    state, now = FRESH, NOW
    for _ in range(5):
        state = breaker.failed(state, rules, now, lambda: luck)
    for n in range(1, trials + 1):
        now = state.circuit_until or now
        state = breaker.probed(state, well=True, breaker=rules, now=now, luck=lambda: luck)
        state = breaker.failed(breaker.tried(state, "att_1", now + 1), rules, now, lambda: luck)
        span = (state.circuit_until or 0) - now
        assert state.circuit is Circuit.OPEN
        due = min(reset * 2 ** min(n, 10), MAX_OPEN)
        assert abs(span - due) <= due / 5 + 1
        assert state.trial is None


@given(st.lists(st.sampled_from(["failed", "unpolled", "polled", "answered", "probed"]), max_size=40))
def test_only_an_open_circuit_has_a_time_and_only_a_probe_opens_it_by_half(steps):
    state, now = FRESH, NOW
    for step in steps:
        before, now = state, now + RESET
        match step:
            case "failed":
                state = breaker.failed(state, RULES, now, even)
            case "unpolled":
                state = breaker.unpolled(state, RULES, now, even)
            case "polled":
                state = breaker.polled(state)
            case "answered":
                state = breaker.answered(state, now)
            case _:
                state = breaker.probed(state, well=True, breaker=RULES, now=now, luck=even)
        assert (state.circuit is Circuit.OPEN) == (state.circuit_until is not None)
        if state.circuit is Circuit.HALF_OPEN and before.circuit is not Circuit.HALF_OPEN:
            assert (before.circuit, step) == (Circuit.OPEN, "probed")
