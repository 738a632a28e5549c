"""What tenants with budgets have committed in a day or a month: what their videos were charged, and what is held."""

from gateway.store.database import Connection
from schema.money import Micros


class Spending:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, tenant: str, period: str, amount: Micros) -> tuple[Micros, int] | None:
        """Count an amount, negative to take it back: what that makes, and the share last warned of.

        None when the period has not been opened.
        """
        row = await self._connection.one(
            "UPDATE spending SET amount = amount + CAST(? AS BIGINT) WHERE tenant = ? AND period = ? "
            "RETURNING amount, warned",
            amount,
            tenant,
            period,
        )
        return None if row is None else (int(row[0]), int(row[1]))

    async def open(self, tenant: str, period: str, *, first: str, last: str, beside: str) -> None:
        """Begin to count a period with what its videos (ids from ``first`` to before ``last``) commit, but one."""
        await self._connection.run(
            "INSERT INTO spending (tenant, period, amount) "
            "SELECT CAST(? AS TEXT), CAST(? AS TEXT), "
            "CAST(coalesce(sum(coalesce(held, 0) + coalesce(charged, 0)), 0) AS BIGINT) "
            "FROM videos WHERE tenant = ? AND id >= ? AND id < ? AND id <> ? "
            "ON CONFLICT (tenant, period) DO NOTHING",
            tenant,
            period,
            tenant,
            first,
            last,
            beside,
        )

    async def recount(self, tenant: str, period: str, *, first: str, last: str) -> None:
        """Count an open period anew. Its row is held first: whoever counts meanwhile waits, or is seen."""
        if await self.lock(tenant, period) is not None:
            await self._connection.run(
                "UPDATE spending SET amount = CAST(? AS BIGINT) WHERE tenant = ? AND period = ?",
                await self.committed(tenant, first=first, last=last),
                tenant,
                period,
            )

    async def lock(self, tenant: str, period: str) -> Micros | None:
        """What is committed, held until this transaction ends; None when the period has not been opened."""
        row = await self._connection.one(
            "SELECT amount FROM spending WHERE tenant = ? AND period = ? /*for update*/", tenant, period
        )
        return None if row is None else int(row[0])

    async def of(self, tenant: str, period: str) -> Micros:
        """What is committed, as counted."""
        row = await self._connection.one("SELECT amount FROM spending WHERE tenant = ? AND period = ?", tenant, period)
        return 0 if row is None else int(row[0])

    async def warned(self, tenant: str, period: str, share: int) -> None:
        """This share of the budget has been told."""
        await self._connection.run(
            "UPDATE spending SET warned = ? WHERE tenant = ? AND period = ?", share, tenant, period
        )

    async def all(self) -> list[tuple[str, str, Micros]]:
        """Tenant, period and amount of all that is counted."""
        rows = await self._connection.all("SELECT tenant, period, amount FROM spending ORDER BY tenant, period")
        return [(str(tenant), str(period), int(amount)) for tenant, period, amount in rows]

    async def committed(self, tenant: str, *, first: str, last: str) -> Micros:
        """The same from the videos themselves."""
        row = await self._connection.one(
            "SELECT CAST(coalesce(sum(coalesce(held, 0) + coalesce(charged, 0)), 0) AS BIGINT) "
            "FROM videos WHERE tenant = ? AND id >= ? AND id < ?",
            tenant,
            first,
            last,
        )
        return 0 if row is None else int(row[0])
