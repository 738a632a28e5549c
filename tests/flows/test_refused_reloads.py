"""A SIGHUP whose file is refused half-way: nothing that was sealed meanwhile is lost, and the next one is heard."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace

from gateway.config.findings import Finding
from gateway.config.settings import Settings
from gateway.footing import Footing
from gateway.reloading import hangups, reload, reloaded
from gateway.services.configuration import Configuration
from gateway.services.reloading import Reloading
from gateway.services.vault import MasterKeyMissing
from gateway.store.store import Store, T, Work
from providers.registry import KINDS, by_name
from schema.account import Secret
from schema.clock import SystemClock
from schema.errors import Overloaded
from schema.ids import Ids
from schema.tenant import Tenant
from tests.flows.test_apply import acme, declared, ground
from tests.flows.test_rekeying import NEW, texts
from tests.support.running import SECRET_KEY

TWICE = "fg_live_one_key_for_two_tenants"


class Interrupted(Store):
    """A store before whose next write something else happens."""

    before: Callable[[], Awaitable[object]] | None = None

    async def write(self, work: Work[T], *, tenant: str | None = None) -> T:
        before, self.before = self.before, None
        if before is not None:
            await before()
        return await super().write(work, tenant=tenant)


def turned(settings: Settings) -> Settings:
    return replace(settings, secrets=replace(settings.secrets, key=NEW, previous=(SECRET_KEY,)))


def one_key_for_two(settings: Settings) -> Settings:
    """What the checker would have refused, and the database does."""
    return replace(settings, tenants=(acme(TWICE), replace(acme(TWICE), tenant=Tenant(id="other", name="Other"))))


def reloading_of(settings: Settings, on: Footing, store: Store) -> Reloading:
    """One that applies its files by that store."""
    clock = SystemClock()
    configuration = Configuration(
        store=store,
        vault=on.vault,
        changes=on.changes,
        root=on.root,
        kinds=by_name(KINDS),
        clock=clock,
        ids=Ids(),
        entropy=os.urandom,
    )
    return Reloading(
        settings=settings, vault=on.vault, configuration=configuration, keeper=on.keeper, allows=(), clock=clock
    )


async def overloaded() -> None:
    raise Overloaded("Too many transactions wait for the database", retry_after_seconds=1)


async def cancelled() -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize("refused", [True, False], ids=["refused", "taken"])
async def test_what_is_sealed_while_a_file_is_taken_opens_afterwards(tmp_path, database_url, refused):
    settings = declared(tmp_path, database_url)
    wanted = turned(one_key_for_two(settings) if refused else settings)
    async with ground(settings) as (on, store):
        await on.configuration.apply(settings)
        interrupted = Interrupted(store.database)
        reloading = reloading_of(settings, on, interrupted)
        interrupted.before = lambda: store.write(lambda tx: on.vault.put(tx, "credential", "acme~mine", "a secret"))

        await reload(reloading, lambda: (wanted, []))

        assert (reloading.loaded.last_refused is not None) == refused
        assert (await texts(on.vault, store))["acme~mine"] == "a secret"
        former = on.vault.key_id
        await store.write(lambda tx: on.vault.put(tx, "credential", "acme~mine", "the next"))
        await on.keeper.read()

    async with ground(settings if refused else wanted) as (on, store):  # as after a restart
        assert on.vault.key_id == former
        assert (await texts(on.vault, store))["acme~mine"] == "the next"


@pytest.mark.parametrize("happens", [overloaded, cancelled])
async def test_a_reload_that_is_broken_off_goes_back_to_the_former_master_key_and_is_told(tmp_path, happens):
    settings = declared(tmp_path, None)
    async with ground(settings) as (on, store):
        await on.configuration.apply(settings)
        interrupted = Interrupted(store.database)
        interrupted.before = happens
        reloading, before = reloading_of(settings, on, interrupted), on.vault.key_id

        try:
            await reload(reloading, lambda: (turned(settings), []))
        except asyncio.CancelledError:
            assert happens is cancelled

        assert on.vault.key_id == before
        assert reloading.loaded.last_refused is not None
        assert reloading.loaded.last_refused.findings[0].problem


async def test_a_file_without_the_master_key_that_seals_now_is_refused(tmp_path):
    settings = declared(tmp_path, None)
    async with ground(settings) as (on, _):
        await on.configuration.apply(settings)
        on.vault.turn(NEW, (SECRET_KEY,))
        await on.vault.rekey()  # by another server, which has had the newer file for longer
        on.vault.turn(SECRET_KEY, (NEW,))

        with pytest.raises(MasterKeyMissing, match=r"add it to secrets\.previous"):
            await on.vault.check(NEW, ())
        await on.vault.check(NEW, (SECRET_KEY, Secret("an older master key, which is long enough")))


async def test_a_sighup_is_heard_after_one_that_crashed(tmp_path):
    settings = declared(tmp_path, None)
    async with ground(settings) as (on, store):
        reloading = reloading_of(settings, on, store)
        read: asyncio.Queue[int] = asyncio.Queue()
        loop, times = asyncio.get_running_loop(), [0]

        def examine() -> tuple[Settings | None, list[Finding]]:
            times[0] += 1
            loop.call_soon_threadsafe(read.put_nowait, times[0])
            if times[0] == 1:
                raise RuntimeError("nobody thought of this")
            return None, [Finding(path="tenants", problem="is wrong")]

        with hangups(examine) as asked, reloaded(reloading, examine, asked):
            for time in (1, 2):
                os.kill(os.getpid(), signal.SIGHUP)
                assert await asyncio.wait_for(read.get(), 30) == time
