"""What a change of an account's state is called: the events that whoever runs the gateway reads."""

from collections.abc import Iterator
from typing import Any

from schema.account import AccountState, Circuit, CredentialState
from schema.account_event import AccountEventType
from schema.errors import FailureKind

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
