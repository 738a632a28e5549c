"""Values the file spells in a way of its own: money, moments, networks, web origins."""

from datetime import date, datetime
from typing import Any

from gateway.config.addresses import network, origin_of, web_address
from gateway.config.places import Place
from gateway.config.reading import WRONG, Notes
from schema.clock import millis
from schema.money import parse_micros

_NO_TEXT = "expected text in quotes"


def read_money(raw: Any, place: Place, notes: Notes) -> Any:
    """Decimal text as micros."""
    if not isinstance(raw, str):
        hint = f'write it in quotes: "{raw}"' if isinstance(raw, int | float) and not isinstance(raw, bool) else None
        notes.error(place, "expected an amount as text in quotes, so that no cent is rounded", hint)
        return WRONG
    try:
        return parse_micros(raw)
    except ValueError as error:
        notes.error(place, str(error))
        return WRONG


def read_moment(raw: Any, place: Place, notes: Notes) -> Any:
    """A time with its offset, TOML's own or RFC 3339 text, as milliseconds since the epoch."""
    hint = 'write it with its offset: 2027-12-31T23:59:59Z, or "2027-12-31T23:59:59+02:00"'
    found = _moment(raw)
    if found is None:
        notes.error(place, "expected a moment", hint)
    elif found.tzinfo is None:
        notes.error(place, "is a time without an offset, so nobody knows when that is", hint)
    elif found.year < 1970:
        notes.error(place, "lies before 1970", hint)
    else:
        return millis(found.timestamp())
    return WRONG


def _moment(raw: Any) -> datetime | None:
    if isinstance(raw, datetime):
        return raw
    if isinstance(raw, date):
        return datetime(raw.year, raw.month, raw.day)  # noqa: DTZ001 -- a day has no offset, which is what is said of it
    if not isinstance(raw, str) or "T" not in raw.upper():
        return None
    try:
        return datetime.fromisoformat(raw.upper())
    except ValueError:
        return None


def read_network(raw: Any, place: Place, notes: Notes) -> Any:
    """A network in CIDR notation, or one address."""
    if not isinstance(raw, str):
        notes.error(place, _NO_TEXT)
        return WRONG
    try:
        return network(raw)
    except ValueError as error:
        notes.error(place, str(error))
        return WRONG


def read_web_origin(raw: Any, place: Place, notes: Notes) -> Any:
    """What a browser sends as ``Origin``: scheme, host and port, and nothing else."""
    if not isinstance(raw, str):
        notes.error(place, _NO_TEXT)
        return WRONG
    problem, hint = _origin_problem(raw)
    if problem is None:
        return raw
    notes.error(place, problem, hint)
    return WRONG


def _origin_problem(text: str) -> tuple[str | None, str | None]:
    if "*" in text:
        return f"{text!r} would let pages call that nobody knows", "write every origin in full"
    problem = web_address(text)
    if problem is not None and "://" not in text:
        return f"{text!r} is not an origin", f'write "https://{text}"' if "." in text else None
    if problem is not None:
        return problem, None
    if len(text) > 255:
        return "is longer than 255 characters", None
    exact = origin_of(text)
    return (None, None) if exact == text else (f"{text!r} is not an origin as browsers send it", f'write "{exact}"')
