"""``filmgate demo``: the gateway in front of two simulated upstreams, in one process; no keys, nothing leaves here."""

import asyncio
import os
import secrets
import shlex
import shutil
import sys
from pathlib import Path

import msgspec

from gateway.config.settings import (
    AssetsSettings,
    DatabaseSettings,
    EgressSettings,
    KeySetup,
    SecretsSettings,
    ServerSettings,
    Settings,
    TenantSetup,
    Timing,
    WorkerSettings,
)
from gateway.loop import in_loop
from gateway.ports import holder, listen_from
from gateway.sandbox.server import Sandbox
from gateway.sandbox.server import serve as serve_sandbox
from gateway.sandbox.settings import SandboxSettings
from gateway.serving import serving, stop_signals
from gateway.telemetry import configure_logging
from gateway.wiring import gateway
from providers.registry import KINDS
from schema.account import Account, Limits, Secret
from schema.tenant import Scope, Tenant

HOST = "127.0.0.1"
TENANT = "acme"
_KEY_BYTES = 20


class Keys(msgspec.Struct, frozen=True):
    """What the demo made up at its first start and keeps: the gateway's secret, and the tenant's API key."""

    secret: str
    api_key: str


def run(*, port: int, speed: float, directory: Path) -> None:
    """Serve until Ctrl-C. State is kept in ``directory``."""
    configure_logging(quiet=True)
    directory.mkdir(parents=True, exist_ok=True)
    in_loop(_run(port, speed, directory))


async def _run(wished: int, speed: float, directory: Path) -> None:
    listener = listen_from(HOST, wished)
    port: int = listener.getsockname()[1]
    url = f"http://{HOST}:{port}"
    keys = _keys(directory / "demo.json")
    stopping = asyncio.Event()
    with stop_signals(stopping.set):
        async with serve_sandbox(SandboxSettings(speed=speed)) as sandbox:
            settings = demo_settings(sandbox, keys, url=url, directory=directory, speed=speed)
            async with gateway(settings) as built, serving(built, listener=listener):
                environment = directory / "demo.env"
                _save(environment, f"export FILMGATE_URL={url}\nexport FILMGATE_KEY={keys.api_key}\n")
                if port != wished:
                    _tell(f"port {wished} is used by {holder(wished)}; using {port}\n")
                _tell(_welcome(url, keys, environment, directory, speed))
                await stopping.wait()


def demo_settings(sandbox: Sandbox, keys: Keys, *, url: str, directory: Path, speed: float) -> Settings:
    """A whole configuration for a tenant on simulated accounts, with clocks as fast as the simulation."""
    tenant = TenantSetup(
        tenant=Tenant(id=TENANT, name="Acme Studio", test=True),
        keys=(
            KeySetup(
                secret=Secret(keys.api_key),
                scopes=frozenset({Scope.VIDEOS_READ, Scope.VIDEOS_WRITE, Scope.TENANT_ADMIN}),
            ),
        ),
    )
    return Settings(
        secrets=SecretsSettings(key=Secret(keys.secret)),
        server=ServerSettings(listen=url.removeprefix("http://"), public_url=url),
        database=DatabaseSettings(url=f"sqlite:///{directory / 'demo.db'}"),
        assets=AssetsSettings(url=f"file://{directory / 'assets'}"),
        egress=EgressSettings(allow=(sandbox.url,)),
        timing=Timing(poll_min_seconds=max(5 / speed, 0.1), poll_max_seconds=max(30 / speed, 0.5)),
        worker=WorkerSettings(poll_seconds=0.2),
        accounts=_accounts(sandbox),
        tenants=(tenant,),
    )


def _accounts(sandbox: Sandbox) -> tuple[Account, ...]:
    """One at veo3o1, and two at Doitong: one that speaks GraphQL to it, one that speaks REST."""
    kinds = {kind.name: kind for kind in KINDS}
    veo3o1, doitong = kinds["veo3o1"], kinds["doitong"]
    rest = {"transport": "rest", "status_query": "", "status_path": "/v1/videos/{ref}"}

    def at_doitong(id: str, options: dict[str, str]) -> Account:
        return Account(
            id=id,
            provider=doitong.name,
            base_url=sandbox.doitong_url,
            credential=Secret("sandbox-doitong-key"),
            price_per_credit=1_000,
            limits=Limits(concurrent=10),
            webhook_secrets=(Secret("sandbox-webhook-secret"),),
            options=msgspec.convert(options, doitong.options),
            sandbox=True,
        )

    veo = Account(
        id="veo-demo",
        provider=veo3o1.name,
        base_url=sandbox.veo3o1_url,
        credential=Secret("sandbox-veo3o1-key"),
        price_per_credit=200_000,
        limits=Limits(concurrent=1),
        options=msgspec.convert({}, veo3o1.options),
        sandbox=True,
    )
    return veo, at_doitong("doitong-demo", {}), at_doitong("doitong-rest-demo", rest)


def _keys(path: Path) -> Keys:
    """The demo's keys: read, or made up and saved for this user alone."""
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=Keys)
    keys = Keys(secret=secrets.token_urlsafe(32), api_key=f"fg_test_{TENANT}_{secrets.token_hex(_KEY_BYTES)}")
    _save(path, msgspec.json.encode(keys).decode())
    return keys


def _save(path: Path, text: str) -> None:
    """Write a file that only this user may read."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _welcome(url: str, keys: Keys, environment: Path, directory: Path, speed: float) -> str:
    """What a newcomer can try, every line as it can be pasted."""
    command = _command()
    prompt = "a paper boat in the rain"
    return f"""
filmgate demo    simulated upstreams at {speed:g}x speed; no keys, nothing leaves this machine

  REST       {url}/v1/videos
  GraphQL    {url}/graphql
  OpenAPI    {url}/openapi.json
  Browser    {url}/docs and {url}/graphiql
  Data       {directory}  (SQLite and videos; delete it to start anew)
  Tenant     {TENANT}, key {keys.api_key[:16]}…  saved in {environment}

Try it     . {environment} && curl -s $FILMGATE_URL/v1/videos -H "Authorization: Bearer $FILMGATE_KEY" \\
             -H "Content-Type: application/json" -d '{{"prompt": "{prompt}"}}'
Watch it   {command} videos create "{prompt}" --watch
Break it   {command} videos create "[sim:429-once] {prompt}" --watch
Pin it     {command} videos create "{prompt}" --model veo3o1/veo-3.1 --watch --out boat.mp4
GraphQL    . {environment} && curl -s $FILMGATE_URL/graphql -H "Authorization: Bearer $FILMGATE_KEY" \\
             -H "Content-Type: application/json" -d '{{"query": "{{ videos {{ edges {{ node {{ id }} }} }} }}"}}'

Ctrl-C stops; state is kept. More prompts that break things: gateway/sandbox/README.md
"""


def _command() -> str:
    """How this program was called, if a shell would not find it by its name."""
    if shutil.which("filmgate"):
        return "filmgate"
    called = Path(sys.argv[0])
    try:
        return shlex.quote(os.path.relpath(called))
    except ValueError:
        return shlex.quote(str(called))


def _tell(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
