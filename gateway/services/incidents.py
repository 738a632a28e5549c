"""Incidents: written down once, and read by whoever runs the gateway."""

from typing import Any

import msgspec

from gateway.services.pages import check_limit, cut
from gateway.store.store import Store, Transaction
from schema.attempt import Attempt
from schema.clock import Millis
from schema.ids import INCIDENT, Ids
from schema.incident import Incident, IncidentKind


async def report(tx: Transaction, ids: Ids, kind: IncidentKind, attempt: Attempt, now: Millis, **data: Any) -> None:
    """Write down what happened to an attempt, unless the very same was written down before."""
    if any((one.kind, one.data) == (kind, data) for one in await tx.incidents.of_attempt(attempt.id)):
        return
    incident = Incident(
        id=ids.make(INCIDENT, now),
        at=now,
        kind=kind,
        tenant=attempt.tenant,
        video=attempt.video,
        attempt=attempt.id,
        account=attempt.account,
        data=data,
    )
    await tx.incidents.add(incident)


class IncidentPage(msgspec.Struct, frozen=True):
    """Some incidents, newest first; ``more`` when there are others behind."""

    incidents: list[Incident]
    more: bool


class Incidents:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, *, kind: IncidentKind | None, after: str | None, limit: int) -> IncidentPage:
        """Incidents of one kind or of all, newest first. Raises InvalidRequest when the limit is out of range."""
        check_limit(limit)
        found = await self._store.read(lambda tx: tx.incidents.page(after, limit + 1, kind))
        return IncidentPage(*cut(found, limit))
