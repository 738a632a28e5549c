"""What accounts have told us about money: what videos of a kind cost, and what balance was left."""

from gateway.store.database import Connection
from schema.clock import Millis
from schema.money import Credits


class Estimates:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def of(self, account: str, kind: str) -> Credits | None:
        """The mean of the reported costs of this kind of video, rounded down; None when none was reported."""
        row = await self._connection.one(
            "SELECT credits / seen FROM estimates WHERE account = ? AND kind = ?", account, kind
        )
        return None if row is None else int(row[0])

    async def all(self) -> dict[str, dict[str, Credits]]:
        """Account → kind of video → the mean of the reported costs, rounded down."""
        rows = await self._connection.all("SELECT account, kind, credits / seen FROM estimates")
        means: dict[str, dict[str, Credits]] = {}
        for account, kind, mean in rows:
            means.setdefault(str(account), {})[str(kind)] = int(mean)
        return means

    async def learn(self, account: str, kind: str, credits: Credits) -> None:
        """One more was reported."""
        await self._connection.run(
            "INSERT INTO estimates (account, kind, seen, credits) VALUES (?, ?, 1, ?) "
            "ON CONFLICT (account, kind) DO UPDATE SET seen = estimates.seen + 1, "
            "credits = estimates.credits + excluded.credits",
            account,
            kind,
            credits,
        )

    async def saw(self, account: str, credits: Credits, at: Millis) -> None:
        """The account told us its balance."""
        await self._connection.run(
            "INSERT INTO sightings (account, at, credits) VALUES (?, ?, ?) "
            "ON CONFLICT (account, at) DO UPDATE SET credits = excluded.credits",
            account,
            at,
            credits,
        )

    async def sightings(self, account: str, since: Millis, until: Millis) -> list[tuple[Millis, Credits]]:
        """The balances told in a span of time, and the last one before it, in order."""
        rows = await self._connection.all(
            "SELECT at, credits FROM sightings WHERE account = ? AND at < ? AND at >= coalesce("
            "(SELECT max(at) FROM sightings WHERE account = ? AND at < ?), 0) ORDER BY at",
            account,
            until,
            account,
            since,
        )
        return [(int(at), int(credits)) for at, credits in rows]
