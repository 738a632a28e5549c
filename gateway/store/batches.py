"""Questions about batches; their videos are asked for in videos.py."""

from gateway.store.database import Connection, Row
from schema.batch import Batch, BatchMode

_COLUMNS = "id, tenant, idempotency_key, fingerprint, created_at, mode, wished, accepted, missing, missing_places"


class Batches:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, batch: Batch) -> bool:
        """Keep a new batch; False when its tenant already used its idempotency key for one."""
        row = await self._connection.one(
            f"INSERT INTO batches ({_COLUMNS}) VALUES ({', '.join('?' * 10)}) "
            "ON CONFLICT (tenant, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING RETURNING id",
            batch.id,
            batch.tenant,
            batch.key,
            batch.fingerprint,
            batch.created_at,
            batch.mode,
            batch.wished,
            batch.accepted,
            batch.missing,
            batch.missing_places,
        )
        return row is not None

    async def cut(self, batch: Batch) -> None:
        """Write down that only the first wishes were accepted, and what lacked for the others."""
        await self._connection.run(
            "UPDATE batches SET accepted = ?, missing = ?, missing_places = ? WHERE tenant = ? AND id = ?",
            batch.accepted,
            batch.missing,
            batch.missing_places,
            batch.tenant,
            batch.id,
        )

    async def get(self, tenant: str, id: str) -> Batch | None:
        row = await self._connection.one(f"SELECT {_COLUMNS} FROM batches WHERE tenant = ? AND id = ?", tenant, id)
        return None if row is None else _batch(row)

    async def by_key(self, tenant: str, key: str) -> Batch | None:
        row = await self._connection.one(
            f"SELECT {_COLUMNS} FROM batches WHERE tenant = ? AND idempotency_key = ?", tenant, key
        )
        return None if row is None else _batch(row)


def _batch(row: Row) -> Batch:
    (id, tenant, key, fingerprint, created_at, mode, wished, accepted, missing, missing_places) = row
    return Batch(
        id=id,
        tenant=tenant,
        key=key,
        fingerprint=fingerprint,
        created_at=created_at,
        mode=BatchMode(mode),
        wished=wished,
        accepted=accepted,
        missing=missing,
        missing_places=missing_places,
    )
