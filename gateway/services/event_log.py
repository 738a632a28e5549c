"""A tenant's whole log of events: watched from any point on, and read in pages."""

import asyncio
from collections.abc import AsyncGenerator
from functools import partial

import msgspec

from gateway.hub import Hub
from gateway.services.pages import check_page, cut
from gateway.services.resuming import unknown_event
from gateway.store.events import log_of
from gateway.store.store import Store, Transaction
from schema.errors import EventsGone
from schema.event import Event, EventType
from schema.ids import names_event

START = "start"
"""Instead of an event's id: before the oldest one that is kept."""


class LogWish(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a log: beyond an event, at most ``limit``, of some types or, when none is named, of all."""

    after: str | None = None
    before: str | None = None
    limit: int = 20
    newest_first: bool = True
    types: frozenset[EventType] = frozenset()


class LogPage(msgspec.Struct, frozen=True):
    """Some events in the order of the wish; ``more`` in the direction of travel."""

    events: list[Event]
    more: bool


class EventLog:
    def __init__(self, *, store: Store, hub: Hub, draining: asyncio.Event) -> None:
        self._store = store
        self._hub = hub
        self._draining = draining

    async def position(self, tenant: str, after: str | None = None, *, field: str = "after") -> int:
        """Where a stream begins: now, behind an event by its id, or before the oldest (``START``).

        Args:
            field: what the caller calls it.

        Raises:
            MalformedRequest: that is the id of no event.
            EventsGone: not all that came after it is kept.
        """
        return await self._store.read(
            partial(_position, tenant=tenant, after=after, field=field), tenant=tenant, snapshot=True
        )

    async def follow(
        self, tenant: str, position: int, types: frozenset[EventType] = frozenset()
    ) -> AsyncGenerator[Event, None]:
        """All that is told after a position, of some types or of all. It ends when this gateway stops.

        It ends too when a reader is so slow that what comes next was removed meanwhile: who resumes is told so.
        """
        with self._hub.watching(log_of(tenant), tenant) as topic:
            while not self._draining.is_set():
                news = topic.news
                events = await topic.ask((tenant, position), partial(self._after, tenant, position))
                if events and events[0].position != position + 1:
                    return
                for event in events:
                    position = event.position
                    if not types or event.type in types:
                        yield event
                if not events:
                    await topic.beyond(news)

    async def page(self, tenant: str, wish: LogWish) -> LogPage:
        """A page of the log. Raises InvalidRequest, and as ``position`` does."""
        check_page(wish.limit, wish.after, wish.before)
        return await self._store.read(partial(_page, tenant=tenant, wish=wish), tenant=tenant, snapshot=True)

    async def _after(self, tenant: str, position: int) -> list[Event]:
        return await self._store.read(lambda tx: tx.events.log(tenant, position), tenant=tenant)


async def _position(tx: Transaction, *, tenant: str, after: str | None, field: str) -> int:
    if after is None:
        return await tx.events.last(tenant)
    removed = await tx.events.removed(tenant)
    if after == START:
        return removed.position
    event = await tx.events.get(tenant, after) if names_event(after) else None
    if event is None:
        raise unknown_event(after, removed, known=False, field=field)
    if event.position < removed.position:
        raise EventsGone
    return event.position


async def _page(tx: Transaction, *, tenant: str, wish: LogWish) -> LogPage:
    backward = wish.before is not None
    field = "before" if backward else "after"
    cursor = wish.before if backward else wish.after
    oldest_first = wish.newest_first is backward
    beyond = None if cursor is None else await _position(tx, tenant=tenant, after=cursor, field=field)
    types = tuple(sorted(wish.types))
    found = await tx.events.page(tenant, beyond, wish.limit + 1, types, oldest_first=oldest_first)
    shown, more = cut(found, wish.limit)
    return LogPage(shown[::-1] if backward else shown, more)
