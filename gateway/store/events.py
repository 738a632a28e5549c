"""The event log: written in the transaction of the change it tells, read by whoever watches."""

import msgspec

from gateway.store.database import Connection
from schema.event import Event, EventType

_encode = msgspec.json.Encoder().encode


class Events:
    """``told`` names the videos whose events this transaction added: after the commit, their watchers are woken."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.told: set[str] = set()

    async def add(self, event: Event) -> None:
        await self._connection.run(
            "INSERT INTO events (video, seq, id, tenant, type, at, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
            event.video,
            event.seq,
            event.id,
            event.tenant,
            event.type,
            event.at,
            _encode(event.data).decode(),
        )
        self.told.add(event.video)

    async def after(self, tenant: str, video: str, seq: int, limit: int = 100) -> list[Event]:
        """A video's events after a position, in order."""
        rows = await self._connection.all(
            "SELECT id, seq, type, at, data FROM events WHERE video = ? AND tenant = ? AND seq > ? "
            "ORDER BY seq LIMIT ?",
            video,
            tenant,
            seq,
            limit,
        )
        return [
            Event(id=id, video=video, tenant=tenant, seq=n, type=EventType(type), at=at, data=msgspec.json.decode(data))
            for id, n, type, at, data in rows
        ]
