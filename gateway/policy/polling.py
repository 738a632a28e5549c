"""How often to ask after running videos, so that an account's limits last: pure, in seconds."""

import msgspec
from msgspec.structs import replace

from gateway.policy import metering
from gateway.policy.backoff import next_poll, spread
from gateway.policy.metering import Meter, Spans
from schema.account import Limits
from schema.clock import Millis, millis

POLLED_SHARE = 0.5
"""Of a minute's or a day's requests, for polls, where only they tell the end."""

CALLED_MINUTE, CALLED_DAY = 0.4, 0.3
"""… and where the upstream calls us: then they only find what a lost call did not tell."""

CALLED_RARER = 2
"""So many of the shortest pauses lie between two polls where the upstream calls us."""

CALLED_FIRST = 3
"""… and before the first one."""

SPENT = 0.5
"""Of a day's requests: from there on polls divide what is left."""


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """What decides how often one of an account's videos is asked after.

    Attributes:
        shortest, longest: the bounds that are configured, seconds.
        active: its videos in the making.
        called: the upstream will call us about this one.
        limits: those in force.
        day_left: requests left of the day.
        day_rest: until the calls of this day begin to count no more.
    """

    shortest: float
    longest: float
    active: int
    called: bool
    limits: Limits
    spans: Spans
    day_left: int = 0
    day_rest: Millis = 0

    @property
    def least(self) -> float:
        """No sooner than after so many seconds."""
        base = self.shortest * (CALLED_RARER if self.called else 1)
        return max(base, self._by_minute(), self._by_day())

    def _by_minute(self) -> float:
        if self.limits.per_minute is None:
            return 0
        share = CALLED_MINUTE if self.called else POLLED_SHARE
        return self.active * self.spans.minute / 1000 / (share * self.limits.per_minute)

    def _by_day(self) -> float:
        per_day = self.limits.per_day
        if per_day is None:
            return 0
        if self.called:
            return self.active * self.spans.day / 1000 / (CALLED_DAY * per_day)
        if self.day_left > SPENT * per_day:
            return 0
        return self.active * self.day_rest / 1000 / (POLLED_SHARE * max(self.day_left, 1))


def pace(
    meter: Meter,
    limits: Limits,
    now: Millis,
    spans: Spans,
    *,
    shortest: float,
    longest: float,
    active: int,
    called: bool,
) -> Pace:
    """The pace at an account as its meter stands."""
    day_left, day_rest = metering.rest_of_day(meter, limits, now, spans)
    return Pace(
        shortest=shortest,
        longest=longest,
        active=max(active, 1),
        called=called,
        limits=replace(limits, per_minute=metering.per_minute(meter, limits)),
        spans=spans,
        day_left=day_left,
        day_rest=day_rest,
    )


def following(pace: Pace, seconds_left: int | None, polls: int, luck: float) -> Millis:
    """When to ask again."""
    least = pace.least
    return next_poll(seconds_left, polls, shortest=least, longest=max(pace.longest, least), luck=luck)


def first(pace: Pace, usual: Millis | None, luck: float) -> Millis:
    """When to ask for the first time; ``usual`` is how long videos have taken there.

    Where the upstream calls us it is left the time that it needs.
    """
    wait = max(pace.least, pace.shortest)
    if pace.called:
        wait = max(wait, CALLED_FIRST * pace.shortest, min((usual or 0) / 1000, pace.longest))
    return millis(spread(wait, luck))
