"""An account's retry budget: sending again what it failed to take must not be what keeps it down.

A retry is an attempt at an account that this video has tried before, or a replay under its key. The budget is a bucket
kept as one moment: when it would be full again (GCRA). A taken video gives one back, time gives back the rest; first
attempts are never counted, so a new video is not held up by the retries of old ones (reliability, section 5.9).
"""

from schema.clock import Millis

AT_ONCE = 10
"""Retries that may follow each other at once."""


def blocked_until(full_at: Millis | None, now: Millis, *, every: Millis) -> Millis | None:
    """When the next retry may be sent; None for now. One is given back ``every`` so many milliseconds."""
    free_at = (full_at or 0) - (AT_ONCE - 1) * every
    return free_at if free_at > now else None


def spent(full_at: Millis | None, now: Millis, *, every: Millis) -> Millis:
    """When the budget is full again, after one more retry."""
    return max(full_at or 0, now) + every


def earned(full_at: Millis | None, now: Millis, *, every: Millis) -> Millis | None:
    """The same after a video that was taken; None when it is full."""
    after = (full_at or 0) - every
    return after if after > now else None
