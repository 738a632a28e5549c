"""Spans of time as people write them."""

import pytest

from gateway.policy.durations import duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("30s", 30), ("1m", 60), ("2h", 7200), ("1h30m45s", 5445), ("1h5s", 3605), ("0", 0), ("90m", 5400)],
)
def test_seconds_or_hours_minutes_and_seconds_are_read(text: str, seconds: int):
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "1.5", "1.5m", "30 s", "s", "1s1m", "1m1m", "1d", "30S", "٣", "1e3", "9" * 10]
)
def test_anything_else_is_no_duration(text: str):
    assert duration(text) is None
