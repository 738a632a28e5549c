"""What a tenant uses of its limits now, for whoever asks: nothing is decided by it."""

from gateway.services.making import Making
from gateway.services.rates import Rates
from gateway.store.store import Store
from schema.allowance import Rate
from schema.clock import Clock
from schema.tenant import LimitsUse


class LimitsUses:
    def __init__(self, *, store: Store, making: Making, rates: Rates, clock: Clock) -> None:
        self._store = store
        self._making = making
        self._rates = rates
        self._clock = clock

    async def of(self, tenant: str) -> LimitsUse:
        """All of it, by what is in the database; of requests that create nothing, what this replica has counted."""
        now = self._clock.now()
        running = await self._store.read(lambda tx: self._making.running(tx, [tenant], now))
        queued = await self._store.read(lambda tx: tx.videos.queued_of(tenant))
        await self._rates.look(tenant)
        return LimitsUse(
            queued=queued,
            concurrent=running[tenant],
            per_minute=self._rates.used(tenant, Rate.CREATES),
            reads_per_minute=self._rates.used(tenant, Rate.READS),
        )
