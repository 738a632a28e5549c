"""Tenants' limits that hold over all replicas: what was created lately, and whose next video is being begun."""

import msgspec

from gateway.policy.rates import Group, Recent
from gateway.store.database import Connection

_CREATES, _MAKING = "creates", "making"
_recent = msgspec.json.Decoder(tuple[Group, ...]).decode


class TenantLimits:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def created(self, tenant: str) -> Recent:
        """What a tenant created lately."""
        row = await self._connection.one(
            "SELECT recent FROM tenant_limits WHERE tenant = ? AND what = ?", tenant, _CREATES
        )
        return () if row is None else _recent(row[0])

    async def lock_created(self, tenant: str) -> Recent:
        """The same; nobody else creates for this tenant until the transaction ends."""
        row = await self._lock(tenant, _CREATES)
        return _recent(row)

    async def keep_created(self, tenant: str, recent: Recent) -> None:
        """Write down what it has created lately; its row is locked."""
        await self._connection.run(
            "UPDATE tenant_limits SET recent = ? WHERE tenant = ? AND what = ?",
            msgspec.json.encode(recent).decode(),
            tenant,
            _CREATES,
        )

    async def lock_making(self, tenant: str) -> None:
        """Nobody else begins a video of this tenant until the transaction ends; after the account's row and meter."""
        await self._lock(tenant, _MAKING)

    async def _lock(self, tenant: str, what: str) -> str:
        asked = "SELECT recent FROM tenant_limits WHERE tenant = ? AND what = ? /*for update*/"
        row = await self._connection.one(asked, tenant, what)
        if row is None:
            await self._connection.run(
                "INSERT INTO tenant_limits (tenant, what) VALUES (?, ?) ON CONFLICT (tenant, what) DO NOTHING",
                tenant,
                what,
            )
            row = await self._connection.one(asked, tenant, what)
        if row is None:
            raise LookupError(f"{tenant} has no row for {what}")
        return str(row[0])
