"""What time it is, passed in: whoever decides by time takes a Clock."""

import time
from typing import Protocol

Millis = int
"""A moment (milliseconds since the Unix epoch, UTC) or a span of milliseconds."""


class Clock(Protocol):
    """Anything that can say what time it is."""

    def now(self) -> Millis:
        """The present moment, in milliseconds since the Unix epoch."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> Millis:
        return time.time_ns() // 1_000_000


def millis(seconds: float) -> Millis:
    """Seconds (settings and headers speak them) as milliseconds (everything else does)."""
    return round(seconds * 1000)
