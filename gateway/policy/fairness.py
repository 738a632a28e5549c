"""Whose turn it is at an account for which several tenants wait: start-time fair queueing, one number for each tenant.

A video that is begun at an account moves its tenant's number on, by less the more its tenant weighs. The tenant with
the smallest number is next. Who had nothing to wait for meanwhile begins where the last one served began (the account's
own number), so nobody saves up turns, and a newcomer is next (Goyal, Vin, Cheng: Start-time Fair Queuing, 1996).
"""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

import msgspec

STEP = 1_000_000
"""What one video moves on a tenant of weight 1."""


class Waiter(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant whose videos wait for an account.

    Attributes:
        passed: its number at the account.
        videos: the first of them, in the tenant's own order.
        count: how many they are in all.
    """

    tenant: str
    weight: int = 1
    passed: int = 0
    videos: tuple[str, ...] = ()
    count: int = 0


def step(weight: int) -> int:
    """How far one video moves a tenant on."""
    return STEP // weight


def served(passed: int, virtual: int, weight: int) -> tuple[int, int]:
    """A tenant's number and the account's own, after the tenant's video was begun."""
    start = max(passed, virtual)
    return start + step(weight), start


def soonest(waiters: Sequence[Waiter], virtual: int, room: int) -> list[Waiter]:
    """Those among whom the next ``room`` turns can go."""
    return sorted(waiters, key=lambda one: (max(one.passed, virtual), one.tenant))[:room]


def turns(waiters: Sequence[Waiter], virtual: int, room: int) -> list[str]:
    """The videos whose turn it is when ``room`` more may begin, in order."""
    line = [(max(one.passed, virtual), one.tenant, 0, one) for one in waiters if one.videos]
    heapify(line)
    called: list[str] = []
    while line and len(called) < room:
        start, tenant, n, waiter = heappop(line)
        called.append(waiter.videos[n])
        if n + 1 < len(waiter.videos):
            heappush(line, (start + step(waiter.weight), tenant, n + 1, waiter))
    return called


def ahead(own: int, waiter: Waiter, others: Sequence[Waiter], virtual: int) -> int:
    """How many begin before a video that has ``own`` of its tenant's before it, if nobody else comes."""
    mine = max(waiter.passed, virtual) + own * step(waiter.weight)
    return own + sum(_before(mine, waiter.tenant, other, virtual) for other in others)


def _before(mine: int, tenant: str, other: Waiter, virtual: int) -> int:
    """How many of another tenant's videos have their turn before the number ``mine``; of equal ones, the first name."""
    start, each = max(other.passed, virtual), step(other.weight)
    if mine < start:
        return 0
    whole, rest = divmod(mine - start, each)
    turns_before = whole + (1 if rest or other.tenant < tenant else 0)
    return min(turns_before, other.count)
