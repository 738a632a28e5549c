"""Tenants as configured, with the routing policy that is in force: who they are, and how their videos are routed."""

from collections.abc import Iterable

from msgspec.structs import replace

from gateway.policy.routing import Wish, overlay
from schema.directory import Directory, TenantRecord, managed_by_file
from schema.policy import PolicyVersion
from schema.tenant import RoutingPolicy, Tenant
from schema.video import Video


class Tenants:
    """Tenants by id: those of the directory. One that was removed is known no more but for what it left to be made."""

    def __init__(self, records: Iterable[TenantRecord] = ()) -> None:
        self._records: dict[str, TenantRecord] = {}
        self._tenants: dict[str, Tenant] = {}
        self._removed: dict[str, Tenant] = {}
        self._origins: frozenset[str] = frozenset()
        self.adopt(Directory(tenants=tuple(records)))

    def adopt(self, directory: Directory) -> None:
        """From now on these are the tenants; the policies that were in force stay so, until newer ones are seen."""
        self._records = {
            record.tenant.id: record for record in directory.tenants if record.ownership.removed_at is None
        }
        routed = {record.tenant.id: self._routed(record.tenant) for record in directory.tenants}
        self._tenants = {id: tenant for id, tenant in routed.items() if id in self._records}
        self._removed = {id: tenant for id, tenant in routed.items() if id not in self._records}
        self._origins = frozenset(origin for tenant in self._tenants.values() for origin in tenant.origins)

    def _routed(self, tenant: Tenant) -> Tenant:
        before = self.once(tenant.id)
        if before is None or before.policy_version is None:
            return tenant
        return replace(tenant, routing=before.routing, policy_version=before.policy_version)

    def welcomes(self, origin: str) -> bool:
        """Whether pages of this web origin may call for any tenant: asked where no key tells for which."""
        return origin in self._origins

    def all(self) -> list[Tenant]:
        return list(self._tenants.values())

    def get(self, id: str) -> Tenant | None:
        return self._tenants.get(id)

    def once(self, id: str) -> Tenant | None:
        """A tenant, also one that was removed: what was accepted of it is made as it wished, and for its money."""
        return self._tenants.get(id) or self._removed.get(id)

    def record(self, id: str) -> TenantRecord | None:
        """A tenant with who manages it."""
        return self._records.get(id)

    def use(self, version: PolicyVersion) -> None:
        """From now on this policy is in force, unless a newer one is; whoever holds a Tenant keeps what it holds."""
        tenant = self.once(version.tenant)
        if tenant is None or self.version(tenant.id) >= version.version:
            return
        there = self._tenants if tenant.id in self._tenants else self._removed
        there[tenant.id] = replace(tenant, routing=version.policy, policy_version=version.version)

    def routed_by_file(self, id: str) -> bool:
        """The configuration file says how this tenant is routed."""
        record = self._records.get(id)
        return record is not None and record.routed_by_file

    def managed_by_file(self, id: str) -> bool:
        """The configuration file says everything about this tenant but its routing."""
        record = self._records.get(id)
        return record is not None and managed_by_file(record.ownership)

    def source(self, id: str) -> str | None:
        """The name of the file that manages a tenant; None when none does."""
        record = self._records.get(id)
        return None if record is None else record.ownership.source

    def version(self, id: str) -> int:
        """The version that a tenant's policy is of; 0 before one was looked up."""
        tenant = self.once(id)
        return 0 if tenant is None else tenant.policy_version or 0

    def wish(self, video: Video, newer: PolicyVersion | None = None) -> Wish:
        """A video's routing wish over its tenant's policy, also of one that was removed since.

        Args:
            newer: the policy that counts instead, where somebody has just seen it.
        """
        tenant = self.once(video.tenant)
        if tenant is None:
            return overlay(video.routing, RoutingPolicy(), spec=video.spec)
        if newer is not None:
            tenant = replace(tenant, routing=newer.policy, policy_version=newer.version)
        policy, version = tenant.routing, tenant.policy_version
        return overlay(video.routing, policy, tenant.funding, spec=video.spec, version=version)

    def tests(self, tenant: str) -> bool:
        """Whether it is a test tenant, or was one, which reaches sandbox accounts only."""
        found = self.once(tenant)
        return found is not None and found.test
