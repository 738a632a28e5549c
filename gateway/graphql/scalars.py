"""Scalars of our own: moments, money and small JSON objects, with how they look in JSON."""

from datetime import UTC, datetime, timedelta
from typing import Any, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

Moment = NewType("Moment", int)
"""Milliseconds since the epoch, shown as RFC 3339."""

Amount = NewType("Amount", int)
"""Micros of the configured currency."""

Size = NewType("Size", int)
"""Bytes."""

Texts = NewType("Texts", dict)  # type: ignore[type-arg]  # a scalar is a plain class to Strawberry
"""A JSON object whose values are text."""

Facts = NewType("Facts", dict)  # type: ignore[type-arg]  # a scalar is a plain class to Strawberry
"""A JSON object whose values are texts and integers."""

Document = NewType("Document", dict)  # type: ignore[type-arg]  # a scalar is a plain class to Strawberry
"""Any JSON object."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_START = _EPOCH.replace(tzinfo=None)


def rfc3339(moment: int) -> str:
    """``2026-11-20T18:52:03.123Z``: always UTC, always milliseconds, so that texts sort as moments do."""
    seconds, rest = divmod(moment, 1000)
    return f"{(_START + timedelta(0, seconds)).isoformat()}.{rest:03}Z"


def _moment(value: Any) -> int:
    """A moment as callers write it, with its offset from UTC."""
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise ValueError("must be a moment as RFC 3339 text, such as 2026-11-20T18:52:03Z") from error
    if found.tzinfo is None:
        raise ValueError("must say its offset from UTC, such as the Z in 2026-11-20T18:52:03Z")
    return round((found - _EPOCH) / timedelta(milliseconds=1))


def moment(at: int | None) -> Moment | None:
    return None if at is None else Moment(at)


def amount(micros: int | None) -> Amount | None:
    return None if micros is None else Amount(micros)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("must be a JSON object")  # noqa: TRY004  # GraphQL turns a ValueError into the caller's error
    return value


SCALARS: dict[object, ScalarDefinition] = {
    Moment: strawberry.scalar(
        name="DateTime",
        description="A moment in UTC as RFC 3339 text with milliseconds, such as `2026-11-20T18:52:03.123Z`.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=rfc3339,
        parse_value=_moment,
    ),
    Amount: strawberry.scalar(
        name="Micros",
        description="Money as a whole number of millionths of the currency (200000 is 0.20), a JSON integer of up to "
        "64 bits; every amount the gateway gives is below 2^53.",
        serialize=int,
    ),
    Size: strawberry.scalar(
        name="Bytes",
        description="How long a file is: a JSON integer that may be above 2^31, and is below 2^53.",
        serialize=int,
    ),
    Texts: strawberry.scalar(
        name="Metadata",
        description="A JSON object whose values are text: up to 16 pairs, keys of 1 to 64 characters, values of up to "
        "512.",
        parse_value=_object,
    ),
    Document: strawberry.scalar(
        name="Document",
        description="Any JSON object: a provider's own settings, or a thing as the audit trail tells it.",
        parse_value=_object,
    ),
    Facts: strawberry.scalar(
        name="Facts",
        description="A JSON object whose values are texts and integers: the facts behind a code.",
    ),
}
