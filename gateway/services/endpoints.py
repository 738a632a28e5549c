"""The webhook endpoints there are, in memory: what the directory says, until it says something else."""

from schema.account import Secret
from schema.clock import Millis
from schema.directory import Directory
from schema.endpoint import EndpointRecord, TenantSecret


class Endpoints:
    def __init__(self) -> None:
        self._by_id: dict[str, EndpointRecord] = {}
        self._secrets: dict[str, TenantSecret] = {}

    def adopt(self, directory: Directory) -> None:
        self._by_id = {record.endpoint.id: record for record in directory.endpoints}
        self._secrets = {secret.tenant: secret for secret in directory.webhook_secrets}

    def get(self, id: str) -> EndpointRecord | None:
        """One that is there."""
        return self._by_id.get(id)

    def of(self, tenant: str) -> list[EndpointRecord]:
        """A tenant's, oldest first."""
        return [record for record in self._by_id.values() if record.endpoint.tenant == tenant]

    def tenant_secret(self, tenant: str) -> TenantSecret | None:
        """What signs for addresses that are given video by video; None until the tenant has made one."""
        return self._secrets.get(tenant)

    def default_signing(self, tenant: str, now: Millis) -> tuple[Secret, ...]:
        """The secrets that sign for such an address now, the current one first; none until the tenant has made one."""
        secret = self._secrets.get(tenant)
        return () if secret is None else secret.signing(now)
