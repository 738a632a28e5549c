"""Ids say what they name, sort as they were made, and can not be guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.ids import ALPHABET, ATTEMPT, BODY_LENGTH, EVENT, REQUEST, VIDEO, WORKER, Ids

MOMENTS = st.integers(min_value=0, max_value=2**48 - 1)
ENTROPY = st.binary(min_size=10, max_size=10)
ids = Ids()


@pytest.mark.parametrize("prefix", [VIDEO, ATTEMPT, EVENT, REQUEST, WORKER])
@given(now=MOMENTS)
def test_an_id_is_its_prefix_and_26_characters_of_the_alphabet(prefix, now):
    made = ids.make(prefix, now)

    assert made.startswith(prefix)
    assert len(made) == len(prefix) + BODY_LENGTH
    assert set(made.removeprefix(prefix)) <= set(ALPHABET)


def test_each_kind_of_id_has_a_prefix_of_its_own():
    assert ids.video(1).startswith("video_")
    assert ids.attempt(1).startswith("att_")
    assert ids.event(1).startswith("evt_")
    assert len({VIDEO, ATTEMPT, EVENT, REQUEST, WORKER}) == 5


@given(earlier=MOMENTS, later=MOMENTS, one=ENTROPY, other=ENTROPY)
def test_ids_sort_as_they_were_made(earlier, later, one, other):
    earlier, later = sorted((earlier, later))
    first = Ids(lambda _: one).video(earlier)
    second = Ids(lambda _: other).video(later)

    assert (first < second) == ((earlier, one) < (later, other))


@given(now=MOMENTS, one=ENTROPY, other=ENTROPY)
def test_different_entropy_gives_different_ids_in_the_same_millisecond(now, one, other):
    made = {Ids(lambda _: one).video(now), Ids(lambda _: other).video(now)}

    assert len(made) == len({one, other})


def test_ten_thousand_ids_of_one_millisecond_are_all_different():
    assert len({ids.video(1_700_000_000_000) for _ in range(10_000)}) == 10_000


def test_the_same_time_and_entropy_give_the_same_id():
    assert Ids(bytes).video(0) == "video_" + "0" * 26
    assert Ids(lambda n: b"\xff" * n).video(0) == "video_" + "0" * 10 + "z" * 16
    assert Ids(lambda n: b"\xff" * n).video(2**48 - 1) == "video_7" + "z" * 25


def test_entries_of_one_millisecond_sort_as_they_were_booked():
    ids = Ids()

    booked = [ids.entry(1_700_000_000_000)[0] for _ in range(100)]

    assert booked == sorted(booked)
    assert len(set(booked)) == 100


def test_an_entry_that_was_begun_earlier_and_booked_later_sorts_as_it_was_booked():
    ids = Ids()

    (first, at), (second, later) = ids.entry(1_700_000_000_005), ids.entry(1_700_000_000_000)

    assert first < second
    assert (at, later) == (1_700_000_000_005, 1_700_000_000_005)
