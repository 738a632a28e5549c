"""What speaks against an account now, whatever the wish: breaker, rest, credits, credential, capacity."""

import msgspec
from msgspec.structs import replace

from gateway.policy import breaker
from gateway.policy.backoff import spread
from gateway.policy.failover import AccountStep
from gateway.policy.metering import Full
from schema.account import Account, AccountState, Circuit, CredentialState
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
    minute: Full | None = None,
    day: Full | None = None,
) -> tuple[Exclusion, ...]:
    """Every passing reason against an account.

    Args:
        load: videos it has in the making.
        minute, day: its requests, when they leave no room for one more video.
    """
    found: list[Exclusion] = []
    if state.paused_at is not None:
        found.append(Exclusion(ReasonCode.PAUSED))  # callers read it: who paused it, and why, operators alone may know
    if state.credential is CredentialState.REFUSED and state.credential_version >= account.credential_version:
        found.append(Exclusion(ReasonCode.UNAUTHORIZED))
    if state.resting_until is not None and state.resting_until > now:
        reason = _RESTING.get(state.resting_reason or "", ReasonCode.BUSY)
        found.append(Exclusion(reason, until=state.resting_until))
    if breaker.blocked(state, now):
        found.append(_circuit(state, now))
    room = account.limits.concurrent
    if room is not None and load >= room:
        found.append(Exclusion(ReasonCode.AT_CAPACITY, {"running": load, "limit": room}))
    quotas = ((ReasonCode.MINUTE_QUOTA_EXHAUSTED, minute), (ReasonCode.DAILY_QUOTA_EXHAUSTED, day))
    for code, full in quotas:
        if full is not None:
            params: dict[str, str | int] = {"limit": full.limit, "used": full.used}
            # an answer may say only how much is left
            found.append(Exclusion(code, params if full.limit else {}, until=full.until))
    return tuple(found)


def _circuit(state: AccountState, now: Millis) -> Exclusion:
    """Why it takes no video; when an open one is due to be probed, nobody knows how that ends."""
    if state.circuit is Circuit.HALF_OPEN:
        return Exclusion(ReasonCode.CIRCUIT_OPEN, until=state.trial_until)  # whose video is on trial is nobody else's
    failures, until = max(state.failures, state.poll_failures), state.circuit_until
    return Exclusion(
        ReasonCode.CIRCUIT_OPEN, {"failures": failures}, until=until if until is not None and until > now else None
    )


class Lesson(msgspec.Struct, frozen=True, kw_only=True):
    """What a refusal or a failure says about the account it came from.

    Attributes:
        retry_after: seconds the upstream asked us to stay away, if it said so.
        credits: the balance it mentioned, if it did.
        polled: it was a poll that met it; what submits meet is another matter.
        luck: from 0 to 1; spreads a rest whose end was not named.
    """

    step: AccountStep
    kind: FailureKind
    retry_after: float | None = None
    credits: Credits | None = None
    polled: bool = False
    luck: float = 0.5


def learned(state: AccountState, lesson: Lesson, *, credential_version: int, now: Millis) -> AccountState:
    """The account's state after a refusal; what a failure means for its circuit is in breaker.py."""
    match lesson.step:
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
