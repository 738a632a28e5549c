"""A gateway that tells events, as a process of its own: ``_main`` says with what it is started.

Twenty tenants have ten endpoints each, some of which fail in each way there is. It goes on where it was killed, and
says what was exhausted once everything that it told was delivered, exhausted or skipped.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from msgspec.structs import replace

from gateway.config.settings import EgressSettings, TenantSetup
from gateway.loop import in_loop
from gateway.policy.standard_webhooks import make_secret
from gateway.services.vault import ENDPOINT_SECRET
from gateway.serving import serving
from gateway.store.store import Transaction
from gateway.telemetry import configure_logging
from gateway.wiring import Gateway, gateway
from schema.delivery import DeliveryState
from schema.endpoint import Endpoint, EndpointRecord
from schema.event import Event, EventType
from schema.ids import ENDPOINT
from schema.tenant import Tenant
from tests.support.running import FAST, Setup, settings_for

TENANTS = [f"tenant-{n}" for n in range(20)]
HOW = {0: "500", 1: "500", 2: "hang", 3: "redirect"}


class Load(NamedTuple):
    """So many events, so many a second and so many of each video; a call that is not answered in time has failed."""

    events: int
    rate: int
    of_a_video: int
    timeout: float


def how(tenant: int, n: int, *, hang: bool) -> str:
    """What becomes of calls of an endpoint."""
    if n == 4 and tenant % 2 == 0:
        return "410"
    found = HOW.get(n, "healthy")
    return "healthy" if found == "hang" and not hang else found


async def _set_up(built: Gateway, receiver: str, *, hang: bool) -> None:
    async def work(tx: Transaction) -> None:
        if await tx.webhook_endpoints.all():
            return
        await tx.revision.lock()
        for place, tenant in enumerate(TENANTS):
            for n in range(10):
                id = built.ids.make(ENDPOINT, built.clock.now())
                url = f"{receiver}/{how(place, n, hang=hang)}/{place}/{n}"
                await tx.webhook_endpoints.put(EndpointRecord(endpoint=Endpoint(id=id, tenant=tenant, url=url)))
                await built.ground.vault.put(tx, ENDPOINT_SECRET, id, make_secret(bytes).reveal())
        await tx.revision.move()

    await built.store.write(work)
    await built.ground.keeper.refresh()


async def _tell(built: Gateway, rate: float, count: int, of_a_video: int) -> None:
    """The nth event is always the same one; those that were told before a death are not told again."""
    known = 0
    for tenant in TENANTS:
        known += await built.store.read(_told(tenant))
    loop = asyncio.get_running_loop()
    began = loop.time()
    for n in range(known, count):
        await asyncio.sleep(max(began + (n - known) / rate - loop.time(), 0))
        place, nth = n % len(TENANTS), n // len(TENANTS)
        now = built.clock.now()
        event = Event(
            id=built.ids.event(now),
            tenant=TENANTS[place],
            video=f"video_{place}_{nth // of_a_video}",
            seq=nth % of_a_video + 1,
            type=EventType.PROGRESS,
            at=now,
            data={"status": "in_progress"},
        )

        async def tell(tx: Transaction, event: Event = event) -> None:
            tx.events.add(event)

        await built.store.write(tell)


async def _exhausted(tx: Transaction) -> dict[str, list[str]]:
    """The events of deliveries that were given up, by the path of their endpoint."""
    found = {}
    for record in await tx.webhook_endpoints.all():
        endpoint = record.endpoint
        page = await tx.deliveries.page(
            endpoint.tenant, endpoint.id, after=None, limit=100_000, state=DeliveryState.EXHAUSTED
        )
        found[urlsplit(endpoint.url).path] = [delivery.event for delivery in page]
    return found


def _told(tenant: str):
    async def count(tx: Transaction) -> int:
        return sum(event.video is not None for event in await tx.events.log(tenant, 0, 10_000))

    return count


async def _main(folder: str, receiver: str, database: str, load: Load, *, hang: bool) -> None:
    timing = replace(
        FAST,
        lease_seconds=1.5,
        delivery_schedule_seconds=(0.2,),
        delivery_timeout_seconds=load.timeout,
        breaker_reset_seconds=0.01,
    )
    setup = Setup(Path(folder), database_url=database or None, timing=timing)
    settings = settings_for(setup, (), sandbox_url=receiver, public_url="http://127.0.0.1:1")
    tenants = tuple(TenantSetup(tenant=Tenant(id=id, name=id, test=True)) for id in TENANTS)
    settings = replace(settings, tenants=tenants, egress=EgressSettings(allow=(receiver,)))
    async with gateway(settings) as built, serving(built):
        await _set_up(built, receiver, hang=hang)
        _say("ready")
        await _tell(built, load.rate, load.events, load.of_a_video)
        _say("told")
        while await built.store.read(lambda tx: tx.deliveries.waiting()):  # noqa: ASYNC110 - nobody tells its end
            await asyncio.sleep(0.1)
        _say(json.dumps(await built.store.read(_exhausted)))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    configure_logging(level="error", form="json")
    folder, receiver, database, rate, events, of_a_video, timeout, hang = sys.argv[1:]
    load = Load(events=int(events), rate=int(rate), of_a_video=int(of_a_video), timeout=float(timeout))
    in_loop(_main(folder, receiver, database, load, hang=hang == "1"))
