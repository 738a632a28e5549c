"""A video's events as a stream: the current state first, then every change in order, until it ends."""

import asyncio
from collections.abc import AsyncGenerator
from functools import partial

from gateway.hub import Hub
from gateway.store.store import Store, Transaction
from schema.errors import NotFound
from schema.event import TERMINAL, Event, EventType
from schema.ids import EVENT
from schema.lifecycle import VideoStatus
from schema.video import Video

LOOK_AGAIN = 2.0
"""Seconds after which a watcher reads the table even if no wake-up came: a lost one only delays."""

_STATE_AS = {
    VideoStatus.QUEUED: EventType.QUEUED,
    VideoStatus.IN_PROGRESS: EventType.STARTED,
    VideoStatus.COMPLETED: EventType.COMPLETED,
    VideoStatus.FAILED: EventType.FAILED,
    VideoStatus.CANCELED: EventType.CANCELED,
}


class Events:
    def __init__(self, *, store: Store, hub: Hub, draining: asyncio.Event) -> None:
        self._store = store
        self._hub = hub
        self._draining = draining

    async def watch(
        self, tenant: str, video: str, after: int | None = None
    ) -> AsyncGenerator[tuple[Event, Video], None]:
        """Events of a video, each with the video as it is when told; ends after the terminal one.

        Args:
            after: resume after this ``seq``; None begins with an event that says the current state.

        Raises:
            NotFound: the tenant has no such video.
        """
        async with self._hub.watching(video) as news:
            current = await self._video(tenant, video)
            if after is None:
                after = current.version
                yield _state(current), current
                if current.ended:
                    return
            while not self._draining.is_set():
                news.clear()
                events = await self._store.read(partial(_after, tenant=tenant, video=video, seq=after), tenant=tenant)
                if events:
                    current = await self._video(tenant, video)
                for event in events:
                    after = event.seq
                    yield event, current
                    if event.type in TERMINAL:
                        return
                if not events:
                    await self._pause(news)

    async def wait(self, tenant: str, video: str, seconds: float) -> Video:
        """The video once it has ended, or as it is after ``seconds`` (``Prefer: wait``)."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        async with self._hub.watching(video) as news:
            while True:
                news.clear()
                current = await self._video(tenant, video)
                left = until - loop.time()
                if current.ended or left <= 0 or self._draining.is_set():
                    return current
                await self._pause(news, min(left, LOOK_AGAIN))

    async def _video(self, tenant: str, id: str) -> Video:
        video = await self._store.read(lambda tx: tx.videos.get(tenant, id), tenant=tenant)
        if video is None:
            raise NotFound
        return video

    async def _pause(self, news: asyncio.Event, seconds: float = LOOK_AGAIN) -> None:
        """Until there may be news, the gateway stops, or a while has passed."""
        waits = [asyncio.ensure_future(news.wait()), asyncio.ensure_future(self._draining.wait())]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


async def _after(tx: Transaction, *, tenant: str, video: str, seq: int) -> list[Event]:
    return await tx.events.after(tenant, video, seq)


def _state(video: Video) -> Event:
    """The event a late watcher sees first: how the video is, numbered by its version."""
    return Event(
        id=f"{EVENT}{video.id}.{video.version}",
        video=video.id,
        tenant=video.tenant,
        seq=video.version,
        type=_STATE_AS[video.status],
        at=video.completed_at or video.started_at or video.created_at,
        data={"status": video.status, "substate": video.substate, "progress": video.progress},
    )
