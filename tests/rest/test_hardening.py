"""What every answer of every route tells a browser, whatever the method and however it ends."""

import json
import re
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from litestar.routes import HTTPRoute

from gateway.app import doors
from gateway.ports import listen
from gateway.serving import serving
from gateway.wiring import gateway
from tests.support.running import ACME_KEY, Running, Setup, free_port, settings_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

HARDENED = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE")
ID = "0" * 26
VALUES = {
    "video_id": f"video_{ID}",
    "attempt_id": f"att_{ID}",
    "batch_id": f"batch_{ID}",
    "account_id": "veo-main",
    "tenant_id": "acme",
    "image_id": f"img_{ID}",
    "endpoint_id": f"whe_{ID}",
    "delivery_id": f"msg_{ID}",
    "version": "1",
}


def paths() -> list[str]:
    """Every path of the application, with something in its places, and some that are not there."""
    routes = doors(explorable=True, max_body_bytes=1).routes
    found = {route.path for route in routes if isinstance(route, HTTPRoute)}
    filled = {re.sub(r"{(\w+):\w+}", lambda name: VALUES.get(name[1], "x"), path) for path in found}
    return sorted({*filled, "/nowhere", "/v1", "/favicon.ico", "/docs/", "/explorers/../edge.py", "//evil.example"})


def hardened(response: httpx.Response) -> None:
    said = {name: response.headers.get_list(name) for name in HARDENED}
    assert said == {name: [value] for name, value in HARDENED.items()}, (response.request, response.status_code)
    (policy,) = response.headers.get_list("content-security-policy")
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "camera=()" in response.headers["permissions-policy"]
    assert response.headers["cache-control"]
    assert response.headers["x-request-id"]
    if response.content:
        assert "content-type" in response.headers


async def test_every_path_and_method_is_hardened_with_and_without_a_key(pair: Running):
    statuses = set()
    async with httpx.AsyncClient(base_url=pair.url, trust_env=False) as nobody:
        for client in (pair.client, pair.operator, nobody):
            for path in paths():
                for method in METHODS:
                    response = await client.request(method, path)
                    hardened(response)
                    statuses.add(response.status_code)

    assert {200, 204, 400, 401, 403, 404, 405, 415} <= statuses


async def test_answers_in_pieces_are_hardened(pair: Running):
    created = await pair.create("[sim:instant]")
    await pair.finished(created["id"])
    query = {"query": "{ __typename }"}
    content = f"/v1/videos/{created['id']}/content"
    for response in (
        await pair.client.get(content),
        await pair.client.get(content, headers={"range": "bytes=0-3"}),
        await pair.client.get(content, headers={"range": "bytes=999999999-"}),
        await pair.client.get("/v1/ledger", headers={"accept": "text/csv"}),
        await pair.client.post("/graphql", json=query, headers={"accept": "text/event-stream"}),
        await pair.client.post("/graphql", json=query, headers={"accept": 'multipart/mixed; subscriptionSpec="1.0"'}),
        await pair.client.post("/v1/videos", content=json.dumps({"prompt": "x" * 2_000_000})),
    ):
        hardened(response)


async def test_a_film_is_nobody_s_page(pair: Running):
    created = await pair.create("[sim:instant]")
    await pair.finished(created["id"])
    content = f"/v1/videos/{created['id']}/content"

    whole = await pair.client.get(content)
    known = await pair.client.get(content, headers={"if-none-match": whole.headers["etag"]})

    assert (whole.status_code, known.status_code) == (200, 304)
    assert whole.headers["content-disposition"].startswith("attachment")
    for response in (whole, known):
        assert response.headers["content-security-policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"


@pytest_asyncio.fixture(loop_scope="module")
async def broken(tmp_path) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway behind https whose database went away."""
    settings = settings_for(
        Setup(folder=tmp_path), (), sandbox_url="http://127.0.0.1:1", public_url="https://video.example"
    )
    port, key = free_port(), {"authorization": f"Bearer {ACME_KEY}"}
    async with (
        gateway(settings) as built,
        serving(built, listener=listen("127.0.0.1", port), worker=False),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=key, trust_env=False) as client,
    ):
        await built.store.database.close()
        yield client


async def test_bugs_and_outages_are_hardened_and_https_stays_https(broken: httpx.AsyncClient):
    failed, away = await broken.get("/v1/videos"), await broken.get("/readyz")

    assert (failed.status_code, away.status_code) == (500, 503)
    for response in (failed, away, await broken.get("/nowhere"), await broken.options("/v1/videos")):
        hardened(response)
        assert response.headers["strict-transport-security"] == "max-age=31536000"
