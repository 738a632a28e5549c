"""The audit trail as it is read: operators read all of it, a tenant what was done to what is its own."""

from collections.abc import AsyncIterator

import msgspec
from msgspec.structs import replace

from gateway.services.configuration import BY_FILE
from gateway.services.pages import check_page, cut
from gateway.store.store import Store
from schema.trail import TrailEntry, TrailWish

_AT_ONCE = 500
OPERATOR = "operator"
"""Who did it, as a tenant is told of whoever is none of its own keys."""


class TrailPage(msgspec.Struct, frozen=True):
    """Some entries, newest first; ``more`` in the direction of travel."""

    entries: list[TrailEntry]
    more: bool


class Trails:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(
        self, wish: TrailWish, *, after: str | None = None, before: str | None = None, limit: int = 20
    ) -> TrailPage:
        """Entries beyond a cursor. Raises InvalidRequest when the limit is out of range, or both cursors are given."""
        check_page(limit, after, before)
        backward = before is not None
        found = await self._store.read(
            lambda tx: tx.trail.page(before if backward else after, limit + 1, wish, oldest_first=backward)
        )
        shown, more = cut(found, limit)
        return TrailPage(shown[::-1] if backward else shown, more)

    async def all(self, wish: TrailWish) -> AsyncIterator[TrailEntry]:
        """Every entry, oldest first; in pieces, so that it may be long."""
        after: str | None = None
        while True:
            found = await self._some(wish, after)
            for entry in found:
                yield entry
            if len(found) < _AT_ONCE:
                return
            after = found[-1].id

    async def _some(self, wish: TrailWish, after: str | None) -> list[TrailEntry]:
        return await self._store.read(lambda tx: tx.trail.page(after, _AT_ONCE, wish, oldest_first=True))


def as_told(entry: TrailEntry, tenant: str) -> TrailEntry:
    """An entry as a tenant is told it: its own keys by their ends, all others as the operator."""
    own = entry.actor == BY_FILE or entry.actor.startswith(f"{tenant} …")
    return entry if own else replace(entry, actor=OPERATOR)
