"""What operators read of accounts on a terminal, and of the gateway's answers as much as that needs."""

from typing import Any

import msgspec

from gateway.cli.output import columns
from gateway.cli.views import moment

_HEAD = (
    "ACCOUNT",
    "PROVIDER",
    "STATUS",
    "UNTIL",
    "RUNNING",
    "WAITING",
    "MINUTE",
    "DAY",
    "CREDITS",
    "LASTS",
    "MADE",
    "PAUSED BY",
)
_NOTE_WIDTH = 40


class Circuit(msgspec.Struct, frozen=True):
    """``closed``, ``open`` or ``half_open``; an open one is probed at ``until``."""

    state: str
    until: int | None = None


class Credits(msgspec.Struct, frozen=True):
    """What is left, and for how long."""

    left: int
    hours_left: float | None = None


class Resting(msgspec.Struct, frozen=True):
    """Why it is left alone, and until when."""

    reason: str
    until: int


class Observed(msgspec.Struct, frozen=True):
    """How many of its latest attempts gave a video."""

    made: int
    failed: int


class Limit(msgspec.Struct, frozen=True):
    """A limit of its provider's, and what is left of it."""

    limit: int | None = None
    running: int | None = None
    left: int | None = None


class Limits(msgspec.Struct, frozen=True):
    """Videos at once, requests a minute and a day."""

    concurrent: Limit
    per_minute: Limit
    per_day: Limit


class Pause(msgspec.Struct, frozen=True):
    """Who paused it, and why."""

    by: str
    note: str


class AccountLine(msgspec.Struct, frozen=True, kw_only=True):
    """One account."""

    account: str
    provider: str
    circuit: Circuit
    paused: bool
    credential: str
    limits: Limits
    waiting: int
    observed: Observed
    pause: Pause | None = None
    resting: Resting | None = None
    credits: Credits | None = None


class AccountList(msgspec.Struct, frozen=True):
    """All of them."""

    data: tuple[AccountLine, ...]


class AccountEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to one."""

    id: str
    type: str
    created_at: int
    account: str
    actor: str | None = None
    data: dict[str, Any] = {}


class AccountEventPage(msgspec.Struct, frozen=True):
    """Some events, newest first, and whether there are more behind ``last_id``."""

    data: tuple[AccountEvent, ...]
    has_more: bool = False
    last_id: str | None = None


def accounts_view(accounts: tuple[AccountLine, ...]) -> str:
    return columns([_HEAD, *map(_account, accounts)])


def events_view(events: tuple[AccountEvent, ...]) -> str:
    return columns([("ID", "WHEN", "ACCOUNT", "WHAT", "BY", "FACTS"), *map(_event, events)])


def _account(one: AccountLine) -> tuple[str, ...]:
    return (
        one.account,
        one.provider,
        ", ".join(_against(one)) or "ok",
        moment(_until(one)) or "-",
        _share(one.limits.concurrent.running or 0, one.limits.concurrent.limit),
        str(one.waiting),
        _left(one.limits.per_minute),
        _left(one.limits.per_day),
        "-" if one.credits is None else str(one.credits.left),
        _lasts(one.credits),
        _share(one.observed.made, one.observed.made + one.observed.failed),
        "-" if one.pause is None else f"{one.pause.by} {one.pause.note[:_NOTE_WIDTH]}".rstrip(),
    )


def _against(one: AccountLine) -> list[str]:
    """What keeps it from videos, in words."""
    against = (
        ("paused", one.paused),
        ("credential refused", one.credential != "works"),
        (f"circuit {one.circuit.state}", one.circuit.state != "closed"),
    )
    resting = [] if one.resting is None else [one.resting.reason]
    return [*(words for words, true in against if true), *resting]


def _until(one: AccountLine) -> int | None:
    """When the last of it ends; an operator's pause, or a credential, ends when somebody does something."""
    if one.paused or one.credential != "works":
        return None
    ends = (one.circuit.until, None if one.resting is None else one.resting.until)
    return max((end for end in ends if end is not None), default=None)


def _share(part: int, whole: int | None) -> str:
    return str(part) if whole is None else f"{part} of {whole}"


def _left(limit: Limit) -> str:
    return "-" if limit.left is None else f"{limit.left} left"


def _lasts(credits: Credits | None) -> str:
    """``40m``, ``12h``, ``9d`` at the pace of the last day; ``-`` when none are going."""
    hours = None if credits is None else credits.hours_left
    if hours is None:
        return "-"
    if hours < 1:
        return f"{hours * 60:.0f}m"
    return f"{hours:.0f}h" if hours < 48 else f"{hours / 24:.0f}d"


def _event(event: AccountEvent) -> tuple[str, ...]:
    facts = ", ".join(f"{name} {value}" for name, value in event.data.items() if value not in (None, ""))
    return (event.id, moment(event.created_at) or "-", event.account, event.type, event.actor or "-", facts)
