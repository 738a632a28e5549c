"""Whose turn it is: weights, newcomers, nobody saves up, and how many are before one."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.policy.fairness import STEP, Waiter, ahead, served, soonest, step, turns


def waiter(tenant: str, *videos: str, passed: int = 0, weight: int = 1) -> Waiter:
    return Waiter(tenant=tenant, weight=weight, passed=passed, videos=videos, count=len(videos))


def many(tenant: str, count: int, *, passed: int = 0, weight: int = 1) -> Waiter:
    return waiter(tenant, *(f"{tenant}-{n:04}" for n in range(count)), passed=passed, weight=weight)


def played(waiters: list[Waiter], rounds: int, virtual: int = 0) -> list[str]:
    """One slot, freed again and again: whose turn it was, in order."""
    left = {one.tenant: one for one in waiters}
    order: list[str] = []
    for _ in range(rounds):
        waiting = [one for one in left.values() if one.videos]
        if not waiting:
            break
        (video,) = turns(soonest(waiting, virtual, 1), virtual, 1)
        tenant = next(one for one in waiting if video in one.videos)
        passed, virtual = served(tenant.passed, virtual, tenant.weight)
        left[tenant.tenant] = replace(tenant, passed=passed, videos=tenant.videos[1:], count=tenant.count - 1)
        order.append(video)
    return order


def of(video: str) -> str:
    return video.partition("-")[0]


def test_a_tenant_s_own_order_is_kept():
    assert turns([waiter("a", "a-3", "a-1", "a-2")], 0, 3) == ["a-3", "a-1", "a-2"]


def test_no_more_are_called_than_there_is_room_for():
    assert turns([many("a", 5)], 0, 2) == ["a-0000", "a-0001"]
    assert turns([many("a", 5)], 0, 0) == []


def test_nobody_waits_and_nobody_is_called():
    assert turns([], 0, 3) == []
    assert turns([waiter("a")], 0, 3) == []


def test_equal_tenants_take_turns():
    assert [of(video) for video in turns([many("a", 9), many("b", 9)], 0, 6)] == ["a", "b"] * 3


def test_three_times_the_weight_is_three_times_the_turns():
    order = Counter(of(video) for video in played([many("a", 99, weight=3), many("b", 99)], 80))

    assert order == {"a": 60, "b": 20}


def test_a_newcomer_is_next_however_long_the_others_wait_and_however_much_they_had():
    virtual = 41 * STEP
    long_here = many("a", 500, passed=42 * STEP)

    assert [of(video) for video in played([long_here, many("b", 1)], 2, virtual)] == ["b", "a"]


def test_who_waited_for_nothing_for_a_while_has_not_saved_up_turns():
    virtual = 1_000 * STEP
    busy, back_again = many("a", 50, passed=1_001 * STEP), many("b", 50, passed=3 * STEP)

    order = [of(video) for video in played([busy, back_again], 20, virtual)]

    assert Counter(order) == {"a": 10, "b": 10}


def test_a_turn_moves_a_tenant_on_by_less_the_more_it_weighs():
    assert served(0, 0, 1) == (STEP, 0)
    assert served(0, 0, 4) == (STEP // 4, 0)
    assert served(5, 3 * STEP, 1) == (4 * STEP, 3 * STEP)


tenants = st.lists(
    st.tuples(st.integers(0, 12), st.integers(1, 5), st.integers(0, 6 * STEP)), min_size=1, max_size=5
).map(
    lambda rows: [
        many(name, count, weight=weight, passed=passed)
        for name, (count, weight, passed) in zip("abcde", rows, strict=False)
    ]
)


@given(tenants, st.integers(0, 6 * STEP))
def test_the_number_ahead_of_a_video_is_how_many_do_begin_before_it(waiters, virtual):
    order = played(waiters, 100, virtual)

    for one in waiters:
        others = [other for other in waiters if other is not one]
        for own, video in enumerate(one.videos):
            assert ahead(own, one, others, virtual) == order.index(video)


@given(tenants, st.integers(0, 6 * STEP), st.integers(0, 30))
def test_several_turns_at_once_are_the_turns_one_after_the_other(waiters, virtual, room):
    waiting = [one for one in waiters if one.videos]

    assert turns(soonest(waiting, virtual, room), virtual, room) == played(waiting, room, virtual)


@given(st.lists(st.integers(1, 6), min_size=2, max_size=5), st.integers(1, 40))
def test_while_all_wait_no_tenant_is_ahead_of_its_share_by_more_than_one_turn(weights, rounds):
    waiters = [many(name, 100, weight=weight) for name, weight in zip("abcde", weights, strict=False)]

    had = Counter(of(video) for video in played(waiters, rounds))

    normal = [had[one.tenant] * step(one.weight) for one in waiters]
    assert max(normal) - min(normal) <= 2 * STEP
