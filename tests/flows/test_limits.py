"""Three replicas on one PostgreSQL share one account's limits: no request too many, and hardly one too few."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.flows.engine import certificates, until
from tests.flows.processes import TERMINAL, Place, Server, Upstreams, address, sandbox_process, server

VIDEOS = 60
MINUTE = 4
DAY = 5760
"""What the simulated provider calls a minute and a day, in seconds: fifteen times as quick as ours."""

PER_MINUTE = 10
TENANTS = tuple(f"tenant-{letter}" for letter in "abcdef")
KNOWN = f"{{ per_minute = {PER_MINUTE}, concurrent = 1, per_day = 100 }}"
END_SECONDS = 90


def key(tenant: str) -> str:
    return f"fg_test_{tenant}-0123456789abcdef"


@pytest.fixture
async def upstreams(tmp_path: Path) -> AsyncIterator[Upstreams]:
    """One account on the plan of ten requests a minute, one job at once and a hundred requests a day."""
    account = {
        "name": "d",
        "provider": "doitong",
        "key": "sandbox-doitong-key",
        "webhook_secret": "sandbox-webhook-secret",
        "credits": 10_000_000,
        "plan": "free",
        "variant": {"doitong_reset": "epoch_ms"},
    }
    async with sandbox_process(tmp_path, accounts=[account], speed=1200, limit_speed=60 / MINUTE) as running:
        yield running


def replicas(folder: Path, database: str, upstreams: Upstreams) -> list[Place]:
    """Three places with one database, one folder for files and one public address: the last one's, which stays."""
    places = [Place(folder / name, address()) for name in ("first", "second", "third")]
    tenants = "".join(f'\n[[tenants]]\nid = "{one}"\ntest = true\nkeys = ["{key(one)}"]\n' for one in TENANTS)
    for place in places:
        place.configure(
            upstreams,
            database=database,
            assets=folder / "assets",
            public_url=places[-1].url,
            lease_seconds=1,
            tenants=tenants,
            timing=f"minute_seconds = {MINUTE}\nday_seconds = {DAY}",
            doitong_limits=KNOWN,
        )
    return places


async def ask(replica: Server, number: int) -> tuple[str, str]:
    """One tenant after the other asks for a video: whose it is, and its id."""
    tenant = TENANTS[number % len(TENANTS)]
    wish = {"prompt": f"wish {number}", "gateway": {"only": ["doitong"]}}
    answer = await replica.client.post("/v1/videos", json=wish, headers={"authorization": f"Bearer {key(tenant)}"})
    assert answer.status_code == 202, answer.text
    return tenant, str(answer.json()["id"])


async def ended(url: str, tenant: str, id: str) -> dict[str, Any]:
    video: dict[str, Any] = {}
    headers = {"authorization": f"Bearer {key(tenant)}", "prefer": "wait=10"}
    async with (
        asyncio.timeout(END_SECONDS),
        httpx.AsyncClient(verify=certificates(), trust_env=False, timeout=30) as client,
    ):
        while video.get("status") not in TERMINAL:
            video = (await client.get(f"{url}/v1/videos/{id}", headers=headers)).json()
    return video


def used(truth: dict[str, Any]) -> float:
    """Requests made, as a share of those allowed in the windows from the first submit to the last."""
    times = [one["at"] for one in truth["submissions"]]
    windows = (max(times) - min(times)) / (1000 * MINUTE)
    made = sum(count for name, count in truth["calls"].items() if name.startswith("doitong."))
    print(f"{made} requests, {len(times)} of them submits, in {windows:.1f} windows of {PER_MINUTE}")  # noqa: T201 - figures
    return float(made / (PER_MINUTE * (windows + 1)))


async def test_three_replicas_one_of_them_killed_keep_an_accounts_limits(tmp_path, postgres, upstreams):
    name = f"limits_{tmp_path.name}".replace("-", "_").lower()
    places = replicas(tmp_path, await postgres.create(name), upstreams)
    async with AsyncExitStack() as stack:
        running = [await stack.enter_async_context(server(place)) for place in places]
        asked = [await ask(running[number % 3], number) for number in range(VIDEOS)]

        async def begun() -> bool:
            return bool(await upstreams.accepted() >= VIDEOS // 3)

        await until(begun, END_SECONDS)
        running[0].kill()
        assert await running[0].exit_code() == -signal.SIGKILL
        videos = await asyncio.gather(*(ended(places[-1].url, *one) for one in asked))
        truth = await upstreams.truth()
    await postgres.drop(name)
    share = used(truth)
    print(f"{share:.0%} of what was allowed; violations {truth['accounts'][0]['violations']}")  # noqa: T201 - figures

    assert {video["status"] for video in videos} == {"completed"}
    assert not any(truth["accounts"][0]["violations"].values())
    assert share >= 0.9
