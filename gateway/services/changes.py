"""One change of the directory, made: the row, its secrets, what follows from it, and its line in the audit trail."""

from typing import assert_never

import msgspec

from gateway.policy.planning import Change
from gateway.services.hook_secrets import write_hook_secrets
from gateway.services.trailing import write_down
from gateway.services.vault import CREDENTIAL, ENDPOINT_SECRET, TENANT_SECRET, WEBHOOK_SECRETS, Vault
from gateway.store.database import StoreUnavailable
from gateway.store.store import Transaction
from schema.clock import Clock
from schema.directory import AccountRecord, StoredKey, TenantRecord
from schema.endpoint import EndpointRecord
from schema.ids import Ids
from schema.policy import BY_FILE, PolicyVersion


class Changes:
    def __init__(self, *, vault: Vault, clock: Clock, ids: Ids) -> None:
        self._vault = vault
        self._clock = clock
        self._ids = ids

    async def make(self, tx: Transaction, change: Change, *, actor: str) -> None:
        """Make a change, tell it, and let every replica know. Whoever calls holds the revision's lock."""
        record = change.record
        if isinstance(record, TenantRecord):
            await tx.tenants.put(record)
            await self._route(tx, record)
            if record.ownership.removed_at is not None:
                await self._vault.forget(tx, TENANT_SECRET, record.tenant.id, frozenset())
        elif isinstance(record, AccountRecord):
            await self._account(tx, change, record)
        elif isinstance(record, StoredKey):
            await tx.api_keys.put(record)
        elif isinstance(record, EndpointRecord):
            await self._endpoint(tx, record)
        else:
            assert_never(record)
        await self.tell(tx, change, actor=actor)
        await tx.revision.move()

    async def tell(self, tx: Transaction, change: Change, *, actor: str) -> None:
        """Its line in the audit trail."""
        await write_down(
            tx,
            self._ids,
            self._clock.now(),
            actor=actor,
            action=change.action,
            tenant=change.tenant,
            subject=change.id,
            before=change.before,
            after=change.after,
        )

    async def _account(self, tx: Transaction, change: Change, record: AccountRecord) -> None:
        account = record.account
        await tx.accounts.ensure([account.id])
        if change.credential:
            version = await self._vault.put(tx, CREDENTIAL, account.id, account.credential.reveal())
            account = msgspec.structs.replace(account, credential_version=version)
        if change.webhook_secrets:
            await self._vault.put(tx, WEBHOOK_SECRETS, account.id, write_hook_secrets(account))
        await tx.account_setups.put(msgspec.structs.replace(record, account=account))
        if change.credential or change.webhook_secrets:
            await self._forget(tx, account.id, account.credential_version)

    async def _endpoint(self, tx: Transaction, record: EndpointRecord) -> None:
        """Keep an endpoint, and its secret when the record brings a new one; those that sign no more are dropped."""
        endpoint = record.endpoint
        new = record.secrets.get(endpoint.secret_version)
        known = await tx.sealed.versions(ENDPOINT_SECRET, endpoint.id)
        if new is not None and endpoint.secret_version not in {kept.place.version for kept in known}:
            version = await self._vault.put(tx, ENDPOINT_SECRET, endpoint.id, new.reveal())
            endpoint = msgspec.structs.replace(endpoint, secret_version=version)
        await tx.webhook_endpoints.put(msgspec.structs.replace(record, endpoint=endpoint))
        kept = {endpoint.secret_version, *([endpoint.secret_version - 1] if endpoint.previous_until else [])}
        gone = record.ownership.removed_at is not None
        await self._vault.forget(tx, ENDPOINT_SECRET, endpoint.id, frozenset() if gone else frozenset(kept))
        if gone or endpoint.disabled_at is not None:
            await tx.deliveries.hold(endpoint.tenant)
            await tx.deliveries.skip(endpoint.id, self._clock.now())

    async def _forget(self, tx: Transaction, account: str, current: int) -> None:
        """Drop former secrets that no attempt under way was sent with; the one just replaced may be in use."""
        used = await tx.attempts.credential_versions(account)
        await self._vault.forget(tx, CREDENTIAL, account, frozenset({current, current - 1, *used}))
        kept = await tx.sealed.versions(WEBHOOK_SECRETS, account)
        newest = kept[-1].place.version if kept else 0
        await self._vault.forget(tx, WEBHOOK_SECRETS, account, frozenset({newest}))

    async def _route(self, tx: Transaction, record: TenantRecord) -> None:
        """A tenant whose routing the file manages is routed so from now on."""
        if not record.routed_by_file or record.ownership.removed_at is not None:
            return
        tenant = record.tenant
        latest = await tx.policies.latest(tenant.id)
        if latest is None or latest.policy != tenant.routing:
            version = PolicyVersion(
                tenant=tenant.id,
                version=1 if latest is None else latest.version + 1,
                at=self._clock.now(),
                author=BY_FILE,
                policy=tenant.routing,
            )
            if not await tx.policies.add(version):  # somebody changed it at this moment: nothing is applied
                raise StoreUnavailable("A routing policy was changed meanwhile; try again", retry_after_seconds=1)
