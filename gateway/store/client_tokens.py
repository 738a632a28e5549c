"""Client tokens: what each was given for, and how much of that is used. The row is what its creates take turns at."""

import msgspec

from gateway.store.database import Connection, Row
from schema.client_token import ClientToken
from schema.clock import Millis
from schema.money import Micros
from schema.tenant import Scope

_COLUMNS = (
    "id, tenant, api_key, scopes, end_user, video, allowance, creates, created, created_at, expires_at, revoked_at"
)
_encode = msgspec.json.Encoder().encode
_scopes = msgspec.json.Decoder(frozenset[Scope]).decode


class ClientTokens:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, token: ClientToken) -> None:
        """Remember a new one."""
        await self._connection.run(
            f"INSERT INTO client_tokens ({_COLUMNS}) VALUES ({', '.join('?' * 12)})",
            token.id,
            token.tenant,
            token.api_key,
            _encode(sorted(token.scopes)).decode(),
            token.end_user,
            token.video,
            token.allowance,
            token.creates,
            token.created,
            token.created_at,
            token.expires_at,
            token.revoked_at,
        )

    async def get(self, tenant: str, id: str) -> ClientToken | None:
        row = await self._connection.one(
            f"SELECT {_COLUMNS} FROM client_tokens WHERE tenant = ? AND id = ?", tenant, id
        )
        return None if row is None else _token(row)

    async def page(self, tenant: str, after: str | None, limit: int) -> list[ClientToken]:
        """Up to ``limit`` of a tenant's, newest first, beyond a cursor (an id)."""
        beyond, args = ("", ()) if after is None else (" AND id < ?", (after,))
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM client_tokens WHERE tenant = ?{beyond} ORDER BY id DESC LIMIT ?",
            tenant,
            *args,
            limit,
        )
        return [_token(row) for row in rows]

    async def lock(self, tenant: str, id: str) -> ClientToken | None:
        """One, held until this transaction ends: its creates take turns."""
        row = await self._connection.one(
            f"SELECT {_COLUMNS} FROM client_tokens WHERE tenant = ? AND id = ? /*for update*/", tenant, id
        )
        return None if row is None else _token(row)

    async def count(self, tenant: str, id: str) -> None:
        """It has created one more video."""
        await self._connection.run(
            "UPDATE client_tokens SET created = created + 1 WHERE tenant = ? AND id = ?", tenant, id
        )

    async def committed(self, tenant: str, id: str, *, beside: str = "") -> Micros:
        """What its videos were charged, or hold while that is open; without one of them."""
        row = await self._connection.one(
            "SELECT CAST(coalesce(sum(coalesce(held, 0) + coalesce(charged, 0)), 0) AS BIGINT) "
            "FROM videos WHERE tenant = ? AND client_token = ? AND id <> ?",
            tenant,
            id,
            beside,
        )
        return 0 if row is None else int(row[0])

    async def revoke(self, tenant: str, id: str, now: Millis) -> None:
        await self._connection.run(
            "UPDATE client_tokens SET revoked_at = ? WHERE tenant = ? AND id = ?", now, tenant, id
        )

    async def remove(self, before: Millis, limit: int) -> int:
        """Forget up to so many that expired before a moment; how many those were."""
        return await self._connection.run(
            "DELETE FROM client_tokens WHERE id IN "
            "(SELECT id FROM client_tokens WHERE expires_at < ? ORDER BY expires_at LIMIT ?)",
            before,
            limit,
        )

    async def revoked(self, now: Millis) -> frozenset[str]:
        """Those that were ended before their time and would still work."""
        rows = await self._connection.all(
            "SELECT id FROM client_tokens WHERE revoked_at IS NOT NULL AND expires_at > ?", now
        )
        return frozenset(str(row[0]) for row in rows)


def _token(row: Row) -> ClientToken:
    id, tenant, api_key, scopes, end_user, video, allowance, creates, created = row[:9]
    created_at, expires_at, revoked_at = row[9:]
    return ClientToken(
        id=id,
        tenant=tenant,
        api_key=api_key,
        scopes=_scopes(scopes),
        end_user=end_user,
        video=video,
        allowance=allowance,
        creates=creates,
        created=created,
        created_at=created_at,
        expires_at=expires_at,
        revoked_at=revoked_at,
    )
