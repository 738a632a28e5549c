"""An account's retry budget: ten at once, then one after the other, and success gives back."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.retries import AT_ONCE, blocked_until, earned, spent

EVERY = 6_000
NOW = 1_700_000_000_000


def spend(times: int, full_at: int | None = None, now: int = NOW) -> int | None:
    for _ in range(times):
        full_at = spent(full_at, now, every=EVERY)
    return full_at


def test_ten_retries_may_follow_each_other_at_once():
    assert blocked_until(spend(AT_ONCE - 1), NOW, every=EVERY) is None


def test_the_eleventh_waits_until_one_is_given_back():
    assert blocked_until(spend(AT_ONCE), NOW, every=EVERY) == NOW + EVERY


def test_after_a_while_the_budget_is_whole_again():
    later = NOW + AT_ONCE * EVERY

    assert blocked_until(spend(AT_ONCE - 1, spend(AT_ONCE), later), later, every=EVERY) is None


def test_a_video_that_was_taken_gives_one_back():
    assert blocked_until(earned(spend(AT_ONCE), NOW, every=EVERY), NOW, every=EVERY) is None


def test_a_whole_budget_earns_nothing():
    assert earned(None, NOW, every=EVERY) is None
    assert earned(spend(1), NOW, every=EVERY) is None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 60_000)), max_size=60))
def test_no_span_sees_more_retries_than_ten_and_what_time_and_success_gave_back(steps):
    now, full_at, sent, taken = NOW, None, 0, 0
    for retry, pause in steps:
        now += pause
        if not retry:
            full_at, taken = earned(full_at, now, every=EVERY), taken + 1
        elif blocked_until(full_at, now, every=EVERY) is None:
            full_at, sent = spent(full_at, now, every=EVERY), sent + 1

    assert sent <= AT_ONCE + taken + (now - NOW) // EVERY
