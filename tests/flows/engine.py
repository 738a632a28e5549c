"""A gateway below its doors: real database, real worker, real sockets to the upstreams, and nobody listening."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from gateway.config.settings import Settings
from gateway.policy.signing import fingerprint
from gateway.wiring import Gateway, Seams, gateway
from providers.registry import KINDS, by_name
from schema.account import Account, Limits, Secret
from schema.attempt import Attempt
from schema.event import Event
from schema.tenant import Tenant
from schema.video import Order, Video, checked_routing, checked_spec
from tests.support.certificates import certificates
from tests.support.running import FAST, Setup, settings_for

QUICK = replace(
    FAST,
    poll_min_seconds=0.02,
    poll_max_seconds=0.1,
    replay_schedule_seconds=(0.02, 0.04, 0.06),
    incomplete_grace_seconds=0.2,
)
SECONDS = 60.0
"""No wait in these tests is longer, on the busiest machine; what takes so long has failed."""


@dataclass
class Engine:
    """A working gateway, and the short way to its videos."""

    gateway: Gateway
    tenant: Tenant

    async def accept(self, prompt: str = "a paper boat in the rain", *, key: str | None = None, **fields: Any) -> Video:
        """Take a wish on, as both doors do; ``routing`` holds the gateway's own fields."""
        routing = checked_routing(fields.pop("routing", {}))
        spec = checked_spec({"prompt": prompt, **fields})
        order = Order(
            tenant=self.tenant.id,
            spec=spec,
            routing=routing,
            metadata={},
            key=key,
            fingerprint=fingerprint(spec, routing, {}),
        )
        return (await self.gateway.videos.accept(self.tenant, order)).video

    async def ended(self, id: str, seconds: float = SECONDS) -> Video:
        """The video once it has ended; fails when it has not within the bound."""
        video = await self.gateway.events.wait(self.tenant.id, id, seconds)
        assert video.ended, (video, await self.attempts(id))
        return video

    async def video(self, id: str) -> Video:
        return await self.gateway.videos.get(self.tenant.id, id)

    async def attempts(self, id: str) -> list[Attempt]:
        return await self.gateway.store.read(lambda tx: tx.attempts.of_video(id))

    async def events(self, id: str) -> list[Event]:
        return await self.gateway.store.read(lambda tx: tx.events.after(self.tenant.id, id, 0))


def an_account(id: str, provider: str, base_url: str, **changes: Any) -> Account:
    """An account at a test's upstream, with room for whatever the test does."""
    plain = Account(
        id=id,
        provider=provider,
        base_url=base_url,
        credential=Secret(f"key of {id}"),
        price_per_credit=1_000,
        limits=Limits(concurrent=100),
        webhook_secrets=(Secret("a hook secret"),),
        options=by_name(KINDS)[provider].options(),
        sandbox=True,
    )
    return replace(plain, **changes)


def settings(folder: Path, *accounts: Account, allow: tuple[str, ...] = (), **setup: Any) -> Settings:
    """Settings for accounts at upstreams whose files lie at ``allow`` origins, or beside their doors."""
    chosen = Setup(folder=folder, timing=setup.pop("timing", QUICK), **setup)
    made = settings_for(chosen, accounts, sandbox_url="", public_url="http://127.0.0.1:1")
    origins = {"/".join(account.base_url.split("/")[:3]) for account in accounts}
    return replace(made, egress=replace(made.egress, allow=(*sorted(origins), *allow)))


@asynccontextmanager
async def working(chosen: Settings, seams: Seams | None = None) -> AsyncIterator[Engine]:
    """A gateway that works until the end of the block."""
    seams = seams or Seams(verify=certificates())
    async with gateway(chosen, seams) as built:
        work = asyncio.create_task(built.worker.run())
        tenant = built.tenants.get("acme")
        assert tenant is not None
        try:
            yield Engine(built, tenant)
        finally:
            built.worker.stop()
            await work


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = SECONDS) -> None:
    """Until it is true; fails when it has not become so within the bound."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - what is waited for lies in a database or in another process
            await asyncio.sleep(0.01)
