"""Settings to a gateway: the only place where things are built and given to each other."""

import asyncio
import os
import random
import ssl
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from gateway.assets import Assets as AssetStore
from gateway.assets import clear
from gateway.config.given import Surroundings
from gateway.config.settings import Settings
from gateway.config.tenants import Common
from gateway.courier import Courier
from gateway.egress import Egress
from gateway.fetcher import Fetcher
from gateway.footing import Footing, footing
from gateway.hub import Hub
from gateway.journal import Journal
from gateway.names import Lookup, Names, system
from gateway.picture_links import PictureLinks
from gateway.policy.delivering import Terms
from gateway.policy.egress import Rules
from gateway.policy.receipts import Signer
from gateway.probe import Probe, no_probe
from gateway.services.account_setups import AccountSetups
from gateway.services.account_tests import AccountTests
from gateway.services.accounts import Accounts
from gateway.services.addresses import Addresses
from gateway.services.admission import Admission
from gateway.services.aging import Aging
from gateway.services.assets import Assets
from gateway.services.availability import Availability
from gateway.services.backlog import Backlog
from gateway.services.batches import Batches
from gateway.services.cancels import Cancels
from gateway.services.decisions import Decisions
from gateway.services.decoding import Decoding
from gateway.services.deletions import Deletions
from gateway.services.deliveries import Deliveries
from gateway.services.delivery_log import DeliveryLog
from gateway.services.disabling import Disabling
from gateway.services.event_log import EventLog
from gateway.services.events import Events
from gateway.services.forecasts import Forecasts
from gateway.services.hearing import Hearing
from gateway.services.hook_rates import HookRates
from gateway.services.hook_signatures import HookSignatures
from gateway.services.hooks import Hooks
from gateway.services.images import Images
from gateway.services.incidents import Incidents
from gateway.services.keys import Keys
from gateway.services.ledger import Ledger
from gateway.services.limits import Limits
from gateway.services.limits_use import LimitsUses
from gateway.services.links import Links
from gateway.services.making import Making
from gateway.services.operators import Operators
from gateway.services.orphans import Orphans
from gateway.services.pacing import Pacing
from gateway.services.pictures import Pictures
from gateway.services.policies import Policies
from gateway.services.posters import Posters
from gateway.services.quarantine import Quarantine
from gateway.services.queue import Queue
from gateway.services.quotes import Quotes
from gateway.services.rates import Rates
from gateway.services.receipts import Receipts
from gateway.services.reconciliation import Reconciliation
from gateway.services.records import Records
from gateway.services.references import References
from gateway.services.rekeying import Rekeying
from gateway.services.reloading import Reloading
from gateway.services.replays import Replays
from gateway.services.reusing import Reusing
from gateway.services.seats import EXECUTING, WATCHING, Seats
from gateway.services.sends import Sends
from gateway.services.submits import Callbacks, Submits
from gateway.services.sweeping import Sweeping
from gateway.services.tenancies import Tenancies
from gateway.services.tenants import Tenants
from gateway.services.tending import Tending
from gateway.services.trails import Trails
from gateway.services.unknowns import Unknowns
from gateway.services.updates import Updates
from gateway.services.usage import Usage
from gateway.services.videos import Videos
from gateway.services.waiting import Waiting
from gateway.services.watches import Watches
from gateway.services.webhook_endpoints import WebhookEndpoints
from gateway.store.database import Database, connect
from gateway.store.migrate import packaged
from gateway.store.store import Store, Told
from gateway.store.tasks import TaskKind
from gateway.upstream import Transport, Upstream, authorities
from gateway.worker import Worker
from providers.base import ProviderKind
from providers.registry import KINDS, by_name
from schema.clock import Clock, SystemClock, millis
from schema.ids import WORKER, Entropy, Ids
from schema.luck import Luck

PICTURES = "images"
"""Where pictures are written that come in."""

_DAY = 86_400_000


class Seams(msgspec.Struct, frozen=True, kw_only=True):
    """What the world gives a gateway, so that tests can give something else.

    Attributes:
        probe: told when work passes a named point; all of them are in gateway/probe.py.
        verify: how TLS certificates are checked; None is by the authorities everybody trusts.
        kinds: the providers it knows.
        transport: what carries requests to them, and brings files; None is the network.
        lookup: tells where names lead that tenants and providers gave.
    """

    clock: Clock = SystemClock()
    luck: Luck = random.random
    entropy: Entropy = os.urandom
    probe: Probe = no_probe
    verify: ssl.SSLContext | None = None
    kinds: tuple[ProviderKind, ...] = KINDS
    transport: Transport | None = None
    lookup: Lookup = system


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """A built gateway: what the edges call, and the worker that does the rest."""

    settings: Settings
    store: Store
    ground: Footing
    tenants: Tenants
    policies: Policies
    keys: Keys
    replays: Replays
    rates: Rates
    limits_uses: LimitsUses
    accounts: Accounts
    decisions: Decisions
    quotes: Quotes
    ledger: Ledger
    cancels: Cancels
    videos: Videos
    images: Images
    deletions: Deletions
    links: Links
    posters: Posters
    batches: Batches
    events: Events
    event_log: EventLog
    seats: Seats
    executions: Seats
    aging: Aging
    hooks: Hooks
    queue: Queue
    unknowns: Unknowns
    incidents: Incidents
    availability: Availability
    operators: Operators
    tenancies: Tenancies
    account_setups: AccountSetups
    account_tests: AccountTests
    reloading: Reloading
    rekeying: Rekeying
    trails: Trails
    quarantine: Quarantine
    receipts: Receipts
    reconciliation: Reconciliation
    sweeping: Sweeping
    worker: Worker
    webhook_endpoints: WebhookEndpoints
    deliveries: Deliveries
    delivery_log: DeliveryLog
    courier: Courier
    clock: Clock
    luck: Luck
    ids: Ids
    draining: asyncio.Event


@asynccontextmanager
async def gateway(settings: Settings, seams: Seams | None = None) -> AsyncIterator[Gateway]:
    """A gateway on its database: migrated, recovered, ready; everything is let go of at the end.

    Raises:
        StoreError: the database can not be reached, is in use, or is newer than this version.
        AssetStoreFailed: finished videos could not be kept.
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
            await store.write(lambda tx: tx.deliveries.orphaned(seams.clock.now()))
        yield built


def _announcer(database: Database) -> Told:
    """Tells the other replicas, after the commit, without making the committer wait."""
    sending: set[asyncio.Task[None]] = set()

    def announce(topics: frozenset[str]) -> None:
        if database.name != "sqlite":
            task = asyncio.ensure_future(database.announce(topics))
            sending.add(task)
            task.add_done_callback(sending.discard)

    return announce


def _references(
    settings: Settings,
    store: Store,
    assets: AssetStore,
    decoding: Decoding,
    links: PictureLinks,
    *,
    clock: Clock,
    ids: Ids,
) -> tuple[References, Images]:
    """What wishes start from, and the pictures among it."""
    images = Images(
        store=store,
        assets=assets,
        folder=data_folder(settings) / PICTURES,
        settings=settings.images,
        orphan_seconds=settings.timing.orphan_seconds,
        clock=clock,
        ids=ids,
    )
    return References(store=store, images=images, decoding=decoding, check_link=links.check, clock=clock), images


async def _ground(settings: Settings, seams: Seams, store: Store, stack: AsyncExitStack) -> Footing:
    """What everything stands on: configured, kept up to date, and told when API keys were last used."""
    ground = await footing(
        settings, store, clock=seams.clock, entropy=seams.entropy, luck=seams.luck, kinds=seams.kinds
    )
    await ground.configuration.apply(settings)
    await ground.keeper.refresh()
    usage = Usage(store=store, callers=ground.callers)
    stack.push_async_callback(usage.write)
    _go_on(stack, ground.keeper.follow(), usage.follow())
    return ground


def _go_on(stack: AsyncExitStack, *works: Coroutine[Any, Any, None]) -> None:
    """Begin what goes on until the gateway ends."""
    for work in works:
        stack.callback(asyncio.create_task(work).cancel)


def _egress(settings: Settings, seams: Seams, verify: ssl.SSLContext, stack: AsyncExitStack) -> Egress:
    """What calls every address that somebody gave us."""
    egress = Egress(
        exempt=settings.egress.allow,
        rules=Rules(ports=settings.webhooks.ports, allow_http=settings.webhooks.allow_http),
        verify=verify,
        transport=seams.transport,
        proxy=settings.egress.proxy or None,
        names=Names(seams.lookup),
    )
    stack.push_async_callback(egress.close)
    return egress


async def _asset_store(settings: Settings, folder: Path, store: Store, clock: Clock) -> AssetStore:
    """Where finished videos go, which was written to; what a killed process left half received is gone.

    Beside others, who may download just now, only what is older than any download may be.
    """
    alone = store.database.name == "sqlite"
    before = clock.now() - (0 if alone else 2 * millis(settings.timing.asset_timeout_seconds))
    for incoming in ("incoming", PICTURES):
        clear(folder / incoming, before)
    asset_store = AssetStore(settings.assets.url, settings.assets.options)
    await asset_store.check()
    return asset_store


async def _build(settings: Settings, seams: Seams, store: Store, hub: Hub, stack: AsyncExitStack) -> Gateway:
    timing, clock, luck, ids, kinds = settings.timing, seams.clock, seams.luck, Ids(seams.entropy), by_name(seams.kinds)
    draining = asyncio.Event()
    folder = data_folder(settings)
    ground = await _ground(settings, seams, store, stack)
    events, aging = Events(store=store, hub=hub, draining=draining), Aging(store, settings.events.keep_days, clock)
    _go_on(stack, events.keep_up(), aging.follow())
    root, tenants, accounts, policies, books = (
        ground.root,
        ground.tenants,
        ground.accounts,
        ground.policies,
        ground.books,
    )
    records = Records(ids, books)
    cancels = Cancels(store=store, records=records, clock=clock)
    decisions = Decisions(accounts, policies)
    verify = seams.verify or authorities()
    egress = _egress(settings, seams, verify, stack)
    asset_store = await _asset_store(settings, folder, store, clock)
    links = PictureLinks(egress, deadline=timing.asset_timeout_seconds, max_bytes=settings.images.max_bytes)
    decoding = Decoding(assets=asset_store, folder=folder / "incoming")
    references, images = _references(settings, store, asset_store, decoding, links, clock=clock, ids=ids)
    reusing = Reusing(records=records, books=books, ids=ids, timing=timing)
    quotes = Quotes(
        store=store,
        decisions=decisions,
        books=books,
        references=references,
        reusing=reusing,
        key=root,
        clock=clock,
        timing=timing,
    )
    pacing = Pacing(accounts=accounts, clock=clock, timing=timing, luck=luck)
    updates = Updates(
        accounts=accounts,
        tenants=tenants,
        pacing=pacing,
        ids=ids,
        timing=timing,
        luck=luck,
        egress_allow=settings.egress.allow,
        events=settings.events,
    )
    quarantine = Quarantine(store=store, records=records, clock=clock, ids=ids)
    await quarantine.state()
    upstream = Upstream(
        submit_deadline=timing.submit_deadline_seconds,
        probe=seams.probe,
        verify=verify,
        read_picture=asset_store.read,
        egress=egress,
        transport=seams.transport,
    )
    stack.push_async_callback(upstream.close)
    fetcher = Fetcher(
        folder=folder / "incoming",
        max_bytes=settings.assets.max_bytes,
        deadline=timing.asset_timeout_seconds,
        egress=egress,
    )
    journal = Journal(folder / "journal", name=ids.make(WORKER, clock.now()))
    stack.callback(journal.close)
    callbacks = Callbacks(settings.server.public_url, root)
    backlog = Backlog(store=store, clock=clock, most=settings.queue.most)
    rates = Rates(store=store, tenants=tenants, clock=clock, luck=luck)
    admission = Admission(records=records, books=books, quotes=quotes, images=images, ids=ids, timing=timing)
    limits = Limits(store, clock, timing)
    sends = Sends(
        store=store,
        records=records,
        updates=updates,
        upstream=upstream,
        journal=journal,
        limits=limits,
        clock=clock,
        ids=ids,
        probe=seams.probe,
        places=ground.places,
    )
    await sends.recover()
    making = Making(accounts=accounts, tenants=tenants)
    queue = Queue(store=store, accounts=accounts, tenants=tenants, making=making, clock=clock)
    submits = Submits(
        store=store,
        accounts=accounts,
        tenants=tenants,
        policies=policies,
        records=records,
        books=books,
        sends=sends,
        queue=queue,
        making=making,
        waiting=Waiting(store=store, records=records, queue=queue, backlog=backlog, clock=clock, luck=luck),
        limits=limits,
        pictures=Pictures(
            store=store,
            records=records,
            images=images,
            links=links,
            assets=asset_store,
            upstream=upstream,
            limits=limits,
            clock=clock,
        ),
        callbacks=callbacks,
        clock=clock,
        ids=ids,
        luck=luck,
        probe=seams.probe,
    )
    watches = Watches(
        store=store,
        accounts=accounts,
        updates=updates,
        records=records,
        sends=sends,
        upstream=upstream,
        callbacks=callbacks,
        quarantine=quarantine,
        limits=limits,
        clock=clock,
        luck=luck,
        pacing=pacing,
        timing=timing,
        probe=seams.probe,
        places=ground.places,
    )
    sweeping = Sweeping(store=store, assets=asset_store, clock=clock, every=timing.sweep_seconds)
    assets = Assets(
        store=store,
        accounts=accounts,
        tenants=tenants,
        records=records,
        quarantine=quarantine,
        upstream=upstream,
        limits=limits,
        fetcher=fetcher,
        assets=asset_store,
        clock=clock,
        luck=luck,
        timing=timing,
        probe=seams.probe,
    )
    tending = Tending(
        store=store, accounts=accounts, upstream=upstream, limits=limits, clock=clock, ids=ids, luck=luck, timing=timing
    )

    hearing = Hearing(records=records, updates=updates)
    orphans = Orphans(
        store=store,
        records=records,
        hearing=hearing,
        ids=ids,
        clock=clock,
        grace=millis(timing.hook_grace_seconds),
    )

    async def may_send() -> bool:
        return ground.keeper.knows() and await quarantine.is_off()

    worker = Worker(
        name=ids.make(WORKER, clock.now()),
        store=store,
        handlers={
            TaskKind.SUBMIT: submits.handle,
            TaskKind.WATCH: watches.handle,
            TaskKind.FETCH: assets.handle,
            TaskKind.CANCEL: cancels.handle,
            TaskKind.TEND: tending.handle,
            TaskKind.HOOK: orphans.handle,
        },
        clock=clock,
        luck=luck,
        timing=timing,
        settings=settings.worker,
        may_send=may_send,
        call=queue.call,
        beside=sweeping.run,
    )
    store.on_stirred(worker.nudge)
    deliveries, addresses = _deliveries(settings, seams, store, ground, egress), _addresses(ground, egress, clock)
    reloading = Reloading(
        settings=settings,
        vault=ground.vault,
        configuration=ground.configuration,
        keeper=ground.keeper,
        allows=(updates.allow, egress.allow),
        clock=clock,
    )

    def around() -> Surroundings:
        return Surroundings(kinds=kinds, server=settings.server, egress=reloading.settings.egress)

    videos = Videos(
        store=store,
        admission=admission,
        decisions=decisions,
        backlog=backlog,
        rates=rates,
        forecasts=Forecasts(store=store, accounts=accounts, queue=queue, making=making, clock=clock),
        references=references,
        reusing=reusing,
        addresses=addresses,
        quarantine=quarantine,
        assets=asset_store,
        clock=clock,
        probe=seams.probe,
    )

    return Gateway(
        settings=settings,
        store=store,
        ground=ground,
        tenants=tenants,
        policies=policies,
        keys=Keys(
            store=store,
            changes=ground.changes,
            keeper=ground.keeper,
            root=root,
            clock=clock,
            ids=ids,
            entropy=seams.entropy,
        ),
        replays=Replays(store=store, accounts=accounts, policies=policies),
        rates=rates,
        limits_uses=LimitsUses(store=store, making=making, rates=rates, clock=clock),
        accounts=accounts,
        decisions=decisions,
        quotes=quotes,
        ledger=ground.ledger,
        cancels=cancels,
        videos=videos,
        images=images,
        deletions=Deletions(store=store, clock=clock),
        links=Links(videos=videos, tenants=tenants, root=root, public_url=settings.server.public_url, clock=clock),
        posters=Posters(store=store, assets=asset_store, decoding=decoding, folder=folder / "incoming"),
        batches=Batches(
            store=store,
            admission=admission,
            books=books,
            decisions=decisions,
            references=references,
            backlog=backlog,
            rates=rates,
            quarantine=quarantine,
            addresses=addresses,
            clock=clock,
            ids=ids,
            probe=seams.probe,
        ),
        events=events,
        event_log=EventLog(store=store, hub=hub, draining=draining),
        seats=Seats(lambda: settings.events.watchers, WATCHING),
        executions=Seats(lambda: reloading.settings.graphql.concurrent, EXECUTING),
        aging=aging,
        hooks=Hooks(
            store=store,
            hearing=hearing,
            orphans=orphans,
            signatures=HookSignatures(accounts=accounts, clock=clock),
            rates=HookRates(settings=settings.hooks, clock=clock, luck=luck),
            key=root,
            clock=clock,
            probe=seams.probe,
        ),
        queue=queue,
        unknowns=Unknowns(
            store=store, accounts=accounts, records=records, updates=updates, ids=ids, clock=clock, timing=timing
        ),
        incidents=Incidents(store),
        availability=Availability(store=store, accounts=accounts, clock=clock, timing=timing),
        operators=Operators(store=store, accounts=accounts, clock=clock, ids=ids),
        tenancies=Tenancies(
            store=store,
            changes=ground.changes,
            keeper=ground.keeper,
            tenants=tenants,
            accounts=accounts,
            providers=frozenset(kinds),
            common=lambda: Common(limits=reloading.settings.limits, retention=reloading.settings.retention),
            clock=clock,
        ),
        account_setups=AccountSetups(
            store=store,
            vault=ground.vault,
            changes=ground.changes,
            keeper=ground.keeper,
            tenants=tenants,
            around=around,
            clock=clock,
        ),
        account_tests=AccountTests(store=store, accounts=accounts, upstream=upstream, limits=limits, clock=clock),
        reloading=reloading,
        rekeying=Rekeying(store=store, vault=ground.vault, clock=clock, ids=ids),
        trails=Trails(store),
        receipts=Receipts(store=store, signer=Signer(root), issuer=settings.server.public_url),
        quarantine=quarantine,
        sweeping=sweeping,
        reconciliation=Reconciliation(store=store, accounts=accounts, clock=clock, timing=timing),
        worker=worker,
        webhook_endpoints=WebhookEndpoints(
            store=store,
            vault=ground.vault,
            changes=ground.changes,
            keeper=ground.keeper,
            endpoints=ground.endpoints,
            judge=egress.judge,
            overlap=lambda: reloading.settings.webhooks.secret_overlap_seconds,
            clock=clock,
            ids=ids,
            entropy=seams.entropy,
        ),
        deliveries=deliveries,
        delivery_log=DeliveryLog(store=store, endpoints=ground.endpoints, clock=clock),
        courier=Courier(
            deliveries=deliveries,
            hub=hub,
            poll_seconds=settings.worker.poll_seconds,
            may_call=quarantine.is_off,
        ),
        clock=clock,
        luck=luck,
        ids=ids,
        draining=draining,
    )


def _addresses(ground: Footing, egress: Egress, clock: Clock) -> Addresses:
    """What judges addresses that videos are given."""
    return Addresses(endpoints=ground.endpoints, keeper=ground.keeper, judge=egress.judge, clock=clock)


def _deliveries(settings: Settings, seams: Seams, store: Store, ground: Footing, egress: Egress) -> Deliveries:
    """What tells webhook endpoints."""
    timing, clock, ids = settings.timing, seams.clock, Ids(seams.entropy)
    return Deliveries(
        store=store,
        endpoints=ground.endpoints,
        keeper=ground.keeper,
        disabling=Disabling(store=store, keeper=ground.keeper, clock=clock, ids=ids),
        caller=egress,
        clock=clock,
        ids=ids,
        luck=seams.luck,
        terms=Terms(
            schedule=timing.delivery_schedule_seconds,
            reset=timing.breaker_reset_seconds,
            give_up=timing.delivery_give_up_seconds,
        ),
        timeout=timing.delivery_timeout_seconds,
        spare=millis(timing.lease_seconds),
        keep=settings.webhooks.keep_days * _DAY,
    )


def data_folder(settings: Settings) -> Path:
    """Where this process keeps its own files: beside a SQLite database, else in the working folder."""
    scheme, _, path = settings.database.url.partition(":///")
    return Path(path).parent / "filmgate-data" if scheme == "sqlite" else Path("filmgate-data")
