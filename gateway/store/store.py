"""The store: transactions that hold one object per table, and the wake-ups that follow their commits."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.store.account_events import AccountEvents
from gateway.store.account_setups import AccountSetups
from gateway.store.accounts import Accounts
from gateway.store.api_keys import ApiKeys
from gateway.store.attempts import Attempts
from gateway.store.batches import Batches
from gateway.store.client_tokens import ClientTokens
from gateway.store.database import Connection, Database
from gateway.store.deliveries import Deliveries
from gateway.store.estimates import Estimates
from gateway.store.events import Events
from gateway.store.files import Files
from gateway.store.hooks import Hooks
from gateway.store.images import Images
from gateway.store.incidents import Incidents
from gateway.store.instance import Instances
from gateway.store.ledger import Ledger
from gateway.store.meters import Meters
from gateway.store.outputs import Outputs
from gateway.store.policies import Policies
from gateway.store.queue import Queue
from gateway.store.resolutions import Resolutions
from gateway.store.revision import Revision
from gateway.store.samples import Samples
from gateway.store.sealed import SealedSecrets
from gateway.store.signing_keys import SigningKeys
from gateway.store.spending import Spending
from gateway.store.tasks import Tasks
from gateway.store.tenant_limits import TenantLimits
from gateway.store.tenants import Tenants
from gateway.store.trail import Trail
from gateway.store.videos import Videos
from gateway.store.webhook_endpoints import WebhookEndpoints

T = TypeVar("T")


class Transaction:
    """One transaction's view of every table."""

    def __init__(self, connection: Connection) -> None:
        self.videos = Videos(connection)
        self.batches = Batches(connection)
        self.attempts = Attempts(connection)
        self.tasks = Tasks(connection)
        self.queue = Queue(connection)
        self.events = Events(connection)
        self.accounts = Accounts(connection)
        self.meters = Meters(connection)
        self.tenant_limits = TenantLimits(connection)
        self.hooks = Hooks(connection)
        self.images = Images(connection)
        self.incidents = Incidents(connection)
        self.outputs = Outputs(connection)
        self.files = Files(connection)
        self.resolutions = Resolutions(connection)
        self.instance = Instances(connection)
        self.ledger = Ledger(connection)
        self.spending = Spending(connection)
        self.estimates = Estimates(connection)
        self.policies = Policies(connection)
        self.samples = Samples(connection)
        self.account_events = AccountEvents(connection)
        self.revision = Revision(connection)
        self.tenants = Tenants(connection)
        self.api_keys = ApiKeys(connection)
        self.account_setups = AccountSetups(connection)
        self.sealed = SealedSecrets(connection)
        self.trail = Trail(connection)
        self.client_tokens = ClientTokens(connection)
        self.signing_keys = SigningKeys(connection)
        self.webhook_endpoints = WebhookEndpoints(connection)
        self.deliveries = Deliveries(connection)


Work = Callable[[Transaction], Awaitable[T]]
Told = Callable[[frozenset[str]], None]


class Store:
    """The only door to the database. A work must await nothing but its transaction; it may be run more than once."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._told: list[Told] = []
        self._stirred: list[Callable[[], None]] = []

    def on_told(self, heard: Told) -> None:
        """Call back after each commit that added events, with their topics: videos' ids, and tenants' logs."""
        self._told.append(heard)

    def on_stirred(self, heard: Callable[[], None]) -> None:
        """Call back after each commit that made work due, or may have made room for it."""
        self._stirred.append(heard)

    async def write(self, work: Work[T], *, tenant: str | None = None) -> T:
        """Run a work in one transaction: durable when this returns, undone when it raises.

        Args:
            tenant: for whom it is done, when a caller asked for it: nobody else's rows are reached. None is the engine.
        """
        told: frozenset[str] = frozenset()
        stirred = False

        async def run(connection: Connection) -> T:
            nonlocal told, stirred
            transaction = Transaction(connection)
            result = await work(transaction)
            await transaction.events.write()
            told = frozenset(transaction.events.told)
            stirred = transaction.tasks.stirred or bool(told)
            return result

        result = await self.database.write(run, tenant=tenant)
        if told:
            for heard in self._told:
                heard(told)
        if stirred:
            for stir in self._stirred:
                stir()
        return result

    async def read(self, work: Work[T], *, tenant: str | None = None, snapshot: bool = False) -> T:
        """Run a work that only asks; ``tenant`` as above, ``snapshot`` when its answers must agree with each other."""

        async def run(connection: Connection) -> T:
            return await work(Transaction(connection))

        return await self.database.read(run, tenant=tenant, snapshot=snapshot)
