"""Settings to a gateway: the only place where things are built and given to each other."""

import asyncio
import os
import random
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec

from gateway.assets import Assets as AssetStore
from gateway.config.settings import Settings
from gateway.fetcher import Fetcher
from gateway.hub import Hub
from gateway.journal import Journal
from gateway.services.accounts import Accounts
from gateway.services.assets import Assets
from gateway.services.backlog import Backlog
from gateway.services.events import Events
from gateway.services.hooks import Hooks
from gateway.services.records import Records
from gateway.services.submits import Callbacks, Submits
from gateway.services.tenants import Tenants
from gateway.services.updates import Updates
from gateway.services.videos import Videos
from gateway.services.watches import Watches
from gateway.store.database import Database, connect
from gateway.store.migrate import packaged
from gateway.store.store import Store, Told
from gateway.store.tasks import TaskKind
from gateway.upstream import Probe, Upstream, authorities
from gateway.worker import Worker
from providers.base import ProviderKind
from providers.registry import KINDS
from schema.clock import Clock, SystemClock
from schema.ids import WORKER, Entropy, Ids
from schema.luck import Luck


def no_probe(_: str) -> None:
    """What a submit's named points tell outside tests: nobody."""


class Seams(msgspec.Struct, frozen=True, kw_only=True):
    """What the world gives a gateway, so that tests can give something else.

    Attributes:
        probe: told when a submit passes a named point.
        verify: how TLS certificates are checked; None is by the authorities everybody trusts.
        kinds: the providers it knows.
    """

    clock: Clock = SystemClock()
    luck: Luck = random.random
    entropy: Entropy = os.urandom
    probe: Probe = no_probe
    verify: ssl.SSLContext | None = None
    kinds: tuple[ProviderKind, ...] = KINDS


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """A built gateway: what the edges call, and the worker that does the rest."""

    settings: Settings
    store: Store
    tenants: Tenants
    accounts: Accounts
    videos: Videos
    events: Events
    hooks: Hooks
    worker: Worker
    clock: Clock
    ids: Ids
    draining: asyncio.Event


@asynccontextmanager
async def gateway(settings: Settings, seams: Seams | None = None) -> AsyncIterator[Gateway]:
    """A gateway on its database: migrated, recovered, ready; everything is let go of at the end.

    Raises:
        StoreError: the database can not be reached, is in use, or is newer than this version.
    """
    seams = seams or Seams()
    async with AsyncExitStack() as stack:
        database = await connect(settings.database.url, pool=settings.database.pool)
        stack.push_async_callback(database.close)
        await database.migrate(packaged())
        store, hub = Store(database), Hub()
        store.on_told(hub.told)
        store.on_told(_announcer(database))
        await database.listen(lambda topics: hub.told(frozenset(topics)) if topics else hub.missed())
        built = await _build(settings, seams, store, hub, stack)
        if database.name == "sqlite":  # one process owns the file, so every lease is a dead one's
            await store.write(lambda tx: tx.tasks.orphaned(seams.clock.now()))
        yield built


def _announcer(database: Database) -> Told:
    """Tells the other replicas, after the commit, without making the committer wait."""
    sending: set[asyncio.Task[None]] = set()

    def announce(videos: frozenset[str]) -> None:
        if database.name != "sqlite":
            task = asyncio.ensure_future(database.announce(videos))
            sending.add(task)
            task.add_done_callback(sending.discard)

    return announce


async def _build(settings: Settings, seams: Seams, store: Store, hub: Hub, stack: AsyncExitStack) -> Gateway:
    timing, clock, luck, ids = settings.timing, seams.clock, seams.luck, Ids(seams.entropy)
    draining = asyncio.Event()
    folder = data_folder(settings)
    tenants = Tenants(settings.tenants, settings.secrets.key)
    accounts = Accounts(store, clock, timing, settings.accounts, {kind.name: kind for kind in seams.kinds})
    await accounts.prepare()
    records = Records(ids)
    updates = Updates(accounts=accounts, tenants=tenants, timing=timing, luck=luck, egress_allow=settings.egress.allow)
    verify = seams.verify or authorities()
    upstream = Upstream(submit_deadline=timing.submit_deadline_seconds, probe=seams.probe, verify=verify)
    stack.push_async_callback(upstream.close)
    fetcher = Fetcher(
        folder=folder / "incoming",
        max_bytes=settings.assets.max_bytes,
        deadline=timing.asset_timeout_seconds,
        exempt=settings.egress.allow,
        verify=verify,
    )
    stack.push_async_callback(fetcher.close)
    journal = Journal(folder / "journal", name=ids.make(WORKER, clock.now()))
    stack.callback(journal.close)
    asset_store = AssetStore(settings.assets.url)
    callbacks = Callbacks(settings.server.public_url, settings.secrets.key)
    backlog = Backlog(store=store, clock=clock)
    submits = Submits(
        store=store,
        accounts=accounts,
        tenants=tenants,
        updates=updates,
        records=records,
        upstream=upstream,
        journal=journal,
        backlog=backlog,
        callbacks=callbacks,
        clock=clock,
        ids=ids,
        luck=luck,
        probe=seams.probe,
    )
    await submits.recover()
    watches = Watches(
        store=store,
        accounts=accounts,
        tenants=tenants,
        updates=updates,
        records=records,
        submits=submits,
        upstream=upstream,
        callbacks=callbacks,
        clock=clock,
        luck=luck,
        timing=timing,
    )
    assets = Assets(
        store=store,
        accounts=accounts,
        records=records,
        upstream=upstream,
        fetcher=fetcher,
        assets=asset_store,
        clock=clock,
        luck=luck,
        timing=timing,
    )
    worker = Worker(
        name=ids.make(WORKER, clock.now()),
        store=store,
        handlers={TaskKind.SUBMIT: submits.handle, TaskKind.WATCH: watches.handle, TaskKind.FETCH: assets.handle},
        clock=clock,
        luck=luck,
        timing=timing,
        settings=settings.worker,
    )
    store.on_told(lambda _: worker.nudge())
    return Gateway(
        settings=settings,
        store=store,
        tenants=tenants,
        accounts=accounts,
        videos=Videos(
            store=store,
            accounts=accounts,
            records=records,
            backlog=backlog,
            assets=asset_store,
            clock=clock,
            ids=ids,
            timing=timing,
        ),
        events=Events(store=store, hub=hub, draining=draining),
        hooks=Hooks(
            store=store, accounts=accounts, updates=updates, records=records, key=settings.secrets.key, clock=clock
        ),
        worker=worker,
        clock=clock,
        ids=ids,
        draining=draining,
    )


def data_folder(settings: Settings) -> Path:
    """Where this process keeps its own files: beside a SQLite database, else in the working folder."""
    scheme, _, path = settings.database.url.partition(":///")
    return Path(path).parent / "filmgate-data" if scheme == "sqlite" else Path("filmgate-data")
