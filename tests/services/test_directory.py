"""How often the database is asked because callers name what is not known here."""

import asyncio
import os
from pathlib import Path

from gateway.services.directory import Keeper
from gateway.services.vault import Vault
from gateway.store.database import connect
from gateway.store.migrate import packaged
from gateway.store.store import Store, T, Work
from schema.clock import SystemClock
from schema.directory import Directory
from tests.support.running import SECRET_KEY


class Counting(Store):
    """A store that counts what it is asked."""

    reads = 0

    async def read(self, work: Work[T], *, tenant: str | None = None, snapshot: bool = False) -> T:
        self.reads += 1
        return await super().read(work, tenant=tenant, snapshot=snapshot)


async def nothing(_: Directory) -> None:
    """Newcomers need nothing here."""


async def test_a_flood_of_unknown_keys_is_one_look(tmp_path: Path):
    database = await connect(f"sqlite:///{tmp_path}/filmgate.db")
    try:
        await database.migrate(packaged())
        store, clock = Counting(database), SystemClock()
        vault = Vault(store=store, key=SECRET_KEY, clock=clock, entropy=os.urandom)
        keeper = Keeper(store=store, vault=vault, kinds={}, adopters=(), settle=nothing, clock=clock)
        await asyncio.gather(*(keeper.glance() for _ in range(500)))
    finally:
        await database.close()

    assert store.reads == 2  # whether it has moved, and the directory itself
