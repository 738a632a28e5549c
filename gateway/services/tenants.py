"""Tenants as configured, with the routing policy that is in force: who they are, and how their videos are routed."""

from msgspec.structs import replace

from gateway.config.settings import KeySetup, TenantSetup
from gateway.policy.routing import Wish, overlay
from gateway.policy.signing import key_hash
from schema.account import Secret
from schema.policy import PolicyVersion
from schema.tenant import Principal, RoutingPolicy, Tenant
from schema.video import Video

_HINT = 4


class Tenants:
    """Tenants by id, and principals by the hash of their API key: a right key costs one hash and one look-up."""

    def __init__(self, setups: tuple[TenantSetup, ...], pepper: Secret) -> None:
        self._pepper = pepper
        self._tenants = {setup.tenant.id: setup.tenant for setup in setups}
        self._by_file = frozenset(setup.tenant.id for setup in setups if setup.routed_by_file)
        self._keys = {
            setup.tenant.id: {key_hash(pepper, key.secret.reveal()): key for key in setup.keys} for setup in setups
        }
        self._principals = {
            hashed: _principal(tenant, key)
            for id, tenant in self._tenants.items()
            for hashed, key in self._keys[id].items()
        }

    def principal(self, api_key: str) -> Principal | None:
        """Whose key this is; None for a key nobody has."""
        # what is compared is a keyed hash, so the time it takes says nothing about any key
        return self._principals.get(key_hash(self._pepper, api_key))

    def welcomes(self, origin: str) -> bool:
        """Whether pages of this web origin may call for any tenant: asked where no key tells for which."""
        return any(origin in tenant.origins for tenant in self._tenants.values())

    def all(self) -> list[Tenant]:
        return list(self._tenants.values())

    def get(self, id: str) -> Tenant | None:
        return self._tenants.get(id)

    def use(self, version: PolicyVersion) -> None:
        """From now on this policy is in force, unless a newer one is; whoever holds a Tenant keeps what it holds."""
        tenant = self._tenants.get(version.tenant)
        if tenant is None or self.version(tenant.id) >= version.version:
            return
        after = replace(tenant, routing=version.policy, policy_version=version.version)
        self._tenants[after.id] = after
        self._principals.update({hashed: _principal(after, key) for hashed, key in self._keys[after.id].items()})

    def routed_by_file(self, id: str) -> bool:
        """The configuration file says how this tenant is routed."""
        return id in self._by_file

    def version(self, id: str) -> int:
        """The version that a tenant's policy is of; 0 before one was looked up."""
        tenant = self._tenants.get(id)
        return 0 if tenant is None else tenant.policy_version or 0

    def wish(self, video: Video, newer: PolicyVersion | None = None) -> Wish:
        """A video's routing wish over its tenant's policy; a tenant removed since leaves the defaults.

        Args:
            newer: the policy that counts instead, where somebody has just seen it.
        """
        tenant = self._tenants.get(video.tenant)
        if tenant is None:
            return overlay(video.routing, RoutingPolicy(), spec=video.spec)
        if newer is not None:
            tenant = replace(tenant, routing=newer.policy, policy_version=newer.version)
        policy, version = tenant.routing, tenant.policy_version
        return overlay(video.routing, policy, tenant.funding, spec=video.spec, version=version)

    def tests(self, tenant: str) -> bool:
        """Whether it is a test tenant, which reaches sandbox accounts only."""
        found = self._tenants.get(tenant)
        return found is not None and found.test


def _principal(tenant: Tenant, key: KeySetup) -> Principal:
    return Principal(tenant=tenant, key_hint=key.secret.reveal()[-_HINT:], scopes=key.scopes)
