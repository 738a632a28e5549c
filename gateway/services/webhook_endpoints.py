"""A tenant's webhook endpoints: made, shown, changed, their secrets rotated, switched off and on, removed.

A secret is seen once, by whoever made or rotated it; what the configuration file gives is changed there.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog
from msgspec.structs import replace

from gateway.policy.endpoint_planning import endpoint_change, endpoint_removal, rotation, switch
from gateway.policy.endpoint_wishes import wished
from gateway.policy.planning import Change
from gateway.policy.standard_webhooks import make_secret
from gateway.services.changes import Changes
from gateway.services.directory import Keeper, read_endpoint
from gateway.services.endpoints import Endpoints
from gateway.services.hands import Hand, check_hand, check_tenant
from gateway.services.tenant_secrets import next_secret
from gateway.services.trailing import write_down
from gateway.services.vault import TENANT_SECRET, Vault
from gateway.store.database import CommitUnknown
from gateway.store.store import Store, Transaction
from schema.account import Secret
from schema.clock import Clock, Millis, millis
from schema.directory import managed_by_file
from schema.endpoint import MOST, Endpoint, EndpointRecord, EndpointWish, TenantSecret
from schema.errors import InvalidRequest, ManagedByFile, NotFound, Overloaded
from schema.event import Event, EventType
from schema.ids import ENDPOINT, Entropy, Ids

log = structlog.get_logger()

GATEWAY = "gateway"
"""The actor of what nobody asked for."""

BY_OWNER = "switched off by its owner"

Judge = Callable[[str], Awaitable[None]]
"""Raises InvalidRequest for an address that may not be called."""

Deed = Callable[[Transaction, EndpointRecord], Awaitable[list[Change]]]


class WebhookEndpoints:
    """Every verb is in the audit trail, and effective at this replica when it returns, at the others a second later.

    Args:
        judge: whether an address may be called.
        overlap: for how many seconds a rotated secret signs too.
    """

    def __init__(
        self,
        *,
        store: Store,
        vault: Vault,
        changes: Changes,
        keeper: Keeper,
        endpoints: Endpoints,
        judge: Judge,
        overlap: Callable[[], float],
        clock: Clock,
        ids: Ids,
        entropy: Entropy,
    ) -> None:
        self._store = store
        self._vault = vault
        self._changes = changes
        self._keeper = keeper
        self._endpoints = endpoints
        self._judge = judge
        self._overlap = overlap
        self._clock = clock
        self._ids = ids
        self._entropy = entropy

    # what there is

    def all(self, tenant: str) -> list[EndpointRecord]:
        """A tenant's, newest first."""
        return sorted(self._endpoints.of(tenant), key=lambda record: record.endpoint.id, reverse=True)

    def get(self, tenant: str, id: str) -> EndpointRecord:
        """One of a tenant's. Raises NotFound, also for what is another's."""
        found = self._endpoints.get(id)
        if found is None or found.endpoint.tenant != tenant:
            raise _missing()
        return found

    def secret(self, tenant: str) -> TenantSecret:
        """What signs for addresses that are given video by video. Raises NotFound until there is one."""
        found = self._endpoints.tenant_secret(tenant)
        if found is None:
            raise NotFound("There is no such secret yet; rotate it once to make it")
        return found

    # what is done

    async def create(self, tenant: str, wish: EndpointWish, *, by: Hand) -> EndpointRecord:
        """Make an endpoint; its secret is in what this returns.

        Raises:
            InvalidRequest: a field is wrong, the address may not be called, or the tenant has too many.
        """
        now = self._clock.now()
        wanted = wished(Endpoint(id=self._ids.make(ENDPOINT, now), tenant=tenant, url=""), wish)
        await self._judge(wanted.url)
        record = EndpointRecord(endpoint=wanted, secrets={1: make_secret(self._entropy)})

        async def work(tx: Transaction) -> list[Change]:
            await self._begin(tx, by)
            await check_tenant(tx, tenant)
            there = [known for known in await tx.webhook_endpoints.all() if known.endpoint.tenant == tenant]
            if len(there) >= MOST:
                raise InvalidRequest(f"A tenant has at most {MOST} webhook endpoints; remove one that is not needed")
            return list(endpoint_change(record, None, None, now, 0))

        return await self._do(work, record, by)

    async def update(self, tenant: str, id: str, wish: EndpointWish, *, by: Hand) -> EndpointRecord:
        """Change an endpoint; what changes nothing is no change. Anybody's may be switched off and on, also the file's.

        Raises:
            NotFound: the tenant has no such endpoint.
            ManagedByFile: the configuration file says where it is and what it is told.
            InvalidRequest: a field is wrong, or the address may not be called.
        """
        if isinstance(wish.url, str):
            wished(self.get(tenant, id).endpoint, wish)
            await self._judge(wish.url)

        async def deed(_tx: Transaction, known: EndpointRecord) -> list[Change]:
            wanted = replace(known, endpoint=wished(known.endpoint, wish))
            changes, now = [], self._clock.now()
            if wanted != known:
                _check_api(known, "it")
                changes += endpoint_change(wanted, known, None, now, 0)
            latest = changes[-1].record if changes else known
            off = known.endpoint.disabled_at is not None
            if isinstance(latest, EndpointRecord) and wish.disabled not in (msgspec.UNSET, off):
                changes.append(switch(latest, None if off else now, None if off else BY_OWNER, now))
            return changes

        return await self._change(tenant, id, deed, by)

    async def rotate(self, tenant: str, id: str, *, keep_old: bool, by: Hand) -> EndpointRecord:
        """Give an endpoint another secret, which is in what this returns; with ``keep_old`` the old one signs too for a
        while, and never more than those two.

        Raises:
            NotFound: the tenant has no such endpoint.
            ManagedByFile: the configuration file gives its secret.
        """
        secret = make_secret(self._entropy)

        async def deed(_tx: Transaction, known: EndpointRecord) -> list[Change]:
            if known.endpoint.secret_by_file:
                _check_api(known, "its secret")
            now = self._clock.now()
            return [rotation(known, secret, self._until(now, keep_old=keep_old), now)]

        return await self._change(tenant, id, deed, by)

    async def remove(self, tenant: str, id: str, *, by: Hand) -> EndpointRecord:
        """It is told nothing more, and its secrets are forgotten. Raises NotFound, ManagedByFile."""

        async def deed(_tx: Transaction, known: EndpointRecord) -> list[Change]:
            _check_api(known, "it")
            return [endpoint_removal(known, self._clock.now())]

        return await self._change(tenant, id, deed, by)

    async def disable(self, id: str, reason: str, tx: Transaction | None = None) -> bool:
        """Tell an endpoint nothing more, of the gateway's own accord: its tenant reads why in its log of events.

        Args:
            reason: in words for people.
            tx: the transaction to do it in; whoever gives one calls ``keeper.catch_up()`` after its commit.

        Returns:
            Whether it was told anything until now.
        """

        async def work(tx: Transaction) -> bool:
            await tx.revision.lock()
            known, now = await read_endpoint(tx, self._vault, id), self._clock.now()
            if known is None or known.endpoint.disabled_at is not None:
                return False
            await self._changes.make(tx, switch(known, now, reason, now), actor=GATEWAY)
            tx.events.add(
                Event(
                    id=self._ids.event(now),
                    tenant=known.endpoint.tenant,
                    type=EventType.ENDPOINT_DISABLED,
                    at=now,
                    data={"endpoint": id, "name": known.endpoint.name, "reason": reason},
                )
            )
            return True

        if tx is not None:
            return await work(tx)
        done = await self._store.write(work)
        if done:
            log.warning("webhook_endpoint.disabled", id=id, reason=reason)
            await self._keeper.catch_up()
        return done

    async def rotate_secret(self, tenant: str, *, keep_old: bool, by: Hand) -> TenantSecret:
        """Make a tenant's secret for addresses that are given video by video, or another one in its place."""

        async def work(tx: Transaction) -> TenantSecret:
            await self._begin(tx, by)
            await check_tenant(tx, tenant)
            now = self._clock.now()
            known = await tx.sealed.versions(TENANT_SECRET, tenant)
            until = self._until(now, keep_old=keep_old) if known else None
            made = await next_secret(tx, self._vault, tenant, until=until, now=now, entropy=self._entropy)
            after = {"version": made.version, "previous_until": until}
            await write_down(
                tx,
                self._ids,
                now,
                actor=by.actor,
                action="webhook_secret.rotated",
                subject=tenant,
                tenant=tenant,
                after=after,
            )
            await tx.revision.move()
            return made

        return await self._kept(lambda: self._store.write(work))

    # how

    def _until(self, now: Millis, *, keep_old: bool) -> Millis | None:
        seconds = self._overlap() if keep_old else 0
        return now + millis(seconds) if seconds else None

    async def _begin(self, tx: Transaction, by: Hand) -> None:
        """Nobody changes anything meanwhile; and whoever is at it still may."""
        await tx.revision.lock()
        await check_hand(tx, by, self._clock.now())

    async def _change(self, tenant: str, id: str, deed: Deed, by: Hand) -> EndpointRecord:
        found = self.get(tenant, id)

        async def work(tx: Transaction) -> list[Change]:
            await self._begin(tx, by)
            nonlocal found
            known = await read_endpoint(tx, self._vault, id)
            if known is None or known.endpoint.tenant != tenant:
                raise _missing()
            found = known
            return await deed(tx, known)

        return await self._do(work, found, by)

    async def _do(
        self, work: Callable[[Transaction], Awaitable[list[Change]]], known: EndpointRecord, by: Hand
    ) -> EndpointRecord:
        """Make changes, all or none, and see them here at once; the endpoint as it is after them."""

        async def all_of_them(tx: Transaction) -> Sequence[Change]:
            changes = await work(tx)
            for change in changes:
                await self._changes.make(tx, change, actor=by.actor)
            return changes

        changes = await self._kept(lambda: self._store.write(all_of_them))
        for change in changes:
            log.info(change.action, id=change.id, tenant=change.tenant, actor=by.actor)
        latest = changes[-1].record if changes else known
        return latest if isinstance(latest, EndpointRecord) else known

    async def _kept[T](self, write: Callable[[], Awaitable[T]]) -> T:
        try:
            done = await write()
        except CommitUnknown as error:
            detail = "Whether the database kept this is not known; look, and try again"
            raise Overloaded(detail, retry_after_seconds=1) from error
        await self._keeper.catch_up()
        return done


def _missing() -> NotFound:
    return NotFound("There is no such webhook endpoint")


def _check_api(known: EndpointRecord, what: str) -> None:
    if managed_by_file(known.ownership):
        raise ManagedByFile(
            f"The file {known.ownership.source} manages this webhook endpoint: change {what} there and apply the file"
        )
