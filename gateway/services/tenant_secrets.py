"""What signs webhooks to addresses that a tenant gives video by video: one secret a tenant, in the vault."""

import msgspec

from gateway.policy.standard_webhooks import make_secret
from gateway.services.vault import TENANT_SECRET, Vault
from gateway.store.store import Transaction
from schema.account import Secret
from schema.clock import Millis
from schema.endpoint import TenantSecret
from schema.ids import Entropy


class _Lying(msgspec.Struct, frozen=True, array_like=True):
    """What lies sealed: a secret, and until when the one before it signs too."""

    secret: str
    previous_until: Millis | None


_decode = msgspec.json.Decoder(_Lying).decode


async def tenant_secrets(tx: Transaction, vault: Vault) -> tuple[TenantSecret, ...]:
    """Every tenant's that has one."""
    at, every = await vault.newest_at(tx, TENANT_SECRET), await vault.all(tx, TENANT_SECRET)
    return tuple(_read(tenant, versions, at[tenant]) for tenant, versions in every.items())


async def next_secret(
    tx: Transaction, vault: Vault, tenant: str, *, until: Millis | None, now: Millis, entropy: Entropy
) -> TenantSecret:
    """Give a tenant another one; the one before signs until then too, and those before it no more."""
    lying = _Lying(secret=make_secret(entropy).reveal(), previous_until=until)
    version = await vault.put(tx, TENANT_SECRET, tenant, msgspec.json.encode(lying).decode())
    kept = {version} if until is None else {version, version - 1}
    await vault.forget(tx, TENANT_SECRET, tenant, frozenset(kept))
    return _read(tenant, await vault.of(tx, TENANT_SECRET, tenant), now)


def _read(tenant: str, versions: dict[int, Secret], at: Millis) -> TenantSecret:
    version = max(versions)
    newest, before = _decode(versions[version].reveal()), versions.get(version - 1)
    return TenantSecret(
        tenant=tenant,
        version=version,
        current=Secret(newest.secret),
        at=at,
        previous=None if before is None else Secret(_decode(before.reveal()).secret),
        previous_until=newest.previous_until,
    )
