"""When a video begins, and when it is there: slots, requests a minute, closed accounts, and several that may do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.forecasting import FARTHEST, Desk, begins_in, crowding, remaining

MINUTE = 60_000


@pytest.mark.parametrize(
    ("ahead", "desk", "begins"),
    [
        pytest.param(0, Desk(make=MINUTE), 0, id="no-end-of-places"),
        pytest.param(99, Desk(make=MINUTE), 0, id="however-many-are-before"),
        pytest.param(0, Desk(make=MINUTE, slots=(0,)), 0, id="a-free-place"),
        pytest.param(0, Desk(make=MINUTE, slots=(20_000,)), 20_000, id="when-the-place-is-free"),
        pytest.param(2, Desk(make=MINUTE, slots=(20_000,)), 20_000 + 2 * MINUTE, id="after-two-others"),
        pytest.param(1, Desk(make=MINUTE, slots=(0, 30_000)), 30_000, id="the-second-place"),
        pytest.param(2, Desk(make=MINUTE, slots=(0, 30_000)), MINUTE, id="the-first-place-again"),
        pytest.param(4, Desk(make=1, every=6_000), 24_000, id="by-its-requests-a-minute"),
        pytest.param(0, Desk(make=MINUTE, closed_for=5_000), 5_000, id="once-it-is-open"),
        pytest.param(1, Desk(make=MINUTE, slots=(0,), closed_for=5_000), 5_000 + MINUTE, id="and-one-after-that"),
    ],
)
def test_a_video_begins_when_those_before_it_have(ahead, desk, begins):
    assert begins_in(ahead, [desk]) == begins


def test_it_goes_wherever_it_may():
    slow, fast = Desk(make=10 * MINUTE, slots=(0,)), Desk(make=MINUTE, slots=(0,))

    assert begins_in(0, [slow, fast]) == 0
    assert begins_in(1, [slow, fast]) == 0
    assert begins_in(4, [slow, fast]) == 3 * MINUTE


def test_nobody_can_tell_where_there_is_nobody_or_no_place():
    assert begins_in(0, []) is None
    assert begins_in(0, [Desk(make=MINUTE, slots=())]) is None
    assert begins_in(0, [Desk(make=MINUTE, closed_for=FARTHEST + 1)]) is None


@pytest.mark.parametrize(
    ("elapsed", "left"),
    [(0, 60_000), (20_000, 40_000), (59_000, 6_000), (60_000, 6_000), (600_000, 6_000)],
)
def test_what_takes_longer_than_usual_is_still_to_come(elapsed, left):
    assert remaining(elapsed, MINUTE) == left


@given(
    st.integers(0, 30),
    st.lists(
        st.builds(
            Desk,
            make=st.integers(1, 9),
            slots=st.lists(st.integers(0, 9), min_size=1, max_size=3).map(tuple),
            every=st.integers(0, 3),
            closed_for=st.integers(0, 5),
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_the_more_are_before_the_later_it_begins(ahead, desks):
    sooner, later = begins_in(ahead, desks), begins_in(ahead + 1, desks)

    assert sooner is not None
    assert later is not None
    assert sooner <= later


@pytest.mark.parametrize(
    ("waiting", "load", "limit", "desk", "wait"),
    [
        pytest.param(0, 5, None, Desk(make=MINUTE), 0, id="no-end-of-places"),
        pytest.param(0, 1, 2, Desk(make=MINUTE), 0, id="room"),
        pytest.param(0, 2, 2, Desk(make=MINUTE), MINUTE // 2, id="the-next-of-two-places"),
        pytest.param(3, 1, 1, Desk(make=MINUTE), 4 * MINUTE, id="behind-three"),
        pytest.param(3, 0, None, Desk(make=MINUTE, every=6_000), 18_000, id="by-its-requests-a-minute"),
        pytest.param(0, 0, 1, Desk(make=MINUTE, closed_for=9_000), 9_000, id="closed"),
    ],
)
def test_a_crowded_account_begins_one_more_when_those_before_have_had_their_turn(waiting, load, limit, desk, wait):
    assert crowding(waiting, load, desk, limit) == wait
