"""What speaks against an account now, whatever the wish: breaker, rest, credits, credential, capacity."""

import msgspec
from msgspec.structs import replace

from gateway.policy.breaker import open_until
from gateway.policy.failover import AccountStep
from schema.account import Account, AccountState, CredentialState
from schema.clock import Millis, millis
from schema.errors import FailureKind
from schema.money import Credits
from schema.quote import Exclusion, ReasonCode

LONG_REST = 600_000
"""An account without credits is tried again after ten minutes (milliseconds)."""

SHORT_REST = 10_000
"""An upstream that says "too fast" and names no time is left alone this long (upstreams, row V8)."""

MAX_REST = 3_600_000

_RESTING = {reason.value: reason for reason in (ReasonCode.RATE_LIMITED, ReasonCode.BUSY, ReasonCode.OUT_OF_CREDITS)}


def standing(
    account: Account, state: AccountState, *, load: int, now: Millis, failures: int, reset: Millis
) -> tuple[Exclusion, ...]:
    """Every passing reason against an account.

    Args:
        load: videos it has in the making.
        failures, reset: when the breaker opens, and for how long (``timing.breaker_*``; milliseconds).
    """
    found: list[Exclusion] = []
    if state.credential is CredentialState.REFUSED and state.credential_version >= account.credential_version:
        found.append(Exclusion(ReasonCode.UNAUTHORIZED))
    if state.resting_until is not None and state.resting_until > now:
        reason = _RESTING.get(state.resting_reason or "", ReasonCode.BUSY)
        found.append(Exclusion(reason, until=state.resting_until))
    opened = open_until(state, failures=failures, reset=reset)
    if opened is not None and opened > now:
        found.append(Exclusion(ReasonCode.CIRCUIT_OPEN, {"failures": state.failures}, until=opened))
    room = account.limits.concurrent if opened is None else 1  # a half-open circuit takes one probe: a real video
    if room is not None and load >= room:
        found.append(Exclusion(ReasonCode.AT_CAPACITY, {"running": load, "limit": room}))
    return tuple(found)


class Lesson(msgspec.Struct, frozen=True, kw_only=True):
    """What a refusal or a failure says about the account it came from.

    Attributes:
        retry_after: seconds the upstream asked us to stay away, if it said so.
        credits: the balance it mentioned, if it did.
    """

    step: AccountStep
    kind: FailureKind
    retry_after: float | None = None
    credits: Credits | None = None


def learned(state: AccountState, lesson: Lesson, *, credential_version: int, now: Millis) -> AccountState:
    """The account's state after a lesson."""
    if lesson.credits is not None:
        state = replace(state, credits=lesson.credits, credits_at=now)
    match lesson.step:
        case AccountStep.COUNT:
            return replace(state, failures=state.failures + 1, failed_at=now)
        case AccountStep.REST | AccountStep.DRY:
            usual = LONG_REST if lesson.step is AccountStep.DRY else SHORT_REST
            asked = usual if lesson.retry_after is None else min(max(millis(lesson.retry_after), 1000), MAX_REST)
            if state.resting_until is not None and state.resting_until >= now + asked:
                return state  # a shorter reason to rest does not end a longer one
            return replace(state, resting_until=now + asked, resting_reason=lesson.kind.value)
        case AccountStep.DISTRUST:
            return replace(state, credential=CredentialState.REFUSED, credential_version=credential_version)
        case AccountStep.NO_CALLBACK:
            return replace(state, callbacks_refused=True)
    return state
