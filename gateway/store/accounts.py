"""What we have learned about provider accounts, shared by all replicas."""

from typing import Any

import msgspec

from gateway.store.database import Connection, Row
from schema.account import AccountState

_FIELDS = AccountState.__struct_fields__
_COLUMNS = ", ".join(_FIELDS)
_CHANGES = ", ".join(f"{field} = ?" for field in _FIELDS[1:])


class Accounts:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def ensure(self, ids: list[str]) -> None:
        """Every configured account has a row to lock."""
        for id in ids:
            await self._connection.run("INSERT INTO accounts (id) VALUES (?) ON CONFLICT (id) DO NOTHING", id)

    async def all(self) -> dict[str, AccountState]:
        rows = await self._connection.all(f"SELECT {_COLUMNS} FROM accounts")
        return {str(row[0]): _state(row) for row in rows}

    async def lock(self, id: str) -> AccountState:
        """The account's state, held until this transaction ends; taken after a video's lock."""
        row = await self._connection.one(f"SELECT {_COLUMNS} FROM accounts WHERE id = ? /*for update*/", id)
        return AccountState(id=id) if row is None else _state(row)

    async def update(self, state: AccountState) -> None:
        values = [_value(getattr(state, field)) for field in _FIELDS]
        await self._connection.run(f"UPDATE accounts SET {_CHANGES} WHERE id = ?", *values[1:], state.id)


def _value(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def _state(row: Row) -> AccountState:
    """The columns are named and ordered as the fields are; SQL's 0 and 1 become booleans again."""
    return msgspec.convert(dict(zip(_FIELDS, row, strict=True)), AccountState, strict=False)
