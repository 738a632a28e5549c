"""Files whose time has come: videos let go of them as their tenants' retention says, and what nobody has is deleted.

So do pictures that no video needs.

Every replica that works does this, side by side: a file is claimed by its own row, and whoever claimed it and died is
followed by another after a while. Nothing is looked for in the store: what is published was written down before.
"""

import asyncio
from contextlib import suppress

import structlog

from gateway.assets import Assets as AssetStore
from gateway.assets import AssetStoreFailed
from gateway.store.database import StoreError
from gateway.store.files import Due
from gateway.store.store import Store, Transaction
from schema.clock import Clock, Millis
from schema.errors import Overloaded
from schema.link import Variant
from schema.output import POSTERS

log = structlog.get_logger()

AT_ONCE = 100
"""Videos, extra outputs, pictures or files in one transaction."""

DAY = 86_400_000
AGAIN = 600_000
"""Milliseconds after which a file is looked at again that could not be deleted."""


class Sweeping:
    def __init__(self, *, store: Store, assets: AssetStore, clock: Clock, every: float) -> None:
        self._store = store
        self._assets = assets
        self._clock = clock
        self._every = every

    async def run(self) -> None:
        """Sweep again and again, until canceled."""
        while True:
            with suppress(StoreError, Overloaded):  # the database is told of elsewhere
                await self.sweep()
            await asyncio.sleep(self._every)

    async def sweep(self) -> int:
        """One pass: how many files were deleted."""
        while await self._store.write(self._expire) == AT_ONCE:
            pass
        deleted = 0
        while claimed := await self._store.write(self._claim):
            deleted += sum([await self._delete(due.key) for due in claimed if due.doomed])
            if len(claimed) < AT_ONCE:
                break
        return deleted

    async def _expire(self, tx: Transaction) -> int:
        """Some videos and extra outputs let go of their files, some pictures go; the most of any kind."""
        now = self._clock.now()
        videos, outputs = await tx.videos.expire(now, AT_ONCE), await tx.outputs.expire(now, AT_ONCE)
        images = await tx.images.expire(now, AT_ONCE)
        for tenant, key in sorted([*videos, *outputs, *images]):
            await tx.files.let_go(tenant, [key], now)
        return max(len(videos), len(outputs), len(images))

    async def _claim(self, tx: Transaction) -> list[Due]:
        """Some files that are due: those that nobody has are doomed, and nobody can take them any more."""
        now = self._clock.now()
        due = await tx.files.due(now, now + AGAIN, AT_ONCE)
        return [Due(one.key, one.doomed or await tx.files.doom(one.key, now)) for one in due]

    async def _delete(self, key: str) -> bool:
        """Delete a doomed file and its pictures, then the word of it; it is tried again later when that fails."""
        try:
            await self._assets.delete(key)
            for variant in POSTERS:
                await self._assets.delete(picture_key(key, variant))
        except AssetStoreFailed as error:
            log.warning("file.not_deleted", key=key, error=str(error))
            return False
        await self._store.write(lambda tx: tx.files.forget(key))
        log.info("file.deleted", key=key)
        return True


def picture_key(key: str, variant: Variant) -> str:
    """Where a picture of a file lies."""
    return f"{key}.{POSTERS[variant]}.jpg"


def expiry(now: Millis, days: int | None) -> Millis | None:
    """When a file goes that is kept so many days from now; None for never."""
    return None if days is None else now + days * DAY
