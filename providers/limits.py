"""What an answer's headers say about limits: how many requests are left, and how long to stay away.

No clock is read here. A span ("12") needs none. A moment (an epoch, a date) is measured against the answer's own
``Date`` header, which also forgives a wrong clock on our side, or against the ``now`` a caller passes.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

from schema.clock import Millis, millis

SHORTEST_WAIT = 1.0
LONGEST_WAIT = 3600.0
"""An hour: beyond it a header is more likely wrong than meant."""

_NUMBER = re.compile(r"\d{1,16}(\.\d{1,9})?", re.ASCII)
_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_SPAN = re.compile(r"(?:(\d{1,9})h)?(?:(\d{1,9})m(?!s))?(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9})ms)?", re.ASCII)
_EPOCH_MILLIS = 1e12
_EPOCH_SECONDS = 1e9


class RateLimit(msgspec.Struct, frozen=True, kw_only=True):
    """The ``X-RateLimit-*`` headers of one answer; None where it said nothing readable.

    Attributes:
        reset: as it came, because its unit is a guess: ``reset_seconds`` makes it.
    """

    limit: int | None = None
    remaining: int | None = None
    reset: str | None = None


def rate_limit(headers: Mapping[str, str]) -> RateLimit:
    """The window this answer reports; header names in lower case."""
    return RateLimit(
        limit=_count(headers.get("x-ratelimit-limit")),
        remaining=_count(headers.get("x-ratelimit-remaining")),
        reset=headers.get("x-ratelimit-reset"),
    )


def retry_after(headers: Mapping[str, str], now: Millis | None = None) -> float | None:
    """Seconds the answer asks us to stay away by ``Retry-After``, if it does so readably."""
    return _seconds(headers, "retry-after", now)


def until_reset(headers: Mapping[str, str], now: Millis | None = None) -> float | None:
    """Seconds until the window reported by ``X-RateLimit-Reset`` ends, if that can be read."""
    return _seconds(headers, "x-ratelimit-reset", now)


def reset_seconds(raw: str, now: Millis | None) -> float | None:
    """A header that names a span or a moment, as seconds from now, from 1 to 3600.

    Above 1e12 a number is milliseconds since the epoch, above 1e9 seconds since the epoch, else a span in seconds; text
    is a span with units (``6m0s``, ``250ms``), or an ISO 8601 or HTTP date. None when it is none of these, or a moment
    and ``now`` is None.
    """
    text = raw.strip()
    if _NUMBER.fullmatch(text):
        number = float(text)
        if number <= _EPOCH_SECONDS:
            return _bounded(number)
        moment: float | None = number if number > _EPOCH_MILLIS else number * 1000
    elif (span := _span(text)) is not None:
        return _bounded(span)
    else:
        moment = _moment(text)
    if moment is None or now is None:
        return None
    return _bounded((moment - now) / 1000)


def _seconds(headers: Mapping[str, str], name: str, now: Millis | None) -> float | None:
    raw = headers.get(name)
    if raw is None:
        return None
    theirs = _moment(headers.get("date", ""))
    return reset_seconds(raw, now if theirs is None else theirs)


def _span(text: str) -> float | None:
    """``1h2m3.5s`` or ``250ms`` in seconds; None when it is not spelled so."""
    match = _SPAN.fullmatch(text)
    if match is None or not text:
        return None
    hours, minutes, seconds, thousandths = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + thousandths / 1000


def _moment(text: str) -> Millis | None:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
            return millis((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _count(raw: str | None) -> int | None:
    text = (raw or "").strip()  # here: int() takes fewer characters for spaces than strip() does
    return int(text) if _COUNT.fullmatch(text) else None


def _bounded(seconds: float) -> float:
    return min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT)
