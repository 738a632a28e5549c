"""How many videos of each tenant wait to start: counted now and then, kept up between by what this process accepts."""

from gateway.store.store import Store
from schema.clock import Clock, Millis

COUNT_EVERY = 1_000
"""Milliseconds a count serves: counting 100,000 rows for every create would make creates slow down as work piles up."""


class Backlog:
    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._counts: dict[str, int] = {}
        self._counted_at: Millis | None = None

    async def of(self, tenant: str) -> int:
        """About how many of the tenant's videos wait; exact to within a second of other replicas' creates."""
        now = self._clock.now()
        if self._counted_at is None or now - self._counted_at > COUNT_EVERY:
            self._counted_at = now
            self._counts = await self._store.read(lambda tx: tx.videos.queued())
        return self._counts.get(tenant, 0)

    def added(self, tenant: str, count: int = 1) -> None:
        """So many more wait; fewer, when it is negative."""
        self._counts[tenant] = max(self._counts.get(tenant, 0) + count, 0)
