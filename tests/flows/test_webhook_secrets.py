"""Secrets of webhook endpoints over a rotation, and endpoints of the file, over real HTTP on both databases."""

import openai
import pytest
from msgspec.structs import replace
from standardwebhooks import Webhook, WebhookVerificationError

from gateway.config.settings import WebhookSetup
from gateway.services.vault import ENDPOINT_SECRET, TENANT_SECRET
from schema.account import Secret
from tests.flows.test_deliveries import settled, setup_for
from tests.rest.answers import problem
from tests.support.receiving import Call, receiving, told
from tests.support.running import ADMIN_KEY, OPERATOR_KEY, running

ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}
OPERATOR = {"authorization": f"Bearer {OPERATOR_KEY}"}
PATH = "/v1/webhook_endpoints"


@pytest.fixture
async def receiver():
    async with receiving() as there:
        yield there


@pytest.fixture
async def pair(tmp_path, database_url, receiver):
    async with running(setup_for(tmp_path, database_url, receiver)) as started:
        yield started


def accepted(call: Call, secret: str) -> bool:
    """Whether receivers with that secret accept a call, each by a library of its own; both must agree."""
    found = []
    try:
        Webhook(secret).verify(call.body, call.headers)
        found.append(True)
    except WebhookVerificationError:
        found.append(False)
    try:
        openai.OpenAI(api_key="none").webhooks.verify_signature(call.body.decode(), call.headers, secret=secret)
        found.append(True)
    except openai.InvalidWebhookSignatureError:
        found.append(False)
    assert found[0] == found[1]
    return found[0]


async def ask(pair, method, path, body=None):
    answer = await pair.client.request(method, path, json=body, headers=ADMIN)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


async def calls_of(pair, receiver, id, video):
    """What the endpoint is told of three more events."""
    before = len(receiver.calls)
    await told(pair.gateway, 3, video=video)
    await settled(pair.gateway, id)
    assert len(receiver.calls) == before + 3
    return receiver.calls[before:]


async def test_during_a_rotation_every_delivery_verifies_with_the_old_and_with_the_new_secret(pair, receiver):
    made = await ask(pair, "POST", PATH, {"url": receiver.url})
    id, first = made["id"], made["signing_secret"]
    rotate = f"{PATH}/{id}/rotate_secret"

    before = await calls_of(pair, receiver, id, "video_1")
    second = (await ask(pair, "POST", rotate, {"keep_old_secret_active_for_24_hours": True}))["signing_secret"]
    during = await calls_of(pair, receiver, id, "video_2")
    third = (await ask(pair, "POST", rotate, {"keep_old_secret_active_for_24_hours": True}))["signing_secret"]
    again = await calls_of(pair, receiver, id, "video_3")
    fourth = (await ask(pair, "POST", rotate))["signing_secret"]
    at_once = await calls_of(pair, receiver, id, "video_4")

    secrets = (first, second, third, fourth)
    for calls, signing in (
        (before, {first}),
        (during, {first, second}),
        (again, {second, third}),
        (at_once, {fourth}),
    ):
        for call in calls:
            assert {secret for secret in secrets if accepted(call, secret)} == signing


async def test_the_overlap_ends_by_the_clock_alone(pair):
    made = await ask(pair, "POST", PATH, {"url": "https://8.8.8.8/hooks"})
    keep = {"keep_old_secret_active_for_24_hours": True}
    rotated = await ask(pair, "POST", f"{PATH}/{made['id']}/rotate_secret", keep)

    record = pair.gateway.ground.endpoints.get(made["id"])
    until = record.endpoint.previous_until

    assert until // 1000 == rotated["previous_secret_until"]
    assert [one.reveal() for one in record.signing(until - 1)] == [rotated["signing_secret"], made["signing_secret"]]
    assert [one.reveal() for one in record.signing(until)] == [rotated["signing_secret"]]


async def test_no_secret_lies_in_the_database_as_it_is(pair):
    made = await ask(pair, "POST", PATH, {"url": "https://8.8.8.8/hooks"})
    of_tenant = await ask(pair, "POST", "/v1/webhook_secret/rotate")

    async def sealed(tx):
        kept = [await tx.sealed.versions(ENDPOINT_SECRET, made["id"]), await tx.sealed.versions(TENANT_SECRET, "acme")]
        return [repr(one.sealed) for some in kept for one in some]

    lying = await pair.gateway.store.read(sealed)
    record = await pair.gateway.store.read(lambda tx: tx.webhook_endpoints.get(made["id"]))

    assert len(lying) == 2
    for secret in (made["signing_secret"], of_tenant["signing_secret"]):
        assert secret not in "".join(lying) + repr(record)


async def test_one_that_is_disabled_is_told_nothing_and_told_again_when_it_is_enabled(pair, receiver):
    id = (await ask(pair, "POST", PATH, {"url": receiver.url}))["id"]
    await ask(pair, "POST", f"{PATH}/{id}", {"disabled": True})
    await told(pair.gateway, 2, video="video_1")
    await ask(pair, "POST", f"{PATH}/{id}", {"disabled": False})

    after = await calls_of(pair, receiver, id, "video_2")

    assert [call.event["data"]["id"] for call in after] == ["video_2"] * 3
    assert len(receiver.calls) == 3


async def test_what_waits_for_a_removed_endpoint_is_skipped_and_its_secrets_are_gone(pair, receiver):
    receiver.answer = lambda n, path: (500, {})
    id = (await ask(pair, "POST", PATH, {"url": receiver.url}))["id"]
    await told(pair.gateway, 3)
    await receiver.until(lambda: bool(receiver.calls))

    await ask(pair, "DELETE", f"{PATH}/{id}")

    log = await pair.gateway.store.read(lambda tx: tx.deliveries.page("acme", id, after=None, limit=10))
    assert {delivery.state for delivery in log} == {"skipped"}
    assert await pair.gateway.store.read(lambda tx: tx.sealed.versions(ENDPOINT_SECRET, id)) == []
    trail = await ask(pair, "GET", "/v1/audit")
    assert "webhook_endpoint.removed" in [line["action"] for line in trail["data"]]


async def test_an_endpoint_of_the_file_is_changed_there_but_may_be_disabled_here(tmp_path, database_url, receiver):
    given = Secret("whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0")
    setup = setup_for(tmp_path, database_url, receiver)
    hook = WebhookSetup(url=receiver.url, name="of the file", secret=given)
    async with running(setup) as pair:
        settings = pair.gateway.settings
        tenants = [
            replace(one, webhooks=(hook,) if one.tenant.id == "acme" else one.webhooks) for one in settings.tenants
        ]
        await pair.gateway.ground.configuration.apply(replace(settings, tenants=tuple(tenants)))
        await pair.gateway.ground.keeper.refresh()
        (known,) = (await ask(pair, "GET", PATH))["data"]
        path = f"{PATH}/{known['id']}"

        calls = await calls_of(pair, receiver, known["id"], "video_1")

        assert known["managed_by"] == "file"
        assert all(accepted(call, given.reveal()) for call in calls)
        for refused in (
            await pair.client.post(path, json={"name": "mine"}, headers=ADMIN),
            await pair.client.post(f"{path}/rotate_secret", headers=ADMIN),
            await pair.client.delete(path, headers=ADMIN),
        ):
            problem(refused, 409, "managed_by_file")
        assert (await ask(pair, "POST", path, {"disabled": True}))["disabled"] is True
        assert (await ask(pair, "POST", path, {"disabled": False}))["disabled"] is False

        await pair.gateway.ground.configuration.apply(settings)
        await pair.gateway.ground.keeper.refresh()
        assert (await ask(pair, "GET", PATH))["data"] == []


async def test_a_tenant_that_is_removed_takes_its_endpoints_and_secrets_along(pair):
    made = await pair.client.post("/v1/admin/tenants", json={"id": "brief", "test": True}, headers=OPERATOR)
    assert made.status_code in (200, 201), made.text
    key = await pair.client.post("/v1/admin/tenants/brief/keys", json={"scopes": ["tenant:admin"]}, headers=OPERATOR)
    brief = {"authorization": f"Bearer {key.json()['key']}"}
    hook = (await pair.client.post(PATH, json={"url": "https://8.8.8.8/hooks"}, headers=brief)).json()
    await pair.client.post("/v1/webhook_secret/rotate", headers=brief)

    tenant = await pair.client.get("/v1/admin/tenants/brief", headers=OPERATOR)
    gone = await pair.client.delete("/v1/admin/tenants/brief", headers={**OPERATOR, "if-match": tenant.headers["etag"]})

    assert gone.status_code == 200, gone.text
    assert pair.gateway.ground.endpoints.get(hook["id"]) is None
    assert pair.gateway.ground.endpoints.tenant_secret("brief") is None
    for kind, owner in ((ENDPOINT_SECRET, hook["id"]), (TENANT_SECRET, "brief")):
        assert await pair.gateway.store.read(lambda tx, k=kind, o=owner: tx.sealed.versions(k, o)) == []
