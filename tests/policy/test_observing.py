"""What the latest attempts say: percentiles, shares, and how long an unknown one keeps its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.observing import NOTHING, Sample, Spread, by_account, observed, percentile, slot_span, spread


def sample(make: int | None, *, account: str = "a", kind: str = "8/standard", queue: int = 0) -> Sample:
    return Sample(account=account, kind=kind, queue_ms=queue, make_ms=make, made=make is not None)


def test_nothing_observed_says_nothing():
    assert observed([]) == NOTHING
    assert (NOTHING.success_rate, NOTHING.fast_ms) == (None, None)


def test_failures_count_and_have_no_time():
    seen = observed([sample(100), sample(300), sample(200), sample(None)])

    assert (seen.made, seen.failed, seen.success_rate) == (3, 1, 0.75)
    assert seen.make == Spread(p10=100, p50=200, p95=300, count=3)


@pytest.mark.parametrize(("count", "fast"), [(4, None), (5, 1), (20, 2)])
def test_the_fastest_tenth_is_believed_from_five_samples_on(count, fast):
    assert observed([sample(n) for n in range(1, count + 1)]).fast_ms == fast


@given(st.lists(st.integers(0, 10**7), min_size=1), st.floats(0.01, 1))
def test_so_large_a_share_does_not_exceed_a_percentile_and_it_is_one_of_them(times, share):
    in_order = sorted(times)
    found = percentile(in_order, share)

    assert found in times
    assert sum(time <= found for time in times) >= share * len(times) - 1e-9
    assert sum(time < found for time in times) < share * len(times)


@given(st.lists(st.integers(0, 10**7), min_size=1))
def test_percentiles_are_in_order_whatever_the_order_of_samples(times):
    found = spread(times)

    assert found is not None
    assert found.p10 <= found.p50 <= found.p95
    assert found == spread(reversed(times))


def test_accounts_and_kinds_are_kept_apart():
    seen = by_account([sample(1), sample(3, kind="10/high"), sample(5, account="b"), sample(None)])

    assert {account: (one.all.made, sorted(one.kinds)) for account, one in seen.items()} == {
        "a": (2, ["10/high", "8/standard"]),
        "b": (1, ["8/standard"]),
    }
    assert seen["a"].kinds["8/standard"].failed == 1


@pytest.mark.parametrize(
    ("count", "p95", "span"),
    [
        pytest.param(0, 0, 900_000, id="nothing-observed"),
        pytest.param(19, 10_000, 900_000, id="too-few"),
        pytest.param(20, 10_000, 20_000, id="twice-what-one-of-twenty-exceeds"),
        pytest.param(20, 600_000, 900_000, id="never-more-than-the-provider-s-word"),
    ],
)
def test_an_unknown_attempt_keeps_its_place_as_long_as_is_likely(count, p95, span):
    make = Spread(p10=0, p50=0, p95=p95, count=count) if count else None

    assert slot_span(300, make) == span
