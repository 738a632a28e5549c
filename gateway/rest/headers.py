"""What request headers mean: Idempotency-Key, Cancel-After, Prefer, Accept, If-(None-)Match, Range. Pure."""

import re

from gateway.policy import idempotency
from gateway.policy.durations import DURATION_HINT, duration
from schema.errors import FieldError, MalformedRequest, PreconditionRequired
from schema.video import LONGEST_SECONDS

MAX_WAIT = 60.0
"""Seconds ``Prefer: wait`` may hold a request (standards AS-3)."""

EARLIER = 0.2
"""Seconds before the wait is over by which we answer: some clients stop listening on the dot."""

IDEMPOTENCY_KEY = "Idempotency-Key"
CANCEL_AFTER = "Cancel-After"
IF_MATCH = "If-Match"
LAST_EVENT_ID = "Last-Event-ID"
_WAIT = re.compile(r'wait(?:\s*=\s*"?(\d{1,6})"?)?', re.IGNORECASE)
_MEDIA = re.compile(r"([a-z0-9.+-]+/[a-z0-9.+-]+)(?:\s*;\s*(?!q=)[^;,]*)*(?:\s*;\s*q=([01](?:\.\d{0,3})?))?")
_ETAG = re.compile(r'(?:W/)?("[^"]*")')
_VERSION = re.compile(r'"([0-9]{1,15})"')
_VERSIONS = re.compile(r'"([0-9]{1,15})\.([0-9]{1,15})"')
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.IGNORECASE)


class Unsatisfiable(Exception):
    """The range lies wholly outside the file."""


def idempotency_key(values: list[str]) -> str | None:
    """The key, the same with or without the quotes of a structured-field string; None when there is none.

    Raises:
        MalformedRequest: it is given twice, empty, too long, or holds something else than visible ASCII.
    """
    if not values:
        return None
    key = idempotency.idempotency_key(values[0], header=True)
    if len(values) == 1 and key is not None:
        return key
    detail = f"must be given once, as {idempotency.KEY_HINT}"
    raise MalformedRequest(
        f"{IDEMPOTENCY_KEY}: {detail}", errors=(FieldError(IDEMPOTENCY_KEY, "invalid_idempotency_key", detail),)
    )


def cancel_after(values: list[str]) -> int | None:
    """Seconds after which a video is canceled by itself; None when the header is not there.

    Raises:
        MalformedRequest: it is given twice, is no span of time, or one that is too short or too long.
    """
    if not values:
        return None
    seconds = duration(values[0].strip())
    if len(values) == 1 and seconds is not None and 1 <= seconds <= LONGEST_SECONDS:
        return seconds
    detail = f"must be given once, as {DURATION_HINT}; from 1 second to {LONGEST_SECONDS}"
    raise MalformedRequest(
        f"{CANCEL_AFTER}: {detail}", errors=(FieldError(CANCEL_AFTER, "invalid_cancel_after", detail),)
    )


def prefers(values: list[str], media: str, *, to: str) -> bool:
    """Whether ``Accept`` names a media type, and does not like the usual one better (RFC 9110, 12.5.1)."""
    liked = {name: quality for value in values for name, quality in _MEDIA.findall(value.lower())}
    wanted, usual = (float(liked[name] or 1) if name in liked else 0.0 for name in (media, to))
    return wanted > 0 and wanted >= usual


def resent(values: list[str]) -> bool:
    """Whether an SDK says that it sends the same request again (``x-stainless-retry-count``, from 1 on)."""
    return any(value.isdecimal() and value.isascii() and value.strip("0") for value in values)


def wait_seconds(values: list[str]) -> float | None:
    """How long ``Prefer: wait`` asks to be held; None when it does not. What we do not know is ignored (RFC 7240)."""
    for value in values:
        for preference in value.split(","):
            match = _WAIT.fullmatch(preference.partition(";")[0].strip())
            if match is not None:
                return MAX_WAIT if match[1] is None else min(float(match[1]), MAX_WAIT)
    return None


def matches(values: list[str], etag: str) -> bool:
    """Whether ``If-None-Match`` names this version: weakly compared, a list, or ``*`` (RFC 9110, 13.1.2)."""
    return any(value.strip() == "*" or etag in _ETAG.findall(value) for value in values)


def if_match(values: list[str]) -> int:
    """The version that a change is based on: one strong ETag, as it was given (RFC 9110, 13.1.1).

    Raises:
        PreconditionRequired: there is none.
        MalformedRequest: it is no ETag of ours, or not the only one.
    """
    if not values:
        raise PreconditionRequired
    version = _VERSION.fullmatch(values[0].strip())
    if len(values) == 1 and version is not None:
        return int(version[1])
    detail = 'must be given once, as the ETag of what you change, such as "7" with its quotes'
    raise MalformedRequest(f"{IF_MATCH}: {detail}", errors=(FieldError(IF_MATCH, "invalid_if_match", detail),))


def if_match_both(values: list[str]) -> tuple[int, int | None]:
    """The versions that an operator's change of a tenant is based on: of its policy, and of the rest of it.

    ``"7"`` names that of the policy alone, which is enough to change it. Raises as ``if_match`` does.
    """
    both = _VERSIONS.fullmatch(values[0].strip()) if len(values) == 1 else None
    if both is None:
        return if_match(values), None
    return int(both[1]), int(both[2])


def byte_range(wanted: str | None, if_range: str | None, etag: str, size: int) -> tuple[int, int] | None:
    """The bytes asked for, first and one past the last; None for the whole file.

    Several ranges, other units and nonsense are answered with the whole file, as RFC 9110 (14.2) allows. ``If-Range``
    compares strongly, and a date never matches: we name versions, not times.

    Raises:
        Unsatisfiable: the range lies wholly outside.
    """
    match = None if wanted is None else _RANGE.fullmatch(wanted.replace(" ", ""))
    if match is None or (if_range is not None and if_range.strip() != etag):
        return None
    first, last = match[1], match[2]
    if first:
        start, end = int(first), int(last) + 1 if last else size
    elif last:
        start, end = max(0, size - int(last)), size
    else:
        return None
    if start >= size:
        raise Unsatisfiable
    return (start, min(end, size)) if start < end else None
