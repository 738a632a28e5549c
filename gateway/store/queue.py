"""Videos that wait for room at an account: lines of them, one for each tenant and each set of accounts that may do."""

import msgspec

from gateway.store.database import Connection
from gateway.store.tasks import StaleLease, Task
from schema.clock import Millis

_BETWEEN_ACCOUNTS = ","
_BEFORE_TENANT = " "
"""Neither stands in a name."""


class Line(msgspec.Struct, frozen=True):
    """Those of one tenant whom the same accounts may take."""

    accounts: tuple[str, ...]
    tenant: str

    @property
    def key(self) -> str:
        return _BETWEEN_ACCOUNTS.join(sorted(self.accounts)) + _BEFORE_TENANT + self.tenant


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a task waits: its line, and its priority there; ``passes_until`` lets others go first until then."""

    line: Line
    priority: int
    passes_until: Millis = 0


class Queue:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def park(self, task: Task, place: Place, due: Millis) -> None:
        """Let a task wait in a line until it is called, and look at it at ``due`` at the latest. Raises StaleLease."""
        changed = await self._connection.run(
            "UPDATE tasks SET due = ?, leased_until = NULL, worker = NULL, errors = 0, line = ?, priority = ?, "
            "passes_until = ? WHERE kind = ? AND subject = ? AND epoch = ?",
            due,
            place.line.key,
            place.priority,
            place.passes_until,
            task.kind,
            task.subject,
            task.epoch,
        )
        if changed != 1:
            raise StaleLease

    async def lines(self) -> list[Line]:
        """Every line in which somebody waits: one look into the index for each, however long it is."""
        rows = await self._connection.all(
            "WITH RECURSIVE lines (line) AS ("
            "SELECT (SELECT line FROM tasks WHERE line IS NOT NULL ORDER BY line LIMIT 1) UNION ALL "
            "SELECT (SELECT tasks.line FROM tasks WHERE tasks.line > lines.line ORDER BY tasks.line LIMIT 1) "
            "FROM lines WHERE lines.line IS NOT NULL) SELECT line FROM lines WHERE line IS NOT NULL"
        )
        return [_line(str(row[0])) for row in rows]

    async def heads(self, line: Line, limit: int, now: Millis) -> list[tuple[int, str]]:
        """The first of a line, in order: how far down their priority is, and their videos."""
        rows = await self._connection.all(
            "SELECT priority, subject FROM tasks WHERE line = ? AND passes_until <= ? "
            "ORDER BY priority DESC, subject LIMIT ?",
            line.key,
            now,
            limit,
        )
        return [(-int(priority), str(subject)) for priority, subject in rows]

    async def call(self, videos: list[str], now: Millis) -> int:
        """Make those due who wait and are not being looked at; how many there were."""
        if not videos:
            return 0
        return await self._connection.run(
            "UPDATE tasks SET due = ? WHERE line IS NOT NULL AND leased_until IS NULL AND due > ? AND kind = 'submit' "
            f"AND subject IN ({', '.join('?' * len(videos))})",
            now,
            now,
            *videos,
        )

    async def counts(self) -> dict[Line, int]:
        """How many wait in each line; reads them all, so not at every turn."""
        rows = await self._connection.all("SELECT line, count(*) FROM tasks WHERE line IS NOT NULL GROUP BY line")
        return {_line(str(line)): int(count) for line, count in rows}

    async def place(self, tenant: str, video: str) -> tuple[Line, int] | None:
        """The line in which one of a tenant's videos waits, and its priority there; None when it does not wait."""
        row = await self._connection.one(
            "SELECT line, priority FROM tasks WHERE kind = 'submit' AND subject = ? AND line IS NOT NULL "
            "AND subject = (SELECT id FROM videos WHERE tenant = ? AND id = ?)",
            video,
            tenant,
            video,
        )
        return None if row is None else (_line(str(row[0])), int(row[1]))

    async def before(self, line: Line, priority: int, video: str) -> int:
        """How many of a line go before a video."""
        row = await self._connection.one(
            "SELECT (SELECT count(*) FROM tasks WHERE line = ? AND priority > ?) + "
            "(SELECT count(*) FROM tasks WHERE line = ? AND priority = ? AND subject < ?)",
            line.key,
            priority,
            line.key,
            priority,
            video,
        )
        return 0 if row is None else int(row[0])

    # shares

    async def shares(self, account: str) -> dict[str, int]:
        """Tenant → how much of an account it has had; the account's own number stands under ``""``."""
        rows = await self._connection.all("SELECT tenant, passed FROM shares WHERE account = ?", account)
        return {str(tenant): int(passed) for tenant, passed in rows}

    async def passed(self, account: str, tenant: str) -> tuple[int, int]:
        """A tenant's number at an account, and the account's own; exact when the account's row is locked."""
        rows = await self._connection.all(
            "SELECT tenant, passed FROM shares WHERE account = ? AND tenant IN ('', ?)", account, tenant
        )
        known = {str(name): int(passed) for name, passed in rows}
        return known.get(tenant, 0), known.get("", 0)

    async def serve(self, account: str, tenant: str, *, passed: int, virtual: int) -> None:
        """Write both numbers after the tenant's video was begun there."""
        await self._connection.run(
            "INSERT INTO shares (account, tenant, passed) VALUES (?, ?, ?), (?, '', ?) "
            "ON CONFLICT (account, tenant) DO UPDATE SET passed = excluded.passed",
            account,
            tenant,
            passed,
            account,
            virtual,
        )


def _line(key: str) -> Line:
    accounts, _, tenant = key.partition(_BEFORE_TENANT)
    return Line(tuple(accounts.split(_BETWEEN_ACCOUNTS)), tenant)
