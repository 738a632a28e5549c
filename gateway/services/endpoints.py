"""The webhook endpoints there are, in memory: what the directory says, until it says something else."""

from schema.directory import Directory
from schema.endpoint import EndpointRecord


class Endpoints:
    def __init__(self) -> None:
        self._by_id: dict[str, EndpointRecord] = {}

    def adopt(self, directory: Directory) -> None:
        self._by_id = {record.endpoint.id: record for record in directory.endpoints}

    def get(self, id: str) -> EndpointRecord | None:
        """One that is there."""
        return self._by_id.get(id)

    def of(self, tenant: str) -> list[EndpointRecord]:
        """A tenant's, oldest first."""
        return [record for record in self._by_id.values() if record.endpoint.tenant == tenant]
