"""When API keys were last used: written down about once a minute, never while a request waits for it."""

import asyncio

import structlog

from gateway.services.callers import Callers
from gateway.store.database import StoreError
from gateway.store.store import Store
from schema.errors import Overloaded

log = structlog.get_logger()

EVERY_SECONDS = 60.0


class Usage:
    def __init__(self, *, store: Store, callers: Callers) -> None:
        self._store = store
        self._callers = callers

    async def write(self) -> None:
        """Write down what is new; what can not be written now is written the next time."""
        used = self._callers.used()
        if not used:
            return
        try:
            await self._store.write(lambda tx: tx.api_keys.used(used))
        except (StoreError, Overloaded) as error:
            self._callers.unwritten(used)
            log.warning("api_keys.use_unwritten", keys=len(used), error=str(error))

    async def follow(self) -> None:
        """Do so again and again, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await self.write()
