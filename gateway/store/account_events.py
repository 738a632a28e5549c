"""What changed about accounts: added, read, and never changed; the schema refuses anything else."""

import msgspec

from gateway.store.database import Connection, Row
from schema.account_event import AccountEvent, AccountEventType

_encode = msgspec.json.Encoder().encode


class AccountEvents:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, event: AccountEvent) -> None:
        await self._connection.run(
            "INSERT INTO account_events (id, at, account, type, actor, data) VALUES (?, ?, ?, ?, ?, ?)",
            event.id,
            event.at,
            event.account,
            event.type,
            event.actor,
            _encode(event.data).decode(),
        )

    async def page(self, after: str | None, limit: int, account: str | None = None) -> list[AccountEvent]:
        """Up to ``limit`` events, newest first, of one account or of all, beyond a cursor (an id)."""
        asked = (("id < ?", after), ("account = ?", account))
        given = [(condition, value) for condition, value in asked if value is not None]
        where = f"WHERE {' AND '.join(condition for condition, _ in given)} " if given else ""
        rows = await self._connection.all(
            f"SELECT id, at, account, type, actor, data FROM account_events {where}ORDER BY id DESC LIMIT ?",
            *(value for _, value in given),
            limit,
        )
        return [_event(row) for row in rows]


def _event(row: Row) -> AccountEvent:
    id, at, account, type, actor, data = row
    return AccountEvent(
        id=id, at=at, account=account, type=AccountEventType(type), actor=actor, data=msgspec.json.decode(data)
    )
