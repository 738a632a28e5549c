"""How often the database is asked because somebody has come, and how long who has come waits for it."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from gateway.services import directory
from gateway.services.directory import Keeper
from gateway.services.vault import Vault
from gateway.store.database import connect
from gateway.store.migrate import packaged
from gateway.store.store import Store, T, Work
from schema.clock import SystemClock
from schema.directory import Directory
from schema.errors import Overloaded
from tests.support.running import SECRET_KEY

S = TypeVar("S", bound=Store)


class Counting(Store):
    """A store that counts what it is asked."""

    reads = 0

    async def read(self, work: Work[T], *, tenant: str | None = None, snapshot: bool = False) -> T:
        self.reads += 1
        return await super().read(work, tenant=tenant, snapshot=snapshot)


async def nothing(_: Directory) -> None:
    """Newcomers need nothing here."""


class Hanging(Store):
    """A store whose database does not answer."""

    async def read(self, work: Work[T], *, tenant: str | None = None, snapshot: bool = False) -> T:
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        return await answer


@asynccontextmanager
async def keeping(tmp_path: Path, kind: type[S]) -> AsyncIterator[tuple[Keeper, S]]:
    database = await connect(f"sqlite:///{tmp_path}/filmgate.db")
    try:
        await database.migrate(packaged())
        store, clock = kind(database), SystemClock()
        vault = Vault(store=store, key=SECRET_KEY, clock=clock, entropy=os.urandom)
        yield Keeper(store=store, vault=vault, kinds={}, adopters=(), settle=nothing, clock=clock), store
    finally:
        await database.close()


async def test_a_flood_of_unknown_keys_is_one_look(tmp_path: Path):
    async with keeping(tmp_path, Counting) as (keeper, store):
        await asyncio.gather(*(keeper.glance() for _ in range(500)))

    assert store.reads == 2  # whether it has moved, and the directory itself


async def test_a_look_that_does_not_end_holds_nobody_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(directory, "LOOK_SECONDS", 0.01)
    async with keeping(tmp_path, Hanging) as (keeper, _):
        async with asyncio.timeout(10):
            await asyncio.gather(*(keeper.wake() for _ in range(20)))

        with pytest.raises(Overloaded):
            keeper.check()
