"""Waits stay within their bounds, whatever the upstream claims and whatever the luck."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.backoff import next_poll, replay, retry, spread

LUCK = st.floats(0, 1)
SPANS = st.floats(0.01, 3600)
SCHEDULE = (5, 30, 120, 480)


@given(delay=SPANS, luck=LUCK)
def test_a_spread_delay_is_within_a_fifth_of_it(delay, luck):
    assert 0.8 * delay <= spread(delay, luck) <= 1.2 * delay * (1 + 1e-9)


@given(
    seconds_left=st.none() | st.integers(-(2**63), 2**63),
    polls=st.integers(0, 10**6),
    bounds=st.tuples(SPANS, SPANS),
    luck=LUCK,
)
def test_a_poll_is_never_sooner_than_the_shortest_nor_later_than_a_fifth_over_the_longest(
    seconds_left, polls, bounds, luck
):
    shortest, longest = sorted(bounds)

    delay = next_poll(seconds_left, polls, shortest=shortest, longest=longest, luck=luck)

    assert round(shortest * 1000) <= delay <= round(longest * 1200 + 0.5)


@pytest.mark.parametrize(
    ("seconds_left", "polls", "seconds"),
    [
        pytest.param(40, 0, 20, id="half-its-estimate"),
        pytest.param(40, 9, 20, id="however-often-we-asked"),
        pytest.param(600, 0, 30, id="at-most-the-longest"),
        pytest.param(2, 0, 5, id="at-least-the-shortest"),
        pytest.param(0, 9, 5, id="any-moment-now"),
        pytest.param(86_400, 0, 30, id="a-day-is-believed"),
        pytest.param(None, 0, 5, id="no-estimate-begins-short"),
        pytest.param(None, 2, 11.25, id="and-grows-by-half"),
        pytest.param(None, 10_000, 30, id="up-to-the-longest"),
        pytest.param(-1, 0, 5, id="a-negative-estimate-is-none"),
        pytest.param(86_401, 0, 5, id="more-than-a-day-is-none"),
    ],
)
def test_a_running_video_is_asked_about_at_half_its_estimate_or_slower_each_time(seconds_left, polls, seconds):
    assert next_poll(seconds_left, polls, shortest=5, longest=30, luck=0.5) == round(seconds * 1000)


@given(errors=st.integers(0, 10**6), bounds=st.tuples(SPANS, SPANS), luck=LUCK)
def test_a_retry_is_between_a_tenth_of_the_first_bound_and_the_longest(errors, bounds, luck):
    first, longest = sorted(bounds)

    delay = retry(errors, first=first, longest=longest, luck=luck)

    assert round(first * 100 - 0.5) <= delay <= round(longest * 1000)


@pytest.mark.parametrize(
    ("errors", "luck", "seconds"),
    [
        pytest.param(0, 1, 2, id="at-most-the-first"),
        pytest.param(0, 0, 0.2, id="at-least-a-tenth-of-it"),
        pytest.param(1, 1, 4, id="doubles"),
        pytest.param(3, 1, 16, id="and-doubles"),
        pytest.param(3, 0.5, 8.8, id="anything-up-to-it"),
        pytest.param(6, 1, 60, id="up-to-the-longest"),
    ],
)
def test_a_retry_waits_anything_up_to_a_bound_that_doubles(errors, luck, seconds):
    assert retry(errors, first=2, longest=60, luck=luck) == round(seconds * 1000)


@given(errors=st.integers(0, 30), luck=LUCK)
def test_with_the_same_luck_one_more_error_never_waits_less(errors, luck):
    assert retry(errors, first=2, longest=60, luck=luck) <= retry(errors + 1, first=2, longest=60, luck=luck)


@given(done=st.integers(0, 20), luck=LUCK)
def test_replays_follow_their_schedule_and_end_with_it(done, luck):
    delay = replay(SCHEDULE, done, luck)

    if done < len(SCHEDULE):
        assert delay is not None
        assert 800 * SCHEDULE[done] <= delay <= 1200 * SCHEDULE[done]
    else:
        assert delay is None


def test_without_a_schedule_nothing_is_replayed():
    assert replay((), 0, 0.5) is None
