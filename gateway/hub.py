"""Wakes whoever watches a video, or a tenant's log, when an event was committed. The events table is the truth."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Hub:
    """Watchers by topic: a video's id, or a tenant's log (gateway/store/events.py).

    It hears this process's commits at once, and other replicas' by the database's wake-ups.
    """

    def __init__(self) -> None:
        self._watchers: dict[str, set[asyncio.Event]] = {}

    def told(self, topics: frozenset[str]) -> None:
        """Events of these topics were committed."""
        for topic in topics:
            for watcher in self._watchers.get(topic, ()):
                watcher.set()

    def missed(self) -> None:
        """Anything may have happened: everybody looks."""
        self.told(frozenset(self._watchers))

    @asynccontextmanager
    async def watching(self, topic: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever there may be news of a topic; the watcher clears it."""
        watcher = asyncio.Event()
        self._watchers.setdefault(topic, set()).add(watcher)
        try:
            yield watcher
        finally:
            watchers = self._watchers[topic]
            watchers.discard(watcher)
            if not watchers:
                del self._watchers[topic]
