"""What operators read of accounts on a terminal, and of the gateway's answers as much as that needs."""

from typing import Any

import msgspec

from gateway.cli.output import columns
from gateway.cli.views import moment


class Circuit(msgspec.Struct, frozen=True):
    """``closed``, ``open`` or ``half_open``."""

    state: str


class Credits(msgspec.Struct, frozen=True):
    """What is left, and for how long."""

    left: int
    hours_left: float | None = None


class Resting(msgspec.Struct, frozen=True):
    """Why it is left alone."""

    reason: str


class Observed(msgspec.Struct, frozen=True):
    """How many of its latest attempts gave a video."""

    made: int
    failed: int


class AccountLine(msgspec.Struct, frozen=True, kw_only=True):
    """One account."""

    account: str
    provider: str
    circuit: Circuit
    paused: bool
    credential: str
    observed: Observed
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
    head = ("ACCOUNT", "PROVIDER", "CIRCUIT", "PAUSED", "CREDENTIAL", "RESTING", "CREDITS", "HOURS", "MADE", "FAILED")
    return columns([head, *map(_account, accounts)])


def events_view(events: tuple[AccountEvent, ...]) -> str:
    return columns([("ID", "WHEN", "ACCOUNT", "WHAT", "BY", "FACTS"), *map(_event, events)])


def _account(one: AccountLine) -> tuple[str, ...]:
    hours = None if one.credits is None else one.credits.hours_left
    return (
        one.account,
        one.provider,
        one.circuit.state,
        "yes" if one.paused else "no",
        one.credential,
        "-" if one.resting is None else one.resting.reason,
        "-" if one.credits is None else str(one.credits.left),
        "-" if hours is None else str(hours),
        str(one.observed.made),
        str(one.observed.failed),
    )


def _event(event: AccountEvent) -> tuple[str, ...]:
    facts = ", ".join(f"{name} {value}" for name, value in event.data.items() if value not in (None, ""))
    return (event.id, moment(event.created_at) or "-", event.account, event.type, event.actor or "-", facts)
