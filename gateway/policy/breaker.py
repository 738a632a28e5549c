"""A circuit breaker as values: what an answer, or the want of one, makes of an account's state.

Only failures of infrastructure feed it. It opens, is probed for free when its time is over, then lets one real video
through on trial: what becomes of that closes it, or opens it again for longer.
"""

import msgspec
from msgspec.structs import replace

from gateway.policy.backoff import spread
from schema.account import AccountState, Circuit
from schema.clock import Millis
from schema.luck import Luck

MAX_OPEN = 300_000
"""However often it failed, an account is tried again after five minutes (milliseconds)."""

WINDOW = 60_000
"""How far back submits are looked at for the share that failed (milliseconds)."""


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """When a circuit opens, and for how long.

    Attributes:
        failures: so many in a row open it.
        reset: how long it stays open the first time; doubles with every trial that fails (milliseconds).
    """

    failures: int
    reset: Millis

    def span(self, opens: int) -> Millis:
        """How long it stays open after having opened so often before."""
        return min(self.reset << min(opens, 10), MAX_OPEN)

    @property
    def enough(self) -> int:
        """So many submits must lie in the window before the share that failed means something: half of them open it."""
        return 2 * self.failures


def window(state: AccountState, now: Millis) -> Millis:
    """Since when submits are looked at: what was before its circuit last moved is over."""
    return max(now - WINDOW, state.circuit_at or 0)


def failed(state: AccountState, breaker: Breaker, now: Millis, luck: Luck) -> AccountState:
    """After one more submit that nobody answered."""
    return _judged(replace(state, failures=state.failures + 1, failed_at=now), breaker, now, luck)


def failed_mostly(
    state: AccountState, submits: tuple[int, int], breaker: Breaker, now: Millis, luck: Luck
) -> AccountState:
    """After a look at the window: too large a share of its submits failed, though not in a row.

    Args:
        submits: how many lie in the window, and how many of them failed.
    """
    made, failures = submits
    if state.circuit is not Circuit.CLOSED or made < breaker.enough or 2 * failures < made:
        return state
    return _opened(state, breaker, now, luck)


def unpolled(state: AccountState, breaker: Breaker, now: Millis, luck: Luck) -> AccountState:
    """After one more poll that nobody answered. Polls are free: they never spend the trial of a half-open circuit."""
    if state.circuit is not Circuit.CLOSED:
        return state
    return _judged(replace(state, poll_failures=state.poll_failures + 1, failed_at=now), breaker, now, luck)


def polled(state: AccountState) -> AccountState:
    """After a poll that was answered: what submits met is not forgotten for it."""
    return replace(state, poll_failures=0)


def answered(state: AccountState, now: Millis) -> AccountState:
    """After a whole, understood answer to a submit, be it an acceptance or a refusal by name."""
    if state.circuit is Circuit.CLOSED:
        return replace(state, failures=0, failed_at=None)
    return closed(state, now)


def closed(state: AccountState, now: Millis) -> AccountState:
    """As if it had never failed."""
    moved = state.circuit is not Circuit.CLOSED
    return replace(
        state,
        failures=0,
        failed_at=None,
        poll_failures=0,
        circuit=Circuit.CLOSED,
        circuit_at=now if moved else state.circuit_at,
        circuit_until=None,
        opens=0,
        trial=None,
        trial_until=None,
    )


def probed(state: AccountState, *, well: bool, breaker: Breaker, now: Millis, luck: Luck) -> AccountState:
    """After a free probe of an open circuit whose time was over: half-open, or left alone as long as the first time."""
    if state.circuit is not Circuit.OPEN or (state.circuit_until or 0) > now:
        return state
    if not well:
        return replace(state, circuit_until=now + _spread(breaker.reset, luck))
    return replace(state, circuit=Circuit.HALF_OPEN, circuit_at=now, circuit_until=None, trial=None, trial_until=None)


def tried(state: AccountState, attempt: str, until: Millis) -> AccountState:
    """A half-open circuit lets one attempt through; a closed one lets all."""
    return state if state.circuit is Circuit.CLOSED else replace(state, trial=attempt, trial_until=until)


def blocked(state: AccountState, now: Millis) -> bool:
    """It takes no video now: it is open, or somebody is on trial."""
    trying = state.trial_until is not None and state.trial_until > now
    return state.circuit is Circuit.OPEN or (state.circuit is Circuit.HALF_OPEN and trying)


def _judged(state: AccountState, breaker: Breaker, now: Millis, luck: Luck) -> AccountState:
    many = max(state.failures, state.poll_failures) >= breaker.failures
    if state.circuit is Circuit.HALF_OPEN or (state.circuit is Circuit.CLOSED and many):
        return _opened(state, breaker, now, luck)
    return state


def _opened(state: AccountState, breaker: Breaker, now: Millis, luck: Luck) -> AccountState:
    return replace(
        state,
        circuit=Circuit.OPEN,
        circuit_at=now,
        circuit_until=now + _spread(breaker.span(state.opens), luck),
        opens=state.opens + 1,
        trial=None,
        trial_until=None,
    )


def _spread(span: Millis, luck: Luck) -> Millis:
    """Give or take a fifth, so that accounts that failed together are not probed together."""
    return round(spread(span, luck()))
