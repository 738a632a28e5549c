"""Credits: counted between two sightings, told about at each step once, and begun anew by a top-up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.policy import credit
from providers.registry import KINDS, by_name
from schema.account import AccountState, CreditsSource
from tests.flows.engine import an_account

NOW = 10**9
FRESH = AccountState(id="a")
OPERATOR, PROVIDER = CreditsSource.OPERATOR, CreditsSource.PROVIDER
STEPS = (20, 10, 5)


def told(state: AccountState, credits: int, source: CreditsSource = OPERATOR, spent: int = 0) -> AccountState:
    return credit.told(state, credits, source, spent=spent, now=NOW)[0]


@pytest.mark.parametrize(
    ("provider", "remaining", "videos"),
    [("veo3o1", 0, 0), ("veo3o1", 1, 0), ("veo3o1", 21, 10), ("doitong", 199, 0), ("doitong", 400, 2)],
)
def test_a_balance_pays_for_so_many_of_the_cheapest_videos(provider, remaining, videos):
    account = an_account("a", provider, "http://127.0.0.1:1")

    assert credit.pays_for(remaining, by_name(KINDS)[provider].of(account)) == videos


def test_what_nobody_told_nobody_knows():
    assert credit.left(FRESH, 100) is None


def test_between_two_sightings_what_was_billed_is_counted_off_and_never_below_nothing():
    state = told(FRESH, 100, spent=50)

    assert [credit.left(state, spent) for spent in (50, 70, 150, 500)] == [100, 80, 0, 0]


@pytest.mark.parametrize(
    ("credits", "source", "topped_up"),
    [
        pytest.param(81, OPERATOR, True, id="more-than-was-thought"),
        pytest.param(80, OPERATOR, False, id="as-was-thought"),
        pytest.param(1, OPERATOR, False, id="less"),
        pytest.param(99, PROVIDER, False, id="a-provider-that-refuses"),
    ],
)
def test_only_an_operator_s_greater_balance_is_a_top_up(credits, source, topped_up):
    state = replace(told(FRESH, 100), credits_warned=20)

    after, found = credit.told(state, credits, source, spent=20, now=NOW + 1)

    assert found == topped_up
    assert after.credits_warned == (None if topped_up else 20)
    assert after.credits_full == (credits if topped_up else 100)


def test_each_step_is_told_once_the_highest_first():
    state = told(FRESH, 1_000)

    assert credit.steps(state, 201, STEPS) == ()
    assert credit.steps(state, 200, STEPS) == (20,)
    assert credit.steps(state, 40, STEPS) == (20, 10, 5)
    assert credit.steps(replace(state, credits_warned=20), 100, STEPS) == (10,)
    assert credit.steps(replace(state, credits_warned=5), 0, STEPS) == ()


@given(st.integers(1, 10**6), st.lists(st.integers(0, 10**5), max_size=30))
def test_however_it_is_spent_every_step_that_is_passed_is_told_exactly_once(full, amounts):
    state, spent = told(FRESH, full), 0
    heard: list[int] = []
    for amount in amounts:
        spent += amount
        left = credit.left(state, spent)
        assert left is not None
        steps = credit.steps(state, left, STEPS)
        state = replace(state, credits_warned=steps[-1]) if steps else state
        heard.extend(steps)

    left = credit.left(state, spent)
    assert heard == [step for step in STEPS if left is not None and left * 100 <= full * step]


@pytest.mark.parametrize(
    ("credits", "hours", "left", "per_hour", "lasts"),
    [
        pytest.param(240, 24, 100, 10, 10, id="a-day"),
        pytest.param(60, 0.5, 120, 60, 2, id="less-than-an-hour-counts-as-one"),
        pytest.param(0, 24, 100, 0, None, id="nothing-goes"),
        pytest.param(24, 24, None, 1, None, id="nobody-knows-what-is-left"),
    ],
)
def test_the_pace_is_by_the_hour_and_says_how_long_it_lasts(credits, hours, left, per_hour, lasts):
    burn = credit.burn(credits, NOW - round(hours * credit.HOUR), NOW, left)

    assert (burn.per_hour, burn.hours_left) == (per_hour, lasts)
