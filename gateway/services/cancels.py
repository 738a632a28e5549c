"""Canceling: at once for the tenant. No upstream can stop, so what the provider does decides what it costs."""

import structlog

from gateway.services.records import Records
from gateway.store.store import Store, Transaction
from gateway.store.tasks import Task, TaskKind
from schema.clock import Clock, Millis
from schema.errors import AlreadyEnded, NotFound
from schema.event import EventType
from schema.lifecycle import Substate, VideoMove, VideoStatus
from schema.video import Video

log = structlog.get_logger()


class Cancels:
    def __init__(self, *, store: Store, records: Records, clock: Clock) -> None:
        self._store = store
        self._records = records
        self._clock = clock

    async def cancel(self, tenant: str, id: str) -> Video:
        """Stop waiting for a video.

        Before a provider has it this is free. After that the provider may still finish and bill us: then it costs what
        it cost, at most what is held; if the provider fails, or nobody can tell, it costs nothing.

        Raises:
            NotFound: the tenant has no such video.
            AlreadyEnded: it has completed or failed; canceling a canceled one changes nothing.
        """
        now = self._clock.now()

        async def stop(tx: Transaction) -> Video:
            video = await tx.videos.lock_own(tenant, id)
            if video is None or video.deleted_at is not None:
                raise NotFound
            if video.status is VideoStatus.CANCELED:
                return video
            if video.ended:
                raise AlreadyEnded(f"The video has {video.status}; it can not be canceled")
            return await self._stop(tx, video, now)

        return await self._store.write(stop, tenant=tenant)

    async def handle(self, task: Task) -> None:
        """Cancel a video whose own time (``cancel_after_seconds``) is over."""
        now = self._clock.now()

        async def stop(tx: Transaction) -> None:
            video = await tx.videos.lock(task.subject)
            await tx.tasks.finish(task)
            if video is not None and not video.ended:
                log.info("video.cancel_after", video=video.id)
                await self._stop(tx, video, now)

        await self._store.write(stop)

    async def _stop(self, tx: Transaction, video: Video, now: Millis) -> Video:
        if video.substate in (None, Substate.WAITING_CAPACITY):
            await tx.tasks.drop(TaskKind.SUBMIT, video.id)
        return await self._records.video(tx, video, now, move=VideoMove.CANCEL, tell=EventType.CANCELED)
