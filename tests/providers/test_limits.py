"""Limits in headers: spans and moments, in every spelling they come in."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from providers.limits import RateLimit, rate_limit, reset_seconds, retry_after, until_reset

NOW = 1_704_067_200_000  # 2024-01-01T00:00:00Z
DATE = "Mon, 01 Jan 2024 00:00:00 GMT"


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [
        pytest.param("42", 42.0, id="span"),
        pytest.param(" 42 ", 42.0, id="span-with-spaces"),
        pytest.param("1.5", 1.5, id="span-with-fraction"),
        pytest.param("0", 1.0, id="now-is-a-second"),
        pytest.param("999999", 3600.0, id="long-is-an-hour"),
        pytest.param("1704067230", 30.0, id="epoch-seconds"),
        pytest.param("1704067230.5", 30.5, id="epoch-seconds-with-fraction"),
        pytest.param("1704067230000", 30.0, id="epoch-milliseconds"),
        pytest.param("1704067100", 1.0, id="past-is-a-second"),
        pytest.param("1704967200", 3600.0, id="far-is-an-hour"),
        pytest.param("2024-01-01T00:00:30Z", 30.0, id="iso"),
        pytest.param("2024-01-01T01:00:30+01:00", 30.0, id="iso-elsewhere"),
        pytest.param("2024-01-01T00:00:30", 30.0, id="iso-without-zone-is-utc"),
        pytest.param("Mon, 01 Jan 2024 00:00:30 GMT", 30.0, id="http-date"),
        pytest.param("6s", 6.0, id="span-with-a-unit"),
        pytest.param("6m0s", 360.0, id="span-of-minutes"),
        pytest.param("1m2.5s", 62.5, id="span-of-minutes-and-fractions"),
        pytest.param("1h", 3600.0, id="span-of-hours"),
        pytest.param("2500ms", 2.5, id="span-of-thousandths"),
        pytest.param("250ms", 1.0, id="short-span-is-a-second"),
    ],
)
def test_a_reset_is_seconds_from_now(raw, seconds):
    assert reset_seconds(raw, NOW) == seconds


@pytest.mark.parametrize(
    "raw", ["", "soon", "-5", "1e3", "nan", "inf", "٤٢", "9" * 30, "2024-13-45", "0x10", "\x00", "s", "m5", "5x"]
)
def test_an_unreadable_reset_is_none(raw):
    assert reset_seconds(raw, NOW) is None


def test_a_moment_without_a_clock_is_none_and_a_span_is_not():
    assert reset_seconds("1704067230", None) is None
    assert reset_seconds("42", None) == 42.0


def test_a_moment_is_measured_by_the_answers_own_date_before_any_other_clock():
    assert retry_after({"retry-after": "Mon, 01 Jan 2024 00:00:30 GMT", "date": DATE}) == 30.0
    assert until_reset({"x-ratelimit-reset": "1704067230", "date": DATE}, now=0) == 30.0
    assert until_reset({"x-ratelimit-reset": "1704067230"}, now=NOW + 10_000) == 20.0


def test_headers_that_say_nothing_say_nothing():
    assert retry_after({}) is None
    assert until_reset({"x-ratelimit-reset": ""}) is None
    assert rate_limit({}) == RateLimit()


def test_the_window_is_read_as_far_as_it_is_readable():
    headers = {"x-ratelimit-limit": "60", "x-ratelimit-remaining": "many", "x-ratelimit-reset": "1704067230"}

    assert rate_limit(headers) == RateLimit(limit=60, remaining=None, reset="1704067230")


@example(raw="0\x1f", date="", now=None)
@given(raw=st.text(max_size=60), date=st.text(max_size=60), now=st.none() | st.integers(0, 2**53))
def test_no_header_breaks_the_readers_and_every_wait_lies_between_a_second_and_an_hour(raw, date, now):
    headers = {"retry-after": raw, "x-ratelimit-reset": raw, "x-ratelimit-limit": raw, "date": date}

    rate_limit(headers)
    for wait in (retry_after(headers, now), until_reset(headers, now)):
        assert wait is None or 1.0 <= wait <= 3600.0
