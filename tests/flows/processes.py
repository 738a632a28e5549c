"""Gateways and sandboxes as processes of their own: started, spoken to, killed, ended by their ids."""

import asyncio
import json
import signal
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx

from tests.support.certificates import certificates
from tests.support.nursery import ROOT, begun
from tests.support.running import ACME_KEY, SECRET_KEY

START_SECONDS = 90.0
END_SECONDS = 60.0
REPLAYS = 60
"""Every death in the middle of a replay uses one up, and the long runs die often."""
TERMINAL = {"completed", "failed", "canceled"}


@dataclass(frozen=True)
class Upstreams:
    """Where a sandbox is."""

    url: str
    veo3o1_url: str
    doitong_url: str

    async def truth(self, part: str = "") -> dict[str, Any]:
        """The books, or a part of them."""
        async with httpx.AsyncClient(verify=certificates(), trust_env=False, timeout=30) as client:
            truth: dict[str, Any] = (await client.get(f"{self.url}/truth{part}")).json()
        return truth

    async def accepted(self) -> int:
        """How many submits it has taken on."""
        return int((await self.truth("/totals"))["accepted"])


@dataclass(frozen=True)
class Place:
    """What restarts of one gateway share: its configuration file, its folder, its address."""

    folder: Path
    url: str
    config: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        object.__setattr__(self, "config", self.folder / "filmgate.toml")

    def configure(self, upstreams: Upstreams, **chosen: Any) -> None:
        """Write its file: quick clocks, one account at each simulated upstream."""
        self.config.write_text(_toml(self, upstreams, **chosen))


def _toml(
    place: Place,
    upstreams: Upstreams,
    *,
    database: str | None = None,
    assets: Path | None = None,
    public_url: str | None = None,
    concurrency: int = 64,
    lease_seconds: float = 2,
    submit_deadline_seconds: float = 10,
    video_deadline_seconds: float = 60,
    timing: str = "",
    doitong: str = 'plan = "enterprise"',
    tenants: str = "",
) -> str:
    return f"""
[server]
listen = "{place.url.removeprefix("http://")}"
public_url = "{public_url or place.url}"

[secrets]
key = "{SECRET_KEY.reveal()}"

[database]
url = "{database or f"sqlite:///{place.folder}/filmgate.db"}"

[assets]
url = "file://{assets or place.folder / "assets"}"

[egress]
allow = ["{upstreams.url}"]

[worker]
concurrency = {concurrency}
poll_seconds = 0.1

[timing]
lease_seconds = {lease_seconds}
lease_beat_seconds = 0.4
poll_min_seconds = 0.1
poll_max_seconds = 0.4
submit_deadline_seconds = {submit_deadline_seconds}
video_deadline_seconds = {video_deadline_seconds}
replay_schedule_seconds = {[0.1, 0.3, *[0.5] * REPLAYS]}
breaker_failures = 1000
retry_every_seconds = 0.05
{timing}

[[accounts]]
id = "veo-main"
provider = "veo3o1"
base_url = "{upstreams.veo3o1_url}"
credential = "sandbox-veo3o1-key"
price_per_credit = "0.20"
limits = {{ per_minute = 1000000, concurrent = 1000 }}
sandbox = true

[[accounts]]
id = "doitong-main"
provider = "doitong"
base_url = "{upstreams.doitong_url}"
credential = "sandbox-doitong-key"
webhook_secrets = ["sandbox-webhook-secret"]
price_per_credit = "0.001"
{doitong}
sandbox = true

[[tenants]]
id = "acme"
test = true
keys = ["{ACME_KEY}"]
{tenants}
"""


class Process(Protocol):
    """A process as asyncio shows one."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    def send_signal(self, signal: int) -> None: ...

    def kill(self) -> None: ...

    async def wait(self) -> int: ...


@dataclass
class Server:
    """A running gateway process."""

    place: Place
    process: Process
    client: httpx.AsyncClient

    async def create(self, prompt: str, provider: str, api_key: str = ACME_KEY) -> str | None:
        """A video's id; None when the server died before it could say that it took the wish on."""
        wish = {"prompt": prompt, "gateway": {"only": [provider]}}
        try:
            key = {"idempotency-key": prompt.replace(" ", "-"), "authorization": f"Bearer {api_key}"}
            response = await self.client.post("/v1/videos", json=wish, headers=key)
        except httpx.TransportError:
            return None
        assert response.status_code == 202, response.text
        return str(response.json()["id"])

    async def ended(self, id: str, api_key: str = ACME_KEY) -> dict[str, Any]:
        """The video once it has ended; fails when it has not within the bound."""
        video: dict[str, Any] = {}
        headers = {"prefer": "wait=10", "authorization": f"Bearer {api_key}"}
        async with asyncio.timeout(END_SECONDS):
            while video.get("status") not in TERMINAL:
                response = await self.client.get(f"/v1/videos/{id}", headers=headers)
                assert response.status_code == 200, response.text
                video = response.json()
        return video

    async def videos(self) -> list[dict[str, Any]]:
        """All of the tenant's videos."""
        found: list[dict[str, Any]] = []
        after: dict[str, str] = {}
        while True:
            page = (await self.client.get("/v1/videos", params={"limit": "100", "order": "asc", **after})).json()
            found += page["data"]
            if not page["has_more"]:
                return found
            after = {"after": page["last_id"]}

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)

    async def terminated(self) -> int:
        """Ask it to stop; how it ended."""
        self.process.send_signal(signal.SIGTERM)
        return await self.exit_code()

    async def exit_code(self) -> int:
        """How it ended, once it has; negative is the signal that ended it."""
        async with asyncio.timeout(END_SECONDS):
            return await self.process.wait()


@asynccontextmanager
async def server(place: Place, *die: str) -> AsyncIterator[Server]:
    """A gateway process on its place, answering, until the end of the block; ``die`` is a point and a passage."""
    arguments, log = (str(place.config), *die), place.folder / "log"
    process = await begun("server", arguments, folder=place.folder, out=log, err=log)
    async with speaking(place, process) as running:
        yield running


@asynccontextmanager
async def speaking(place: Place, process: Process) -> AsyncIterator[Server]:
    """A gateway's process, answering; it is ended with the block."""
    headers = {"authorization": f"Bearer {ACME_KEY}"}
    fresh = httpx.Limits(keepalive_expiry=2)  # the server lets go of a silent connection after five seconds
    async with httpx.AsyncClient(
        base_url=place.url, headers=headers, timeout=30, trust_env=False, verify=certificates(), limits=fresh
    ) as client:
        try:
            await _answers(place, process, client)
            yield Server(place, process, client)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _answers(place: Place, process: Process, client: httpx.AsyncClient) -> None:
    """Until it answers, or has died already where it was told to."""
    async with asyncio.timeout(START_SECONDS):
        while process.returncode is None:
            try:
                await client.get("/livez")
            except httpx.TransportError:
                await asyncio.sleep(0.02)
            else:
                return
    assert process.returncode == -signal.SIGKILL, (place.folder / "log").read_text()[-4000:]


@asynccontextmanager
async def sandbox_process(folder: Path, **settings: Any) -> AsyncIterator[Upstreams]:
    """A sandbox as a process of its own."""
    file = folder / "sandbox.json"
    file.write_text(json.dumps(settings))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway.sandbox", "--settings", str(file)),
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        stdout=PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
        yield Upstreams(**json.loads(line))
    finally:
        process.terminate()
        await process.wait()


def address() -> str:
    """Where nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"
