"""A tenant's webhook endpoints: made, shown, changed, their secrets rotated, switched off and on, removed.

A secret is seen once, by whoever made or rotated it; what the configuration file gives is changed there.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import structlog
from msgspec.structs import replace

from gateway.policy.delivering import succeeded
from gateway.policy.egress import EgressFailed
from gateway.policy.endpoint_planning import endpoint_change, endpoint_removal, rotation, switch
from gateway.policy.endpoint_wishes import wished
from gateway.policy.planning import Change
from gateway.policy.standard_webhooks import make_secret
from gateway.services.changes import Changes
from gateway.services.directory import Keeper, read_endpoint
from gateway.services.endpoints import Endpoints
from gateway.services.hands import Hand, check_hand, check_tenant
from gateway.services.pages import check_limit, cut
from gateway.services.tenant_secrets import next_secret
from gateway.services.trailing import write_down
from gateway.services.vault import TENANT_SECRET, Vault
from gateway.store.database import CommitUnknown
from gateway.store.store import Store, Transaction, Work
from schema.clock import Clock, Millis, millis
from schema.directory import managed_by_file
from schema.endpoint import MOST, Endpoint, EndpointRecord, EndpointWish, TenantSecret
from schema.errors import InvalidRequest, ManagedByFile, NotFound, Overloaded
from schema.ids import ENDPOINT, Entropy, Ids

log = structlog.get_logger()

T = TypeVar("T")

BY_OWNER = "switched off by its owner"

Judge = Callable[[str], Awaitable[None]]
"""Raises EgressFailed for an address that may not be called; its text finishes "url …"."""

Done = tuple[EndpointRecord, list[Change]]
"""The endpoint as it was, and what was changed of it."""

Deed = Callable[[Transaction, EndpointRecord], Awaitable[list[Change]]]


class EndpointPage(msgspec.Struct, frozen=True):
    """Some webhook endpoints, newest first; ``more`` when there are older ones."""

    records: list[EndpointRecord]
    more: bool


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

    async def page(self, tenant: str, *, after: str | None, limit: int) -> EndpointPage:
        """A tenant's, newest first, beyond one. Raises InvalidRequest when the limit is out of range."""
        check_limit(limit)
        await self._keeper.refresh()  # one may have been made at another replica just now
        there = sorted(self._endpoints.of(tenant), key=lambda record: record.endpoint.id, reverse=True)
        return EndpointPage(*cut([one for one in there if after is None or one.endpoint.id < after], limit))

    async def get(self, tenant: str, id: str) -> EndpointRecord:
        """One of a tenant's. Raises NotFound, also for what is another's."""
        await self._keeper.refresh()
        found = self._endpoints.get(id)
        if found is None or found.endpoint.tenant != tenant:
            raise _missing()
        return found

    async def secret(self, tenant: str) -> TenantSecret:
        """What signs for addresses that are given video by video. Raises NotFound until there is one."""
        await self._keeper.refresh()
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
        await self._check(wanted.url)
        record = EndpointRecord(endpoint=wanted, secrets={1: make_secret(self._entropy)})

        async def work(tx: Transaction) -> Done:
            await self._begin(tx, by)
            await check_tenant(tx, tenant)
            if len(await tx.webhook_endpoints.of(tenant)) >= MOST:
                raise InvalidRequest(f"A tenant has at most {MOST} webhook endpoints; remove one that is not needed")
            return record, list(endpoint_change(record, None, None, now, 0))

        return await self._do(work, by)

    async def update(self, tenant: str, id: str, wish: EndpointWish, *, by: Hand) -> EndpointRecord:
        """Change an endpoint; what changes nothing is no change. Anybody's may be switched off and on, also the file's.

        Raises:
            NotFound: the tenant has no such endpoint.
            ManagedByFile: the configuration file says where it is and what it is told.
            InvalidRequest: a field is wrong, or the address may not be called.
        """
        found = await self.get(tenant, id)
        wanted_url = wished(found.endpoint, wish).url
        if wanted_url != found.endpoint.url and not managed_by_file(found.ownership):
            await self._check(wanted_url)

        async def deed(tx: Transaction, known: EndpointRecord) -> list[Change]:
            wanted, now = replace(known, endpoint=wished(known.endpoint, wish)), self._clock.now()
            changes: list[Change] = []
            if wanted != known:
                _check_api(known, "it")
                changes += endpoint_change(wanted, known, None, now, 0)
            latest = changes[-1].record if changes else known
            off = known.endpoint.disabled_at is not None
            if isinstance(latest, EndpointRecord) and wish.disabled not in (msgspec.UNSET, off):
                changes.append(switch(latest, None if off else now, None if off else BY_OWNER, now))
                if off:
                    await _forgive(tx, latest.endpoint)
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

    async def _check(self, url: str) -> None:
        try:
            await self._judge(url)
        except EgressFailed as failure:
            raise InvalidRequest.field("url", "invalid_value", str(failure)) from failure

    def _until(self, now: Millis, *, keep_old: bool) -> Millis | None:
        seconds = self._overlap() if keep_old else 0
        return now + millis(seconds) if seconds else None

    async def _begin(self, tx: Transaction, by: Hand) -> None:
        """Nobody changes anything meanwhile; and whoever is at it still may."""
        await tx.revision.lock()
        await check_hand(tx, by, self._clock.now())

    async def _change(self, tenant: str, id: str, deed: Deed, by: Hand) -> EndpointRecord:
        async def work(tx: Transaction) -> Done:
            await self._begin(tx, by)
            known = await read_endpoint(tx, self._vault, id)
            if known is None or known.endpoint.tenant != tenant:
                raise _missing()
            return known, await deed(tx, known)

        return await self._do(work, by)

    async def _do(self, work: Work[Done], by: Hand) -> EndpointRecord:
        """Make changes, all or none, and see them here at once; the endpoint as it is after them."""

        async def all_of_them(tx: Transaction) -> Done:
            known, changes = await work(tx)
            for change in changes:
                await self._changes.make(tx, change, actor=by.actor)
            return known, changes

        known, changes = await self._kept(lambda: self._store.write(all_of_them))
        for change in changes:
            log.info(change.action, id=change.id, tenant=change.tenant, actor=by.actor)
        latest = changes[-1].record if changes else known
        return latest if isinstance(latest, EndpointRecord) else known

    async def _kept(self, write: Callable[[], Awaitable[T]]) -> T:
        try:
            done = await write()
        except CommitUnknown as error:
            detail = "Whether the database kept this is not known; look, and try again"
            raise Overloaded(detail, retry_after_seconds=1) from error
        await self._keeper.catch_up()
        return done


async def _forgive(tx: Transaction, endpoint: Endpoint) -> None:
    """One that is told again begins anew: what failed before does not count."""
    await tx.deliveries.hold(endpoint.tenant)
    await tx.deliveries.keep(succeeded(await tx.deliveries.state(endpoint.id, endpoint.tenant)))


def _missing() -> NotFound:
    return NotFound("There is no such webhook endpoint")


def _check_api(known: EndpointRecord, what: str) -> None:
    if managed_by_file(known.ownership):
        raise ManagedByFile(
            f"The file {known.ownership.source} manages this webhook endpoint: change {what} there and apply the file"
        )
