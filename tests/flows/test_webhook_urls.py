"""An address that a video is given is told what happens to it, signed with its tenant's own secret."""

import asyncio

import httpx
import pytest
from standardwebhooks import Webhook

from tests.flows.test_deliveries import log_of, setup_for
from tests.graphql.asking import ask
from tests.support.receiving import Call, receiving, tenant_secret
from tests.support.running import ADMIN_KEY, running

FIELD = "#/gateway/webhook_url"
CREATE = """mutation C($input: CreateVideoInput!) { createVideo(input: $input) {
  ... on CreateVideoSuccess { video { id } } ... on InvalidInputError { code errors { field code } } } }"""


@pytest.fixture
async def receiver():
    async with receiving() as there:
        yield there


@pytest.fixture
async def pair(tmp_path, database_url, receiver):
    async with running(setup_for(tmp_path, database_url, receiver)) as started:
        yield started


@pytest.fixture
async def owner(pair):
    """Its tenant's administrator."""
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    async with httpx.AsyncClient(base_url=pair.url, headers=headers, trust_env=False) as client:
        yield client


async def told_of(receiver, video: str) -> list[Call]:
    """What the receiver was told of a video, until its end."""
    await receiver.until(lambda: any(call.event["type"] == "video.completed" for call in of(receiver, video)))
    return of(receiver, video)


def of(receiver, video: str) -> list[Call]:
    return [call for call in receiver.calls if call.event["data"]["id"] == video]


async def test_a_video_s_address_is_told_all_that_happens_to_it_in_order_and_can_be_told_again(pair, owner, receiver):
    secret = await tenant_secret(pair.gateway)
    wish = {"gateway": {"webhook_url": f"{receiver.url}/of-one?token=t"}}

    video = await pair.create("[sim:instant]", **wish)
    other = await pair.create("[sim:instant]")
    await pair.finished(video["id"])
    await pair.finished(other["id"])
    calls = await told_of(receiver, video["id"])

    events = [event.id for event in await log_of(pair.gateway) if event.video == video["id"]]
    assert [call.event["id"] for call in calls] == events
    assert {call.path for call in receiver.calls} == {"/of-one?token=t"}
    assert of(receiver, other["id"]) == []
    for call in calls:
        Webhook(secret.reveal()).verify(call.body, call.headers)

    path = f"/v1/videos/{video['id']}/deliveries"
    page = (await owner.get(path)).json()
    assert [one["id"] for one in page["data"]] == [call.id for call in reversed(calls)]
    assert {one["webhook_endpoint_id"] for one in page["data"]} == {None}
    newest = page["data"][0]["id"]
    async with asyncio.timeout(30):
        while not (whole := (await owner.get(f"{path}/{newest}")).json())["log"]:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)
    assert whole["body"].encode() == calls[-1].body
    assert [each["status_code"] for each in whole["log"]] == [204]
    again = await owner.post(f"{path}/{newest}/replay")
    await receiver.until(lambda: [call.id for call in receiver.calls].count(newest) == 2)
    assert again.status_code == 202
    assert receiver.calls[-1].body == calls[-1].body


async def test_an_address_that_is_gone_is_not_told_what_waited_for_it(pair, owner, receiver):
    await tenant_secret(pair.gateway)
    receiver.answer = lambda n, path: (410, {})

    video = await pair.create("[sim:slow]", gateway={"webhook_url": receiver.url})
    await receiver.until(lambda: len(receiver.calls) == 1)

    path = f"/v1/videos/{video['id']}/deliveries"
    async with asyncio.timeout(30):
        while (await owner.get(path)).json()["data"][-1]["state"] != "skipped":  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)


async def test_an_address_needs_a_secret_first_and_one_that_may_be_called(tmp_path, database_url, receiver):
    async with running(setup_for(tmp_path, database_url, receiver)) as pair:
        wish = {"prompt": "x", "gateway": {"webhook_url": f"{receiver.url}/there"}}
        early = (await pair.client.post("/v1/videos", json=wish)).json()
        assert [(one["pointer"], one["code"]) for one in early["errors"]] == [(FIELD, "no_webhook_secret")]
        input_ = {"prompt": "x", "webhookUrl": f"{receiver.url}/there"}
        (error,) = (await ask(pair.client, CREATE, input=input_))["createVideo"]["errors"]
        assert error == {"field": "webhookUrl", "code": "no_webhook_secret"}

        await tenant_secret(pair.gateway)
        for url in ("http://127.0.0.1:1/x", "https://169.254.169.254/latest", "https://user:pw@example.com/"):
            inside = (
                await pair.client.post("/v1/videos", json={"prompt": "x", "gateway": {"webhook_url": url}})
            ).json()
            assert [(one["pointer"], one["code"]) for one in inside["errors"]] == [(FIELD, "invalid_value")]
            many = {"videos": [{"prompt": "x"}, {"prompt": "x", "gateway": {"webhook_url": url}}]}
            batch = (await pair.client.post("/v1/video_batches", json=many)).json()
            assert [one["pointer"] for one in batch["errors"]] == ["#/videos/1/gateway/webhook_url"]
        assert (await pair.client.get("/v1/videos")).json()["data"] == []

        made = (await ask(pair.client, CREATE, input=input_))["createVideo"]["video"]["id"]
        await pair.finished(made)
        assert {call.path for call in await told_of(receiver, made)} == {"/there"}


async def test_a_client_token_may_not_say_where_its_videos_are_told_of(pair, receiver):
    await tenant_secret(pair.gateway)
    made = (await pair.client.post("/v1/client_tokens", json={"scopes": ["videos:read", "videos:write"]})).json()
    headers = {"authorization": f"Bearer {made['token']}"}
    wish = {"prompt": "x", "gateway": {"webhook_url": receiver.url}}

    refused = await pair.client.post("/v1/videos", json=wish, headers=headers)

    assert refused.status_code == 403
    assert "webhook_url" in refused.json()["detail"]
