"""Webhook endpoints as they are set up, without their secrets: those lie sealed."""

import msgspec

from gateway.store.database import Connection, Row
from gateway.store.owned import OWNERSHIP, ownership, ownership_values
from schema.clock import Millis
from schema.endpoint import Endpoint, EndpointRecord
from schema.event import EventType

_COLUMNS = f"id, tenant, {OWNERSHIP}, terms"


class _Terms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything of an endpoint but its id, its tenant and its secrets."""

    url: str
    name: str = ""
    events: tuple[EventType, ...] = ()
    secret_by_file: bool = False
    secret_version: int = 1
    previous_until: Millis | None = None
    disabled_at: Millis | None = None
    disabled_reason: str | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Terms).decode


class WebhookEndpoints:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def all(self) -> list[EndpointRecord]:
        """Those that are there, of all tenants; without secrets."""
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM webhook_endpoints WHERE removed_at IS NULL ORDER BY tenant, id"
        )
        return [_record(row) for row in rows]

    async def get(self, id: str) -> EndpointRecord | None:
        """Also one that was removed."""
        row = await self._connection.one(f"SELECT {_COLUMNS} FROM webhook_endpoints WHERE id = ?", id)
        return None if row is None else _record(row)

    async def of(self, tenant: str) -> list[EndpointRecord]:
        """A tenant's that are there, oldest first; without secrets."""
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM webhook_endpoints WHERE tenant = ? AND removed_at IS NULL ORDER BY id", tenant
        )
        return [_record(row) for row in rows]

    async def listening(self, tenant: str) -> list[Endpoint]:
        """Those of a tenant's that are there and not disabled."""
        return [record.endpoint for record in await self.of(tenant) if record.endpoint.disabled_at is None]

    async def put(self, record: EndpointRecord) -> None:
        """Keep an endpoint as it is set up now, new or known, and count its tenant's."""
        endpoint = record.endpoint
        await self._connection.run(
            f"INSERT INTO webhook_endpoints ({_COLUMNS}) VALUES ({', '.join('?' * 9)}) ON CONFLICT (id) DO UPDATE SET "
            "managed_by = excluded.managed_by, source = excluded.source, version = excluded.version, "
            "updated_at = excluded.updated_at, removed_at = excluded.removed_at, terms = excluded.terms",
            endpoint.id,
            endpoint.tenant,
            *ownership_values(record.ownership),
            _encode(_terms(endpoint)).decode(),
        )
        await self._connection.run(
            "INSERT INTO event_logs (tenant, endpoints) SELECT ?, count(*) FROM webhook_endpoints "
            "WHERE tenant = ? AND removed_at IS NULL "
            "ON CONFLICT (tenant) DO UPDATE SET endpoints = excluded.endpoints",
            endpoint.tenant,
            endpoint.tenant,
        )


def _terms(endpoint: Endpoint) -> _Terms:
    return _Terms(
        url=endpoint.url,
        name=endpoint.name,
        events=endpoint.events,
        secret_by_file=endpoint.secret_by_file,
        secret_version=endpoint.secret_version,
        previous_until=endpoint.previous_until,
        disabled_at=endpoint.disabled_at,
        disabled_reason=endpoint.disabled_reason,
    )


def _record(row: Row) -> EndpointRecord:
    terms = _decode(row[8])
    endpoint = Endpoint(id=row[0], tenant=row[1], **msgspec.structs.asdict(terms))
    return EndpointRecord(endpoint=endpoint, ownership=ownership(row[2:8]))
