"""Sealed secrets: what they are for, and the bytes that only a master key opens."""

from base64 import b64decode, b64encode

import msgspec

from gateway.policy.sealing import Place, Sealed
from gateway.store.database import Connection, Row
from schema.clock import Millis

_COLUMNS = "kind, owner, version, key_id, wrapped, body, at"


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A sealed secret where it lies."""

    place: Place
    sealed: Sealed
    at: Millis


class SealedSecrets:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, kept: Kept) -> bool:
        """Keep a secret; False when there is one at its place already."""
        place, sealed = kept.place, kept.sealed
        row = await self._connection.one(
            f"INSERT INTO sealed ({_COLUMNS}) VALUES ({', '.join('?' * 7)}) "
            "ON CONFLICT (kind, owner, version) DO NOTHING RETURNING version",
            place.kind,
            place.owner,
            place.version,
            sealed.key_id,
            b64encode(sealed.wrapped).decode(),
            b64encode(sealed.body).decode(),
            kept.at,
        )
        return row is not None

    async def all(self, kind: str) -> list[Kept]:
        """Every version of every secret of a kind, oldest versions first."""
        rows = await self._connection.all(f"SELECT {_COLUMNS} FROM sealed WHERE kind = ? ORDER BY owner, version", kind)
        return [_kept(row) for row in rows]

    async def versions(self, kind: str, owner: str) -> list[Kept]:
        """Every version of one secret, oldest first."""
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM sealed WHERE kind = ? AND owner = ? ORDER BY version", kind, owner
        )
        return [_kept(row) for row in rows]

    async def forget(self, place: Place) -> None:
        await self._connection.run(
            "DELETE FROM sealed WHERE kind = ? AND owner = ? AND version = ?", place.kind, place.owner, place.version
        )

    async def under_others(self, key_id: str, limit: int) -> list[Kept]:
        """Some of those that are not under a master key."""
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM sealed WHERE key_id <> ? ORDER BY kind, owner, version LIMIT ?", key_id, limit
        )
        return [_kept(row) for row in rows]

    async def rewrap(self, kept: Kept, sealed: Sealed) -> bool:
        """Put a secret under another master key; False when somebody else was faster."""
        place = kept.place
        changed = await self._connection.run(
            "UPDATE sealed SET key_id = ?, wrapped = ? WHERE kind = ? AND owner = ? AND version = ? AND key_id = ?",
            sealed.key_id,
            b64encode(sealed.wrapped).decode(),
            place.kind,
            place.owner,
            place.version,
            kept.sealed.key_id,
        )
        return changed == 1

    async def counts(self) -> dict[str, int]:
        """Master key's id → how many secrets are under it."""
        rows = await self._connection.all("SELECT key_id, count(*) FROM sealed GROUP BY key_id ORDER BY key_id")
        return {str(key_id): int(count) for key_id, count in rows}


def _kept(row: Row) -> Kept:
    kind, owner, version, key_id, wrapped, body, at = row
    return Kept(
        place=Place(kind, owner, version),
        sealed=Sealed(key_id=key_id, wrapped=b64decode(wrapped), body=b64decode(body)),
        at=at,
    )
