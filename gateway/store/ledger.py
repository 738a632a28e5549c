"""The ledger: entries that are only ever added, and the sums of their postings."""

import msgspec

from gateway.store.database import Connection, Row
from gateway.store.keyset import Keyset
from schema.clock import Millis
from schema.ledger import TENANTS_KINDS, Entry, EntryKind, Posting, check_balanced
from schema.money import Micros

_COLUMNS = "id, kind, at, tenant, video, attempt, account, actor, note, once, postings"
_encode = msgspec.json.Encoder().encode
_postings = msgspec.json.Decoder(tuple[Posting, ...]).decode
_TENANTS = ", ".join(repr(kind.value) for kind in TENANTS_KINDS)

SHARDS = 8
"""Rows a balance is spread over; what is checked before it is spent has one."""

_WHOLE = ":available"


class Ledger:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._shard: int | None = None

    async def post(self, entry: Entry, *, luck: float) -> None:
        """Book an entry.

        Raises:
            Unbalanced: its postings do not sum to zero in every unit.
            UniqueViolation: what must be booked once has been.
            ConstraintViolation: a tenant's available money would fall below zero.
        """
        check_balanced(entry.postings)
        await self._connection.run(
            f"INSERT INTO entries ({_COLUMNS}) VALUES ({', '.join('?' * 11)})",
            entry.id,
            entry.kind,
            entry.at,
            entry.tenant,
            entry.video,
            entry.attempt,
            entry.account,
            entry.actor,
            entry.note,
            entry.once,
            _encode(entry.postings).decode(),
        )
        if self._shard is None:  # one a transaction: two would be taken in any order, and wait for each other
            self._shard = int(luck * SHARDS)
        await self._add_up(entry.postings, self._shard)

    async def _add_up(self, postings: tuple[Posting, ...], shard: int) -> None:
        sums: dict[tuple[str, str, int], int] = {}
        for posting in postings:
            row = (posting.account, posting.unit, 0 if posting.account.endswith(_WHOLE) else shard)
            sums[row] = sums.get(row, 0) + posting.amount
        rows = sorted(sums)  # always in one order, so that two transactions do not wait for each other
        for row in [row for row in rows if row[0].endswith(_WHOLE) and sums[row] < 0]:
            if await self._draw(row[0], row[1], sums[row]):
                rows.remove(row)
        await self._connection.run(
            f"INSERT INTO balances (account, unit, shard, amount) VALUES {', '.join(['(?, ?, ?, ?)'] * len(rows))} "
            "ON CONFLICT (account, unit, shard) DO UPDATE SET amount = balances.amount + excluded.amount",
            *[value for row in rows for value in (*row, sums[row])],
        )

    async def _draw(self, account: str, unit: str, amount: int) -> bool:
        """Less of what there is. A CHECK looks at the row an upsert proposes, which could only be below zero."""
        changed = await self._connection.run(
            "UPDATE balances SET amount = amount + CAST(? AS BIGINT) WHERE account = ? AND unit = ? AND shard = 0",
            amount,
            account,
            unit,
        )
        return changed == 1

    async def available(self, account: str) -> Micros:
        """What is left on an account that is checked before it is spent, held until this transaction ends."""
        row = await self._connection.one(
            "SELECT amount FROM balances WHERE account = ? AND unit = 'micros' AND shard = 0 /*for update*/", account
        )
        return 0 if row is None else int(row[0])

    async def balances(self, accounts: list[str] | None = None) -> dict[tuple[str, str], int]:
        """(account, unit) → its sum; of all accounts, or of some."""
        where = "" if accounts is None else f" WHERE account IN ({', '.join('?' * len(accounts))})"
        rows = await self._connection.all(
            f"SELECT account, unit, CAST(sum(amount) AS BIGINT) FROM balances{where} GROUP BY account, unit",
            *(accounts or ()),
        )
        return {(str(account), str(unit)): int(amount) for account, unit, amount in rows}

    async def of_video(self, tenant: str, video: str) -> list[Entry]:
        """The entries a tenant sees about one of its videos, in order."""
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM entries WHERE tenant = ? AND video = ? AND kind IN ({_TENANTS}) ORDER BY id",
            tenant,
            video,
        )
        return [_entry(row) for row in rows]

    async def of_videos(self, videos: list[str]) -> list[Entry]:
        """All entries about several videos, in order, for the engine."""
        if not videos:
            return []
        marks = ", ".join("?" * len(videos))
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM entries WHERE video IN ({marks}) ORDER BY id", *videos
        )
        return [_entry(row) for row in rows]

    async def of_tenant(
        self, tenant: str, *, after: str | None, before: str | None, limit: int, newest_first: bool
    ) -> list[Entry]:
        """Up to ``limit`` entries a tenant sees, beyond a cursor (an id) in the order asked."""
        keyset = Keyset(after=after, before=before, limit=limit, newest_first=newest_first)
        beyond, cursor = keyset.beyond
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM entries WHERE tenant = ? AND kind IN ({_TENANTS}){beyond}{keyset.order}",
            tenant,
            *cursor,
            limit,
        )
        entries = [_entry(row) for row in rows]
        return entries if before is None else entries[::-1]

    async def of_account(self, account: str, since: Millis, until: Millis) -> list[Entry]:
        """Costs and suspense of a provider account in a span of time, in order."""
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM entries WHERE account = ? AND at >= ? AND at < ? ORDER BY id",
            account,
            since,
            until,
        )
        return [_entry(row) for row in rows]

    async def page(self, after: str, limit: int) -> list[Entry]:
        """Everybody's entries in the order they were made, after an id."""
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM entries WHERE id > ? ORDER BY id LIMIT ?", after, limit
        )
        return [_entry(row) for row in rows]

    async def once(self, what: str) -> Entry | None:
        """The entry that was booked for what must be booked once."""
        row = await self._connection.one(f"SELECT {_COLUMNS} FROM entries WHERE once = ?", what)
        return None if row is None else _entry(row)


def _entry(row: Row) -> Entry:
    (id, kind, at, tenant, video, attempt, account, actor, note, once, postings) = row
    return Entry(
        id=id,
        kind=EntryKind(kind),
        at=at,
        tenant=tenant,
        video=video,
        attempt=attempt,
        account=account,
        actor=actor,
        note=note,
        once=once,
        postings=_postings(postings),
    )
