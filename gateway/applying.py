"""What ``filmgate apply`` and ``filmgate secrets`` do on the database itself; servers may run meanwhile."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.config.settings import Settings
from gateway.footing import Footing, footing
from gateway.policy.planning import Change
from gateway.services.vault import Rekeyed
from gateway.store.database import StoreError, connect
from gateway.store.migrate import packaged
from gateway.store.store import Store
from gateway.upkeep import sqlite_file


async def plan(settings: Settings) -> list[Change]:
    """What ``apply`` would change, in order; nothing is changed. Raises StoreError."""
    async with _grounded(settings, migrate=False) as ground:
        return await ground.configuration.plan(settings)


async def apply(settings: Settings) -> list[Change]:
    """Make what there is what the file declares, and what newcomers need; what was changed, in order.

    Raises:
        StoreError: nothing was changed.
    """
    async with _grounded(settings) as ground:
        await ground.keeper.refresh()
        changes = await ground.configuration.apply(settings)
        await ground.keeper.refresh()
        return changes


async def rekey(settings: Settings) -> Rekeyed:
    """Put every secret under the current master key. Raises StoreError, CanNotOpen."""
    async with _grounded(settings) as ground:
        return await ground.vault.rekey()


async def master_keys(settings: Settings) -> dict[str, int]:
    """Master key's id → how many secrets lie under it."""
    async with _grounded(settings) as ground:
        return await ground.vault.counts()


@asynccontextmanager
async def _grounded(settings: Settings, *, migrate: bool = True) -> AsyncIterator[Footing]:
    file = sqlite_file(settings)
    if file is not None and not file.exists() and not migrate:
        raise StoreError(f"{file} is not there yet: filmgate db migrate makes it")
    database = await connect(settings.database.url, pool=2, exclusive=False)
    try:
        if migrate:
            await database.migrate(packaged())
        elif await database.pending(packaged()):
            raise StoreError("the database is older than this version: filmgate db migrate brings it up to date")
        yield await footing(settings, Store(database))
    finally:
        await database.close()
