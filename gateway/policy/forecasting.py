"""When a video that waits will begin, and when one that is being made will be there: from observed times alone."""

from collections.abc import Sequence

import msgspec

from schema.clock import Millis
from schema.quote import Exclusion

FARTHEST = 2**33
"""Beyond a hundred days (milliseconds) nobody can tell."""

OVERDUE = 10
"""What takes longer than usual is expected within a tenth of the usual time, again and again."""


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """An account as whoever waits for it sees it.

    Attributes:
        make: how long a video takes there.
        slots: in how long each place for a video is free; None when there is no end of places.
        every: a video can begin there so often, by its requests a minute; 0 for at any time.
        closed_for: nothing can begin before that.
    """

    make: Millis
    slots: tuple[Millis, ...] | None = None
    every: Millis = 0
    closed_for: Millis = 0

    def begun(self, within: Millis) -> int:
        """How many can have begun there after a while."""
        if within < self.closed_for:
            return 0
        in_time = FARTHEST if self.every == 0 else (within - self.closed_for) // self.every + 1
        if self.slots is None:
            return in_time
        return min(in_time, sum(self._turnover(max(free, self.closed_for), within) for free in self.slots))

    def _turnover(self, free: Millis, within: Millis) -> int:
        return 0 if within < free else (within - free) // max(self.make, 1) + 1


def closed_for(against: Sequence[Exclusion], now: Millis) -> Millis:
    """How long what stands against an account lasts, as far as that is known."""
    return max((reason.until - now for reason in against if reason.until is not None), default=0)


def remaining(elapsed: Millis, make: Millis) -> Millis:
    """How long something takes that has taken so long already."""
    return max(make - elapsed, make // OVERDUE)


def crowding(waiting: int, load: int, desk: Desk, limit: int | None) -> Millis:
    """In about how long an account can begin one more, behind all who wait for it; 0 while it has room for them."""
    turns = 0 if limit is None else max(load + waiting + 1 - limit, 0)
    by_jobs = 0 if limit is None else turns * desk.make // limit
    return max(by_jobs, waiting * desk.every, desk.closed_for)


def begins_in(ahead: int, desks: Sequence[Desk]) -> Millis | None:
    """In how long a video begins that has so many before it and goes where it can; None when nobody can tell."""
    if not desks or _begun(desks, FARTHEST) <= ahead:
        return None
    early, late = -1, FARTHEST
    while late - early > 1:
        middle = (early + late) // 2
        if _begun(desks, middle) > ahead:
            late = middle
        else:
            early = middle
    return late


def _begun(desks: Sequence[Desk], within: Millis) -> int:
    return sum(desk.begun(within) for desk in desks)
