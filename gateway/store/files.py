"""Kept files: written down before they are published, so that none is forgotten, and gone when no video has them."""

import msgspec

from gateway.store.database import Connection, Row
from schema.clock import Millis
from schema.link import Variant
from schema.output import POSTERS, Poster


class Due(msgspec.Struct, frozen=True):
    """A file to be looked after; ``doomed`` when it is to be deleted."""

    key: str
    doomed: bool


class Files:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def announce(self, key: str, tenant: str, due: Millis) -> None:
        """A file is about to be published; by ``due`` a video has it, or it is deleted."""
        await self._connection.run("INSERT INTO files (key, tenant, due) VALUES (?, ?, ?)", key, tenant, due)

    async def take(self, tenant: str, key: str) -> bool:
        """Hold a file for a video that is to have it, until this transaction ends; False when it is to be deleted."""
        changed = await self._connection.run(
            "UPDATE files SET due = NULL WHERE tenant = ? AND key = ? AND doomed_at IS NULL", tenant, key
        )
        return changed == 1

    async def let_go(self, tenant: str, keys: list[str], now: Millis) -> None:
        """A video has these no more: see whether anybody does."""
        for key in sorted(keys):  # in one order, so that nobody waits for each other
            await self._connection.run(
                "UPDATE files SET due = ? WHERE tenant = ? AND key = ? AND doomed_at IS NULL", now, tenant, key
            )

    async def due(self, now: Millis, again: Millis, limit: int) -> list[Due]:
        """Up to so many files that are due, held by this transaction; they are due again at ``again``."""
        rows = await self._connection.all(
            "WITH ready AS MATERIALIZED (SELECT key FROM files WHERE due <= ? ORDER BY due LIMIT ? /*skip locked*/) "
            "UPDATE files SET due = ? WHERE key IN (SELECT key FROM ready) RETURNING key, doomed_at",
            now,
            limit,
            again,
        )
        return [Due(key, doomed_at is not None) for key, doomed_at in rows]

    async def doom(self, key: str, now: Millis) -> bool:
        """Nobody may take this file any more, unless a video or an extra output has it; then it is not due."""
        used = await self._connection.one(
            "SELECT 1 FROM videos WHERE asset_key = ? AND gone_at IS NULL UNION ALL "
            "SELECT 1 FROM outputs WHERE asset_key = ? AND gone_at IS NULL LIMIT 1",
            key,
            key,
        )
        if used is not None:
            await self._connection.run("UPDATE files SET due = NULL WHERE key = ?", key)
            return False
        await self._connection.run("UPDATE files SET doomed_at = ? WHERE key = ?", now, key)
        return True

    async def forget(self, key: str) -> None:
        """It was deleted."""
        await self._connection.run("DELETE FROM files WHERE key = ?", key)

    async def poster(self, tenant: str, key: str, variant: Variant) -> Poster | None:
        """A picture that was made of a file."""
        columns = ", ".join(_columns(variant))
        row = await self._connection.one(f"SELECT {columns} FROM files WHERE tenant = ? AND key = ?", tenant, key)
        return None if row is None or row[0] is None else _poster(row)

    async def keep_poster(self, tenant: str, key: str, variant: Variant, poster: Poster) -> bool:
        """A picture lies beside a file; False when that is to be deleted."""
        values = ", ".join(f"{column} = ?" for column in _columns(variant))
        changed = await self._connection.run(
            f"UPDATE files SET {values} WHERE tenant = ? AND key = ? AND doomed_at IS NULL",
            poster.size,
            poster.sha256,
            poster.media_type,
            tenant,
            key,
        )
        return changed == 1


def _columns(variant: Variant) -> tuple[str, str, str]:
    first = POSTERS[variant]
    return f"{first}_size", f"{first}_sha256", f"{first}_media_type"


def _poster(row: Row) -> Poster:
    return Poster(size=row[0], sha256=row[1], media_type=row[2])
