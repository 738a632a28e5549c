"""A line in the audit trail: who did what to what, when, and in which request."""

from typing import Any

import structlog

from gateway.store.store import Transaction
from schema.clock import Millis
from schema.ids import TRAIL, Ids
from schema.trail import TrailEntry


async def write_down(
    tx: Transaction,
    ids: Ids,
    now: Millis,
    *,
    actor: str,
    action: str,
    subject: str,
    tenant: str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Write it down in the transaction that does it: there is neither without the other."""
    request = structlog.contextvars.get_contextvars().get("request_id")
    await tx.trail.add(
        TrailEntry(
            id=ids.make(TRAIL, now),
            at=now,
            actor=actor,
            action=action,
            tenant=tenant,
            subject=subject,
            before=before,
            after=after,
            request=request if isinstance(request, str) else None,
        )
    )
