"""How long to wait: pure functions of what happened and of luck, which is passed in as a number from 0 to 1."""

from collections.abc import Sequence

from schema.clock import Millis, millis


def spread(delay: float, luck: float) -> float:
    """A delay ± 20 %, so that many waiters do not return together."""
    return delay * (0.8 + 0.4 * luck)


def next_poll(seconds_left: int | None, polls: int, *, shortest: float, longest: float, luck: float) -> Millis:
    """When to ask again about a running video: half its own estimate, else slower each time (reliability 5.4).

    Args:
        seconds_left: the upstream's estimate; ignored when it can not be true.
        polls: how often we asked already.
        shortest, longest: bounds in seconds.
    """
    believable = seconds_left is not None and 0 <= seconds_left <= 86_400
    wish = 0.5 * (seconds_left or 0) if believable else shortest * 1.5 ** min(polls, 12)
    return millis(max(shortest, spread(min(max(wish, shortest), longest), luck)))


def retry(errors: int, *, first: float, longest: float, luck: float) -> Millis:
    """Full jitter: anything up to a bound that doubles with every error in a row; never under a tenth of it."""
    bound = min(first * 2 ** min(errors, 16), longest)
    return millis(bound * (0.1 + 0.9 * luck))


def replay(schedule: Sequence[float], done: int, luck: float) -> Millis | None:
    """When to send the same bytes again; None when the window is over."""
    return millis(spread(schedule[done], luck)) if done < len(schedule) else None
