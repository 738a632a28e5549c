"""How much of a tenant's minute is used: a sliding count, never more than its limit in any minute.

What comes within a second of each other is kept together and counts as if all of it had come last: each counts for a
minute, and up to a second longer. So no minute sees more than the limit, whatever moment it begins at, the record stays
short however large the limit is, and who waits as long as was said finds room.
"""

import msgspec

from schema.allowance import MINUTE_SECONDS, Allowance
from schema.clock import Millis, millis

MINUTE: Millis = millis(MINUTE_SECONDS)

TOGETHER: Millis = 1_000
"""From the first of those that are kept together to the last."""

LONGEST_RETRY = 60
"""Seconds."""


class Group(msgspec.Struct, frozen=True, array_like=True):
    """So many that came between two moments; all count until a minute after the last."""

    first: Millis
    last: Millis
    count: int = 1


Recent = tuple[Group, ...]
"""Oldest first."""


def counting(recent: Recent, now: Millis) -> Recent:
    """What still counts."""
    return tuple([group for group in recent if _ends(group) > now])


def used(recent: Recent, now: Millis) -> int:
    return sum(group.count for group in counting(recent, now))


def taken(recent: Recent, now: Millis, count: int = 1) -> Recent:
    """The record after so many more; a clock that is behind the one that wrote last counts from that one's time."""
    kept = counting(recent, now)
    if not kept:
        return (Group(now, now, count),)
    newest, now = kept[-1], max(now, kept[-1].last)
    if now - newest.first < TOGETHER:
        return (*kept[:-1], Group(newest.first, now, newest.count + count))
    return (*kept, Group(now, now, count))


def left(recent: Recent, limit: int, now: Millis) -> int:
    """How many more there may be now."""
    return max(limit - used(recent, now), 0)


def full_until(recent: Recent, limit: int, now: Millis, wanted: int = 1) -> Millis | None:
    """None when so many more may come now, else the moment from which they may. More than the limit never may."""
    kept = counting(recent, now)
    over = sum(group.count for group in kept) + wanted - limit
    if over <= 0:
        return None
    for group in kept:
        over -= group.count
        if over <= 0:
            return _ends(group)
    return now + MINUTE


def allowance(name: str, recent: Recent, limit: int, now: Millis) -> Allowance:
    """What an answer says: how many more, and in how many seconds there are more than that (0 when all are there)."""
    kept = counting(recent, now)
    more_at = full_until(kept, limit, now) or (_ends(kept[0]) if kept else now)
    return Allowance(name=name, limit=limit, left=left(kept, limit, now), reset=seconds(more_at - now))


def retry_after(until: Millis, now: Millis, luck: float) -> int:
    """Seconds to wait: no sooner than there is room, and not all at the same moment."""
    wait = until - now
    return min(max(seconds(wait + round(luck * max(wait // 5, 1_000))), 1), LONGEST_RETRY)


def seconds(span: Millis) -> int:
    """Whole seconds that are no shorter than a span."""
    return max(-(-span // 1_000), 0)


def _ends(group: Group) -> Millis:
    return group.last + MINUTE
