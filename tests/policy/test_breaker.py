"""The breaker as a value: so many failures in a row open it, each further one for longer, and any answer closes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.breaker import MAX_OPEN, open_until
from schema.account import AccountState

NOW = 1_000_000
RESET = 30_000


def opened(failures: int, *, threshold: int = 5, reset: int = RESET) -> int | None:
    """For how long it is open after so many failures; None while it is closed."""
    state = AccountState(id="a", failures=failures, failed_at=NOW if failures else None)
    until = open_until(state, failures=threshold, reset=reset)
    return None if until is None else until - NOW


@pytest.mark.parametrize(
    ("failures", "open_for"),
    [
        pytest.param(0, None, id="never-failed"),
        pytest.param(4, None, id="one-too-few"),
        pytest.param(5, 30_000, id="opens"),
        pytest.param(6, 60_000, id="a-failed-probe-doubles-it"),
        pytest.param(8, 240_000, id="and-again"),
        pytest.param(9, 300_000, id="up-to-five-minutes"),
        pytest.param(100_000, 300_000, id="and-never-longer"),
    ],
)
def test_it_opens_at_the_threshold_and_stays_open_longer_with_every_failure(failures, open_for):
    assert opened(failures) == open_for


def test_a_state_without_a_time_is_closed():
    assert open_until(AccountState(id="a", failures=9), failures=5, reset=RESET) is None


@given(failures=st.integers(0, 10**6), threshold=st.integers(1, 100), reset=st.integers(1, MAX_OPEN))
def test_it_is_closed_below_the_threshold_and_open_between_reset_and_the_bound_above(failures, threshold, reset):
    span = opened(failures, threshold=threshold, reset=reset)

    if failures < threshold:
        assert span is None
    else:
        assert span is not None
        assert reset <= span <= MAX_OPEN


@given(failures=st.integers(1, 50), reset=st.integers(1, MAX_OPEN))
def test_one_more_failure_never_opens_it_for_less(failures, reset):
    assert (opened(failures, reset=reset) or 0) <= (opened(failures + 1, reset=reset) or 0)
