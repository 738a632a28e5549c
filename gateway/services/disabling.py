"""Disabling a webhook endpoint that does not work: it is told nothing more, and its tenant is told that."""

import structlog
from msgspec.structs import replace

from gateway.services.directory import Keeper
from gateway.services.trailing import write_down
from gateway.store.store import Store, Transaction
from schema.clock import Clock, Millis
from schema.event import Event, EventType
from schema.ids import Ids

log = structlog.get_logger()

BY_ITSELF = "gateway"
"""Who did it, in the audit trail."""


class Disabling:
    def __init__(self, *, store: Store, keeper: Keeper, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._keeper = keeper
        self._clock = clock
        self._ids = ids

    async def disable(self, endpoint: str, reason: str) -> None:
        """Disable it, unless it is or was removed; what waits for it is skipped, and can be sent again later."""
        now = self._clock.now()
        if await self._store.write(lambda tx: self._disable(tx, endpoint, reason, now)):
            log.warning("webhook_endpoint.disabled", endpoint=endpoint, reason=reason)
            await self._keeper.catch_up()

    async def _disable(self, tx: Transaction, id: str, reason: str, now: Millis) -> bool:
        await tx.revision.lock()
        record = await tx.webhook_endpoints.get(id)
        if record is None or record.ownership.removed_at is not None or record.endpoint.disabled_at is not None:
            return False
        endpoint = replace(record.endpoint, disabled_at=now, disabled_reason=reason)
        ownership = replace(record.ownership, version=record.ownership.version + 1, updated_at=now)
        await tx.webhook_endpoints.put(replace(record, endpoint=endpoint, ownership=ownership))
        await tx.revision.move()
        await write_down(
            tx,
            self._ids,
            now,
            actor=BY_ITSELF,
            action="webhook_endpoint.disabled",
            subject=id,
            tenant=endpoint.tenant,
            before={"disabled_at": None},
            after={"disabled_at": now, "disabled_reason": reason},
        )
        await tx.deliveries.hold(endpoint.tenant)
        await tx.deliveries.skip(id, now)
        tx.events.add(
            Event(
                id=self._ids.event(now),
                tenant=endpoint.tenant,
                type=EventType.ENDPOINT_DISABLED,
                at=now,
                data={"id": id, "object": "webhook_endpoint", "url": endpoint.url, "reason": reason},
            )
        )
        return True
