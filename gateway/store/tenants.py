"""Tenants as they are configured: who manages each, its money terms and its limits."""

import msgspec

from gateway.store.database import Connection, Row
from gateway.store.owned import OWNERSHIP, ownership, ownership_values
from schema.directory import TenantRecord
from schema.tenant import Funding, Retention, RoutingPolicy, Tenant, TenantLimits

_COLUMNS = f"id, {OWNERSHIP}, terms"


class _Terms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything of a tenant but its id; ``routing`` is what it begins with where the API manages it."""

    name: str
    test: bool = False
    origins: tuple[str, ...] = ()
    funding: Funding = Funding()
    limits: TenantLimits = TenantLimits()
    retention: Retention = Retention()
    routing: RoutingPolicy = RoutingPolicy()
    routed_by_file: bool = False


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Terms).decode


class Tenants:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def all(self) -> list[TenantRecord]:
        """Those removed too."""
        rows = await self._connection.all(f"SELECT {_COLUMNS} FROM tenants ORDER BY id")
        return [_record(row) for row in rows]

    async def get(self, id: str) -> TenantRecord | None:
        row = await self._connection.one(f"SELECT {_COLUMNS} FROM tenants WHERE id = ?", id)
        return None if row is None else _record(row)

    async def put(self, record: TenantRecord) -> None:
        """Keep a tenant as it is now, new or known."""
        await self._connection.run(
            f"INSERT INTO tenants ({_COLUMNS}) VALUES ({', '.join('?' * 8)}) ON CONFLICT (id) DO UPDATE SET "
            "managed_by = excluded.managed_by, source = excluded.source, version = excluded.version, "
            "updated_at = excluded.updated_at, removed_at = excluded.removed_at, terms = excluded.terms",
            record.tenant.id,
            *ownership_values(record.ownership),
            _encode(_terms(record)).decode(),
        )


def _terms(record: TenantRecord) -> _Terms:
    tenant = record.tenant
    return _Terms(
        name=tenant.name,
        test=tenant.test,
        origins=tenant.origins,
        funding=tenant.funding,
        limits=tenant.limits,
        retention=tenant.retention,
        routing=tenant.routing,
        routed_by_file=record.routed_by_file,
    )


def _record(row: Row) -> TenantRecord:
    terms = _decode(row[7])
    tenant = Tenant(
        id=row[0],
        name=terms.name,
        test=terms.test,
        origins=terms.origins,
        funding=terms.funding,
        limits=terms.limits,
        retention=terms.retention,
        routing=terms.routing,
    )
    return TenantRecord(tenant=tenant, routed_by_file=terms.routed_by_file, ownership=ownership(row[1:7]))
