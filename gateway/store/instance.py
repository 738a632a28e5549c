"""The one row that says which life of the database this is, and what an operator asks before he confirms it."""

import msgspec

from gateway.store.database import Connection, StoreError
from schema.clock import Millis
from schema.instance import Instance

_COLUMNS = "epoch, quarantined_at, restored_from, released_at, released_by"
_UNSENT = (
    "FROM videos WHERE status IN ('queued', 'in_progress') AND NOT EXISTS (SELECT 1 FROM attempts "
    "WHERE attempts.video = videos.id AND attempts.ref IS NOT NULL AND attempts.state <> 'failed')"
)


class Census(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is.

    Attributes:
        videos: by status.
        tasks: by kind.
        unsent: videos that have not ended and that no upstream is known to have.
    """

    videos: dict[str, int]
    tasks: dict[str, int]
    unsent: int


class Instances:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def get(self) -> Instance:
        return await self._get("")

    async def lock(self) -> Instance:
        """The same, held until this transaction ends; taken before any video's lock."""
        return await self._get(" /*for update*/")

    async def _get(self, suffix: str) -> Instance:
        row = await self._connection.one(f"SELECT {_COLUMNS} FROM instance WHERE id = 1{suffix}")
        if row is None:
            raise StoreError("the table instance has lost its row: nobody can tell whether this database was restored")
        epoch, quarantined_at, restored_from, released_at, released_by = row
        return Instance(
            epoch=epoch,
            quarantined_at=quarantined_at,
            restored_from=restored_from,
            released_at=released_at,
            released_by=released_by,
        )

    async def quarantine(self, now: Millis, source: str | None = None, *, behind: int = 0) -> None:
        """Begin the next life, in quarantine.

        Args:
            source: the backup it came from.
            behind: another life's epoch that the next one comes after too.
        """
        await self._connection.run(
            "UPDATE instance SET epoch = CASE WHEN epoch < CAST(? AS BIGINT) THEN CAST(? AS BIGINT) ELSE epoch END "
            "+ 1, quarantined_at = ?, restored_from = ?, released_at = NULL, released_by = NULL WHERE id = 1",
            behind,
            behind,
            now,
            source,
        )

    async def release(self, now: Millis, actor: str) -> bool:
        """End the quarantine; False when there was none."""
        changed = await self._connection.run(
            "UPDATE instance SET quarantined_at = NULL, released_at = ?, released_by = ? "
            "WHERE id = 1 AND quarantined_at IS NOT NULL",
            now,
            actor,
        )
        return changed == 1

    async def unsent(self, limit: int) -> list[str]:
        """The first videos that have not ended and that no upstream is known to have: these would be sent, or were."""
        rows = await self._connection.all(f"SELECT id {_UNSENT} ORDER BY id LIMIT ?", limit)
        return [str(row[0]) for row in rows]

    async def count_unsent(self) -> int:
        row = await self._connection.one(f"SELECT count(*) {_UNSENT}")
        return 0 if row is None else int(row[0])

    async def census(self) -> Census:
        """Counted by reading every video: for a person who asks, not for a server."""
        videos = await self._connection.all("SELECT status, count(*) FROM videos GROUP BY status ORDER BY status")
        tasks = await self._connection.all("SELECT kind, count(*) FROM tasks GROUP BY kind ORDER BY kind")
        return Census(
            videos={str(status): int(count) for status, count in videos},
            tasks={str(kind): int(count) for kind, count in tasks},
            unsent=await self.count_unsent(),
        )
