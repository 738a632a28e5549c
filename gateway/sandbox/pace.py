"""Simulated time: it starts at zero, runs faster than the clock, and may change its speed on the way."""

import math

from schema.clock import Millis

NEVER = math.inf


class Pace:
    """Moments of simulated time are float milliseconds since the sandbox began, so that `NEVER` is one of them."""

    def __init__(self, speed: float, now: Millis) -> None:
        self.speed = speed
        self._since = now
        self._base = 0.0

    def at(self, now: Millis) -> float:
        return self._base + (now - self._since) * self.speed

    def change(self, speed: float, now: Millis) -> None:
        self._base, self._since, self.speed = self.at(now), now, speed

    def real(self, moment: float) -> Millis:
        """When the clock shows, or showed, that moment, at the present speed."""
        return self._since + round((moment - self._base) / self.speed)
