"""A configuration file applied: tenants, keys and accounts become what it declares, all of it or nothing."""

from collections.abc import Mapping

import structlog

from gateway.config.settings import KeySetup, Settings, TenantSetup, WebhookSetup
from gateway.policy.endpoint_planning import planned_endpoints
from gateway.policy.planning import Change, Declared, NotChangeable, planned
from gateway.policy.signing import key_hash
from gateway.policy.standard_webhooks import make_secret
from gateway.services.changes import Changes
from gateway.services.directory import read_directory
from gateway.services.vault import Vault
from gateway.store.database import StoreError
from gateway.store.store import Store, Transaction
from providers.base import ProviderKind
from schema.account import Secret
from schema.api_key import HINT, ApiKey
from schema.clock import Clock, millis
from schema.directory import StoredKey, TenantRecord
from schema.endpoint import Endpoint, EndpointRecord
from schema.ids import ENDPOINT, KEY, Entropy, Ids

log = structlog.get_logger()

BY_FILE = "file"
"""The actor of what a file changes."""


class CanNotApply(StoreError):
    """The file declares what can not become of what there is. Nothing was changed."""


class Configuration:
    def __init__(
        self,
        *,
        store: Store,
        vault: Vault,
        changes: Changes,
        root: Secret,
        kinds: Mapping[str, ProviderKind],
        clock: Clock,
        ids: Ids,
        entropy: Entropy,
    ) -> None:
        self._store = store
        self._vault = vault
        self._changes = changes
        self._root = root
        self._kinds = kinds
        self._clock = clock
        self._ids = ids
        self._entropy = entropy

    async def plan(self, settings: Settings) -> list[Change]:
        """What ``apply`` would change, in order; nothing is changed."""
        return await self._store.read(lambda tx: self._plan(tx, settings), snapshot=True)

    async def apply(self, settings: Settings) -> list[Change]:
        """Make what there is what the file declares, in one transaction; what was changed, in order.

        Raises:
            CanNotApply, StoreError: nothing was changed.
        """

        async def work(tx: Transaction) -> list[Change]:
            await tx.revision.lock()
            changes = await self._plan(tx, settings)
            for change in changes:
                await self._changes.make(tx, change, actor=BY_FILE)
            return changes

        changes = await self._store.write(work)
        for change in changes:
            log.info(change.action, id=change.id, by=settings.source)
        return changes

    async def _plan(self, tx: Transaction, settings: Settings) -> list[Change]:
        known = await read_directory(tx, self._vault, self._kinds, revoked=True)
        try:
            declared, now = self._declared(settings), self._clock.now()
            overlap = millis(settings.webhooks.secret_overlap_seconds)
            return [*planned(declared, known, now), *planned_endpoints(declared, known, now, overlap)]
        except NotChangeable as error:
            raise CanNotApply(f"{settings.source}: {error}") from error

    def _declared(self, settings: Settings) -> Declared:
        return Declared(
            source=settings.source,
            tenants=tuple(
                TenantRecord(tenant=setup.tenant, routed_by_file=setup.routed_by_file) for setup in settings.tenants
            )
            or None,
            keys=tuple(self._key(setup, key) for setup in settings.tenants for key in setup.keys),
            endpoints=tuple(self._endpoint(setup, webhook) for setup in settings.tenants for webhook in setup.webhooks),
            accounts=settings.accounts or None,
        )

    def _key(self, setup: TenantSetup, key: KeySetup) -> StoredKey:
        now, text = self._clock.now(), key.secret.reveal()
        declared = ApiKey(
            id=self._ids.make(KEY, now),
            tenant=setup.tenant.id,
            name=key.name,
            hint=text[-HINT:],
            scopes=key.scopes,
            origins=key.origins,
            networks=key.networks,
            created_at=now,
            expires_at=key.expires_at,
        )
        return StoredKey(key=declared, hash=key_hash(self._root, text).hex())

    def _endpoint(self, setup: TenantSetup, webhook: WebhookSetup) -> EndpointRecord:
        """As it is declared, with a secret of ours where the file gives none."""
        endpoint = Endpoint(
            id=self._ids.make(ENDPOINT, self._clock.now()),
            tenant=setup.tenant.id,
            url=webhook.url,
            name=webhook.name,
            events=webhook.events,
            secret_by_file=webhook.secret is not None,
        )
        return EndpointRecord(endpoint=endpoint, secrets={1: webhook.secret or make_secret(self._entropy)})
