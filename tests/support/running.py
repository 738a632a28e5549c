"""A real gateway on a real sandbox, in this process: real sockets, a real database, real files, fast clocks."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec

from gateway.config.settings import (
    AssetsSettings,
    DatabaseSettings,
    EgressSettings,
    EventsSettings,
    HookSettings,
    KeySetup,
    QueueSettings,
    SecretsSettings,
    ServerSettings,
    Settings,
    TenantSetup,
    Timing,
    WorkerSettings,
)
from gateway.ports import listen
from gateway.sandbox.server import Sandbox, serve
from gateway.sandbox.settings import SandboxSettings
from gateway.serving import serving
from gateway.wiring import Gateway, Seams, gateway
from providers.registry import KINDS
from schema.account import Account, Limits, Secret
from schema.tenant import UNLIMITED, Funding, RoutingPolicy, Scope, Tenant, TenantLimits
from tests.support.certificates import certificates
from tests.support.databases import migrated

SECRET_KEY = Secret("Vq3xT9mLr7WzKp2Hn5BdYc8JfGs4AeUo")
ACME_KEY = "fg_test_acme_0123456789abcdefghijkl"
ADMIN_KEY = "fg_test_admin_0123456789abcdefghijk"
"""Acme's too: it changes how acme is routed."""
OTHER_KEY = "fg_test_other_0123456789abcdefghijk"
OPERATOR_KEY = "fg_test_house_0123456789abcdefghijk"
FAST = Timing(
    lease_seconds=5,
    lease_beat_seconds=1,
    poll_min_seconds=0.05,
    poll_max_seconds=0.2,
    submit_deadline_seconds=5,
    video_deadline_seconds=60,
    incomplete_grace_seconds=0.3,
    replay_schedule_seconds=(0.1, 0.2, 0.4),
    asset_timeout_seconds=10,
    asset_tries=4,
    breaker_reset_seconds=0.5,
)
SPEED = 200.0


@dataclass
class Setup:
    """Everything a story may want to choose."""

    folder: Path
    timing: Timing = FAST
    routing: RoutingPolicy = field(default_factory=RoutingPolicy)
    limits: TenantLimits = field(default_factory=TenantLimits)
    funding: Funding = UNLIMITED
    database_url: str | None = None
    doitong_price: int | None = 1_000
    doitong_options: dict[str, Any] = field(default_factory=dict)
    sandbox: SandboxSettings = field(default_factory=lambda: SandboxSettings(speed=SPEED))
    concurrent: int = 8
    per_minute: int | None = None
    per_day: int | None = None
    accounts: tuple[Account, ...] | None = None
    accounts_of: Callable[[Sandbox], tuple[Account, ...]] | None = None
    seams: Seams = field(default_factory=lambda: Seams(verify=certificates()))
    worker: WorkerSettings = field(default_factory=lambda: WorkerSettings(poll_seconds=0.1))
    queue: QueueSettings = field(default_factory=QueueSettings)
    hooks: bool = True
    heard: HookSettings = field(default_factory=HookSettings)
    events: EventsSettings = field(default_factory=EventsSettings)
    routed_by_file: bool = False
    origins: dict[str, tuple[str, ...]] = field(default_factory=dict)
    allow: tuple[str, ...] = ()


@dataclass
class Running:
    """A running pair: ``client`` speaks to the gateway as tenant acme, ``operator`` as whoever runs it."""

    gateway: Gateway
    sandbox: Sandbox
    url: str
    client: httpx.AsyncClient
    other: httpx.AsyncClient
    operator: httpx.AsyncClient

    async def create(self, prompt: str = "a paper boat in the rain", **wish: Any) -> dict[str, Any]:
        response = await self.client.post("/v1/videos", json={"prompt": prompt, **wish})
        assert response.status_code == 202, response.text
        video: dict[str, Any] = response.json()
        return video

    async def begun(self, id: str) -> None:
        """Until an upstream has it."""
        async for event, _ in self.gateway.events.watch("acme", id):
            if event.data["status"] == "in_progress":
                return

    async def finished(self, id: str, seconds: float = 60) -> dict[str, Any]:
        """The video once it has ended, by the event stream; fails when it has not within the bound."""
        await self.gateway.events.wait("acme", id, seconds)
        video: dict[str, Any] = (await self.client.get(f"/v1/videos/{id}")).json()
        assert video["status"] in {"completed", "failed", "canceled"}, video
        return video

    async def turn(self, **knobs: Any) -> None:
        """Turn the sandbox's knobs."""
        async with httpx.AsyncClient(trust_env=False, verify=certificates()) as client:
            answer = await client.post(f"{self.sandbox.url}/control", json=knobs)
            assert answer.status_code == 200, answer.text

    async def truth(self) -> dict[str, Any]:
        async with httpx.AsyncClient(trust_env=False, verify=certificates()) as client:
            truth: dict[str, Any] = (await client.get(f"{self.sandbox.url}/truth")).json()
            return truth


def sandbox_accounts(sandbox: Sandbox, setup: Setup) -> tuple[Account, ...]:
    """One account at each simulated upstream, as an operator would configure them."""
    kinds = {kind.name: kind for kind in KINDS}
    doitong = msgspec.convert(setup.doitong_options, kinds["doitong"].options)
    return (
        Account(
            id="veo-main",
            provider="veo3o1",
            base_url=sandbox.veo3o1_url,
            credential=Secret("sandbox-veo3o1-key"),
            price_per_credit=200_000,
            limits=Limits(concurrent=setup.concurrent, per_minute=setup.per_minute, per_day=setup.per_day),
            options=kinds["veo3o1"].options(),
            sandbox=True,
        ),
        Account(
            id="doitong-main",
            provider="doitong",
            base_url=sandbox.doitong_url,
            credential=Secret("sandbox-doitong-key"),
            price_per_credit=setup.doitong_price,
            limits=Limits(concurrent=None, per_minute=setup.per_minute, per_day=setup.per_day),
            webhook_secrets=(Secret("sandbox-webhook-secret"),),
            options=doitong,
            sandbox=True,
        ),
    )


def settings_for(setup: Setup, accounts: tuple[Account, ...], *, sandbox_url: str, public_url: str) -> Settings:
    writes, manages = {Scope.VIDEOS_READ, Scope.VIDEOS_WRITE}, {Scope.VIDEOS_READ, Scope.TENANT_ADMIN}

    def tenant(id: str, *keys: tuple[str, set[Scope]]) -> TenantSetup:
        return TenantSetup(
            tenant=Tenant(
                id=id,
                name=id,
                routing=setup.routing,
                limits=setup.limits,
                funding=setup.funding,
                origins=setup.origins.get(id, ()),
                test=True,
            ),
            keys=tuple(KeySetup(secret=Secret(key), scopes=frozenset(scopes)) for key, scopes in keys),
            routed_by_file=setup.routed_by_file,
        )

    house = TenantSetup(
        tenant=Tenant(id="house", name="house", test=True),
        keys=(KeySetup(secret=Secret(OPERATOR_KEY), scopes=frozenset({Scope.OPERATOR})),),
    )

    return Settings(
        secrets=SecretsSettings(key=SECRET_KEY),
        server=ServerSettings(listen="127.0.0.1:0", public_url=public_url if setup.hooks else None),
        database=DatabaseSettings(url=setup.database_url or f"sqlite:///{setup.folder}/filmgate.db"),
        assets=AssetsSettings(url=f"file://{setup.folder}/assets"),
        egress=EgressSettings(allow=(sandbox_url, *setup.allow)),
        timing=setup.timing,
        worker=setup.worker,
        queue=setup.queue,
        hooks=setup.heard,
        events=setup.events,
        accounts=accounts,
        tenants=(tenant("acme", (ACME_KEY, writes), (ADMIN_KEY, manages)), tenant("other", (OTHER_KEY, writes)), house),
    )


async def configured(gateway: Gateway, **changes: Any) -> None:
    """Apply the gateway's own configuration with changes, as a new file would, and let it notice."""
    await gateway.ground.configuration.apply(msgspec.structs.replace(gateway.settings, **changes))
    await gateway.ground.keeper.refresh()


def free_port() -> int:
    """A port nobody listens on now; hook URLs must be known before the server starts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _client(url: str, key: str) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=30, trust_env=False, verify=certificates())


@asynccontextmanager
async def running(setup: Setup) -> AsyncIterator[Running]:
    """A sandbox, and a gateway in front of it that serves on a free port and works."""
    async with serve(setup.sandbox) as sandbox:
        if setup.accounts_of is not None:
            setup.accounts = setup.accounts_of(sandbox)
        accounts = setup.accounts if setup.accounts is not None else sandbox_accounts(sandbox, setup)
        listener = listen("127.0.0.1", 0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = settings_for(setup, accounts, sandbox_url=sandbox.url, public_url=url)
        if setup.database_url is None:
            await migrated(setup.folder / "filmgate.db")
        async with (
            gateway(settings, setup.seams) as built,
            serving(built, listener=listener),
            _client(url, ACME_KEY) as client,
            _client(url, OTHER_KEY) as other,
            _client(url, OPERATOR_KEY) as operator,
        ):
            yield Running(gateway=built, sandbox=sandbox, url=url, client=client, other=other, operator=operator)
