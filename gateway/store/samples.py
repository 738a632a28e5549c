"""How the latest attempts ended: the newest hundred of each account and kind of video."""

from gateway.policy.observing import KEPT, Sample
from gateway.store.database import Connection
from schema.clock import Millis


class Samples:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def keep(self, attempt: str, sample: Sample, at: Millis) -> None:
        """How an attempt ended, in place of what was thought before; the oldest of its kind go."""
        await self._connection.run(
            "INSERT INTO samples (attempt, account, kind, at, queue_ms, make_ms, made) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (attempt) DO UPDATE SET at = excluded.at, make_ms = excluded.make_ms, made = excluded.made",
            attempt,
            sample.account,
            sample.kind,
            at,
            sample.queue_ms,
            sample.make_ms,
            int(sample.made),
        )
        await self._connection.run(
            "DELETE FROM samples WHERE account = ? AND kind = ? AND at < (SELECT at FROM samples "
            "WHERE account = ? AND kind = ? ORDER BY at DESC LIMIT 1 OFFSET ?)",
            sample.account,
            sample.kind,
            sample.account,
            sample.kind,
            KEPT - 1,
        )

    async def drop(self, attempt: str) -> None:
        """What was thought of an attempt turned out to say nothing."""
        await self._connection.run("DELETE FROM samples WHERE attempt = ?", attempt)

    async def all(self) -> list[Sample]:
        """Every sample that is kept, the newest first."""
        rows = await self._connection.all(
            "SELECT account, kind, queue_ms, make_ms, made FROM samples ORDER BY at DESC, attempt"
        )
        return [
            Sample(account=account, kind=kind, queue_ms=int(queue_ms), make_ms=make_ms, made=bool(made))
            for account, kind, queue_ms, make_ms, made in rows
        ]
