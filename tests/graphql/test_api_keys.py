"""API keys over GraphQL: the same life and the same refusals as over REST, and streams that end with their key."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from websockets.asyncio.client import connect
from websockets.typing import Origin

from gateway.graphql.controller import PATH
from gateway.services import directory
from tests.flows.engine import until
from tests.graphql.asking import EVENTS, PROTOCOL, Socket, ask, codes, created, door, socket
from tests.support.running import ACME_KEY, ADMIN_KEY, Running, configured

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECONDS = 10
"""No stream may go on for so long after its key."""

KEY = "fragment Key on ApiKey { id name hint status scopes origins networks managedBy source expiresAt rotates }"
CREATE = (
    KEY
    + """
mutation Create($input: CreateApiKeyInput!) {
  createApiKey(input: $input) {
    __typename
    ... on CreateApiKeySuccess { key apiKey { ...Key } }
    ... on UserError { message code }
    ... on InvalidInputError { errors { field code } }
  }
}
"""
)
UPDATE = (
    KEY
    + """
mutation Update($input: UpdateApiKeyInput!) {
  updateApiKey(input: $input) {
    __typename ... on UpdateApiKeySuccess { apiKey { ...Key } } ... on UserError { code }
  }
}
"""
)
ROTATE = (
    KEY
    + """
mutation Rotate($input: RotateApiKeyInput!) {
  rotateApiKey(input: $input) {
    __typename ... on RotateApiKeySuccess { key apiKey { ...Key } } ... on UserError { code }
  }
}
"""
)
REVOKE = """
mutation Revoke($input: RevokeApiKeyInput!) {
  revokeApiKey(input: $input) {
    __typename ... on RevokeApiKeySuccess { apiKey { id status revokedAt } } ... on UserError { code }
  }
}
"""
LIST = """
query List($tenant: ID, $first: Int, $after: String) {
  apiKeys(tenant: $tenant, first: $first, after: $after) {
    edges { node { id } } pageInfo { hasNextPage endCursor }
  }
}
"""
SHOW = KEY + "query Show($id: ID!, $tenant: ID) { apiKey(id: $id, tenant: $tenant) { ...Key } }"


async def administer(gw: Running, query: str, **variables: Any) -> dict[str, Any]:
    """What acme's administrator is answered."""
    async with door(gw.gateway, ADMIN_KEY) as client:
        return await ask(client, query, **variables)


async def made(gw: Running, **wish: Any) -> tuple[str, str]:
    """A key that reads, and its text."""
    wanted = {"scopes": ["VIDEOS_READ"], **wish}
    answer = (await administer(gw, CREATE, input=wanted))["createApiKey"]
    assert answer["__typename"] == "CreateApiKeySuccess", answer
    return answer["apiKey"]["id"], answer["key"]


async def test_a_key_is_the_same_at_both_doors(gw: Running) -> None:
    wish = {"name": "backend", "expires": {"at": "2031-01-31T12:00:00+01:00"}, "networks": ["127.0.0.0/8"]}
    id, text = await made(gw, **wish)

    key = (await administer(gw, SHOW, id=id))["apiKey"]
    rest = (await gw.client.get(f"/v1/keys/{id}", headers={"authorization": f"Bearer {ADMIN_KEY}"})).json()
    async with door(gw.gateway, text) as client:
        viewer = (await ask(client, "{ viewer { scopes } }"))["viewer"]

    assert viewer == {"scopes": ["VIDEOS_READ"]}
    assert key["expiresAt"] == "2031-01-31T11:00:00.000Z"
    assert rest["expires_at"] == 1_927_623_600
    assert (key["id"], key["name"], key["hint"], key["networks"]) == (id, "backend", text[-4:], rest["networks"])
    assert (key["status"], key["managedBy"], key["source"], key["rotates"]) == ("ACTIVE", "API", None, None)


async def test_a_key_is_changed_rotated_and_revoked(gw: Running) -> None:
    id, _ = await made(gw, name="backend", expires={"inSeconds": 3600})

    changed = (await administer(gw, UPDATE, input={"id": id, "origins": ["https://a.test"], "expires": None}))[
        "updateApiKey"
    ]["apiKey"]
    assert (changed["name"], changed["origins"], changed["expiresAt"]) == ("backend", ["https://a.test"], None)
    freed = (await administer(gw, UPDATE, input={"id": id, "origins": None}))["updateApiKey"]["apiKey"]
    assert (freed["origins"], freed["scopes"]) == ([], ["VIDEOS_READ"])

    rotated = (await administer(gw, ROTATE, input={"id": id, "overlapSeconds": 60}))["rotateApiKey"]
    assert rotated["apiKey"]["rotates"] == id
    assert rotated["key"].startswith("fg_test_")
    again = (await administer(gw, ROTATE, input={"id": id}))["rotateApiKey"]
    assert again == {"__typename": "ConflictError", "code": "key_replaced"}

    for _ in range(2):
        revoked = (await administer(gw, REVOKE, input={"id": id}))["revokeApiKey"]["apiKey"]
        assert (revoked["status"], revoked["revokedAt"] is None) == ("REVOKED", False)
    late = (await administer(gw, UPDATE, input={"id": id, "name": "x"}))["updateApiKey"]
    assert late == {"__typename": "ConflictError", "code": "key_revoked"}


async def test_what_is_wrong_is_named_in_graphqls_spelling(gw: Running) -> None:
    wish = {"scopes": ["VIDEOS_READ"], "networks": ["x"], "expires": {"inSeconds": 0}}

    refused = (await administer(gw, CREATE, input=wish))["createApiKey"]

    assert refused["__typename"] == "InvalidInputError"
    assert {error["field"] for error in refused["errors"]} == {"networks[0]", "expires.inSeconds"}
    async with door(gw.gateway, ADMIN_KEY) as client:
        for odd in ("tomorrow", "2031-01-31T12:00:00", 5):
            assert await codes(client, CREATE, input={"expires": {"at": odd}}) == ["BAD_USER_INPUT"]
        both = {"at": "2031-01-31T12:00:00Z", "inSeconds": 60}
        for several in (both, {}, {"at": None}):
            assert await codes(client, CREATE, input={"expires": several}) == ["BAD_USER_INPUT"]


async def test_operators_name_the_tenant_and_others_may_not(gw: Running) -> None:
    wish = {"tenant": "other", "scopes": ["VIDEOS_READ", "OPERATOR"]}
    theirs = (await ask(gw.operator, CREATE, input=wish))["createApiKey"]["apiKey"]["id"]

    assert (await ask(gw.operator, SHOW, id=theirs, tenant="other"))["apiKey"]["id"] == theirs
    assert (await administer(gw, SHOW, id=theirs))["apiKey"] is None
    assert (await administer(gw, REVOKE, input={"id": theirs}))["revokeApiKey"]["code"] == "not_found"
    assert (await administer(gw, REVOKE, input={"id": "x"}))["revokeApiKey"]["code"] == "not_found"
    assert (await ask(gw.operator, CREATE, input={"tenant": "nobody"}))["createApiKey"]["code"] == "not_found"
    async with door(gw.gateway, ADMIN_KEY) as client:
        assert await codes(client, LIST, tenant="other") == ["FORBIDDEN"]
        assert await codes(client, CREATE, input={"scopes": ["OPERATOR"]}) == ["FORBIDDEN"]
    for query, variables in ((LIST, {}), (SHOW, {"id": theirs}), (REVOKE, {"input": {"id": theirs}})):
        assert await codes(gw.client, query, **variables) == ["FORBIDDEN"]


async def test_what_the_file_manages_is_a_refusal_one_can_expect(gw: Running) -> None:
    page = (await ask(gw.operator, LIST, tenant="house"))["apiKeys"]
    (id,) = [edge["node"]["id"] for edge in page["edges"]]

    for query, name in ((UPDATE, "updateApiKey"), (ROTATE, "rotateApiKey"), (REVOKE, "revokeApiKey")):
        answer = (await ask(gw.operator, query, input={"id": id, "tenant": "house"}))[name]
        assert answer == {"__typename": "ManagedByFileError", "code": "managed_by_file"}


async def test_keys_are_told_a_page_at_a_time(gw: Running) -> None:
    for _ in range(3):
        await made(gw)
    ids: list[str] = []
    after = None
    while True:
        page = (await administer(gw, LIST, first=2, after=after))["apiKeys"]
        ids += [edge["node"]["id"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert ids == sorted(set(ids), reverse=True)
    assert len(ids) >= 5


# streams end with their key


async def test_a_socket_closes_when_its_key_is_revoked_whether_it_watches_or_not(gw: Running) -> None:
    video = await created(gw.client, prompt="boat [sim:stuck]")
    id, text = await made(gw)
    async with socket(gw.url, text) as watching, socket(gw.url, text) as idle, socket(gw.url, ACME_KEY) as other:
        for ws in (watching, other):
            await ws.subscribe("1", EVENTS, id=video)
            await ws.next()
        await administer(gw, REVOKE, input={"id": id})

        async with asyncio.timeout(SECONDS):
            assert await watching.closed() == await idle.closed() == 4403
        await other.subscribe("2", "{ viewer { tenant { id } } }")
        while (message := await other.next())["id"] != "2":
            assert message["id"] == "1"
        assert message["payload"] == {"data": {"viewer": {"tenant": {"id": "acme"}}}}


async def test_a_socket_closes_when_its_key_expires_or_may_do_less(gw: Running) -> None:
    _, text = await made(gw, expires={"inSeconds": 1})
    async with socket(gw.url, text) as ws, asyncio.timeout(SECONDS):
        assert await ws.closed() == 4403

    wish = {"scopes": ["VIDEOS_READ", "VIDEOS_WRITE"], "tenant": "acme"}
    answer = (await ask(gw.operator, CREATE, input=wish))["createApiKey"]
    less = {"id": answer["apiKey"]["id"], "scopes": ["VIDEOS_READ"], "tenant": "acme"}
    async with socket(gw.url, answer["key"]) as ws, asyncio.timeout(SECONDS):
        await ask(gw.operator, UPDATE, input={**less, "scopes": wish["scopes"], "name": "as before"})
        await ws.subscribe("1", "{ __typename }")
        assert await ws.results("1") == [{"data": {"__typename": "Query"}}]
        await ask(gw.operator, UPDATE, input=less)
        assert await ws.closed() == 4403


@pytest.mark.parametrize("accept", ["text/event-stream", 'multipart/mixed; subscriptionSpec="1.0"'])
async def test_a_stream_ends_without_its_ending_when_its_key_is_revoked(gw: Running, accept: str) -> None:
    video = await created(gw.client, prompt="boat [sim:stuck]")
    id, text = await made(gw)
    body = {"query": EVENTS, "variables": {"id": video}}
    headers = {"authorization": f"Bearer {text}", "accept": accept}

    async with asyncio.timeout(SECONDS), gw.client.stream("POST", PATH, json=body, headers=headers) as response:
        pieces = response.aiter_text()
        told = await anext(pieces)
        assert response.status_code == 200
        await administer(gw, REVOKE, input={"id": id})
        told += "".join([piece async for piece in pieces])

    assert "videoEvents" in told
    assert "event: complete" not in told
    assert "--graphql--" not in told
    again = await gw.client.post(PATH, json=body, headers=headers)
    assert again.status_code == 401


async def test_a_key_that_revokes_itself_over_a_stream_gets_its_answer(gw: Running) -> None:
    id, text = await made(gw, scopes=["VIDEOS_READ", "TENANT_ADMIN"])
    headers = {"authorization": f"Bearer {text}", "accept": "text/event-stream"}

    response = await gw.client.post(PATH, json={"query": REVOKE, "variables": {"input": {"id": id}}}, headers=headers)

    (frame, _, _) = response.text.split("\n\n")
    data = json.loads(frame.partition("data: ")[2])["data"]
    assert data["revokeApiKey"]["apiKey"]["status"] == "REVOKED"


async def revoked_while_waiting(gw: Running, id: str, request: httpx.Request) -> httpx.Response:
    """The answer to a request that waits for a video when its key is revoked."""

    async def come() -> bool:
        return id in gw.gateway.ground.callers._used

    async with httpx.AsyncClient(trust_env=False, timeout=SECONDS * 2) as client:
        waiting = asyncio.create_task(client.send(request))
        await until(come)
        await administer(gw, REVOKE, input={"id": id})
        async with asyncio.timeout(SECONDS):
            return await waiting


async def test_whoever_waits_for_a_video_is_sent_away_when_his_key_is_revoked(gw: Running) -> None:
    video = await created(gw.client, prompt="boat [sim:stuck]")
    id, text = await made(gw)
    headers = {"authorization": f"Bearer {text}", "prefer": "wait=25"}

    response = await revoked_while_waiting(gw, id, httpx.Request("GET", f"{gw.url}/v1/videos/{video}", headers=headers))

    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")


async def test_a_video_that_was_accepted_is_told_although_the_key_ended_while_it_was_waited_for(gw: Running) -> None:
    wish = {"scopes": ["VIDEOS_WRITE"], "tenant": "acme"}
    answer = (await ask(gw.operator, CREATE, input=wish))["createApiKey"]
    headers = {"authorization": f"Bearer {answer['key']}", "prefer": "wait=25"}
    body = {"prompt": "boat [sim:stuck]"}

    request = httpx.Request("POST", f"{gw.url}/v1/videos", headers=headers, json=body)
    response = await revoked_while_waiting(gw, answer["apiKey"]["id"], request)

    assert response.status_code == 202
    assert (await gw.client.get(f"/v1/videos/{response.json()['id']}")).status_code == 200


async def test_who_can_not_know_which_keys_are_revoked_begins_nothing(
    gw: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with socket(gw.url, ACME_KEY) as ws, socket(gw.url, None, init=False) as late:
        monkeypatch.setattr(directory, "BELIEVED_SECONDS", -1.0)
        await ws.subscribe("1", "{ __typename }")
        message = await ws.next()
        await late.send(type="connection_init", payload={"authorization": f"Bearer {ACME_KEY}"})

        assert [error["extensions"]["code"] for error in message["payload"]] == ["OVERLOADED"]
        assert await late.closed() == 1013


async def test_a_key_with_origins_opens_no_socket_to_pages_of_others(gw: Running) -> None:
    """Both pages are welcome to the tenant; the key is for one of them."""
    ours, theirs = "https://app.example.com", "https://shop.example.com"
    tenants = gw.gateway.settings.tenants
    welcoming = tuple(replace(one, tenant=replace(one.tenant, origins=(ours, theirs))) for one in tenants)
    await configured(gw.gateway, tenants=welcoming)
    _, text = await made(gw, origins=[ours])
    address = gw.url.replace("http", "ws") + PATH

    for page, welcome in ((ours, True), (theirs, False)):
        async with connect(address, origin=Origin(page), subprotocols=[PROTOCOL], proxy=None) as connection:
            ws = Socket(connection)
            await ws.send(type="connection_init", payload={"authorization": f"Bearer {text}"})
            if welcome:
                assert await ws.next() == {"type": "connection_ack"}
            else:
                assert await ws.closed() == 4403


async def test_a_key_with_networks_opens_no_socket_from_elsewhere(gw: Running) -> None:
    _, text = await made(gw, networks=["203.0.113.0/24"])

    async with socket(gw.url, None, init=False) as ws:
        await ws.send(type="connection_init", payload={"authorization": f"Bearer {text}"})
        assert await ws.closed() == 4403
