"""How often running videos are asked after: within the account's limits, and rarely where the upstream calls us."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.metering import Meter, Purpose, Spans, taken
from gateway.policy.polling import Pace, first, following, pace
from schema.account import Limits

NOW = 1_700_000_000_000
DAY = 86_400_000
SPANS = Spans(minute=60_000, day=DAY)


def a_pace(limits: Limits | None = None, *, active: int = 1, called: bool = False, **changes) -> Pace:
    facts = {"shortest": 5.0, "longest": 30.0, "spans": SPANS, **changes}
    return Pace(active=active, called=called, limits=limits or Limits(), **facts)


@pytest.mark.parametrize(
    ("paced", "seconds"),
    [
        pytest.param(a_pace(), 5, id="no-limits"),
        pytest.param(a_pace(called=True), 10, id="called"),
        pytest.param(a_pace(Limits(per_minute=60), active=1), 5, id="one-video-and-many-requests"),
        pytest.param(a_pace(Limits(per_minute=10), active=3), 36, id="three-share-half-a-minute"),
        pytest.param(a_pace(Limits(per_minute=10), active=3, called=True), 45, id="three-that-are-called"),
        pytest.param(a_pace(Limits(per_day=100), called=True), 2880, id="a-day-where-it-is-called"),
        pytest.param(a_pace(Limits(per_day=100), day_left=51, day_rest=DAY), 5, id="more-than-half-of-the-day-left"),
        pytest.param(a_pace(Limits(per_day=100), day_left=50, day_rest=1_000_000), 40, id="half-of-the-day-left"),
        pytest.param(a_pace(Limits(per_day=100), day_left=0, day_rest=10_000), 20, id="nothing-of-the-day-left"),
    ],
)
def test_no_sooner_than_the_limits_allow(paced, seconds):
    assert paced.least == pytest.approx(seconds)
    assert following(paced, None, 0, 0.5) == pytest.approx(seconds * 1000)


def test_it_slows_down_to_the_longest_pause():
    assert following(a_pace(), None, 10, 0.5) == 30_000


@pytest.mark.parametrize(
    ("paced", "usual", "wait"),
    [
        pytest.param(a_pace(), 60_000, 5_000, id="polled"),
        pytest.param(a_pace(called=True), None, 15_000, id="called"),
        pytest.param(a_pace(called=True), 20_000, 20_000, id="called-in-the-usual-time"),
        pytest.param(a_pace(called=True), 600_000, 30_000, id="called-late"),
        pytest.param(a_pace(Limits(per_minute=1), called=True), None, 150_000, id="called-with-few-requests"),
    ],
)
def test_an_upstream_that_calls_us_is_given_its_usual_time_first(paced, usual, wait):
    assert first(paced, usual, 0.5) == wait


def test_the_day_is_read_from_the_meter():
    meter = Meter()
    for n in range(60):
        meter = taken(meter, NOW + n, Purpose.CREATE, SPANS)

    found = pace(meter, Limits(per_day=100), NOW + 1000, SPANS, shortest=5, longest=30, active=0, called=False)

    assert (found.active, found.day_left) == (1, 40)
    assert DAY <= found.day_rest <= DAY + DAY // 60


@given(
    per_minute=st.integers(1, 1000),
    active=st.integers(1, 100),
    called=st.booleans(),
    polls=st.integers(0, 100),
    luck=st.floats(0, 1),
)
def test_all_its_videos_together_keep_to_the_polls_share_of_a_minute(per_minute, active, called, polls, luck):
    limits = Limits(per_minute=per_minute)

    wait = following(a_pace(limits, active=active, called=called), None, polls, luck)

    assert active * 60_000 / (wait + 1) <= per_minute / 2
    assert wait >= 5_000
