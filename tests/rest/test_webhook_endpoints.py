"""/v1/webhook_endpoints: driven by OpenAI's own client; who may not, what is refused, and what is told once."""

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import pytest_asyncio

from tests.rest.answers import problem
from tests.rest.test_openapi import checked
from tests.support.running import ADMIN_KEY, Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}
OPERATED = "https://8.8.8.8/hooks"
PATH = "/v1/webhook_endpoints"
NOBODY = "whe_" + "0" * 26


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(Setup(folder=tmp_path_factory.mktemp("pair"))) as both:
        yield both


@pytest_asyncio.fixture(loop_scope="module")
async def sdk(pair: Running) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key=ADMIN_KEY, base_url=f"{pair.url}/v1", max_retries=0) as client:
        yield client


async def made(pair: Running, **wish: Any) -> dict[str, Any]:
    answer = await pair.client.post(PATH, json={"url": OPERATED, **wish}, headers=ADMIN)
    assert answer.status_code == 201, answer.text
    endpoint: dict[str, Any] = answer.json()
    return endpoint


async def test_openai_s_client_makes_sees_changes_rotates_and_removes_an_endpoint(sdk: openai.AsyncOpenAI):
    made = await sdk.webhooks.create(name="production", url=OPERATED, event_types=["video.completed", "video.failed"])
    seen = await sdk.webhooks.retrieve(made.id)
    listed = [endpoint.id async for endpoint in sdk.webhooks.list(limit=1)]
    changed = await sdk.webhooks.update(made.id, name="staging", event_types=["video.completed"])
    rotated = await sdk.webhooks.rotate_secret(made.id, keep_old_secret_active_for_24_hours=True)
    again = await sdk.webhooks.rotate_secret(made.id)
    types = await sdk.webhooks.event_types.list()
    gone = await sdk.webhooks.delete(made.id)

    assert (made.object, made.name, made.url) == ("webhook_endpoint", "production", OPERATED)
    assert made.event_types == ["video.completed", "video.failed"]
    assert made.signing_secret.startswith("whsec_")
    assert seen.signing_secret_hint == f"whsec_…{made.signing_secret[-4:]}"
    assert made.id in listed
    assert (changed.name, changed.event_types, changed.url) == ("staging", ["video.completed"], OPERATED)
    assert len({made.signing_secret, rotated.signing_secret, again.signing_secret}) == 3
    assert "video.completed" in types.data
    assert (gone.id, gone.deleted, gone.object) == (made.id, True, "webhook_endpoint.deleted")
    with pytest.raises(openai.NotFoundError):
        await sdk.webhooks.retrieve(made.id)


async def test_the_secret_is_told_to_who_made_it_and_never_again(pair: Running):
    endpoint = await made(pair)

    listed = await pair.client.get(PATH, headers=ADMIN)
    seen = await pair.client.get(f"{PATH}/{endpoint['id']}", headers=ADMIN)
    trail = await pair.client.get("/v1/audit", headers=ADMIN)

    checked(endpoint, "WebhookEndpointWithSecret")
    checked(seen.json(), "WebhookEndpoint")
    checked(listed.json(), "WebhookEndpointPage")
    assert seen.json() == {field: value for field, value in endpoint.items() if field != "signing_secret"}
    for answer in (listed, seen, trail):
        assert answer.status_code == 200
        assert endpoint["signing_secret"] not in answer.text


async def test_a_page_goes_on_after_the_last_one_of_the_page_before(pair: Running):
    ids = [(await made(pair, name=str(n)))["id"] for n in range(3)]

    first = (await pair.client.get(f"{PATH}?limit=2", headers=ADMIN)).json()
    second = (await pair.client.get(f"{PATH}?limit=1&after={first['last_id']}", headers=ADMIN)).json()

    assert [one["id"] for one in first["data"]] == [ids[2], ids[1]]
    assert (first["first_id"], first["has_more"]) == (ids[2], True)
    assert [one["id"] for one in second["data"]] == [ids[0]]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://8.8.8.8/hooks", "must begin with https://"),
        ("https://127.0.0.1/hooks", "must lead to a host of the public internet"),
        ("https://8.8.8.8:8443/hooks", "must not name port 8443"),
        ("https://8.8.8.8/hooks#there", "must end before any #"),
        ("https://user:word@8.8.8.8/hooks", "must be a URL with scheme and host"),
        ("https://8.8.8.8/ hooks", "visible ASCII"),
    ],
)
async def test_an_address_that_may_not_be_called_is_refused_when_it_is_given(pair: Running, url: str, says: str):
    known = await made(pair)

    created = await pair.client.post(PATH, json={"url": url}, headers=ADMIN)
    changed = await pair.client.post(f"{PATH}/{known['id']}", json={"url": url}, headers=ADMIN)

    for answer in (created, changed):
        refused = problem(answer, 422, "invalid_request")
        assert refused["error"]["param"] == "url"
        assert says in refused["detail"]


async def test_an_endpoint_is_disabled_and_enabled_by_its_owner(pair: Running):
    path = f"{PATH}/{(await made(pair))['id']}"

    off = (await pair.client.post(path, json={"disabled": True}, headers=ADMIN)).json()
    on = (await pair.client.post(path, json={"disabled": False}, headers=ADMIN)).json()

    assert (off["disabled"], off["disabled_reason"]) == (True, "switched off by its owner")
    assert off["disabled_at"]
    assert (on["disabled"], on["disabled_at"], on["disabled_reason"]) == (False, None, None)


async def test_the_secret_for_addresses_given_video_by_video_is_made_by_rotating_it(pair: Running):
    before = await pair.client.get("/v1/webhook_secret", headers=ADMIN)
    first = (await pair.client.post("/v1/webhook_secret/rotate", headers=ADMIN)).json()
    keep = {"keep_old_secret_active_for_24_hours": True}
    second = (await pair.client.post("/v1/webhook_secret/rotate", json=keep, headers=ADMIN)).json()
    seen = (await pair.client.get("/v1/webhook_secret", headers=ADMIN)).json()

    problem(before, 404, "not_found")
    checked(second, "MadeWebhookSecret")
    checked(seen, "WebhookSecret")
    assert (first["version"], first["previous_secret_until"]) == (1, None)
    assert second["version"] == 2
    assert abs(second["previous_secret_until"] - second["created_at"] - 86_400) <= 1
    assert seen == {field: value for field, value in second.items() if field != "signing_secret"}
    now = pair.gateway.clock.now()
    signing = [secret.reveal() for secret in pair.gateway.ground.endpoints.default_signing("acme", now)]
    assert signing == [second["signing_secret"], first["signing_secret"]]


async def test_who_is_no_administrator_sees_and_changes_none(pair: Running):
    endpoint = await made(pair)

    answers = [
        await pair.client.get(PATH),
        await pair.client.post(PATH, json={"url": OPERATED}),
        await pair.client.post(f"{PATH}/{endpoint['id']}/rotate_secret"),
        await pair.client.delete(f"{PATH}/{endpoint['id']}"),
    ]

    for answer in answers:
        problem(answer, 403, "forbidden")
    problem(await pair.client.get(f"{PATH}/{NOBODY}", headers=ADMIN), 404, "not_found")
    problem(await pair.client.get(f"{PATH}/{'x' * 30}", headers=ADMIN), 404, "not_found")


async def test_a_tenant_has_no_more_endpoints_than_it_may(pair: Running):
    there = len((await pair.client.get(f"{PATH}?limit=100", headers=ADMIN)).json()["data"])
    for _ in range(32 - there):
        await made(pair)

    problem(await pair.client.post(PATH, json={"url": OPERATED}, headers=ADMIN), 422, "invalid_request")
