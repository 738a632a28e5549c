"""Deleting a video that has ended: its tenant sees it no more, its files go, the books and its receipt stay."""

import structlog
from msgspec.structs import replace

from gateway.store.store import Store, Transaction
from schema.clock import Clock
from schema.errors import NotFound, NotReady
from schema.video import Video

log = structlog.get_logger()


class Deletions:
    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def delete(self, tenant: str, id: str) -> Video:
        """Delete a video; deleting a deleted one changes nothing. A file that another video shares stays there.

        Raises:
            NotFound: the tenant never had such a video.
            NotReady: it has not ended.
        """
        now = self._clock.now()

        async def delete(tx: Transaction) -> Video:
            video = await tx.videos.lock_own(tenant, id)
            if video is None:
                raise NotFound
            if video.deleted_at is not None:
                return video
            if not video.ended:
                raise NotReady(f"The video is {video.status}; cancel it first, or wait for its end")
            keys = await tx.outputs.let_go(tenant, id, now)
            if video.asset is not None and video.gone_at is None:
                keys.append(video.asset.key)
            deleted = replace(video, version=video.version + 1, deleted_at=now, gone_at=video.gone_at or now)
            await tx.videos.update(deleted, was=video.version)
            await tx.files.let_go(tenant, keys, now)
            return deleted

        deleted = await self._store.write(delete, tenant=tenant)
        log.info("video.deleted", video=id)
        return deleted
