"""Requests left: sliding counts that no alignment of an upstream's windows can catch out, and what answers correct."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.policy.metering import (
    Bucket,
    Full,
    Left,
    Meter,
    Purpose,
    Spans,
    Told,
    Word,
    answered,
    day_full,
    day_left,
    may,
    metered,
    minute_full,
    minute_left,
    owed,
    per_minute,
    taken,
)
from schema.account import Limits

NOW = 1_700_000_040_000
SPANS = Spans(minute=60_000, day=86_400_000)
TEN = Limits(per_minute=10)
CREATE, POLL = Purpose.CREATE, Purpose.POLL


def used(creates=0, polls=0, *, at=NOW):
    return Meter(minute=(Bucket(at, creates, polls),), day=(Bucket(at, creates, polls),))


def owing(meter):
    """A poll was refused, and may be sent in six seconds; it may be three seconds late."""
    return owed(meter, NOW + 6_000, SPANS)


@pytest.mark.parametrize(
    ("limits", "learned", "limit"),
    [
        pytest.param(Limits(), None, None, id="none"),
        pytest.param(TEN, None, 10, id="configured"),
        pytest.param(Limits(), 7, 7, id="learned"),
        pytest.param(TEN, 7, 7, id="a-header-lowers"),
        pytest.param(TEN, 70, 10, id="a-header-never-raises"),
    ],
)
def test_the_minutes_limit_is_the_lesser_of_what_is_configured_and_what_was_learned(limits, learned, limit):
    meter = Meter(learned=learned)

    assert per_minute(meter, limits) == limit
    assert metered(meter, limits) is (limit is not None)


@pytest.mark.parametrize(
    ("meter", "purpose", "until"),
    [
        pytest.param(used(9), CREATE, None, id="room"),
        pytest.param(used(10), CREATE, NOW + 61_000, id="full-until-the-bucket-is-a-span-old"),
        pytest.param(used(5, 5), CREATE, NOW + 61_000, id="polls-count-too"),
        pytest.param(used(0, 4), POLL, None, id="polls-have-half"),
        pytest.param(used(0, 5), POLL, NOW + 61_000, id="and-no-more"),
        pytest.param(used(10), POLL, NOW + 61_000, id="polls-find-no-room-beside-creates"),
        pytest.param(owing(used(4)), CREATE, None, id="creates-have-half-while-a-poll-is-owed"),
        pytest.param(owing(used(5)), CREATE, NOW + 9_000, id="and-no-more-until-it-comes"),
        pytest.param(owing(used(5)), POLL, None, id="which-leaves-room-for-it"),
    ],
)
def test_a_minute_of_ten_is_shared_by_creates_and_polls(meter, purpose, until):
    assert may(meter, TEN, NOW, purpose, SPANS) == until


def test_an_account_that_may_be_asked_once_a_minute_is_asked_by_either_and_the_poll_that_is_owed_goes_first():
    once = Limits(per_minute=1)

    assert may(Meter(), once, NOW, POLL, SPANS) is None
    assert may(Meter(), once, NOW, CREATE, SPANS) is None
    assert may(owing(Meter()), once, NOW, POLL, SPANS) is None
    assert may(owing(Meter()), once, NOW, CREATE, SPANS) == NOW + 9_000
    assert may(owing(Meter()), once, NOW + 9_000, CREATE, SPANS) is None


def test_the_oldest_calls_make_room_first():
    meter = Meter(minute=(Bucket(NOW - 30_000, 1), Bucket(NOW, 9)))

    assert minute_full(meter, TEN, NOW, CREATE, SPANS) == Full(limit=10, used=10, until=NOW + 31_000)
    assert may(meter, TEN, NOW + 31_000, CREATE, SPANS) is None


def test_a_day_that_is_used_up_is_waited_for():
    full = day_full(used(3), Limits(per_day=3), NOW, CREATE, SPANS)

    assert full is not None
    assert full.until == NOW + SPANS.day + SPANS.day // 60


def test_a_poll_pays_what_is_owed():
    assert taken(owing(Meter()), NOW, POLL, SPANS).owed_until is None
    assert taken(owing(Meter()), NOW, CREATE, SPANS).owed_until == NOW + 9_000


def test_a_poll_that_never_comes_is_owed_no_longer():
    assert may(owing(used(5)), TEN, NOW + 9_000, CREATE, SPANS) is None


def test_a_poll_that_waits_for_its_minute_takes_nothing_of_creates_days():
    assert day_full(owing(used(60)), Limits(per_day=100), NOW, CREATE, SPANS) is None


def test_a_poll_that_waits_for_its_day_leaves_creates_their_half():
    meter = owed(used(50), NOW + SPANS.day, SPANS)

    assert day_full(meter, Limits(per_day=100), NOW, CREATE, SPANS) is not None
    assert minute_full(meter, Limits(per_minute=60), NOW, CREATE, SPANS) is None


def test_a_replica_whose_clock_is_behind_counts_in_the_newest_bucket():
    assert taken(used(1), NOW - 5_000, CREATE, SPANS).minute == (Bucket(NOW, 2),)


def test_a_call_moves_to_the_bucket_of_its_answer():
    after = answered(used(2), TEN, NOW + 9_000, CREATE, SPANS, taken_at=NOW + 10, word=Word())

    assert after.minute == (Bucket(NOW, 1), Bucket(NOW + 9_000, 1))


@pytest.mark.parametrize(
    ("word", "limits", "before", "learned"),
    [
        pytest.param(Word(limit=10, remaining=9, reset=60_000), Limits(), None, 10, id="first"),
        pytest.param(Word(limit=10), Limits(), None, 10, id="without-a-reset"),
        pytest.param(Word(limit=100, remaining=9, reset=3_600_000), Limits(), None, None, id="the-days"),
        pytest.param(Word(limit=100, remaining=0, reset=3_600_000), Limits(), 10, 10, id="the-days-lifts-nothing"),
        pytest.param(Word(limit=100, remaining=9, reset=1_000), Limits(per_day=100), 10, 10, id="the-days-number"),
        pytest.param(Word(limit=5, remaining=4, reset=60_000), Limits(), 10, 5, id="less-than-before"),
        pytest.param(Word(limit=30, remaining=4, reset=60_000), Limits(), 10, 30, id="a-better-plan"),
        pytest.param(Word(limit=30), Limits(), 10, 10, id="more-for-no-known-window"),
        pytest.param(Word(limit=0, remaining=0, reset=1_000), Limits(), 10, 10, id="nothing-is-no-limit"),
        pytest.param(Word(), Limits(), 10, 10, id="silence"),
    ],
)
def test_a_header_teaches_the_minutes_limit(word, limits, before, learned):
    after = answered(Meter(learned=before), limits, NOW, CREATE, SPANS, taken_at=NOW, word=word)

    assert after.learned == learned


def test_what_the_upstream_says_binds_when_it_is_less_than_we_counted():
    word = Word(limit=10, remaining=1, reset=30_000)
    meter = answered(used(1), TEN, NOW, CREATE, SPANS, taken_at=NOW, word=word)

    assert meter.told == Told(left=1, until=NOW + 30_000, at=NOW)
    assert may(meter, TEN, NOW, CREATE, SPANS) is None
    assert may(taken(meter, NOW, CREATE, SPANS), TEN, NOW, CREATE, SPANS) == NOW + 30_000
    assert may(taken(meter, NOW, CREATE, SPANS), TEN, NOW + 30_000, CREATE, SPANS) is None


def test_what_the_upstream_says_never_lifts_our_own_count():
    word = Word(limit=10, remaining=9, reset=1_000)
    meter = answered(used(10), TEN, NOW, CREATE, SPANS, taken_at=NOW, word=word)

    assert meter.told is None
    assert may(meter, TEN, NOW, CREATE, SPANS) == NOW + 61_000


def test_an_answer_to_an_older_call_does_not_lift_what_was_said_since():
    meter = replace(used(1), told=Told(left=0, until=NOW + 30_000, at=NOW))
    word = Word(limit=10, remaining=9, reset=30_000)

    assert answered(meter, TEN, NOW + 1, CREATE, SPANS, taken_at=NOW - 1, word=word).told == meter.told
    assert answered(meter, TEN, NOW + 1, CREATE, SPANS, taken_at=NOW + 1, word=word).told is None


CALLS = st.lists(
    st.tuples(st.integers(0, 9_000), st.integers(0, 3_000), st.integers(0, 3_000), st.sampled_from(Purpose)),
    max_size=150,
)
"""Calls: how long after the one before, how long until the upstream sees it, and from there until we hear."""


@given(calls=CALLS, limit=st.integers(1, 12), offset=st.integers(0, 60_000))
def test_no_window_of_an_upstream_ever_sees_more_than_its_limit(calls, limit, offset):
    """Whatever moments its windows begin at: fixed ones by the clock, and ones that open with a request."""
    limits = Limits(per_minute=limit)
    meter, now = Meter(), NOW
    pending: list[tuple[int, int, Purpose]] = []
    arrivals: list[int] = []
    for pause, there, back, purpose in calls:
        now += pause
        for heard, taken_at, what in sorted(one for one in pending if one[0] <= now):
            meter = answered(meter, limits, heard, what, SPANS, taken_at=taken_at, word=Word())
        pending = [one for one in pending if one[0] > now]
        if may(meter, limits, now, purpose, SPANS) is None:
            meter = taken(meter, now, purpose, SPANS)
            pending.append((now + there + back, now, purpose))
            arrivals.append(now + there)

    assert most_in_fixed_windows(arrivals, offset) <= limit
    assert most_in_opened_windows(arrivals) <= limit
    assert len(meter.minute) <= 62


def most_in_fixed_windows(arrivals, offset):
    windows = [(at + offset) // SPANS.minute for at in arrivals]
    return max((windows.count(one) for one in windows), default=0)


def most_in_opened_windows(arrivals):
    opened, count, most = None, 0, 0
    for at in sorted(arrivals):
        if opened is None or at >= opened + SPANS.minute:
            opened, count = at, 0
        count += 1
        most = max(most, count)
    return most


@given(calls=CALLS, limit=st.integers(1, 12))
def test_whoever_comes_at_the_named_moment_is_served_when_nobody_else_came(calls, limit):
    limits, meter, now = Limits(per_minute=limit), Meter(), NOW
    for pause, _, _, purpose in calls:
        now += pause
        until = may(meter, limits, now, purpose, SPANS)
        if until is not None:
            assert until > now
            assert may(meter, limits, until, purpose, SPANS) is None
            meter = owed(meter, until, SPANS) if purpose is POLL else meter
        else:
            meter = taken(meter, now, purpose, SPANS)


@pytest.mark.parametrize(
    ("meter", "limits", "shown"),
    [
        pytest.param(Meter(), Limits(), (None, None, None), id="without-a-limit"),
        pytest.param(Meter(), TEN, (10, 10, None), id="nothing-was-asked"),
        pytest.param(used(3, 2), TEN, (10, 5, NOW + 61_000), id="creates-and-polls"),
        pytest.param(used(9, 9), TEN, (10, 0, NOW + 61_000), id="never-less-than-none"),
        pytest.param(used(3, at=NOW - 61_000), TEN, (10, 10, None), id="a-minute-ago"),
        pytest.param(replace(used(3), learned=4), TEN, (4, 1, NOW + 61_000), id="a-header-lowers"),
        pytest.param(
            replace(used(3), told=Told(left=2, until=NOW + 90_000, at=NOW)), TEN, (10, 2, NOW + 90_000), id="told"
        ),
        pytest.param(Meter(told=Told(left=2, until=NOW + 9, at=NOW)), Limits(), (None, 2, NOW + 9), id="told-alone"),
        pytest.param(Meter(told=Told(left=2, until=NOW, at=NOW - 9)), Limits(), (None, None, None), id="told-long-ago"),
    ],
)
def test_a_minute_is_shown_with_what_is_left_and_when_it_is_whole_again(meter, limits, shown):
    limit, left, whole_at = shown

    assert minute_left(meter, limits, NOW, SPANS) == Left(limit=limit, left=left, whole_at=whole_at)


def test_a_day_is_shown_by_what_was_asked_in_it():
    day = Limits(per_day=100)

    assert day_left(used(3, 2), day, NOW, SPANS) == Left(limit=100, left=95, whole_at=NOW + 1_440_000 + 86_400_000)
    assert day_left(used(3, 2), Limits(), NOW, SPANS) == Left(limit=None, left=None, whole_at=None)
