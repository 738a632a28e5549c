"""A circuit breaker as a value: failures in a row open it, a time closes it half, any answer closes it."""

from schema.account import AccountState
from schema.clock import Millis

MAX_OPEN = 300_000
"""However often it failed, an account is tried again after five minutes (milliseconds)."""


def open_until(state: AccountState, *, failures: int, reset: Millis) -> Millis | None:
    """When an open circuit may be probed again; None while it is closed.

    Args:
        failures: how many infrastructure failures in a row open it.
        reset: how long it stays open the first time; doubles with every further failure.
    """
    if state.failures < failures or state.failed_at is None:
        return None
    doublings = min(state.failures - failures, 10)
    return state.failed_at + min(reset << doublings, MAX_OPEN)
