"""The event log: written in the transaction of the change it tells, read by whoever watches."""

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter

import msgspec
from msgspec.structs import replace

from gateway.store.database import Connection, Row
from gateway.store.deliveries import Deliveries
from gateway.store.webhook_endpoints import WebhookEndpoints
from schema.event import Event, EventType

_encode = msgspec.json.Encoder().encode
_COLUMNS = "tenant, position, id, video, seq, type, at, data"
_ROWS_AT_ONCE = 100
DELIVERIES = "deliveries"
"""The topic of those who deliver to webhook endpoints."""


def log_of(tenant: str) -> str:
    """The topic of those who watch a tenant's whole log; a video's own is its id."""
    return f"log:{tenant}"


class Events:
    """``told`` are the topics this transaction added to: after the commit, their watchers are woken."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._added: list[Event] = []
        self.told: set[str] = set()

    def add(self, event: Event) -> None:
        """Tell an event at the end of this transaction."""
        self._added.append(event)
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
            if endpoints:
                await self._deliver(tenant, placed)

    async def _deliver(self, tenant: str, events: list[Event]) -> None:
        """Each event is delivered to those of its tenant's endpoints that hear it."""
        deliveries = Deliveries(self._connection)
        endpoints = await WebhookEndpoints(self._connection).listening(tenant)
        for event in events:
            heard = [endpoint.id for endpoint in endpoints if endpoint.hears(event.type)]
            if heard:
                await deliveries.add(event, heard)
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

    async def last(self, tenant: str) -> int:
        """The position of a tenant's newest event; 0 when nothing ever happened."""
        row = await self._connection.one("SELECT last FROM event_logs WHERE tenant = ?", tenant)
        return 0 if row is None else row[0]

    async def get(self, tenant: str, id: str) -> Event | None:
        row = await self._connection.one(f"SELECT {_COLUMNS} FROM events WHERE tenant = ? AND id = ?", tenant, id)
        return None if row is None else _event(row)


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
