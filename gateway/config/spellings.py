"""Values the file spells in a way of its own: money, moments, networks, web origins."""

from datetime import date, datetime
from typing import Any

from gateway.config.addresses import network
from gateway.config.places import Place
from gateway.config.reading import WRONG, Notes
from gateway.config.settings import without_password
from gateway.policy.origins import normal
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
    """What a browser sends as ``Origin``: scheme, host and port, and nothing else; in a browser's spelling."""
    if not isinstance(raw, str) or not raw:
        notes.error(place, _NO_TEXT)
        return WRONG
    origin = normal(raw)
    if origin is not None:
        return origin
    problem = f"{without_password(raw)!r} is not the origin of a web page as browsers name it"
    notes.error(place, problem, f'write scheme, host and port alone: "{_nearest(raw)}"')
    return WRONG


def _nearest(text: str) -> str:
    """What may have been meant."""
    scheme, _, rest = text.rpartition("://")
    meant = f"{scheme or 'https'}://{rest.partition('/')[0]}"
    return normal(meant) or "https://app.example.com"
