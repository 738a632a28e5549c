"""Spans of time as people write them: ``90``, ``30s``, ``1m``, ``1h30m45s``. Pure."""

import re

DURATION_HINT = "a whole number of seconds, or hours, minutes and seconds, such as 30s, 5m or 1h30m45s"

_SECONDS = re.compile(r"[0-9]{1,9}")
_PARTS = re.compile(r"(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s)?")


def duration(text: str) -> int | None:
    """Seconds; None when the text is no duration."""
    if _SECONDS.fullmatch(text):
        return int(text)
    parts = _PARTS.fullmatch(text)
    if parts is None or not text:
        return None
    hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return hours * 3600 + minutes * 60 + seconds
