"""How a webhook endpoint's answers are judged: what is delivered, when it is tried again, when it is given up."""

import re
from collections.abc import Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from gateway.policy.backoff import spread
from gateway.policy.egress import origin
from schema.clock import Millis, millis
from schema.delivery import EndpointState
from schema.ids import ADDRESS, derived
from schema.luck import Luck

LONGEST_REST = 3_600_000
"""However long an endpoint asks for, it is called again after an hour (milliseconds)."""

SHAKY = 5
"""After so many failures in a row an endpoint rests between calls, and is called by one at a time."""

_APART, _WINDOW = 12 * 3_600_000, 24 * 3_600_000
_DOUBLINGS = 4
_HEAD = 1024
_SECRET = re.compile(r"whsec_[\w+/=-]+|fg_(?:live|test)_\w+|(?i:bearer\s+)[\w.~+/=-]+")


def address_id(tenant: str, url: str) -> str:
    """The endpoint that an address of a video's belongs to: a tenant's at one origin share their places and rests."""
    return derived(ADDRESS, 0, tenant, origin(urlsplit(url)) or url)


class Verdict(StrEnum):
    DELIVERED = "delivered"
    FAILED = "failed"
    THROTTLED = "throttled"  # it asks for fewer calls
    GONE = "gone"  # it wants none any more


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """The clocks of deliveries, in seconds.

    Attributes:
        schedule: between two tries of one delivery.
        reset: how long a failing endpoint rests at first.
        give_up: for how long it may fail before it is disabled.
    """

    schedule: Sequence[float]
    reset: float
    give_up: float


_THROTTLED = frozenset({429, 502, 503, 504})


def verdict(status: int | None) -> Verdict:
    """Of an answer; None when there was none. A redirect is a failure: it is never followed."""
    if status is None:
        return Verdict.FAILED
    if 200 <= status < 300:
        return Verdict.DELIVERED
    if status == 410:
        return Verdict.GONE
    return Verdict.THROTTLED if status in _THROTTLED else Verdict.FAILED


def failure(status: int) -> str:
    """Why an answer is no success, in words for people."""
    if 300 <= status < 400:
        return f"HTTP {status}: redirects are not followed"
    return f"HTTP {status}"


def asked_rest(text: str | None, now: Millis) -> Millis | None:
    """What ``Retry-After`` asks for, an hour at most; None when it says nothing that can be read."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return min(int(text[:9]) * 1000, LONGEST_REST)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    until = millis((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    return min(max(until - now, 0), LONGEST_REST)


def next_try(terms: Terms, tries: int, luck: float) -> Millis | None:
    """How long until the next one after so many; None when the schedule is over."""
    return millis(spread(terms.schedule[tries - 1], luck)) if tries <= len(terms.schedule) else None


def succeeded(state: EndpointState) -> EndpointState:
    """As if it had never failed."""
    return EndpointState(endpoint=state.endpoint, tenant=state.tenant)


def failed(state: EndpointState, terms: Terms, now: Millis, luck: Luck, asked: Millis | None = None) -> EndpointState:
    """After one more failure.

    Args:
        asked: for how long it wants to be left alone.
    """
    failures = state.failures + 1
    rest = asked or 0
    if failures >= SHAKY:
        grown = terms.reset * 2 ** min(failures - SHAKY, _DOUBLINGS)
        rest = max(rest, millis(spread(grown, luck())))
    suspected_at, failing_since = _suspicion(state, now)
    return replace(
        state,
        failures=failures,
        suspected_at=suspected_at,
        failing_since=failing_since,
        resting_until=max(now + rest, state.resting_until or 0) if rest else state.resting_until,
    )


def _suspicion(state: EndpointState, now: Millis) -> tuple[Millis, Millis | None]:
    """Sporadic failures do not count: two of them must lie half a day apart, within a day (Svix's rule)."""
    first = state.suspected_at
    if state.failing_since is not None and first is not None:
        return first, state.failing_since
    if first is None or now - first > _WINDOW:
        return now, None
    return first, now if now - first >= _APART else None


def given_up(state: EndpointState, terms: Terms, now: Millis) -> bool:
    """Nothing but failures for too long."""
    return state.failing_since is not None and now - state.failing_since >= millis(terms.give_up)


def head(body: bytes) -> str | None:
    """The beginning of an answer as it is shown: printable, without what looks like a secret, 1 KiB at most."""
    text = _SECRET.sub("…", body[: 2 * _HEAD].decode("utf-8", "replace"))
    shown = "".join(character if character.isprintable() else _escaped(character) for character in text)
    return shown.encode()[:_HEAD].decode("utf-8", "ignore") or None


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
