"""What we have learned about provider accounts, shared by all replicas."""

from gateway.store.database import Connection, Row
from schema.account import AccountState, CircuitState, CredentialState

_FIELDS = AccountState.__struct_fields__
"""The columns have the fields' names."""

_COLUMNS = ", ".join(_FIELDS)
_SET = ", ".join(f"{name} = ?" for name in _FIELDS[1:])


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
        values = [getattr(state, name) for name in _FIELDS[1:]]
        await self._connection.run(
            f"UPDATE accounts SET {_SET} WHERE id = ?",
            *(int(value) if isinstance(value, bool) else value for value in values),
            state.id,
        )


def _state(row: Row) -> AccountState:
    facts = dict(zip(_FIELDS, row, strict=True))
    facts |= {
        "credential": CredentialState(facts["credential"]),
        "circuit": CircuitState(facts["circuit"]),
        "callbacks_refused": bool(facts["callbacks_refused"]),
    }
    return AccountState(**facts)
