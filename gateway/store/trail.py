"""The audit trail: added, read, and never changed; the schema refuses anything else."""

from typing import Any

import msgspec

from gateway.store.database import Connection, Row
from schema.trail import TrailEntry, TrailWish

_COLUMNS = "id, at, actor, action, tenant, subject, was, became, request"
_encode = msgspec.json.Encoder().encode


class Trail:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, entry: TrailEntry) -> None:
        await self._connection.run(
            f"INSERT INTO trail ({_COLUMNS}) VALUES ({', '.join('?' * 9)})",
            entry.id,
            entry.at,
            entry.actor,
            entry.action,
            entry.tenant,
            entry.subject,
            _text(entry.before),
            _text(entry.after),
            entry.request,
        )

    async def page(
        self, beyond: str | None, limit: int, wish: TrailWish | None = None, *, oldest_first: bool = False
    ) -> list[TrailEntry]:
        """Up to ``limit`` entries beyond a cursor (an id), newest first unless told otherwise."""
        wanted = {f"id {'>' if oldest_first else '<'} ?": beyond, **_conditions(wish or TrailWish())}
        asked = {condition: value for condition, value in wanted.items() if value is not None}
        where = f"WHERE {' AND '.join(asked)} " if asked else ""
        order = "ASC" if oldest_first else "DESC"
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM trail {where}ORDER BY id {order} LIMIT ?", *asked.values(), limit
        )
        return [_entry(row) for row in rows]


def _conditions(wish: TrailWish) -> dict[str, str | int | None]:
    conditions: dict[str, str | int | None] = {
        "tenant = ?": wish.tenant,
        "subject = ?": wish.subject,
        "at >= ?": wish.since,
        "at < ?": wish.until,
    }
    if wish.action is not None:
        conditions[f"substr(action, 1, {len(wish.action)}) = ?"] = wish.action
    return conditions


def _text(document: dict[str, Any] | None) -> str | None:
    return None if document is None else _encode(document).decode()


def _document(text: str | None) -> dict[str, Any] | None:
    return None if text is None else msgspec.json.decode(text, type=dict[str, Any])


def _entry(row: Row) -> TrailEntry:
    id, at, actor, action, tenant, subject, was, became, request = row
    return TrailEntry(
        id=id,
        at=at,
        actor=actor,
        action=action,
        tenant=tenant,
        subject=subject,
        before=_document(was),
        after=_document(became),
        request=request,
    )
