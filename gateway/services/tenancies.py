"""Tenants made, changed and removed by operators. What the configuration file manages is changed there alone."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace

from gateway.config.checks import Names
from gateway.config.given import changed_tenant, new_tenant
from gateway.config.tenants import Common
from gateway.policy.endpoint_planning import endpoint_removal
from gateway.policy.planning import Kind, NotChangeable, removal, revocation, tenant_change
from gateway.services.accounts import Accounts
from gateway.services.changes import Changes
from gateway.services.directory import Keeper
from gateway.services.hands import Hand, check_hand
from gateway.services.pages import check_limit, cut
from gateway.services.tenants import Tenants
from gateway.store.database import CommitUnknown
from gateway.store.store import Store, Transaction
from schema.clock import Clock
from schema.directory import TenantRecord, managed_by_file
from schema.errors import ChangedMeanwhile, InvalidRequest, ManagedByFile, NotFound, Overloaded
from schema.policy import PolicyVersion
from schema.tenant import Tenant

log = structlog.get_logger()


class TenantPage(msgspec.Struct, frozen=True):
    """Some tenants, by id; ``more`` when there are others behind."""

    records: list[TenantRecord]
    more: bool


class Tenancies:
    """Operators' hand on tenants.

    Args:
        providers: names a tenant's routing may use beside accounts'.
        common: what holds for tenants that say nothing of their own.
    """

    def __init__(
        self,
        *,
        store: Store,
        changes: Changes,
        keeper: Keeper,
        tenants: Tenants,
        accounts: Accounts,
        providers: frozenset[str],
        common: Callable[[], Common],
        clock: Clock,
    ) -> None:
        self._common = common
        self._store = store
        self._changes = changes
        self._keeper = keeper
        self._tenants = tenants
        self._accounts = accounts
        self._providers = providers
        self._clock = clock

    def page(self, *, after: str | None = None, limit: int = 20) -> TenantPage:
        """Tenants by id, beyond one. Raises InvalidRequest when the limit is out of range."""
        check_limit(limit)
        there = sorted(tenant.id for tenant in self._tenants.all())
        records = [self.one(id) for id in there if after is None or id > after]
        return TenantPage(*cut(records, limit))

    def one(self, id: str) -> TenantRecord:
        """Raises NotFound."""
        found = self._tenants.record(id)
        if found is None:
            raise NotFound("There is no such tenant")
        return found

    async def create(self, document: Any, *, by: Hand) -> TenantRecord:
        """Make a tenant; it has no keys yet. ``routing`` is what its policy begins with.

        Raises:
            InvalidRequest: every field that is wrong; or there is such a tenant.
        """
        tenant = new_tenant(document, self._names(), self._common())

        async def work(tx: Transaction) -> TenantRecord:
            await self._begin(tx, by)
            known = await tx.tenants.get(tenant.id)
            if known is not None and known.ownership.removed_at is None:
                raise InvalidRequest.field("id", "taken", f"{tenant.id!r} is there already; change it, or name another")
            if known is not None:
                await self._reroute(tx, tenant, by)
            return await self._make(tx, TenantRecord(tenant=tenant), known, by)

        return await self._kept(work)

    async def _reroute(self, tx: Transaction, tenant: Tenant, by: Hand) -> None:
        """One that was there before is routed as it is written now; its policy's versions go on."""
        latest = await tx.policies.latest(tenant.id)
        if latest is not None and latest.policy != tenant.routing:
            version, now = latest.version + 1, self._clock.now()
            made = PolicyVersion(tenant=tenant.id, version=version, at=now, author=by.actor, policy=tenant.routing)
            if not await tx.policies.add(made):
                raise Overloaded("Its routing policy was changed meanwhile; try again", retry_after_seconds=1)

    async def update(self, id: str, expected: int, changes: Any, *, by: Hand) -> TenantRecord:
        """Change a tenant by a JSON merge patch; its routing policy has versions and verbs of its own.

        Raises:
            NotFound: there is none.
            ManagedByFile: the configuration file manages it.
            ChangedMeanwhile: it is at another version than the one expected.
            InvalidRequest: every field that is wrong.
        """

        async def work(tx: Transaction) -> TenantRecord:
            known = await self._held(tx, id, expected, by)
            wanted = replace(known, tenant=changed_tenant(known.tenant, changes, self._common()))
            return await self._make(tx, wanted, known, by)

        return await self._kept(work)

    async def remove(self, id: str, expected: int, *, by: Hand) -> TenantRecord:
        """Its keys stop at once, its own accounts get no more videos, its webhook endpoints are told no more; what was
        accepted is brought to its end.

        Raises:
            NotFound, ManagedByFile, ChangedMeanwhile: as for a change.
            InvalidRequest: it is the caller's own.
        """
        if id == by.tenant:
            raise InvalidRequest("Your own key is this tenant's: call with another tenant's to remove it")

        async def work(tx: Transaction) -> TenantRecord:
            known, now = await self._held(tx, id, expected, by), self._clock.now()
            for stored in await tx.api_keys.all():
                if stored.key.tenant == id and stored.key.revoked_at is None:
                    await self._changes.make(tx, revocation(stored, now), actor=by.actor)
            for account in await tx.account_setups.all():
                if account.account.owner == id and account.ownership.removed_at is None:
                    gone = removal(Kind.ACCOUNT, account.account.id, account, now)
                    await self._changes.make(tx, gone, actor=by.actor)
            for endpoint in await tx.webhook_endpoints.of(id):
                await self._changes.make(tx, endpoint_removal(endpoint, now), actor=by.actor)
            gone = removal(Kind.TENANT, id, known, now)
            await self._changes.make(tx, gone, actor=by.actor)
            return _tenant(gone.record)

        return await self._kept(work)

    async def _begin(self, tx: Transaction, by: Hand) -> None:
        """Nobody changes anything meanwhile; and whoever is at it still may."""
        await tx.revision.lock()
        await check_hand(tx, by, self._clock.now())

    async def _held(self, tx: Transaction, id: str, expected: int, by: Hand) -> TenantRecord:
        """A tenant that may be changed, held until the transaction ends."""
        await self._begin(tx, by)
        known = await tx.tenants.get(id) if id.isprintable() else None  # no column holds every letter there is
        if known is None or known.ownership.removed_at is not None:
            raise NotFound("There is no such tenant")
        if managed_by_file(known.ownership):
            raise ManagedByFile(
                f"The file {known.ownership.source} manages the tenant {id!r}: change it there and apply it, or "
                "take it out to have one here"
            )
        if known.ownership.version != expected:
            detail = f"Version {expected} of {id} was to be changed, and it is at version {known.ownership.version}"
            raise ChangedMeanwhile(detail)
        return known

    async def _make(self, tx: Transaction, wanted: TenantRecord, known: TenantRecord | None, by: Hand) -> TenantRecord:
        """Make it so; nothing is written when it is."""
        try:
            change = next(tenant_change(wanted, known, None, self._clock.now()), None)
        except NotChangeable as error:
            raise InvalidRequest.field("test", "not_changeable", str(error)) from error
        if change is None:
            return wanted if known is None else known
        await self._changes.make(tx, change, actor=by.actor)
        return _tenant(change.record)

    async def _kept(self, work: Callable[[Transaction], Awaitable[TenantRecord]]) -> TenantRecord:
        try:
            record = await self._store.write(work)
        except CommitUnknown as error:
            detail = "Whether the database kept this is not known; look, and try again"
            raise Overloaded(detail, retry_after_seconds=1) from error
        await self._keeper.catch_up()
        log.info("tenant.set_up", id=record.tenant.id, version=record.ownership.version)
        return record

    def _names(self) -> Names:
        there = [account for account, _ in self._accounts.all()]
        return Names(
            accounts=frozenset(account.id for account in there if account.owner is None),
            providers=self._providers,
            used=frozenset(account.provider for account in there),
            owners={},
        )


def _tenant(record: object) -> TenantRecord:
    if not isinstance(record, TenantRecord):
        raise TypeError(record)
    return record
