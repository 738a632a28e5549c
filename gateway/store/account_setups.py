"""Provider accounts as they are set up, without their secrets: those lie sealed."""

from typing import Any

import msgspec

from gateway.store.database import Connection, Row
from gateway.store.owned import OWNERSHIP, ownership, ownership_values
from schema.account import Account, Limits, Secret
from schema.directory import AccountRecord
from schema.money import Micros

_COLUMNS = f"id, tenant, {OWNERSHIP}, terms"
_NO_SECRET = Secret("")


class _Terms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything of an account but its id, its owner and its secrets."""

    provider: str
    base_url: str
    credential_version: int
    price_per_credit: Micros | None = None
    limits: Limits = Limits()
    options: Any = None
    sandbox: bool = False
    credits_warn_percent: tuple[int, ...] = (20, 10, 5)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Terms).decode


class AccountSetups:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def all(self) -> list[AccountRecord]:
        """Those removed too; without secrets, and with options as plain JSON."""
        rows = await self._connection.all(f"SELECT {_COLUMNS} FROM account_setups ORDER BY id")
        return [_record(row) for row in rows]

    async def get(self, id: str) -> AccountRecord | None:
        row = await self._connection.one(f"SELECT {_COLUMNS} FROM account_setups WHERE id = ?", id)
        return None if row is None else _record(row)

    async def put(self, record: AccountRecord) -> None:
        """Keep an account as it is set up now, new or known."""
        await self._connection.run(
            f"INSERT INTO account_setups ({_COLUMNS}) VALUES ({', '.join('?' * 9)}) ON CONFLICT (id) DO UPDATE SET "
            "tenant = excluded.tenant, managed_by = excluded.managed_by, source = excluded.source, "
            "version = excluded.version, updated_at = excluded.updated_at, removed_at = excluded.removed_at, "
            "terms = excluded.terms",
            record.account.id,
            record.account.owner,
            *ownership_values(record.ownership),
            _encode(_terms(record.account)).decode(),
        )


def _terms(account: Account) -> _Terms:
    return _Terms(
        provider=account.provider,
        base_url=account.base_url,
        credential_version=account.credential_version,
        price_per_credit=account.price_per_credit,
        limits=account.limits,
        options=msgspec.to_builtins(account.options),
        sandbox=account.sandbox,
        credits_warn_percent=account.credits_warn_percent,
    )


def _record(row: Row) -> AccountRecord:
    terms = _decode(row[8])
    account = Account(id=row[0], owner=row[1], credential=_NO_SECRET, **msgspec.structs.asdict(terms))
    return AccountRecord(account=account, ownership=ownership(row[2:8]))
