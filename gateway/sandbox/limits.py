"""What an account may do: requests a minute, requests a day, jobs at once."""

from heapq import heappop, heappush

from msgspec import Struct

from gateway.sandbox.settings import AccountSettings
from schema.clock import Millis, millis

MINUTE = millis(60)
DAY = millis(86_400)


class Limits(Struct, frozen=True):
    """0 means no limit."""

    per_minute: int
    concurrent: int
    per_day: int


PLANS = {
    "free": Limits(10, 1, 100),
    "starter": Limits(30, 3, 1_000),
    "pro": Limits(60, 10, 10_000),
    "enterprise": Limits(0, 0, 0),
}
ONE_AT_A_TIME = Limits(0, 1, 0)  # veo3o1's terms of service; its other limits have no numbers


def limits_of(account: AccountSettings) -> Limits:
    plan = ONE_AT_A_TIME if account.provider == "veo3o1" else PLANS[account.plan]
    return Limits(
        plan.per_minute if account.per_minute is None else account.per_minute,
        plan.concurrent if account.concurrent is None else account.concurrent,
        plan.per_day if account.per_day is None else account.per_day,
    )


class Window:
    """A fixed window: it opens with the first request after the last one closed."""

    def __init__(self, size: int, span: Millis) -> None:
        self.size = size
        self.resets_at: Millis = 0
        self._span = span
        self._used = 0

    def has_room(self, now: Millis) -> bool:
        if now >= self.resets_at:
            self._used, self.resets_at = 0, now + self._span
        return self.size == 0 or self._used < self.size

    def take(self) -> None:
        self._used += 1

    @property
    def remaining(self) -> int:
        return max(0, self.size - self._used)


class Running:
    """The jobs of an account that have not ended, by their ends: simulated moments known when they begin."""

    def __init__(self) -> None:
        self.peak = 0
        self._ends: list[float] = []

    def count(self, moment: float) -> int:
        while self._ends and self._ends[0] <= moment:
            heappop(self._ends)
        return len(self._ends)

    def add(self, end: float, moment: float) -> None:
        heappush(self._ends, end)
        self.peak = max(self.peak, self.count(moment))
