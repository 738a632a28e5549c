"""Which pages of other sites may call, and what a browser then lets them read."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.config.settings import KeySetup
from gateway.rest.cors import EXPOSED
from schema.account import Secret
from tests.rest.answers import problem
from tests.support.browsers import minted
from tests.support.running import Running, Setup, configured, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

APP, SHOP, EVIL = "https://app.example.com", "https://shop.example.com", "https://evil.example"
"""Acme's page, another tenant's, and nobody's."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    setup = Setup(folder=tmp_path_factory.mktemp("cors"), origins={"acme": (APP,), "other": (SHOP,)})
    async with running(setup) as both:
        yield both


async def preflight(
    pair: Running, origin: str, path: str = "/v1/videos", method: str = "POST", **headers: str
) -> httpx.Response:
    asked = {name.replace("_", "-"): value for name, value in headers.items()}
    return await pair.client.options(
        path, headers={"authorization": "", "origin": origin, "access-control-request-method": method, **asked}
    )


def cors(response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("origin", [APP, SHOP, "https://APP.example.com:443"])
async def test_a_preflight_needs_no_key_and_is_for_any_tenant_s_pages(pair: Running, origin: str):
    response = await preflight(pair, origin, access_control_request_headers="authorization, content-type")

    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["access-control-allow-origin"] in {APP, SHOP}
    assert response.headers["access-control-allow-methods"] == response.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert response.headers["access-control-allow-headers"] == "authorization, content-type"
    assert response.headers["access-control-max-age"] == "600"
    assert "access-control-allow-credentials" not in response.headers
    assert "Origin" in response.headers["vary"]


@pytest.mark.parametrize(
    "origin",
    [
        EVIL,
        "null",
        "*",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.evil.example",
        "https://evil.example/https://app.example.com",
        "https://appXexample.com",
        f"{APP}, {EVIL}",
        "https://user@app.example.com",
    ],
)
async def test_nobody_s_page_is_told_nothing(pair: Running, origin: str):
    asked = await preflight(pair, origin)
    got = await pair.client.get("/v1/videos", headers={"origin": origin})
    public = await pair.client.get("/openapi.json", headers={"origin": origin})

    assert (asked.status_code, got.status_code, public.status_code) == (204, 200, 200)
    assert cors(asked) == cors(got) == cors(public) == {}
    assert all("Origin" in response.headers["vary"] for response in (asked, got, public))


READ_HERE = (
    "authorization, content-type, idempotency-key, cancel-after, if-match, if-none-match, last-event-id, prefer, "
    "range, x-request-id, traceparent, x-stainless-retry-count, X-Stainless-OS, openai-organization"
)


async def test_only_headers_that_are_read_here_may_be_sent(pair: Running):
    wanted = f"{READ_HERE}, x-forwarded-for, cookie, x-stainless-, , *"

    response = await preflight(pair, APP, access_control_request_headers=wanted)

    assert response.headers["access-control-allow-headers"] == READ_HERE


async def test_a_preflight_that_asks_for_a_thousand_headers_is_answered_shortly(pair: Running):
    response = await preflight(pair, APP, access_control_request_headers=",".join(["range"] * 1000))

    assert len(response.headers["access-control-allow-headers"]) < 64 * 8


async def test_options_without_a_wish_is_no_preflight(pair: Running):
    response = await pair.client.options("/v1/videos", headers={"origin": APP})

    assert (response.status_code, response.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    assert "access-control-allow-methods" not in response.headers


async def test_a_page_reads_what_its_tenant_s_key_gets(pair: Running):
    response = await pair.client.post("/v1/videos", json={"prompt": "a kite"}, headers={"origin": APP})

    assert response.status_code == 202
    assert response.headers["access-control-allow-origin"] == APP
    exposed = {name.strip().lower() for name in response.headers["access-control-expose-headers"].split(",")}
    assert exposed == {name.lower() for name in EXPOSED}
    assert {"location", "retry-after", "etag", "x-request-id", "openai-poll-after-ms", "content-range"} <= exposed
    assert "access-control-allow-credentials" not in response.headers


async def test_another_tenant_s_page_does_not_read_it(pair: Running):
    response = await pair.client.get("/v1/videos", headers={"origin": SHOP})
    theirs = await pair.other.get("/v1/videos", headers={"origin": SHOP})

    assert response.status_code == theirs.status_code == 200
    assert cors(response) == {}
    assert theirs.headers["access-control-allow-origin"] == SHOP


@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        ("GET", "/v1/videos", "Bearer wrong", 401),
        ("GET", "/v1/admin/incidents", None, 403),
        ("GET", "/v1/videos/video_nothing", None, 404),
        ("GET", "/nowhere", None, 404),
        ("PUT", "/v1/videos", None, 405),
        ("POST", "/v1/videos", None, 415),
        ("POST", "/graphql", None, 415),
        ("GET", "/graphql?query=x", "Bearer wrong", 401),
    ],
)
async def test_a_page_reads_refusals_too(pair: Running, method: str, path: str, key: str | None, status: int):
    headers = {"origin": APP, **({} if key is None else {"authorization": key})}

    response = await pair.client.request(method, path, headers=headers, content=b"x" if method == "POST" else None)

    assert response.status_code == status
    assert response.headers["access-control-allow-origin"] == APP
    assert "x-request-id" in response.headers["access-control-expose-headers"].lower()


async def test_a_page_may_ask_for_what_is_not_there_and_read_that(pair: Running):
    asked = await preflight(pair, APP, "/nowhere", "DELETE")

    assert asked.status_code == 204
    assert asked.headers["access-control-allow-methods"] == "DELETE"
    problem(await preflight(pair, EVIL, "/nowhere", "DELETE"), 404, "not_found")


async def test_our_own_pages_need_no_word_and_get_none(pair: Running):
    response = await pair.client.post("/v1/quotes", json={"prompt": "a kite"}, headers={"origin": pair.url})

    assert response.status_code == 200
    assert cors(response) == {}


async def test_what_caches_may_keep_tells_them_that_pages_matter(pair: Running):
    response = await pair.client.get("/openapi.json")

    assert response.headers["cache-control"].startswith("public")
    assert response.headers["vary"] == "Origin"


async def test_a_graphql_stream_is_readable(pair: Running):
    query = "query { viewer { tenant { id } } }"
    headers = {"origin": APP, "accept": "text/event-stream"}
    response = await pair.client.post("/graphql", json={"query": query}, headers=headers)

    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["access-control-allow-origin"] == APP
    assert response.headers["vary"] == "Accept, Authorization, Origin"


async def test_a_key_for_one_page_is_refused_to_every_other(pair: Running):
    acme, *others = pair.gateway.settings.tenants
    bound = KeySetup(secret=Secret("fg_test_key_of_one_page_0123456789"), origins=(APP,))
    await configured(pair.gateway, tenants=(replace(acme, keys=(*acme.keys, bound)), *others))
    key = {"authorization": f"Bearer {bound.secret.reveal()}"}
    async with httpx.AsyncClient(base_url=pair.url, headers=key, trust_env=False) as client:
        for origin in (SHOP, EVIL, "null"):
            body = problem(await client.get("/v1/videos", headers={"origin": origin}), 403, "origin_not_allowed")
            assert origin in body["detail"]
            asked = await client.post("/graphql", json={"query": "{ __typename }"}, headers={"origin": origin})
            assert asked.status_code == 403
            assert asked.json()["errors"][0]["extensions"]["code"] == "ORIGIN_NOT_ALLOWED"
        for headers in ({"origin": APP}, {"origin": pair.url}, {}):
            assert (await client.get("/v1/videos", headers=headers)).status_code == 200


async def test_a_token_is_for_the_pages_of_the_key_that_made_it(pair: Running):
    acme, *others = pair.gateway.settings.tenants
    bound = KeySetup(secret=Secret("fg_test_key_that_makes_tokens_0123"), origins=(APP,))
    await configured(pair.gateway, tenants=(replace(acme, keys=(*acme.keys, bound)), *others))
    key = {"authorization": f"Bearer {bound.secret.reveal()}"}
    free = (await minted(pair.client))["token"]
    async with httpx.AsyncClient(base_url=pair.url, headers=key, trust_env=False) as client:
        token = (await minted(client))["token"]
    async with httpx.AsyncClient(base_url=pair.url, trust_env=False) as page:
        content = f"/v1/videos/video_{'0' * 26}/content"
        for text in (token, free):
            read = await page.get("/v1/videos", headers={"origin": APP, "authorization": f"Bearer {text}"})
            linked = await page.get(content, params={"token": text}, headers={"origin": APP})
            assert (read.status_code, linked.status_code) == (200, 404)
            assert {answer.headers["access-control-allow-origin"] for answer in (read, linked)} == {APP}
        elsewhere = {"origin": SHOP, "authorization": f"Bearer {token}"}
        problem(await page.get("/v1/videos", headers=elsewhere), 403, "origin_not_allowed")
        linked = await page.get(content, params={"token": token}, headers={"origin": SHOP})
        problem(linked, 403, "origin_not_allowed")
        assert cors(await page.get("/v1/videos", headers={"origin": SHOP, "authorization": f"Bearer {free}"})) == {}
