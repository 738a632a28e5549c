"""Tenants as configured: who they are, and how they want their videos routed."""

from gateway.config.settings import TenantSetup
from gateway.policy.routing import Wish, overlay
from gateway.policy.signing import key_hash
from schema.account import Secret
from schema.tenant import Principal, RoutingPolicy, Tenant
from schema.video import Video

_HINT = 4


class Tenants:
    """Tenants by id, and principals by the hash of their API key: a right key costs one hash and one look-up."""

    def __init__(self, setups: tuple[TenantSetup, ...], pepper: Secret) -> None:
        self._pepper = pepper
        self._tenants = {setup.tenant.id: setup.tenant for setup in setups}
        self._principals = {
            key_hash(pepper, key.secret.reveal()): Principal(
                tenant=setup.tenant, key_hint=key.secret.reveal()[-_HINT:], scopes=key.scopes
            )
            for setup in setups
            for key in setup.keys
        }

    def principal(self, api_key: str) -> Principal | None:
        """Whose key this is; None for a key nobody has."""
        # what is compared is a keyed hash, so the time it takes says nothing about any key
        return self._principals.get(key_hash(self._pepper, api_key))

    def all(self) -> list[Tenant]:
        return list(self._tenants.values())

    def get(self, id: str) -> Tenant | None:
        return self._tenants.get(id)

    def wish(self, video: Video) -> Wish:
        """A video's routing wish over its tenant's policy; a tenant removed since leaves the defaults."""
        tenant = self._tenants.get(video.tenant)
        if tenant is None:
            return overlay(video.routing, RoutingPolicy(), spec=video.spec)
        policy, version = tenant.routing, tenant.policy_version
        return overlay(video.routing, policy, tenant.funding, spec=video.spec, version=version)

    def tests(self, tenant: str) -> bool:
        """Whether it is a test tenant, which reaches sandbox accounts only."""
        found = self._tenants.get(tenant)
        return found is not None and found.test
