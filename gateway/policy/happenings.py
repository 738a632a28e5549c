"""What a change of an account's state is called: by whoever runs the gateway, and by the tenant whose own it is."""

from collections.abc import Iterator
from typing import Any

from schema.account import AccountState, Circuit, CredentialState
from schema.account_event import AccountEventType
from schema.errors import FailureKind
from schema.event import EventType

Happening = tuple[AccountEventType, dict[str, Any]]


def happenings(before: AccountState, after: AccountState) -> Iterator[Happening]:
    """What happened between two states, with the facts of each."""
    if before.circuit is not after.circuit:
        yield _moved(after)
    if before.credential is not after.credential:
        refused = after.credential is CredentialState.REFUSED
        type = AccountEventType.UNAUTHORIZED if refused else AccountEventType.AUTHORIZED
        yield type, {"credential_version": after.credential_version}
    dry = FailureKind.OUT_OF_CREDITS.value
    if after.resting_reason == dry and before.resting_reason != dry:
        yield AccountEventType.OUT_OF_CREDITS, {"credits": after.credits, "until": after.resting_until}


def owner_happenings(before: AccountState, after: AccountState) -> Iterator[tuple[EventType, dict[str, Any]]]:
    """What a tenant is told of an account of its own: why it is not used, whenever that grows, and that it is again."""
    was, reasons = set(_reasons(before)), list(_reasons(after))
    if set(reasons) - was:
        yield EventType.ACCOUNT_DEGRADED, {"reasons": reasons}
    elif was and not reasons:
        yield EventType.ACCOUNT_RECOVERED, {"reasons": []}


def _reasons(state: AccountState) -> Iterator[str]:
    """Why an account is sent no videos, as decisions say it; not what passes by itself in a moment."""
    if state.circuit is not Circuit.CLOSED:
        yield "circuit_open"
    if state.credential is not CredentialState.WORKS:
        yield FailureKind.UNAUTHORIZED.value
    if state.resting_reason == FailureKind.OUT_OF_CREDITS.value:
        yield FailureKind.OUT_OF_CREDITS.value


def _moved(after: AccountState) -> Happening:
    match after.circuit:
        case Circuit.OPEN:
            failures, polls = after.failures, after.poll_failures
            facts = {"failures": failures, "poll_failures": polls, "opens": after.opens, "until": after.circuit_until}
            return AccountEventType.CIRCUIT_OPENED, facts
        case Circuit.HALF_OPEN:
            return AccountEventType.CIRCUIT_HALF_OPENED, {}
        case Circuit.CLOSED:
            return AccountEventType.CIRCUIT_CLOSED, {}
