"""The event log: written in the transaction of the change it tells, read by whoever watches."""

from collections.abc import Collection, Iterator
from itertools import groupby, takewhile
from operator import attrgetter

import msgspec
from msgspec.structs import replace

from gateway.policy.delivering import address_id
from gateway.store.database import Connection, Row
from gateway.store.deliveries import Deliveries, Hearer
from gateway.store.webhook_endpoints import WebhookEndpoints
from schema.clock import Millis
from schema.endpoint import Endpoint
from schema.event import TERMINAL, Event, EventType

_encode = msgspec.json.Encoder().encode
_COLUMNS = "tenant, position, id, video, seq, type, at, data"
_ROWS_AT_ONCE = 100
_ENDS = ", ".join("?" * len(TERMINAL))
DELIVERIES = "deliveries"
"""The topic of those who deliver to webhook endpoints."""


class Removed(msgspec.Struct, frozen=True):
    """Up to which position a log is no longer whole, and how young what was removed was; 0 while all is kept."""

    position: int = 0
    at: Millis = 0


def log_of(tenant: str) -> str:
    """The topic of those who watch a tenant's whole log; a video's own is its id."""
    return f"log:{tenant}"


class Events:
    """``told`` are the topics this transaction added to: after the commit, their watchers are woken."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._added: list[Event] = []
        self._urls: dict[str, str] = {}
        self.told: set[str] = set()

    def add(self, event: Event, url: str | None = None) -> None:
        """Tell an event at the end of this transaction; this address too, beside whoever hears it."""
        self._added.append(event)
        if url is not None:
            self._urls[event.id] = url
        self.told |= {log_of(event.tenant), *([] if event.video is None else [event.video])}

    async def write(self) -> None:
        """Write what was added, in the order in which it was; the last thing a transaction does.

        From here to the commit nobody else adds to the logs of these tenants. Nothing else is waited for any more, and
        the logs are taken in order of their names, so nobody waits for each other.
        """
        for tenant, added in groupby(sorted(self._added, key=attrgetter("tenant")), key=attrgetter("tenant")):
            events = list(added)
            last, endpoints = await self._take(tenant, len(events))
            first = last - len(events) + 1
            placed = [replace(event, position=first + n) for n, event in enumerate(events)]
            await self._insert(placed)
            if endpoints or self._urls:
                listening = await WebhookEndpoints(self._connection).listening(tenant) if endpoints else []
                await self._deliver(placed, listening)

    async def _deliver(self, events: list[Event], listening: list[Endpoint]) -> None:
        """Each event is delivered to those of its tenant's endpoints that hear it, and to its video's own address."""
        deliveries = Deliveries(self._connection)
        for event in events:
            hearers: list[Hearer] = [(endpoint.id, None) for endpoint in listening if endpoint.hears(event.type)]
            url = self._urls.get(event.id)
            if url is not None:
                hearers.append((address_id(event.tenant, url), url))
            if hearers:
                await deliveries.add(event, hearers)
                self.told.add(DELIVERIES)

    async def _take(self, tenant: str, count: int) -> tuple[int, int]:
        """The last of so many new positions, and how many endpoints the tenant has."""
        row = await self._connection.one(
            "INSERT INTO event_logs (tenant, last) VALUES (?, ?) "
            "ON CONFLICT (tenant) DO UPDATE SET last = event_logs.last + excluded.last RETURNING last, endpoints",
            tenant,
            count,
        )
        if row is None:
            raise AssertionError("an upsert returns its row")
        last, endpoints = row
        return last, endpoints

    async def _insert(self, events: list[Event]) -> None:
        for start in range(0, len(events), _ROWS_AT_ONCE):
            some = events[start : start + _ROWS_AT_ONCE]
            places = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?)"] * len(some))
            values = (value for event in some for value in _values(event))
            await self._connection.run(f"INSERT INTO events ({_COLUMNS}) VALUES {places}", *values)

    async def after(self, tenant: str, video: str, seq: int, limit: int = 100) -> list[Event]:
        """A video's events after one of its versions, in order."""
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM events WHERE video = ? AND tenant = ? AND seq > ? ORDER BY seq LIMIT ?",
            video,
            tenant,
            seq,
            limit,
        )
        return [_event(row) for row in rows]

    async def log(self, tenant: str, position: int, limit: int = 100) -> list[Event]:
        """A tenant's events after a position, in order."""
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM events WHERE tenant = ? AND position > ? ORDER BY position LIMIT ?",
            tenant,
            position,
            limit,
        )
        return [_event(row) for row in rows]

    async def page(
        self, tenant: str, beyond: int | None, limit: int, types: Collection[EventType] = (), *, oldest_first: bool
    ) -> list[Event]:
        """Up to ``limit`` of a tenant's events on one side of a position, of these types if any are named."""
        side, order = (">", "ASC") if oldest_first else ("<", "DESC")
        where, values = "tenant = ?", [tenant]
        if types:
            where, values = f"{where} AND type IN ({', '.join('?' * len(types))})", [tenant, *types]
        bound, args = ("", ()) if beyond is None else (f" AND position {side} ?", (beyond,))
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM events WHERE {where}{bound} ORDER BY position {order} LIMIT ?",
            *values,
            *args,
            limit,
        )
        return [_event(row) for row in rows]

    async def newest(self, tenant: str, video: str) -> Event | None:
        """The latest that is kept of a video."""
        return await self._of_video(tenant, video, "DESC")

    async def oldest(self, tenant: str, video: str) -> Event | None:
        """The first that is kept of a video."""
        return await self._of_video(tenant, video, "ASC")

    async def _of_video(self, tenant: str, video: str, order: str) -> Event | None:
        row = await self._connection.one(
            f"SELECT {_COLUMNS} FROM events WHERE video = ? AND tenant = ? ORDER BY seq {order} LIMIT 1", video, tenant
        )
        return None if row is None else _event(row)

    async def ends_after(self, tenant: str, video: str, seq: int) -> bool:
        """Whether the end of a video is told after one of its versions."""
        row = await self._connection.one(
            f"SELECT 1 FROM events WHERE video = ? AND tenant = ? AND seq > ? AND type IN ({_ENDS}) LIMIT 1",
            video,
            tenant,
            seq,
            *TERMINAL,
        )
        return row is not None

    async def lasts(self, tenants: Collection[str]) -> dict[str, int]:
        """Tenant → the position of its newest event; those to whom nothing ever happened are left out."""
        names = sorted(tenants)
        found: dict[str, int] = {}
        for start in range(0, len(names), _ROWS_AT_ONCE):
            some = names[start : start + _ROWS_AT_ONCE]
            places = ", ".join("?" * len(some))
            rows = await self._connection.all(f"SELECT tenant, last FROM event_logs WHERE tenant IN ({places})", *some)
            found.update((row[0], row[1]) for row in rows)
        return found

    async def touched(self, tenant: str, position: int) -> frozenset[str]:
        """The topics of what was added to a tenant's log after a position."""
        rows = await self._connection.all(
            "SELECT DISTINCT video FROM events WHERE tenant = ? AND position > ?", tenant, position
        )
        return frozenset({log_of(tenant), *(row[0] for row in rows if row[0] is not None)})

    async def last(self, tenant: str) -> int:
        """The position of a tenant's newest event; 0 when nothing ever happened."""
        row = await self._connection.one("SELECT last FROM event_logs WHERE tenant = ?", tenant)
        return 0 if row is None else row[0]

    async def get(self, tenant: str, id: str) -> Event | None:
        row = await self._connection.one(f"SELECT {_COLUMNS} FROM events WHERE tenant = ? AND id = ?", tenant, id)
        return None if row is None else _event(row)

    # what is not kept

    async def removed(self, tenant: str) -> Removed:
        """Up to where a tenant's log is no longer whole."""
        row = await self._connection.one("SELECT removed, removed_at FROM event_logs WHERE tenant = ?", tenant)
        return Removed() if row is None else Removed(*row)

    async def aged(self, before: Millis, limit: int) -> list[str]:
        """Up to so many tenants whose log begins with an event of before a moment."""
        rows = await self._connection.all(
            "SELECT event_logs.tenant FROM event_logs JOIN events ON events.tenant = event_logs.tenant "
            "AND events.position = event_logs.removed + 1 WHERE events.at < ? LIMIT ?",
            before,
            limit,
        )
        return [str(row[0]) for row in rows]

    async def remove(self, tenant: str, before: Millis, limit: int) -> int:
        """Remove what a tenant's log begins with, up to the first event that is not of before a moment.

        At most ``limit`` events at once. Those of videos that have not ended stay, and go when they have.

        Returns:
            How many were looked at; as long as it is ``limit``, there may be more.
        """
        gone = await self.removed(tenant)
        rows = await self._connection.all(
            "SELECT position, at FROM events WHERE tenant = ? AND position > ? ORDER BY position LIMIT ?",
            tenant,
            gone.position,
            limit,
        )
        old = list(takewhile(lambda row: row[1] < before, rows))
        if not old:
            return 0
        end, at = old[-1][0], max(gone.at, *(row[1] for row in old))
        await self._connection.run(
            "DELETE FROM events WHERE tenant = ? AND position <= ? AND NOT EXISTS "
            "(SELECT 1 FROM videos WHERE videos.id = events.video AND videos.completed_at IS NULL)",
            tenant,
            end,
        )
        await self._connection.run(
            "UPDATE event_logs SET removed = ?, removed_at = ? WHERE tenant = ? AND removed < ?", end, at, tenant, end
        )
        return len(old)


def _values(event: Event) -> Iterator[str | int | None]:
    yield event.tenant
    yield event.position
    yield event.id
    yield event.video
    yield event.seq if event.video is not None else None
    yield event.type
    yield event.at
    yield _encode(event.data).decode()


def _event(row: Row) -> Event:
    tenant, position, id, video, seq, type, at, data = row
    return Event(
        id=id,
        tenant=tenant,
        type=EventType(type),
        at=at,
        video=video,
        seq=seq or 0,
        data=msgspec.json.decode(data),
        position=position,
    )
