"""Two replicas on one PostgreSQL: soon after a key is revoked at one it works at neither, nor do its streams go on."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.holding import bearer, events, held, watched
from tests.flows.processes import Place, Server, Upstreams, address, sandbox_process, server

SECONDS = 5.0
"""So soon a key that was revoked anywhere works nowhere."""

BOSS_KEY = "fg_test_boss_0123456789abcdefghijkl"


@pytest.fixture
async def upstreams(tmp_path: Path) -> AsyncIterator[Upstreams]:
    async with sandbox_process(tmp_path, speed=60) as running:
        yield running


@pytest.fixture
async def places(tmp_path: Path, postgres: Any, upstreams: Upstreams) -> AsyncIterator[tuple[Place, Place]]:
    """Two places with one database and one folder for files; acme's boss makes and revokes keys."""
    name = f"revocation_{tmp_path.name}".replace("-", "_").lower()
    database = await postgres.create(name)
    both = Place(tmp_path / "first", address()), Place(tmp_path / "second", address())
    key = tmp_path / "boss.key"
    key.write_text(BOSS_KEY)
    boss = f"""
[[tenants]]
id = "boss"
test = true
keys = [{{ file = "{key}", scopes = ["operator"] }}]
"""
    for place in both:
        place.configure(upstreams, database=database, assets=tmp_path / "assets", public_url=both[1].url, tenants=boss)
    yield both
    await postgres.drop(name)


async def made(at: Server) -> dict[str, Any]:
    response = await at.client.post(
        "/v1/admin/tenants/acme/keys", json={"scopes": ["videos:read"]}, headers=bearer(BOSS_KEY)
    )
    assert response.status_code == 201, response.text
    key: dict[str, Any] = response.json()
    return key


async def answers(at: Server, key: str, status: int) -> None:
    """Until a read with the key is answered so."""
    while (await at.client.get("/v1/videos", headers=bearer(key))).status_code != status:  # noqa: ASYNC110  # another process
        await asyncio.sleep(0.02)


async def test_a_key_that_is_revoked_at_one_replica_ends_at_the_other_with_all_that_it_holds_open(places):
    async with server(places[0]) as first, server(places[1]) as second:
        key = await made(first)
        async with asyncio.timeout(SECONDS):
            await answers(second, key["key"], 200)
        video = await second.create("a paper boat [sim:stuck]", "doitong")
        assert video is not None
        streaming, watching = asyncio.Event(), asyncio.Event()
        open_ones = asyncio.gather(
            events(second.client, key["key"], video, streaming),
            watched(second.place.url, key["key"], video, watching),
            held(second.client, key["key"], video),
        )
        await asyncio.gather(streaming.wait(), watching.wait())

        began = time.monotonic()
        revoked = await first.client.delete(f"/v1/admin/tenants/acme/keys/{key['id']}", headers=bearer(BOSS_KEY))
        assert revoked.status_code == 200, revoked.text
        shown = await second.client.get(f"/v1/admin/tenants/acme/keys/{key['id']}", headers=bearer(BOSS_KEY))
        assert shown.json() == revoked.json()
        assert (await first.client.get("/v1/videos", headers=bearer(key["key"]))).status_code == 401, "here at once"
        async with asyncio.timeout(SECONDS):
            await answers(second, key["key"], 401)
            refused = time.monotonic() - began
            told, closed, status = await open_ones
        sys.stdout.write(f"\nrefused after {refused:.2f} s, all ended after {time.monotonic() - began:.2f} s\n")

    assert "videoEvents" in told
    assert "event: complete" not in told
    assert (closed, status) == (4403, 401)
