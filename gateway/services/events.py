"""A video's events as a stream: the current state first, then every change in order, until it ends."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from functools import partial
from typing import Any

import msgspec
import structlog

from gateway.hub import Hub
from gateway.policy.telling import state, state_seq, whole
from gateway.services.resuming import unknown_event
from gateway.store.database import StoreError
from gateway.store.store import Store, Transaction
from schema.errors import EventsGone, InvalidRequest, NotFound, Overloaded
from schema.event import TERMINAL, Event
from schema.ids import names_event
from schema.video import Video

log = structlog.get_logger()

LOOK_AGAIN = 2.0
"""Seconds after which it is looked whether a wake-up was lost: that only delays."""

Told = tuple[Event, Video]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a stream of a video begins.

    Attributes:
        after: the version behind which it begins.
        first: what it says before, if it does: how the video is.
        over: nothing more comes: its end was told.
    """

    video: Video
    after: int
    first: Event | None = None
    over: bool = False


class Events:
    def __init__(self, *, store: Store, hub: Hub, draining: asyncio.Event) -> None:
        self._store = store
        self._hub = hub
        self._draining = draining
        self._heard: dict[str, int] = {}

    async def watch(self, tenant: str, video: str, after: int | None = None) -> AsyncGenerator[Told, None]:
        """Events of a video, each with the video as it is when told; ends after the terminal one.

        Args:
            after: resume after this ``seq``; None begins with an event that says the current state.

        Raises:
            NotFound: the tenant has no such video.
            InvalidRequest: the video has not come so far.
            EventsGone: not all that came after it is kept.
        """
        place = await self.place(tenant, video, after)
        async for told in self.follow(tenant, place):
            yield told

    async def place(self, tenant: str, video: str, after: int | str | None = None, *, field: str = "afterSeq") -> Place:
        """Where a stream begins: now, behind a version, or behind an event of the video by its id.

        Args:
            field: what the caller calls it.

        Raises:
            as ``watch`` does; MalformedRequest: that is the id of no event of the video.
        """
        return await self._store.read(
            partial(_place, tenant=tenant, id=video, after=after, field=field), tenant=tenant, snapshot=True
        )

    async def follow(self, tenant: str, place: Place) -> AsyncGenerator[Told, None]:
        """What is told from a place on. It ends without the terminal event only when this gateway stops."""
        if place.first is not None:
            yield place.first, place.video
        if place.over:
            return
        after, video = place.after, place.video.id
        with self._hub.watching(video, tenant) as topic:
            while not self._draining.is_set():
                news = topic.news
                events, current = await topic.ask((tenant, after), partial(self._after, tenant, video, after))
                for event in events:
                    after = event.seq
                    yield event, current
                    if event.type in TERMINAL:
                        return
                if not events:
                    await topic.beyond(news)

    async def wait(self, tenant: str, video: str, seconds: float) -> Video:
        """The video once it has ended, or as it is after ``seconds`` (``Prefer: wait``)."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        await self._video(tenant, video)  # there is one
        with self._hub.watching(video, tenant) as topic:
            while True:
                news = topic.news
                current = await self._video(tenant, video)
                left = until - loop.time()
                if current.ended or left <= 0 or self._draining.is_set():
                    return current
                await _passed(topic.beyond(news), min(left, LOOK_AGAIN))

    # lost wake-ups

    async def keep_up(self) -> None:
        """Wake whoever missed a wake-up, again and again, until the gateway stops; then wake everybody, to end."""
        while not await _passed(self._draining.wait(), LOOK_AGAIN):
            try:
                await self.look()
            except (StoreError, Overloaded) as error:
                log.warning("events.unread", error=str(error))
        self._hub.missed()

    async def look(self) -> None:
        """Compare the logs of those who watch with what was seen of them: one read however many they are."""
        tenants = self._hub.tenants()
        lasts = await self._store.read(lambda tx: tx.events.lasts(tenants)) if tenants else {}
        for tenant, last in lasts.items():
            seen = self._heard.get(tenant)
            if seen is None:
                self._hub.missed(tenant)
            elif last > seen:
                self._hub.told(await self._store.read(partial(_touched, tenant=tenant, position=seen)))
        self._heard = lasts

    async def _after(self, tenant: str, video: str, seq: int) -> tuple[list[Event], Video]:
        return await self._store.read(partial(_after, tenant=tenant, video=video, seq=seq), tenant=tenant)

    async def _video(self, tenant: str, id: str) -> Video:
        return await self._store.read(partial(_found, tenant=tenant, id=id), tenant=tenant)


async def _passed(waiting: Coroutine[Any, Any, object], seconds: float) -> bool:
    """Whether what is waited for came within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await waiting
    except TimeoutError:
        return False
    return True


async def _found(tx: Transaction, *, tenant: str, id: str) -> Video:
    video = await tx.videos.get(tenant, id)
    if video is None:
        raise NotFound
    return video


async def _after(tx: Transaction, *, tenant: str, video: str, seq: int) -> tuple[list[Event], Video]:
    """The video is read behind its events: it is at least as far as they are."""
    events = await tx.events.after(tenant, video, seq)
    return events, await _found(tx, tenant=tenant, id=video)


async def _touched(tx: Transaction, *, tenant: str, position: int) -> frozenset[str]:
    return await tx.events.touched(tenant, position)


async def _place(tx: Transaction, *, tenant: str, id: str, after: int | str | None, field: str) -> Place:
    video = await _found(tx, tenant=tenant, id=id)
    if after is None:
        now = state(video, await tx.events.newest(tenant, id))
        return Place(video=video, after=video.version, first=now, over=video.ended)
    seq = after if isinstance(after, int) else await _seq(tx, tenant, video, after, field)
    if seq > video.version:
        raise InvalidRequest.field(field, "out_of_range", f"the video has come to {video.version}, and not further")
    if not whole(await tx.events.oldest(tenant, id), seq):
        raise EventsGone
    over = video.ended and not await tx.events.ends_after(tenant, id, seq)
    return Place(video=video, after=seq, over=over)


async def _seq(tx: Transaction, tenant: str, video: Video, id: str, field: str) -> int:
    """The version behind which the id of one of a video's events leads."""
    seq = state_seq(id, video.id)
    if seq is not None:
        return seq
    event = await tx.events.get(tenant, id) if names_event(id) else None
    if event is not None and event.video == video.id:
        return event.seq
    raise unknown_event(id, await tx.events.removed(tenant), known=event is not None, field=field)
