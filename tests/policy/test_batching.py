"""How many of a batch's wishes are covered: the longest beginning that fits, and no longer."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.batching import covered

COSTS = st.lists(st.integers(0, 1_000), max_size=20)


def test_all_are_covered_when_there_is_enough_to_the_last_micro():
    assert covered([100, 200, 300], 600, 3) == 3


def test_one_micro_less_leaves_the_last_out():
    assert covered([100, 200, 300], 599, 3) == 2


def test_a_cheap_wish_behind_a_dear_one_does_not_jump_the_queue():
    assert covered([100, 500, 1], 200, 3) == 1


def test_places_bound_it_whatever_the_money():
    assert covered([0, 0, 0], 1_000, 2) == 2


def test_what_is_owed_already_covers_nothing_that_costs():
    assert covered([1], -5, 1) == 0


@given(COSTS, st.integers(-100, 10_000), st.integers(0, 30))
def test_it_is_the_longest_beginning_that_fits(least: list[int], left: int, places: int):
    fits = [n for n in range(min(len(least), places) + 1) if all(sum(least[: m + 1]) <= left for m in range(n))]

    assert covered(least, left, places) == max(fits)
