"""Webhook endpoints over GraphQL: the same life and the same refusals as over REST."""

import httpx
import pytest

from tests.graphql.asking import ask, codes
from tests.support.running import ADMIN_KEY, Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADDRESS = "https://8.8.8.8/hooks"
ENDPOINT = "{ id url name eventTypes signingSecretHint previousSecretUntil disabledAt disabledReason managedBy source }"
CREATE = f"""
mutation Create($input: CreateWebhookEndpointInput!) {{
  createWebhookEndpoint(input: $input) {{
    __typename
    ... on CreateWebhookEndpointSuccess {{ signingSecret webhookEndpoint {ENDPOINT} }}
    ... on UserError {{ code }}
    ... on InvalidInputError {{ errors {{ field detail }} }}
  }}
}}
"""
UPDATE = f"""
mutation Update($input: UpdateWebhookEndpointInput!) {{
  updateWebhookEndpoint(input: $input) {{
    __typename ... on UpdateWebhookEndpointSuccess {{ webhookEndpoint {ENDPOINT} }} ... on UserError {{ code }}
  }}
}}
"""
ROTATE = """
mutation Rotate($input: RotateWebhookEndpointSecretInput!) {
  rotateWebhookEndpointSecret(input: $input) {
    __typename
    ... on RotateWebhookEndpointSecretSuccess { signingSecret webhookEndpoint { previousSecretUntil } }
    ... on UserError { code }
  }
}
"""
DELETE = """
mutation Delete($id: ID!) {
  deleteWebhookEndpoint(input: {id: $id}) {
    __typename ... on DeleteWebhookEndpointSuccess { deletedId } ... on UserError { code }
  }
}
"""
ONE = f"query One($id: ID!) {{ webhookEndpoint(id: $id) {ENDPOINT} }}"
ALL = f"{{ webhookEndpoints(first: 1) {{ edges {{ node {ENDPOINT} }} pageInfo {{ hasNextPage }} }} }}"
SECRET = (
    "mutation { rotateWebhookSecret { ... on RotateWebhookSecretSuccess { signingSecret webhookSecret { version } } } }"
)


@pytest.fixture
async def admin(gw: Running):
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}
    async with httpx.AsyncClient(base_url=gw.url, headers=headers, trust_env=False) as client:
        yield client


async def test_an_endpoint_is_made_seen_changed_rotated_and_removed(admin: httpx.AsyncClient):
    wish = {"url": ADDRESS, "name": "production", "eventTypes": ["COMPLETED"]}
    made = (await ask(admin, CREATE, input=wish))["createWebhookEndpoint"]
    endpoint = made["webhookEndpoint"]
    id = endpoint["id"]
    seen = (await ask(admin, ONE, id=id))["webhookEndpoint"]
    newest = (await ask(admin, ALL))["webhookEndpoints"]["edges"][0]["node"]
    changed = (await ask(admin, UPDATE, input={"id": id, "eventTypes": [], "disabled": True}))["updateWebhookEndpoint"]
    rotated = (await ask(admin, ROTATE, input={"id": id, "keepOldSecretActive": True}))["rotateWebhookEndpointSecret"]
    gone = (await ask(admin, DELETE, id=id))["deleteWebhookEndpoint"]

    assert endpoint == seen == newest
    assert endpoint["signingSecretHint"][-4:] == made["signingSecret"][-4:]
    assert (endpoint["url"], endpoint["eventTypes"], endpoint["managedBy"]) == (ADDRESS, ["COMPLETED"], "API")
    assert (changed["webhookEndpoint"]["eventTypes"], changed["webhookEndpoint"]["name"]) == ([], "production")
    assert changed["webhookEndpoint"]["disabledAt"]
    assert rotated["signingSecret"] != made["signingSecret"]
    assert rotated["webhookEndpoint"]["previousSecretUntil"]
    assert gone["deletedId"] == id
    assert (await ask(admin, ONE, id=id))["webhookEndpoint"] is None
    assert (await ask(admin, DELETE, id=id))["deleteWebhookEndpoint"]["code"] == "not_found"


async def test_an_address_that_may_not_be_called_is_an_expected_refusal(admin: httpx.AsyncClient):
    refused = (await ask(admin, CREATE, input={"url": "https://127.0.0.1/hooks"}))["createWebhookEndpoint"]

    assert refused["__typename"] == "InvalidInputError"
    assert refused["errors"] == [{"field": "url", "detail": "must lead to a host of the public internet"}]


async def test_the_secret_for_addresses_given_video_by_video_is_null_until_it_was_rotated(admin: httpx.AsyncClient):
    before = (await ask(admin, "{ webhookSecret { version } }"))["webhookSecret"]
    made = (await ask(admin, SECRET))["rotateWebhookSecret"]
    after = (await ask(admin, "{ webhookSecret { version signingSecretHint } }"))["webhookSecret"]

    assert before is None
    assert made["webhookSecret"]["version"] == after["version"] == 1
    assert made["signingSecret"].endswith(after["signingSecretHint"][-4:])


async def test_who_is_no_administrator_is_told_nothing(gw: Running):
    assert await codes(gw.client, ALL) == ["FORBIDDEN"]
    assert await codes(gw.client, CREATE, input={"url": ADDRESS}) == ["FORBIDDEN"]
