"""What happened to accounts: added, read, and never changed; the schema refuses anything else."""

import msgspec

from gateway.store.database import Connection, Row
from schema.account_event import AccountEvent, AccountEventType

_COLUMNS = "id, at, account, type, actor, data"
_encode = msgspec.json.Encoder().encode


class AccountEvents:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, event: AccountEvent) -> None:
        await self._connection.run(
            f"INSERT INTO account_events ({_COLUMNS}) VALUES ({', '.join('?' * 6)})",
            event.id,
            event.at,
            event.account,
            event.type,
            event.actor,
            _encode(event.data).decode(),
        )

    async def page(self, account: str | None, after: str | None, limit: int) -> list[AccountEvent]:
        """Up to ``limit`` events of one account or of all, newest first, beyond a cursor (an id)."""
        asked = (("account = ?", account), ("id < ?", after))
        given = [(condition, value) for condition, value in asked if value is not None]
        where = f" WHERE {' AND '.join(condition for condition, _ in given)}" if given else ""
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM account_events{where} ORDER BY id DESC LIMIT ?",
            *(value for _, value in given),
            limit,
        )
        return [_event(row) for row in rows]


def _event(row: Row) -> AccountEvent:
    id, at, account, type, actor, data = row
    return AccountEvent(
        id=id, at=at, account=account, type=AccountEventType(type), actor=actor, data=msgspec.json.decode(data)
    )
