"""Versions of tenants' routing policies: added, read, and never changed; the schema refuses anything else."""

import msgspec

from gateway.store.database import Connection, Row
from schema.policy import PolicyVersion
from schema.tenant import RoutingPolicy

_COLUMNS = "tenant, version, at, author, note, policy"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(RoutingPolicy).decode


class Policies:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, version: PolicyVersion) -> bool:
        """Keep a new version; False when somebody else has made one of that number."""
        row = await self._connection.one(
            f"INSERT INTO policies ({_COLUMNS}) VALUES ({', '.join('?' * 6)}) "
            "ON CONFLICT (tenant, version) DO NOTHING RETURNING version",
            version.tenant,
            version.version,
            version.at,
            version.author,
            version.note,
            _encode(version.policy).decode(),
        )
        return row is not None

    async def latest(self, tenant: str, *, than: int = 0) -> PolicyVersion | None:
        """The version in force; None when there is none newer ``than`` that."""
        row = await self._connection.one(
            f"SELECT {_COLUMNS} FROM policies WHERE tenant = ? AND version > ? ORDER BY version DESC LIMIT 1",
            tenant,
            than,
        )
        return None if row is None else _version(row)

    async def get(self, tenant: str, version: int) -> PolicyVersion | None:
        row = await self._connection.one(
            f"SELECT {_COLUMNS} FROM policies WHERE tenant = ? AND version = ?", tenant, version
        )
        return None if row is None else _version(row)

    async def page(self, tenant: str, *, before: int | None, limit: int) -> list[PolicyVersion]:
        """Up to ``limit`` versions, newest first, older than one."""
        beyond, args = ("", ()) if before is None else (" AND version < ?", (before,))
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM policies WHERE tenant = ?{beyond} ORDER BY version DESC LIMIT ?",
            tenant,
            *args,
            limit,
        )
        return [_version(row) for row in rows]


def _version(row: Row) -> PolicyVersion:
    tenant, version, at, author, note, policy = row
    return PolicyVersion(tenant=tenant, version=version, at=at, author=author, note=note, policy=_decode(policy))
