"""What a webhook endpoint's answers mean, and when it is called again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.delivering import (
    SHAKY,
    Terms,
    Verdict,
    asked_rest,
    failed,
    given_up,
    head,
    next_try,
    succeeded,
    verdict,
)
from schema.delivery import EndpointState

HOUR, DAY = 3_600_000, 86_400_000
NOW = 1_700_000_000_000
TERMS = Terms(schedule=(5, 300, 1800, 7200, 18000, 36000, 36000), reset=30, give_up=5 * 86400)
FRESH = EndpointState(endpoint="whe_1", tenant="acme")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Verdict.DELIVERED),
        (204, Verdict.DELIVERED),
        (299, Verdict.DELIVERED),
        (301, Verdict.FAILED),
        (307, Verdict.FAILED),
        (400, Verdict.FAILED),
        (404, Verdict.FAILED),
        (410, Verdict.GONE),
        (429, Verdict.THROTTLED),
        (500, Verdict.FAILED),
        (502, Verdict.THROTTLED),
        (503, Verdict.THROTTLED),
        (504, Verdict.THROTTLED),
        (None, Verdict.FAILED),
    ],
)
def test_an_answer_means_what_the_standard_says(status, expected):
    assert verdict(status) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("0", 0),
        ("7", 7_000),
        ("999999999999999999999", HOUR),
        ("Tue, 14 Nov 2023 22:13:30 GMT", 10_000),
        ("Tue, 14 Nov 2023 20:00:00 GMT", 0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", HOUR),
    ],
)
def test_a_retry_after_is_honoured_for_an_hour_at_most(text, expected):
    assert asked_rest(text, NOW) == expected


@given(luck=st.floats(0, 1))
def test_the_schedule_is_kept_give_or_take_a_fifth_and_then_it_is_over(luck):
    for tries, seconds in enumerate(TERMS.schedule, 1):
        assert 800 * seconds <= (next_try(TERMS, tries, luck) or 0) <= 1200 * seconds
    assert next_try(TERMS, len(TERMS.schedule) + 1, luck) is None


def test_an_endpoint_that_failed_often_in_a_row_rests_longer_each_time_and_one_success_ends_that():
    state, rests = FRESH, []
    for _ in range(SHAKY + 7):
        state = failed(state, TERMS, NOW, lambda: 0.5)
        rests.append((state.resting_until or NOW) - NOW)

    assert rests == [0] * (SHAKY - 1) + [30_000, 60_000, 120_000, 240_000] + [480_000] * 4
    assert succeeded(state) == FRESH


def test_an_endpoint_rests_as_long_as_it_asks_for():
    assert failed(FRESH, TERMS, NOW, lambda: 0.5, 7_000).resting_until == NOW + 7_000


def test_an_endpoint_that_only_fails_is_given_up_after_five_days():
    state, given_up_at = FRESH, None
    for hours in range(0, 24 * 8, 4):
        state = failed(state, TERMS, NOW + hours * HOUR, lambda: 0.5)
        if given_up_at is None and given_up(state, TERMS, NOW + hours * HOUR):
            given_up_at = hours
    assert given_up_at == 12 + 5 * 24


@given(gaps=st.lists(st.integers(DAY + 1, 3 * DAY), max_size=20))
def test_sporadic_failures_never_give_an_endpoint_up(gaps):
    state, now = FRESH, NOW
    for gap in gaps:
        state, now = failed(state, TERMS, now, lambda: 0.5), now + gap
        assert not given_up(state, TERMS, now)


@given(body=st.binary(max_size=5000))
def test_what_is_shown_of_an_answer_is_short_and_printable(body):
    shown = head(body) or ""
    assert len(shown.encode()) <= 1024
    assert shown.isprintable()


def test_what_looks_like_a_secret_is_not_shown():
    assert head(b"no: whsec_MfKQ9r8GKYqrTwjU/+= Bearer abc.def fg_live_0123abc ok") == "no: … … … ok"
