"""What each account was asked lately, shared by all replicas."""

import msgspec

from gateway.policy.metering import Bucket, Meter, Told
from gateway.store.database import Connection, Row

_COLUMNS = "account, minute, day, learned, told_left, told_until, told_at, owed_until"
_counts = msgspec.json.Decoder(tuple[Bucket, ...]).decode


class Meters:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def all(self) -> dict[str, Meter]:
        rows = await self._connection.all(f"SELECT {_COLUMNS} FROM meters")
        return {str(row[0]): _meter(row) for row in rows}

    async def get(self, account: str) -> Meter | None:
        """The account's meter; None while nothing was counted."""
        row = await self._connection.one(f"SELECT {_COLUMNS} FROM meters WHERE account = ?", account)
        return None if row is None else _meter(row)

    async def ensure(self, account: str) -> None:
        """An account whose calls are counted has a row to lock."""
        await self._connection.run("INSERT INTO meters (account) VALUES (?) ON CONFLICT (account) DO NOTHING", account)

    async def lock(self, account: str) -> Meter | None:
        """The account's meter, held until this transaction ends; taken after the account's lock."""
        row = await self._connection.one(f"SELECT {_COLUMNS} FROM meters WHERE account = ? /*for update*/", account)
        return None if row is None else _meter(row)

    async def update(self, account: str, meter: Meter) -> None:
        told = meter.told
        await self._connection.run(
            "UPDATE meters SET minute = ?, day = ?, learned = ?, told_left = ?, told_until = ?, told_at = ?, "
            "owed_until = ? WHERE account = ?",
            msgspec.json.encode(meter.minute).decode(),
            msgspec.json.encode(meter.day).decode(),
            meter.learned,
            None if told is None else told.left,
            None if told is None else told.until,
            None if told is None else told.at,
            meter.owed_until,
            account,
        )


def _meter(row: Row) -> Meter:
    _, minute, day, learned, left, until, at, owed_until = row
    told = None if left is None else Told(left=left, until=until, at=at)
    return Meter(minute=_counts(minute), day=_counts(day), learned=learned, told=told, owed_until=owed_until)
