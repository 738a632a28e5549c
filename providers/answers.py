"""Reading an upstream's answer: patiently, because a paid video may hang on it, and never beyond what it says.

Readers here give None for what can not be read; nothing raises but ``failure``'s callers.
"""

import json
import math
import re
from typing import Any, Final, TypeVar

import msgspec

from providers.base import Phase, Update, WireResponse
from providers.limits import retry_after, until_reset
from schema.errors import FailureKind, ProviderFailure

T = TypeVar("T")

REFUSALS: Final[dict[int, FailureKind]] = {
    400: FailureKind.INVALID_REQUEST,
    401: FailureKind.UNAUTHORIZED,
    402: FailureKind.OUT_OF_CREDITS,
    403: FailureKind.UNAUTHORIZED,
    404: FailureKind.UNSUPPORTED,  # no such door at this address
    405: FailureKind.UNSUPPORTED,
    413: FailureKind.INVALID_REQUEST,
    415: FailureKind.INVALID_REQUEST,
    422: FailureKind.INVALID_REQUEST,
    429: FailureKind.RATE_LIMITED,
}
"""Statuses by which a paid request was refused for certain, with or without a body. Nothing else is a refusal."""

UNSURE: Final = frozenset({408, 409, 425, 499})
"""Client errors that leave open whether something was begun, as every 5xx does."""

UNAUTHORIZED_DETAIL: Final = "the upstream does not take our credential"
"""Fixed, because servers like to repeat the key they refuse."""

_REF = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._:~=+-]{0,127}", re.ASCII)
_INNARDS = re.compile(r"\{.*\}|\b[a-z][a-z0-9+.-]*://\S+|\bBearer\s+\S+", re.DOTALL | re.IGNORECASE)
_LONGEST_PROSE = 300
_LONGEST_LINK = 4096
_LONGEST_INTEGER = 20
_READABLE_PERCENT = 1000


def parse(body: bytes) -> Any:
    """The JSON in a body; None when there is none.

    What the strict parser refuses gets a lenient one: a NaN, a number beyond all bounds or an echoed prompt cut through
    the middle of an emoji must not cost a paid video its id.
    """
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(body.decode("utf-8-sig", "replace"), parse_constant=lambda _: None, parse_int=_integer)
    except (ValueError, RecursionError):
        return None


def shaped(value: Any, into: type[T]) -> T | None:
    """A parsed value as one of the wire's structs; None when it has another shape."""
    try:
        return msgspec.convert(value, into, strict=True)
    except msgspec.ValidationError:
        return None


def kind_of_status(response: WireResponse) -> FailureKind:
    """What the status alone says of a paid request: refused, or one of two words for "it may have been billed"."""
    if response.status == 403 and not isinstance(parse(response.body), dict):
        return FailureKind.BUSY  # a guard in front of the upstream, not the upstream, judging our credential
    if response.status >= 500 or response.status in UNSURE:
        return FailureKind.UNAVAILABLE
    return REFUSALS.get(response.status, FailureKind.PROTOCOL)


def failure(
    response: WireResponse, kind: FailureKind, *words: Any, required: Any = None, available: Any = None
) -> ProviderFailure:
    """What this answer amounts to; ``words`` are candidates for its detail, best first."""
    wait = retry_after(response.headers)
    if wait is None and kind is FailureKind.RATE_LIMITED:
        wait = until_reset(response.headers)
    detail = (
        UNAUTHORIZED_DETAIL
        if kind is FailureKind.UNAUTHORIZED
        else prose(*words) or f"HTTP {response.status}, without a word why"
    )
    return ProviderFailure(
        kind,
        detail,
        retry_after=wait,
        credits_required=whole(required, most=1_000_000_000),
        credits_available=whole(available, most=1_000_000_000),
    )


def ref(value: Any) -> str | None:
    """An upstream's id, if it is one that is safe in a path, a log and a table."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        value = str(value) if value < 2**63 else None
    return value if isinstance(value, str) and _REF.fullmatch(value) else None


def link(value: Any) -> str | None:
    """An address, if it is one piece of printable text. Whether it may be fetched is not judged here."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_LINK:
        return None
    return value if value.isprintable() and " " not in value else None


def worth_telling(update: Update) -> Update | None:
    """News from a submit's own answer, unless it only says "begun": that the answer's being there says already."""
    return update if update.drift or update.phase in (Phase.SUCCEEDED, Phase.FAILED) else None


def percent(value: Any) -> int | None:
    """Progress from 0 to 100; text, nothing and wild numbers are unreadable."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not -_READABLE_PERCENT <= value <= _READABLE_PERCENT:  # also false for what is not a number
        return None
    return min(max(math.floor(value), 0), 100)


def whole(value: Any, *, most: int) -> int | None:
    """A number from 0 to ``most``, rounded up to a whole one; anything else is unreadable."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        return None
    return math.ceil(value)


def prose(*candidates: Any) -> str:
    """The first candidate that says something, fit to be shown: one printable line, cut short.

    A candidate is text or an object with a ``message``. Addresses and quoted objects are cut out: servers repeat our
    request in their complaints, and a callback address is a secret.
    """
    for candidate in candidates:
        text = candidate.get("message") if isinstance(candidate, dict) else candidate
        if isinstance(text, str) and (clean := _clean(text)):
            return clean
    return ""


def _clean(text: str) -> str:
    shown = "".join(char if char.isprintable() else " " for char in _INNARDS.sub("…", text[:4000]))
    return " ".join(shown.split())[:_LONGEST_PROSE]


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else None
