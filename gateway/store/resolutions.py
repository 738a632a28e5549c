"""Resolutions: added, read, and never changed; the schema refuses anything else."""

from gateway.store.database import Connection, Row
from schema.resolution import Resolution, Verb

_COLUMNS = "id, at, verb, attempt, video, tenant, account, actor, note, ref, credits"


class Resolutions:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, resolution: Resolution) -> None:
        await self._connection.run(
            f"INSERT INTO resolutions ({_COLUMNS}) VALUES ({', '.join('?' * 11)})",
            resolution.id,
            resolution.at,
            resolution.verb,
            resolution.attempt,
            resolution.video,
            resolution.tenant,
            resolution.account,
            resolution.actor,
            resolution.note,
            resolution.ref,
            resolution.credits,
        )

    async def page(self, after: str | None, limit: int) -> list[Resolution]:
        """Up to ``limit`` resolutions, newest first, beyond a cursor (an id)."""
        beyond, args = ("", ()) if after is None else (" WHERE id < ?", (after,))
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM resolutions{beyond} ORDER BY id DESC LIMIT ?", *args, limit
        )
        return [_resolution(row) for row in rows]

    async def of_attempt(self, attempt: str) -> list[Resolution]:
        """Everything that operators found out about an attempt, first to last."""
        rows = await self._connection.all(f"SELECT {_COLUMNS} FROM resolutions WHERE attempt = ? ORDER BY id", attempt)
        return [_resolution(row) for row in rows]


def _resolution(row: Row) -> Resolution:
    id, at, verb, attempt, video, tenant, account, actor, note, ref, credits = row
    return Resolution(
        id=id,
        at=at,
        verb=Verb(verb),
        attempt=attempt,
        video=video,
        tenant=tenant,
        account=account,
        actor=actor,
        note=note,
        ref=ref,
        credits=credits,
    )
