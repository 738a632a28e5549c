"""Removing what is kept long enough: old events, and client tokens that expired long ago; a few at a time."""

import asyncio
from functools import partial

import msgspec
import structlog

from gateway.store.database import StoreError
from gateway.store.store import Store, Transaction, Work
from schema.clock import Clock, Millis
from schema.errors import Overloaded

log = structlog.get_logger()

EVERY_SECONDS = 600.0
PAUSE_SECONDS = 0.05
"""Between two transactions, so that others write meanwhile."""
AT_ONCE = 500
_DAY: Millis = 86_400_000
TOKEN_DAYS = 30
"""After its end, so that it can be seen for a while what a token was used for."""


class Aged(msgspec.Struct, frozen=True):
    """How many were looked at and were old enough; events of videos that have not ended are among them, and stay."""

    events: int
    client_tokens: int


class Aging:
    def __init__(self, store: Store, keep_days: int, clock: Clock, *, at_once: int = AT_ONCE) -> None:
        self._store = store
        self._keep = keep_days * _DAY
        self._clock = clock
        self._at_once = at_once

    async def follow(self) -> None:
        """Sweep again and again, until cancelled. Any number of replicas may, they only share the work."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                gone = await self.sweep()
            except (StoreError, Overloaded) as error:
                log.warning("aging.broken_off", error=str(error))
            else:
                if gone != Aged(0, 0):
                    log.info("aging.done", events=gone.events, client_tokens=gone.client_tokens)

    async def sweep(self) -> Aged:
        """Remove all that is old enough now. Raises StoreError, Overloaded; what was removed until then stays so."""
        now, events = self._clock.now(), 0
        before = now - self._keep
        while tenants := await self._store.read(lambda tx: tx.events.aged(before, self._at_once)):
            for tenant in tenants:
                events += await self._again(partial(_events, tenant=tenant, before=before, limit=self._at_once))
        ended = now - TOKEN_DAYS * _DAY
        tokens = await self._again(partial(_tokens, before=ended, limit=self._at_once))
        return Aged(events, tokens)

    async def _again(self, remove: Work[int]) -> int:
        """In transactions of their own, until one finds less than it may take."""
        removed = 0
        while True:
            some = await self._store.write(remove)
            removed += some
            if some < self._at_once:
                return removed
            await asyncio.sleep(PAUSE_SECONDS)


async def _events(tx: Transaction, *, tenant: str, before: Millis, limit: int) -> int:
    return await tx.events.remove(tenant, before, limit)


async def _tokens(tx: Transaction, *, before: Millis, limit: int) -> int:
    return await tx.client_tokens.remove(before, limit)
