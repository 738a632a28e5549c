"""Money as it is written: decimal text."""

from typing import Any

from gateway.config.places import Place
from gateway.config.reading import WRONG, Notes
from schema.money import parse_micros


def money(raw: Any, place: Place, notes: Notes) -> Any:
    """An amount in micros, or WRONG."""
    if not isinstance(raw, str):
        hint = f'write it in quotes: "{raw}"' if isinstance(raw, int | float) and not isinstance(raw, bool) else None
        notes.error(place, "expected an amount as text in quotes, so that no cent is rounded", hint)
        return WRONG
    try:
        return parse_micros(raw)
    except ValueError as error:
        notes.error(place, str(error))
        return WRONG
