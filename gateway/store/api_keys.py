"""API keys: never themselves, only their keyed hashes."""

from collections.abc import Mapping

import msgspec

from gateway.store.database import Connection, Row
from schema.api_key import ApiKey
from schema.clock import Millis
from schema.directory import StoredKey
from schema.ownership import ManagedBy
from schema.tenant import Scope

_COLUMNS = (
    "id, tenant, name, hash, hint, scopes, origins, networks, managed_by, source, created_at, expires_at, revoked_at, "
    "used_at, rotates"
)
_encode = msgspec.json.Encoder().encode
_scopes = msgspec.json.Decoder(frozenset[Scope]).decode
_texts = msgspec.json.Decoder(tuple[str, ...]).decode


class ApiKeys:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def all(self, *, revoked: bool = True) -> list[StoredKey]:
        """Every tenant's, those that work no more too, or without those that were revoked."""
        among = "" if revoked else " WHERE revoked_at IS NULL"
        rows = await self._connection.all(f"SELECT {_COLUMNS} FROM api_keys{among} ORDER BY id")
        return [_stored(row) for row in rows]

    async def of_tenant(self, tenant: str, after: str | None, limit: int) -> list[ApiKey]:
        """Up to ``limit`` of a tenant's keys, newest first, beyond a cursor (an id)."""
        beyond, args = ("", ()) if after is None else (" AND id < ?", (after,))
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM api_keys WHERE tenant = ?{beyond} ORDER BY id DESC LIMIT ?", tenant, *args, limit
        )
        return [_stored(row).key for row in rows]

    async def get(self, tenant: str, id: str) -> StoredKey | None:
        """One of a tenant's keys. Whoever changes it holds the revision's lock, which is everybody's."""
        row = await self._connection.one(f"SELECT {_COLUMNS} FROM api_keys WHERE tenant = ? AND id = ?", tenant, id)
        return None if row is None else _stored(row)

    async def working(self, tenant: str, now: Millis) -> int:
        """How many of a tenant's keys work."""
        row = await self._connection.one(
            "SELECT count(*) FROM api_keys WHERE tenant = ? AND (revoked_at IS NULL OR revoked_at > ?) "
            "AND (expires_at IS NULL OR expires_at > ?)",
            tenant,
            now,
            now,
        )
        return 0 if row is None else int(row[0])

    async def successor(self, id: str) -> str | None:
        """The id of the key that takes a key's place."""
        row = await self._connection.one("SELECT id FROM api_keys WHERE rotates = ? ORDER BY id LIMIT 1", id)
        return None if row is None else str(row[0])

    async def put(self, stored: StoredKey) -> None:
        """Keep a key as it is now, new or known. Raises UniqueViolation when another key has its hash."""
        key = stored.key
        await self._connection.run(
            f"INSERT INTO api_keys ({_COLUMNS}) VALUES ({', '.join('?' * 15)}) ON CONFLICT (id) DO UPDATE SET "
            "tenant = excluded.tenant, name = excluded.name, scopes = excluded.scopes, "
            "origins = excluded.origins, networks = excluded.networks, "
            "managed_by = excluded.managed_by, source = excluded.source, expires_at = excluded.expires_at, "
            "revoked_at = excluded.revoked_at",
            key.id,
            key.tenant,
            key.name,
            stored.hash,
            key.hint,
            _encode(sorted(key.scopes)).decode(),
            _encode(key.origins).decode(),
            _encode(key.networks).decode(),
            key.managed_by,
            key.source,
            key.created_at,
            key.expires_at,
            key.revoked_at,
            key.used_at,
            key.rotates,
        )

    async def used(self, moments: Mapping[str, Millis]) -> None:
        """Remember when keys were last used: id → moment."""
        for id, moment in sorted(moments.items()):
            await self._connection.run(
                "UPDATE api_keys SET used_at = ? WHERE id = ? AND (used_at IS NULL OR used_at < ?)", moment, id, moment
            )


def _stored(row: Row) -> StoredKey:
    id, tenant, name, hashed, hint, scopes, origins, networks, managed_by, source = row[:10]
    created_at, expires_at, revoked_at, used_at, rotates = row[10:]
    key = ApiKey(
        id=id,
        tenant=tenant,
        name=name,
        hint=hint,
        scopes=_scopes(scopes),
        origins=_texts(origins),
        networks=_texts(networks),
        managed_by=ManagedBy(managed_by),
        source=source,
        created_at=created_at,
        expires_at=expires_at,
        revoked_at=revoked_at,
        used_at=used_at,
        rotates=rotates,
    )
    return StoredKey(key=key, hash=hashed)
