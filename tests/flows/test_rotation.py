"""Everything that can be rotated is rotated while a hundred videos are in flight at two replicas: none fails for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from gateway.config.settings import KeySetup, Settings
from gateway.ports import listen
from gateway.sandbox.settings import SandboxSettings
from gateway.serving import serving
from gateway.wiring import Gateway, gateway
from schema.account import Secret
from tests.support.figures import told
from tests.support.running import ACME_KEY, FAST, SECRET_KEY, Running, Setup, configured, running

VIDEOS = 100
NEW_KEY = "fg_test_acme_zyxwvutsrqponmlkjihgfedc"
NEW_MASTER = Secret("the master key that came after, which is long enough")
PATIENT = replace(FAST, video_deadline_seconds=600)
"""A hundred videos at once take a slow machine longer than one."""

FORMER = {"veo3o1": "sandbox-veo3o1-key", "doitong": "sandbox-doitong-key"}


@pytest.fixture
async def pair(tmp_path, postgres) -> AsyncIterator[Running]:
    url = await postgres.create("rotation")
    sandbox = SandboxSettings(speed=20)  # a video takes some seconds: it is in flight while things are rotated
    setup = Setup(folder=tmp_path, database_url=url, sandbox=sandbox, hooks=False, concurrent=100, timing=PATIENT)
    async with running(setup) as pair:
        yield pair
    await postgres.drop("rotation")


@asynccontextmanager
async def replica(settings: Settings) -> AsyncIterator[tuple[Gateway, httpx.AsyncClient]]:
    """A second server on the same database."""
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with (
        gateway(settings) as built,
        serving(built, listener=listener),
        httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client,
    ):
        yield built, client


async def turned(pair: Running, **accounts: dict[str, Any]) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{pair.sandbox.url}/control", json={"accounts": accounts})
        assert answer.status_code == 200, answer.text


async def ask(client: httpx.AsyncClient, key: str) -> int:
    return (await client.get("/v1/videos", headers={"authorization": f"Bearer {key}"})).status_code


async def refused_after(client: httpx.AsyncClient, key: str) -> float:
    """Seconds until a key is refused."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while await ask(client, key) != 401:
        assert loop.time() - began < 30
        await asyncio.sleep(0.05)
    return loop.time() - began


async def test_master_key_credentials_and_api_key_are_rotated_under_way_and_no_video_fails_for_it(pair):
    settings = pair.gateway.settings
    made = await asyncio.gather(*(pair.create(f"boat {n}") for n in range(VIDEOS)))
    async with replica(settings) as (other, client):
        for video in made[: VIDEOS // 2]:
            await pair.begun(video["id"])

        # the providers give new credentials, and take the former ones a while longer
        await turned(pair, **{name: {"key": f"{key}-2", "former_keys": [key]} for name, key in FORMER.items()})
        renewed = tuple(
            replace(account, credential=Secret(f"{account.credential.reveal()}-2")) for account in settings.accounts
        )
        # the tenant is given another key beside its first
        acme, *others = settings.tenants
        with_both = replace(acme, keys=(*acme.keys, KeySetup(secret=Secret(NEW_KEY))))
        await configured(pair.gateway, accounts=renewed, tenants=(with_both, *others))
        assert await ask(pair.client, NEW_KEY) == await ask(pair.client, ACME_KEY) == 200

        # the master key: both replicas have both, then everything goes under the new one
        for built in (pair.gateway, other):
            built.ground.vault.turn(NEW_MASTER, (SECRET_KEY,))
        moved = await asyncio.gather(pair.gateway.ground.vault.rekey(), other.ground.vault.rekey())
        assert moved[-1].left == 0
        for built in (pair.gateway, other):
            built.ground.vault.turn(NEW_MASTER, ())

        # the former credentials end in the midst of it
        await turned(pair, **{name: {"former_keys": []} for name in FORMER})

        # and so does the former API key, on both replicas
        late = await pair.create("one more, by the former key")
        with_new = replace(acme, keys=(KeySetup(secret=Secret(NEW_KEY)),))
        await pair.gateway.ground.configuration.apply(replace(settings, accounts=renewed, tenants=(with_new, *others)))
        here = asyncio.create_task(refused_after(pair.client, ACME_KEY))
        there = await refused_after(client, ACME_KEY)
        told(f"the former key was refused after {await here:.2f} s here, and {there:.2f} s at the other replica")
        assert max(await here, there) < 5

        headers = {"authorization": f"Bearer {NEW_KEY}"}
        ended = [await watched(pair, video["id"], headers) for video in (*made, late)]
        told(f"{sum(video['status'] == 'completed' for video in ended)} of {len(ended)} completed")
        assert [
            (video["error"], video["gateway"]["attempts"]) for video in ended if video["status"] != "completed"
        ] == []

    truth = await pair.truth()
    accepted = [submission["prompt"] for submission in truth["submissions"] if submission["accepted"]]
    assert sorted(accepted) == sorted(video["prompt"] for video in (*made, late))  # each made once, and paid for once


async def watched(pair: Running, id: str, headers: dict[str, str]) -> dict[str, Any]:
    await pair.gateway.events.wait("acme", id, 120)
    video: dict[str, Any] = (await pair.client.get(f"/v1/videos/{id}", headers=headers)).json()
    return video
