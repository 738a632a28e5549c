"""The number that every change of tenants, keys and accounts moves: replicas look at it to know when to read anew."""

from gateway.store.database import Connection, StoreError


class Revision:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def get(self) -> int:
        return await self._get("")

    async def lock(self) -> int:
        """The same, held until this transaction ends: one change of the directory at a time."""
        return await self._get(" /*for update*/")

    async def _get(self, suffix: str) -> int:
        row = await self._connection.one(f"SELECT number FROM revision WHERE id = 1{suffix}")
        if row is None:
            raise StoreError("the table revision has lost its row: nobody could tell when a key is revoked")
        return int(row[0])

    async def move(self) -> None:
        """Something has changed."""
        await self._connection.run("UPDATE revision SET number = number + 1 WHERE id = 1")
