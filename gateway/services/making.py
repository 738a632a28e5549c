"""How many videos a tenant has in the making at once, and may: exact over all replicas, where one is begun.

A video is in the making from the moment its intent is written down until its provider has ended or refused it, whether
its tenant still waits for it or not. One whose submit was lost counts as long as it does for its account: it may be
there.
"""

from collections.abc import Collection

from gateway.services.accounts import Accounts
from gateway.services.tenants import Tenants
from gateway.store.store import Transaction
from schema.clock import Millis
from schema.quote import Exclusion, ReasonCode


class Making:
    def __init__(self, *, accounts: Accounts, tenants: Tenants) -> None:
        self._accounts = accounts
        self._tenants = tenants

    def limit(self, tenant: str) -> int | None:
        """How many a tenant may have, as it is now; None for any number, as for one that was removed since."""
        known = self._tenants.get(tenant)
        return None if known is None else known.limits.concurrent

    async def running(self, tx: Transaction, tenants: Collection[str], now: Millis) -> dict[str, int]:
        """How many each of some tenants has."""
        spans = {account.id: self._accounts.slot_span(account.id) for account, _ in self._accounts.all()}
        longest = max(spans.values(), default=0)
        counts = dict.fromkeys(tenants, 0)
        for one in await tx.attempts.making(list(tenants), now - longest):
            if one.lost_at is None or one.begun > now - spans.get(one.lost_at, longest):
                counts[one.tenant] += one.count
        return counts

    async def room(self, tx: Transaction, tenants: Collection[str], now: Millis) -> dict[str, int]:
        """How many more each of those may begin that have a limit."""
        limits = {one: limit for one in tenants if (limit := self.limit(one)) is not None}
        if not limits:
            return {}
        running = await self.running(tx, limits, now)
        return {tenant: max(limit - running[tenant], 0) for tenant, limit in limits.items()}

    async def full(self, tx: Transaction, tenant: str, now: Millis) -> Exclusion | None:
        """What stands against every account, while a tenant has as many as it may."""
        limit = self.limit(tenant)
        if limit is None:
            return None
        running = (await self.running(tx, [tenant], now))[tenant]
        if running < limit:
            return None
        return Exclusion(ReasonCode.TENANT_AT_CAPACITY, {"running": running, "limit": limit})

    async def admits(self, tx: Transaction, tenant: str, now: Millis) -> bool:
        """Whether it may begin one more, exactly; nobody else begins one for it until the transaction ends.

        The account's row and its meter are held already: that is the order of locks.
        """
        if self.limit(tenant) is None:
            return True
        await tx.tenant_limits.lock_making(tenant)
        return await self.full(tx, tenant, now) is None
