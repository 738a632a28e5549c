"""Wakes whoever watches a video, or a tenant's log, when an event was committed. The events table is the truth."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class Topic:
    """What some watch together: the news of it are counted, and who asks the same since the last asks once.

    Attributes:
        tenant: whose it is; None for what is the engine's own.
        news: how often there may have been something new.
        watchers: how many there are.
    """

    __slots__ = ("_asked", "_changed", "news", "tenant", "watchers")

    def __init__(self, tenant: str | None) -> None:
        self.tenant = tenant
        self.news = 0
        self.watchers = 0
        self._changed = asyncio.Event()
        self._asked: tuple[Hashable, asyncio.Future[Any]] | None = None

    def tell(self) -> None:
        """There may be something new."""
        self.news += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def beyond(self, news: int) -> None:
        """Returns once there is news that a watcher who has seen so many has not."""
        while self.news <= news:
            await self._changed.wait()

    async def ask(self, question: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """What a read gives. All who ask the same while there is no news get the answer to one read, begun since."""
        key = (self.news, question)
        if self._asked is None or self._asked[0] != key or _failed(self._asked[1]):
            self._asked = (key, asyncio.ensure_future(read()))
        answer: T = await asyncio.shield(self._asked[1])
        return answer


class Hub:
    """Topics: a video's id, a tenant's log or the deliveries (gateway/store/events.py); those that somebody watches.

    It hears this process's commits at once, and other replicas' by the database's wake-ups.
    """

    def __init__(self) -> None:
        self._topics: dict[str, Topic] = {}

    def told(self, topics: frozenset[str]) -> None:
        """Events of these topics were committed."""
        for name in topics:
            topic = self._topics.get(name)
            if topic is not None:
                topic.tell()

    def missed(self, tenant: str | None = None) -> None:
        """Anything may have happened, to a tenant or to all: everybody looks."""
        for topic in self._topics.values():
            if tenant is None or topic.tenant == tenant:
                topic.tell()

    def tenants(self) -> set[str]:
        """Whose things are watched."""
        return {topic.tenant for topic in self._topics.values() if topic.tenant is not None}

    def watchers(self) -> int:
        """How many watch anything of a tenant's."""
        return sum(topic.watchers for topic in self._topics.values() if topic.tenant is not None)

    @contextmanager
    def watching(self, name: str, tenant: str | None = None) -> Iterator[Topic]:
        """Watch a topic until the end of the block."""
        topic = self._topics.setdefault(name, Topic(tenant))
        topic.watchers += 1
        try:
            yield topic
        finally:
            topic.watchers -= 1
            if not topic.watchers:
                del self._topics[name]


def _failed(asked: asyncio.Future[Any]) -> bool:
    return asked.done() and (asked.cancelled() or asked.exception() is not None)
