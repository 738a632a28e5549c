"""A listener on this machine stands for what nobody may reach through the gateway: it is never connected to."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.sandbox.settings import DEFAULT_ACCOUNTS, SandboxSettings
from tests.support.hostile_urls import LOOPBACK
from tests.support.running import ADMIN_KEY, FAST, SPEED, Running, Setup, running

AT_VEO = {"gateway": {"only": ["veo-main"]}}
PATH = "/film.mp4"
ONCE = replace(FAST, asset_tries=1)


@dataclass
class Canary:
    port: int = 0
    connections: int = 0

    def spelled(self, url: str) -> str:
        """The URL of a host, with the port at which this listens."""
        return f"{url.removesuffix('/')}:{self.port}{PATH}"


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    canary = Canary()

    async def heard(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        canary.connections += 1
        writer.close()

    server = await asyncio.start_server(heard, "0.0.0.0", 0)
    async with server:
        canary.port = server.sockets[0].getsockname()[1]
        yield canary


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Running]:
    everybody = tuple(replace(account, concurrent=0) for account in DEFAULT_ACCOUNTS)
    sandbox = SandboxSettings(speed=SPEED, accounts=everybody)
    async with running(Setup(folder=tmp_path, timing=ONCE, concurrent=100, sandbox=sandbox)) as here:
        yield here


async def test_a_listener_would_notice(canary: Canary):
    _, writer = await asyncio.open_connection("127.0.0.1", canary.port)
    writer.close()

    assert canary.connections == 1


async def test_a_providers_link_leads_nowhere_however_it_is_spelled(here: Running, canary: Canary):
    told = [canary.spelled(host.replace("http:", scheme)) for host in LOOPBACK for scheme in ("http:", "https:")]
    await here.turn(variant={"file_urls": told})
    made = await asyncio.gather(*(here.create(f"boat {n}", **AT_VEO) for n in range(len(told))))
    videos = await asyncio.gather(*(here.finished(one["id"]) for one in made))

    assert canary.connections == 0
    assert {video["error"]["code"] for video in videos} == {"provider_incomplete"}


@pytest.mark.parametrize("host", ["http://127.0.0.1/", "http://localhost/", "http://[::ffff:127.0.0.1]/"])
async def test_a_redirect_leads_nowhere(here: Running, canary: Canary, host: str):
    await here.turn(variant={"redirect": canary.spelled(host)})
    video = await here.finished((await here.create("a boat [sim:redirect-file]", **AT_VEO))["id"])

    assert canary.connections == 0
    assert video["error"]["code"] == "asset_lost"


async def test_a_picture_s_link_leads_nowhere_however_it_is_spelled(here: Running, canary: Canary):
    for host in LOOPBACK:
        for scheme in ("http:", "https:"):
            link = {"image_url": canary.spelled(host.replace("http:", scheme))}
            answer = await here.client.post("/v1/videos", json={"prompt": "a boat", "input_reference": link})
            assert answer.status_code == 422, answer.text
            assert "input_reference" in str(answer.json()["errors"])

    assert canary.connections == 0


async def test_a_webhook_s_address_leads_nowhere_however_it_is_spelled(here: Running, canary: Canary):
    admin = {"authorization": f"Bearer {ADMIN_KEY}"}
    await here.client.post("/v1/webhook_secret/rotate", headers=admin, json={})
    for host in LOOPBACK:
        for scheme in ("http:", "https:"):
            url = canary.spelled(host.replace("http:", scheme))
            endpoint = await here.client.post("/v1/webhook_endpoints", headers=admin, json={"url": url})
            video = await here.client.post("/v1/videos", json={"prompt": "a boat", "gateway": {"webhook_url": url}})
            assert (endpoint.status_code, video.status_code) == (422, 422), (endpoint.text, video.text)

    assert canary.connections == 0
