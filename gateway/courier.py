"""The courier: beside the worker, it calls webhook endpoints with what is due to them, and stops cleanly."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from gateway.hub import Hub, Topic
from gateway.policy.egress import EgressFailed
from gateway.services.deliveries import Deliveries
from gateway.store.database import StoreError
from gateway.store.events import DELIVERIES
from schema.delivery import Delivery
from schema.errors import Overloaded

log = structlog.get_logger()

PLACES = 200
"""Calls at once, of one process."""

SHAKY_PLACES = PLACES // 2
"""Of these, so many may be taken by endpoints that fail."""

DRAIN_SECONDS = 5.0
"""How long calls that were begun may take to end once the process was asked to stop."""

SWEEP_SECONDS = 3600.0


class Courier:
    """One per process. ``run()`` until ``stop()``; then what was begun ends, or is given back.

    Args:
        may_call: whether endpoints may be called now; asked before every claim.
    """

    def __init__(
        self, *, deliveries: Deliveries, hub: Hub, poll_seconds: float, may_call: Callable[[], Awaitable[bool]]
    ) -> None:
        self._deliveries = deliveries
        self._hub = hub
        self._poll = poll_seconds
        self._may_call = may_call
        self._stopping = asyncio.Event()
        self._running: dict[asyncio.Task[None], Delivery] = {}

    def stop(self) -> None:
        """Claim no more."""
        self._stopping.set()
        self._hub.told(frozenset({DELIVERIES}))

    async def run(self) -> None:
        """Deliver until told to stop."""
        sweeping = asyncio.create_task(self._sweep())
        try:
            with self._hub.watching(DELIVERIES) as topic:
                while not self._stopping.is_set():
                    news = topic.news
                    claimed = await self.claim()
                    for delivery in claimed:
                        self._begin(delivery)
                    if not claimed:
                        await self._pause(topic, news)
                await self._drain()
        finally:
            sweeping.cancel()
            with suppress(asyncio.CancelledError):
                await sweeping

    async def claim(self) -> list[Delivery]:
        """Some whose turn it is, as far as there is room; none while nobody may be called, or nobody can be asked."""
        room = PLACES - len(self._running)
        if room <= 0:
            return []
        shaky = sum(delivery.endpoint in self._deliveries.shaky for delivery in self._running.values())
        try:
            if not await self._may_call():
                return []
            return await self._deliveries.claim(room, healthy_only=shaky >= SHAKY_PLACES)
        except (StoreError, Overloaded) as error:
            log.warning("courier.claim_failed", error=str(error))
        except Exception:  # whatever it is, a courier that died in silence would leave everything lying
            log.exception("courier.claim_crashed")
        return []

    async def _pause(self, topic: Topic, news: int) -> None:
        """Until something is told or has ended, the next one is due, or a while has passed."""
        seconds = self._poll
        with suppress(StoreError, Overloaded):
            due = await self._deliveries.next_due()
            seconds = self._poll if due is None else min(max(due / 1000, 0.001), self._poll)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await topic.beyond(news)

    def _begin(self, delivery: Delivery) -> None:
        running = asyncio.create_task(self._deliver(delivery))
        self._running[running] = delivery
        running.add_done_callback(self._ended)

    def _ended(self, running: asyncio.Task[None]) -> None:
        del self._running[running]
        self._hub.told(frozenset({DELIVERIES}))

    async def _deliver(self, delivery: Delivery) -> None:
        """One try. Whatever it raises, its lease lapses and it is tried again; only this one suffers."""
        structlog.contextvars.bind_contextvars(delivery=delivery.id)
        try:
            await self._deliveries.deliver(delivery)
        except (StoreError, Overloaded, EgressFailed) as error:
            log.warning("delivery.put_off", error=str(error))
        except Exception:  # told with its traceback; raised on, it would end with its task and be told to nobody
            log.exception("delivery.crashed")

    async def _drain(self) -> None:
        if not self._running:
            return
        running = dict(self._running)
        _, late = await asyncio.wait(running, timeout=DRAIN_SECONDS)
        for task in late:
            task.cancel()
        for task in late:
            with suppress(asyncio.CancelledError, StoreError, Overloaded):
                await task
            with suppress(StoreError, Overloaded):
                await self._deliveries.give_back(running[task])

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                if dropped := await self._deliveries.sweep():
                    log.info("deliveries.swept", dropped=dropped)
            except (StoreError, Overloaded) as error:
                log.warning("deliveries.unswept", error=str(error))
