"""Wakes whoever watches a video when an event about it was committed. Only a wake-up: the events table is the truth."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Hub:
    """Watchers by video id. Hears this process's commits at once, and other replicas' by the database's wake-ups."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[asyncio.Event]] = {}

    def told(self, videos: frozenset[str]) -> None:
        """Events about these videos were committed."""
        for video in videos:
            for watcher in self._watchers.get(video, ()):
                watcher.set()

    def missed(self) -> None:
        """Anything may have happened: everybody looks."""
        self.told(frozenset(self._watchers))

    @asynccontextmanager
    async def watching(self, video: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever there may be news of a video; the watcher clears it."""
        watcher = asyncio.Event()
        self._watchers.setdefault(video, set()).add(watcher)
        try:
            yield watcher
        finally:
            watchers = self._watchers[video]
            watchers.discard(watcher)
            if not watchers:
                del self._watchers[video]
