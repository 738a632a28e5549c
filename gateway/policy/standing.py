"""What speaks against an account now, whatever the wish: breaker, rest, credits, credential, capacity."""

import msgspec
from msgspec.structs import replace

from gateway.policy.backoff import spread
from gateway.policy.breaker import open_until
from gateway.policy.failover import AccountStep
from gateway.policy.metering import Full
from schema.account import Account, AccountState, CredentialState
from schema.clock import Millis, millis
from schema.errors import FailureKind
from schema.money import Credits
from schema.quote import Exclusion, ReasonCode

LONG_REST = 600_000
"""An account without credits is tried again after ten minutes (milliseconds)."""

SHORT_REST = 10_000
MOST_REST = 60_000
"""An upstream that says "too fast" and names no time is left alone this long (upstreams, row V8): the shorter at first,
twice as long with each refusal in a row, and the longer at most.
"""

MAX_REST = 3_600_000

_RESTING = {reason.value: reason for reason in (ReasonCode.RATE_LIMITED, ReasonCode.BUSY, ReasonCode.OUT_OF_CREDITS)}


def standing(
    account: Account,
    state: AccountState,
    *,
    load: int,
    now: Millis,
    failures: int,
    reset: Millis,
    minute: Full | None = None,
    day: Full | None = None,
) -> tuple[Exclusion, ...]:
    """Every passing reason against an account.

    Args:
        load: videos it has in the making.
        failures, reset: when the breaker opens, and for how long (``timing.breaker_*``; milliseconds).
        minute, day: its requests, when they leave no room for one more video.
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
    quotas = ((ReasonCode.MINUTE_QUOTA_EXHAUSTED, minute), (ReasonCode.DAILY_QUOTA_EXHAUSTED, day))
    for code, full in quotas:
        if full is not None:
            found.append(Exclusion(code, {"limit": full.limit, "used": full.used}, until=full.until))
    return tuple(found)


class Lesson(msgspec.Struct, frozen=True, kw_only=True):
    """What a refusal or a failure says about the account it came from.

    Attributes:
        retry_after: seconds the upstream asked us to stay away, if it said so.
        credits: the balance it mentioned, if it did.
        luck: from 0 to 1; spreads a rest whose end was not named.
    """

    step: AccountStep
    kind: FailureKind
    retry_after: float | None = None
    credits: Credits | None = None
    luck: float = 0.5


def learned(state: AccountState, lesson: Lesson, *, credential_version: int, now: Millis) -> AccountState:
    """The account's state after a lesson."""
    if lesson.credits is not None:
        state = replace(state, credits=lesson.credits, credits_at=now)
    match lesson.step:
        case AccountStep.COUNT:
            return replace(state, failures=state.failures + 1, failed_at=now)
        case AccountStep.REST | AccountStep.DRY:
            asked = _rest(state, lesson)
            if lesson.step is AccountStep.REST:
                state = replace(state, rests=state.rests + 1)
            if state.resting_until is not None and state.resting_until >= now + asked:
                return state  # a shorter reason to rest does not end a longer one
            return replace(state, resting_until=now + asked, resting_reason=lesson.kind.value)
        case AccountStep.DISTRUST:
            return replace(state, credential=CredentialState.REFUSED, credential_version=credential_version)
        case AccountStep.NO_CALLBACK:
            return replace(state, callbacks_refused=True)
    return state


def _rest(state: AccountState, lesson: Lesson) -> Millis:
    """How long to stay away: as long as it asks, else longer with each refusal in a row."""
    if lesson.retry_after is not None:
        return min(max(millis(lesson.retry_after), 1000), MAX_REST)
    if lesson.step is AccountStep.DRY:
        return LONG_REST
    return round(spread(min(SHORT_REST * 2 ** min(state.rests, 16), MOST_REST), lesson.luck))
