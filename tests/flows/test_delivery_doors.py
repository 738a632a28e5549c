"""What endpoints were told is seen, sent again and tried out over REST, GraphQL and the command line alike."""

import asyncio
import json

import httpx
import pytest
from click.testing import CliRunner, Result
from standardwebhooks import Webhook

from gateway.cli import main
from gateway.cli.exits import ExitCode
from gateway.cli.listening import secret_of
from schema.delivery import DeliveryState
from tests.flows.test_deliveries import settled, setup_for
from tests.graphql.asking import ask
from tests.support.receiving import endpoint, receiving, told
from tests.support.running import ADMIN_KEY, Running, running

pytestmark = pytest.mark.usefixtures("log_apart")

LIST = """query L($of: ID!, $state: WebhookDeliveryState, $first: Int, $after: String) {
  webhookDeliveries(of: $of, state: $state, first: $first, after: $after) {
    edges { node { id webhookEndpointId eventType state tries log { n statusCode error } } }
    pageInfo { hasNextPage endCursor } } }"""
REPLAY = """mutation R($id: ID!) { replayDelivery(input: {id: $id}) { __typename
  ... on ReplayDeliverySuccess { delivery { id state } } ... on UserError { code } } }"""
REPLAY_SINCE = """mutation R($id: ID!) {
  replayDeliveries(input: {webhookEndpointId: $id, since: "2020-01-01T00:00:00Z", failedOnly: true}) {
    ... on ReplayDeliveriesSuccess { count } ... on UserError { code } } }"""
TEST = """mutation T($id: ID!) { testWebhookEndpoint(input: {id: $id, eventType: FAILED}) {
  ... on TestWebhookEndpointSuccess { success tried { statusCode error } } ... on UserError { code } } }"""


@pytest.fixture
async def receiver():
    async with receiving() as there:
        yield there


@pytest.fixture
async def pair(tmp_path, receiver):
    short = setup_for(tmp_path, None, receiver, delivery_schedule_seconds=(0.02,))
    async with running(short) as started:
        yield started


@pytest.fixture
async def owner(pair):
    """The tenant's administrator."""
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    async with httpx.AsyncClient(base_url=pair.url, headers=headers, trust_env=False) as client:
        yield client


async def command(pair: Running, *words: str) -> Result:
    env = {"FILMGATE_URL": pair.url, "FILMGATE_KEY": ADMIN_KEY}
    return await asyncio.to_thread(CliRunner().invoke, main, ["webhooks", *words], env=env)


async def three_exhausted(pair, receiver) -> str:
    """An endpoint that was told of nothing that there is to tell."""
    receiver.answer = lambda n, path: (500, {})
    id, _ = await endpoint(pair.gateway, receiver.url)
    await told(pair.gateway, 3)
    await settled(pair.gateway, id)
    receiver.answer = lambda n, path: (204, {})
    return id


async def test_rest_lists_shows_and_sends_again(pair, owner, receiver):
    id = await three_exhausted(pair, receiver)
    path = f"/v1/webhook_endpoints/{id}"

    first = (await owner.get(f"{path}/deliveries", params={"limit": 2})).json()
    rest = (await owner.get(f"{path}/deliveries", params={"after": first["last_id"]})).json()
    none = (await owner.get(f"{path}/deliveries", params={"state": "delivered"})).json()
    wrong = await owner.get(f"{path}/deliveries", params={"state": "lost"})
    one = first["data"][0]
    whole = (await owner.get(f"{path}/deliveries/{one['id']}")).json()
    again = await owner.post(f"{path}/deliveries/{one['id']}/replay")
    await settled(pair.gateway, id)
    count = (await owner.post(f"{path}/replay", json={"since": 0, "failed_only": True})).json()["count"]
    await settled(pair.gateway, id)

    assert (len(first["data"]), first["has_more"], len(rest["data"]), rest["has_more"]) == (2, True, 1, False)
    assert (one["state"], one["tries"], one["webhook_endpoint_id"]) == ("exhausted", 2, id)
    assert (none["data"], wrong.status_code) == ([], 422)
    assert [(each["n"], each["status_code"], each["error"]) for each in whole["log"]] == [
        (1, 500, "HTTP 500"),
        (2, 500, "HTTP 500"),
    ]
    assert whole["body"].encode() in {call.body for call in receiver.calls}
    assert (again.status_code, again.json()["id"], again.json()["state"]) == (202, one["id"], "pending")
    assert count == 2
    assert sorted(call.id for call in receiver.accepted) == sorted(each["id"] for each in first["data"] + rest["data"])


async def test_graphql_says_the_same(pair, owner, receiver):
    id = await three_exhausted(pair, receiver)

    page = (await ask(owner, LIST, of=id, first=2))["webhookDeliveries"]
    rest = (await ask(owner, LIST, of=id, after=page["pageInfo"]["endCursor"]))["webhookDeliveries"]
    node = page["edges"][0]["node"]
    again = (await ask(owner, REPLAY, id=node["id"]))["replayDelivery"]
    await settled(pair.gateway, id)
    since = (await ask(owner, REPLAY_SINCE, id=id))["replayDeliveries"]
    await settled(pair.gateway, id)
    missing = (await ask(owner, REPLAY, id=f"msg_{'0' * 26}"))["replayDelivery"]

    assert (node["state"], node["tries"], node["webhookEndpointId"]) == ("EXHAUSTED", 2, id)
    assert [each["statusCode"] for each in node["log"]] == [500, 500]
    assert (page["pageInfo"]["hasNextPage"], len(rest["edges"])) == (True, 1)
    assert again["delivery"] == {"id": node["id"], "state": "PENDING"}
    assert since == {"count": 2}
    assert missing == {"__typename": "NotFoundError", "code": "not_found"}
    assert len(receiver.accepted) == 3


async def test_the_command_line_does_too(pair, receiver):
    id = await three_exhausted(pair, receiver)

    listed = await command(pair, "deliveries", id, "-o", "json")
    one = json.loads(listed.stdout)["data"][0]["id"]
    table, shown = await command(pair, "deliveries", id), await command(pair, "deliveries", id, one)
    again = await command(pair, "replay", id, one)
    await settled(pair.gateway, id)
    since = await command(pair, "replay", id, "--since", "2020-01-01T00:00:00Z", "--failed")
    await settled(pair.gateway, id)
    unclear = await command(pair, "replay", id)

    assert {result.exit_code for result in (listed, table, shown, again, since)} == {ExitCode.OK}
    assert len(table.stdout.splitlines()) == 4
    assert "HTTP 500" in shown.stdout
    assert since.stdout == "2 on their way\n"
    assert unclear.exit_code == ExitCode.USAGE
    assert len(receiver.accepted) == 3


async def test_a_sample_is_sent_at_each_door_and_says_how_it_was_taken(pair, owner, receiver):
    id, _ = await endpoint(pair.gateway, receiver.url)
    path = f"/v1/webhook_endpoints/{id}/test"

    good = (await owner.post(path, json={"event_type": "video.completed"})).json()
    spoken = (await ask(owner, TEST, id=id))["testWebhookEndpoint"]
    said = await command(pair, "test", id, "--event", "video.canceled")
    receiver.answer = lambda n, path: (500, {})
    bad = (await owner.post(path, json={})).json()
    failed = await command(pair, "test", id)

    assert (good["object"], good["success"], good["status_code"]) == ("webhook_endpoint.test", True, 204)
    assert spoken == {"success": True, "tried": {"statusCode": 204, "error": None}}
    assert (said.exit_code, said.stdout[:24]) == (ExitCode.OK, "video.canceled: HTTP 204")
    assert (bad["success"], bad["status_code"], bad["error"]) == (False, 500, "HTTP 500")
    assert failed.exit_code == ExitCode.FAILED
    assert [call.event["type"] for call in receiver.calls] == [
        "video.completed",
        "video.failed",
        "video.canceled",
        "video.completed",
        "video.completed",
    ]


async def test_a_disabled_endpoint_is_told_nothing_again_until_it_is_switched_on(pair, owner, receiver):
    receiver.answer = lambda n, path: (410, {})
    id, _ = await endpoint(pair.gateway, receiver.url)
    await told(pair.gateway, 2)
    await settled(pair.gateway, id)
    (one, *_) = (await owner.get(f"/v1/webhook_endpoints/{id}/deliveries")).json()["data"]

    single = await owner.post(f"/v1/webhook_endpoints/{id}/deliveries/{one['id']}/replay")
    since = await owner.post(f"/v1/webhook_endpoints/{id}/replay", json={"since": 0})

    assert one["state"] == DeliveryState.SKIPPED
    assert [(answer.status_code, answer.json()["code"]) for answer in (single, since)] == [(409, "not_ready")] * 2


async def test_whoever_does_not_own_an_endpoint_learns_nothing_of_it(pair, owner, receiver):
    id = await three_exhausted(pair, receiver)
    one = (await owner.get(f"/v1/webhook_endpoints/{id}/deliveries")).json()["data"][0]["id"]
    elsewhere, _ = await endpoint(pair.gateway, receiver.url, tenant="other")

    paths = (f"{id}/deliveries", f"{id}/deliveries/{one}")
    reader = [(await pair.client.get(f"/v1/webhook_endpoints/{path}")).status_code for path in paths]
    another = [
        (await owner.get(f"/v1/webhook_endpoints/{elsewhere}/deliveries")).status_code,
        (await owner.get(f"/v1/webhook_endpoints/{elsewhere}/deliveries/{one}")).status_code,
        (await owner.post(f"/v1/webhook_endpoints/{elsewhere}/test", json={})).status_code,
        (await owner.post(f"/v1/webhook_endpoints/{elsewhere}/replay", json={"since": 0})).status_code,
    ]

    assert reader == [403, 403]
    assert another == [404, 404, 404, 404]


async def test_a_receiver_under_development_is_sent_samples_signed_the_same_way_each_time(pair, receiver):
    secret = secret_of(ADMIN_KEY).reveal()

    first = await command(pair, "trigger", "video.completed", "--forward-to", f"{receiver.url}/here")
    second = await command(pair, "trigger", "video.failed", "--forward-to", f"{receiver.url}/here")
    odd = await command(pair, "trigger", "video.failed", "--forward-to", "localhost:3000")

    for call in receiver.calls:
        Webhook(secret).verify(call.body, call.headers)
    assert [call.event["type"] for call in receiver.calls] == ["video.completed", "video.failed"]
    assert ["  HTTP 204  " in result.stdout for result in (first, second)] == [True, True]
    assert odd.exit_code == ExitCode.USAGE
