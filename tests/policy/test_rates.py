"""A tenant's minute: never more than its limit in any, whatever its clocks do, and who waits as said finds room."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.rates import (
    MINUTE,
    Group,
    Recent,
    allowance,
    full_until,
    left,
    retry_after,
    seconds,
    taken,
    used,
)

NOW = 1_700_000_000_000
TEN = (Group(NOW - 50_000, NOW - 49_500, 4), Group(NOW - 2_000, NOW - 2_000, 6))


@pytest.mark.parametrize(
    ("recent", "limit", "wanted", "until"),
    [
        pytest.param((), 10, 1, None, id="nothing-was-created"),
        pytest.param((), 10, 10, None, id="all-at-once"),
        pytest.param(TEN, 11, 1, None, id="one-is-left"),
        pytest.param(TEN, 10, 1, NOW + 10_500, id="full-until-the-oldest-are-a-minute-old"),
        pytest.param(TEN, 10, 4, NOW + 10_500, id="they-make-room-for-as-many-as-they-were"),
        pytest.param(TEN, 10, 5, NOW + 58_000, id="more-wait-for-the-next"),
        pytest.param(TEN, 5, 1, NOW + 58_000, id="a-limit-that-was-lowered-waits-until-few-enough-count"),
        pytest.param(TEN, 20, 11, NOW + 10_500, id="a-limit-that-was-raised-has-room-for-the-difference"),
        pytest.param((), 10, 11, NOW + MINUTE, id="more-than-the-limit-never-may"),
        pytest.param((Group(NOW - MINUTE, NOW - MINUTE, 10),), 10, 1, None, id="a-minute-old-counts-no-more"),
    ],
)
def test_there_is_room_when_what_counts_and_what_is_wanted_are_no_more_than_the_limit(recent, limit, wanted, until):
    assert full_until(recent, limit, NOW, wanted) == until


@pytest.mark.parametrize(
    ("recent", "limit", "told"),
    [
        pytest.param((), 10, (10, 0), id="all-of-it-is-there"),
        pytest.param(TEN, 12, (2, 11), id="some-is-left-and-more-when-the-oldest-end"),
        pytest.param(TEN, 10, (0, 11), id="nothing-is-left"),
        pytest.param(TEN, 3, (0, 58), id="less-than-nothing-is-nothing"),
    ],
)
def test_an_answer_says_what_is_left_and_in_how_many_whole_seconds_there_is_more(recent, limit, told):
    said = allowance("creates", recent, limit, NOW)

    assert (said.left, said.reset) == told
    assert (said.name, said.limit, said.window) == ("creates", limit, 60)


def test_what_comes_within_a_second_is_one_group_and_counts_from_its_last():
    recent = taken(taken(taken((), NOW), NOW + 999, 2), NOW + 1_000)

    assert recent == (Group(NOW, NOW + 999, 3), Group(NOW + 1_000, NOW + 1_000))
    assert used(recent, NOW + 60_998) == 4
    assert used(recent, NOW + 60_999) == 1


def test_a_clock_that_is_behind_counts_from_the_time_of_the_one_before_it():
    recent = taken(taken((), NOW), NOW - 700)

    assert recent == (Group(NOW, NOW, 2),)
    assert used(recent, NOW + MINUTE - 1) == 2


@given(span=st.integers(1, MINUTE), luck=st.floats(0, 1))
def test_retry_after_is_no_sooner_than_there_is_room_and_no_longer_than_sdks_wait(span, luck):
    said = retry_after(NOW + span, NOW, luck)

    assert 1 <= said <= 60
    assert said * 1_000 >= span


def test_those_who_are_refused_together_are_not_told_the_same_moment():
    assert {retry_after(NOW + 20_000, NOW, luck / 10) for luck in range(11)} == {20, 21, 22, 23, 24}


steps = st.lists(st.tuples(st.integers(0, 9_000), st.integers(1, 4)), min_size=1, max_size=60)


@given(limit=st.integers(1, 12), steps=steps)
def test_no_minute_ever_sees_more_than_the_limit(limit, steps):
    """Whoever has room comes; every minute that begins with one of them is looked at."""
    recent: Recent = ()
    now, came = NOW, []
    for wait, wanted in steps:
        now += wait
        if full_until(recent, limit, now, wanted) is None:
            recent = taken(recent, now, wanted)
            came += [now] * wanted

    for begin in came:
        assert sum(begin <= at < begin + MINUTE for at in came) <= limit
    assert len(recent) <= 62


@given(limit=st.integers(1, 12), steps=steps)
def test_what_is_said_to_be_left_is_left_and_waiting_for_the_reset_always_admits_one(limit, steps):
    recent: Recent = ()
    now = NOW
    for wait, wanted in steps:
        now += wait
        said = allowance("creates", recent, limit, now)
        assert said.left == left(recent, limit, now)
        assert said.left == 0 or full_until(recent, limit, now, said.left) is None
        assert full_until(recent, limit, now, said.left + 1) is not None
        assert full_until(recent, limit, now + said.reset * 1_000) is None
        assert 0 <= said.reset <= 60
        until = full_until(recent, limit, now, wanted)
        if until is None:
            recent = taken(recent, now, wanted)
        elif wanted <= limit:
            assert full_until(recent, limit, until, wanted) is None
            assert full_until(recent, limit, until - 1, wanted) is not None


@pytest.mark.parametrize(("span", "whole"), [(-5, 0), (0, 0), (1, 1), (1_000, 1), (1_001, 2)])
def test_a_span_is_said_in_whole_seconds_that_are_no_shorter(span, whole):
    assert seconds(span) == whole
