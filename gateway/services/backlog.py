"""How many videos of each tenant wait to start: counted now and then, kept up between by what this process accepts."""

from gateway.store.store import Store
from schema.allowance import QUEUED, Allowance
from schema.clock import Clock, Millis
from schema.errors import QueueFull, TooManyRequests
from schema.tenant import Tenant

COUNT_EVERY = 1_000
"""Milliseconds a count serves: counting 100,000 rows for every create would make creates slow down as work piles up."""

RETRY_SECONDS = 10
"""When to try again: by then some have started, if any can."""


class Backlog:
    """``most``: of all tenants' together; beyond it nobody's are accepted."""

    def __init__(self, *, store: Store, clock: Clock, most: int) -> None:
        self._store = store
        self._clock = clock
        self._most = most
        self._counts: dict[str, int] = {}
        self._in_all = 0
        self._counted_at: Millis | None = None

    async def of(self, tenant: str) -> int:
        """About how many of the tenant's videos wait; exact to within a second of other replicas' creates."""
        now = self._clock.now()
        if self._counted_at is None or now - self._counted_at > COUNT_EVERY:
            self._counted_at = now
            self._counts = await self._store.read(lambda tx: tx.videos.queued())
            self._in_all = sum(self._counts.values())
        return self._counts.get(tenant, 0)

    async def total(self) -> int:
        """The same of all tenants."""
        await self.of("")
        return self._in_all

    async def room(self, tenant: Tenant, wished: int, *, least: int) -> int:
        """How many of so many wishes find room, at least ``least``.

        Raises:
            QueueFull: too many videos of all tenants wait.
            TooManyRequests: too many of this tenant's do.
        """
        waiting, most = await self.of(tenant.id), tenant.limits.queued
        in_all = max(self._most - self._in_all, 0)
        if in_all < least:
            raise QueueFull(retry_after_seconds=RETRY_SECONDS)
        own = max(most - waiting, 0)
        if own < least:
            raise TooManyRequests(
                _too_many(waiting, most, own, wished),
                retry_after_seconds=RETRY_SECONDS,
                allowance=Allowance(name=QUEUED, limit=most, left=own, reset=RETRY_SECONDS, window=None),
            )
        return min(own, in_all, wished)

    def added(self, tenant: str, count: int = 1) -> None:
        """So many more wait; fewer, when it is negative."""
        self._counts[tenant] = max(self._counts.get(tenant, 0) + count, 0)
        self._in_all = max(self._in_all + count, 0)


def _too_many(waiting: int, most: int, own: int, wished: int) -> str:
    if wished == 1:
        return f"{most} videos wait to start already; wait for some of them"
    return (
        f"{waiting} videos wait to start already, and at most {most} may: there is room for {own} of these {wished}; "
        "wait for some of them"
    )
