"""Incidents: added, read, and never changed; the schema refuses anything else."""

import msgspec

from gateway.store.database import Connection, Row
from schema.incident import Incident, IncidentKind

_COLUMNS = "id, at, kind, tenant, video, attempt, account, data"
_encode = msgspec.json.Encoder().encode


class Incidents:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, incident: Incident) -> None:
        await self._connection.run(
            f"INSERT INTO incidents ({_COLUMNS}) VALUES ({', '.join('?' * 8)})",
            incident.id,
            incident.at,
            incident.kind,
            incident.tenant,
            incident.video,
            incident.attempt,
            incident.account,
            _encode(incident.data).decode(),
        )

    async def page(self, after: str | None, limit: int, kind: IncidentKind | None = None) -> list[Incident]:
        """Up to ``limit`` incidents, newest first, beyond a cursor (an id)."""
        where, args = ["id < ?"] if after is not None else [], [] if after is None else [after]
        if kind is not None:
            where.append("kind = ?")
            args.append(kind)
        condition = f"WHERE {' AND '.join(where)} " if where else ""
        rows = await self._connection.all(
            f"SELECT {_COLUMNS} FROM incidents {condition}ORDER BY id DESC LIMIT ?", *args, limit
        )
        return [_incident(row) for row in rows]

    async def of_attempt(self, attempt: str) -> list[Incident]:
        """Everything that happened to an attempt, first to last."""
        rows = await self._connection.all(f"SELECT {_COLUMNS} FROM incidents WHERE attempt = ? ORDER BY id", attempt)
        return [_incident(row) for row in rows]


def _incident(row: Row) -> Incident:
    id, at, kind, tenant, video, attempt, account, data = row
    return Incident(
        id=id,
        at=at,
        kind=IncidentKind(kind),
        tenant=tenant,
        video=video,
        attempt=attempt,
        account=account,
        data=msgspec.json.decode(data),
    )
