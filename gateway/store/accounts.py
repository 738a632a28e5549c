"""What we have learned about provider accounts, shared by all replicas."""

from gateway.store.database import Connection, Row
from schema.account import AccountState, CredentialState

_COLUMNS = (
    "id, failures, failed_at, resting_until, resting_reason, credential, credential_version, callbacks_refused, "
    "credits, credits_at, retries_full_at, rests"
)


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
        await self._connection.run(
            "UPDATE accounts SET failures = ?, failed_at = ?, resting_until = ?, resting_reason = ?, credential = ?, "
            "credential_version = ?, callbacks_refused = ?, credits = ?, credits_at = ?, "
            "retries_full_at = ?, rests = ? WHERE id = ?",
            state.failures,
            state.failed_at,
            state.resting_until,
            state.resting_reason,
            state.credential,
            state.credential_version,
            int(state.callbacks_refused),
            state.credits,
            state.credits_at,
            state.retries_full_at,
            state.rests,
            state.id,
        )


def _state(row: Row) -> AccountState:
    (id, failures, failed_at, resting_until, resting_reason, credential, version, callbacks) = row[:8]
    (credits, credits_at, retries_full_at, rests) = row[8:]
    return AccountState(
        id=id,
        failures=failures,
        failed_at=failed_at,
        resting_until=resting_until,
        resting_reason=resting_reason,
        credential=CredentialState(credential),
        credential_version=version,
        callbacks_refused=bool(callbacks),
        credits=credits,
        credits_at=credits_at,
        retries_full_at=retries_full_at,
        rests=rests,
    )
