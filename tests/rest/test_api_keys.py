"""/v1/keys and the operator's twin: a key's whole life, from where it works, and who learns what."""

import json
import os
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
import structlog
from msgspec.structs import replace

from gateway.policy.api_keys import make_key
from gateway.ports import listen
from gateway.rest.operations import OPERATIONS
from gateway.serving import serving
from gateway.store.store import Store
from gateway.wiring import gateway
from schema.ids import KEY, could_be
from tests.rest.answers import problem
from tests.rest.test_openapi import DOCUMENT, checked
from tests.support.certificates import certificates
from tests.support.running import ADMIN_KEY, OTHER_KEY, Running, Setup, settings_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANY = "/v1/admin/tenants/acme/keys"
ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}
NOBODY = "key_" + "0" * 26


def bearer(key: str, **headers: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}", **headers}


async def made(pair: Running, **wish: Any) -> dict[str, Any]:
    """A key that acme's administrator made, with its text."""
    response = await pair.client.post("/v1/keys", json={"scopes": ["videos:read"], **wish}, headers=ADMIN)
    assert response.status_code == 201, response.text
    key: dict[str, Any] = response.json()
    return key


async def knocks(pair: Running, key: str, **headers: str) -> int:
    """What a read with that key is answered with."""
    return (await pair.client.get("/v1/videos", headers=bearer(key, **headers))).status_code


async def test_a_key_is_made_used_changed_rotated_and_revoked(pair: Running):
    response = await pair.client.post(
        "/v1/keys", json={"name": "backend", "scopes": ["videos:read"], "expires_in_seconds": 3600}, headers=ADMIN
    )
    key = response.json()
    checked(key, "MadeApiKey")
    assert response.status_code == 201
    assert response.headers["location"] == f"/v1/keys/{key['id']}"
    assert response.headers["cache-control"] == "no-store"
    assert (key["status"], key["managed_by"], key["hint"]) == ("active", "api", key["key"][-4:])
    assert key["expires_at"] == key["created_at"] + 3600
    assert await knocks(pair, key["key"]) == 200

    shown = (await pair.client.get(response.headers["location"], headers=ADMIN)).json()
    checked(shown, "ApiKey")
    assert shown == {field: value for field, value in key.items() if field != "key"}

    patch = {"name": "front", "expires_at": None, "networks": ["127.0.0.0/8", "::1"]}
    merge = {**ADMIN, "content-type": "application/merge-patch+json"}
    path = f"/v1/keys/{key['id']}"
    changed = (await pair.client.patch(path, content=json.dumps(patch), headers=merge)).json()
    checked(changed, "ApiKey")
    assert (changed["name"], changed["expires_at"], changed["networks"]) == ("front", None, ["127.0.0.0/8", "::1/128"])
    assert changed["scopes"] == ["videos:read"]

    rotated = await pair.client.post(f"{path}/rotate", json={"overlap_seconds": 3600}, headers=ADMIN)
    new = rotated.json()
    checked(new, "MadeApiKey")
    assert rotated.status_code == 201
    assert rotated.headers["location"] == f"/v1/keys/{new['id']}"
    assert (new["rotates"], new["networks"]) == (key["id"], changed["networks"])
    assert [await knocks(pair, one["key"]) for one in (key, new)] == [200, 200]
    again = await pair.client.post(f"{path}/rotate", json={}, headers=ADMIN)
    assert new["id"] in problem(again, 409, "key_replaced")["detail"]

    revoked = await pair.client.delete(path, headers=ADMIN)
    checked(revoked.json(), "ApiKey")
    assert (revoked.status_code, revoked.json()["status"]) == (200, "revoked")
    assert (await pair.client.delete(path, headers=ADMIN)).json() == revoked.json()
    assert [await knocks(pair, one["key"]) for one in (key, new)] == [401, 200]
    problem(await pair.client.patch(path, json={"name": "x"}, headers=ADMIN), 409, "key_revoked")
    problem(await pair.client.post(f"{path}/rotate", json={}, headers=ADMIN), 409, "key_revoked")


async def test_keys_are_listed_a_page_at_a_time_and_never_their_texts(pair: Running):
    texts = [(await made(pair))["key"] for _ in range(3)]
    ids: list[str] = []
    page: dict[str, Any] = {"has_more": True, "last_id": None}
    while page["has_more"]:
        params = {"limit": "2", **({} if page["last_id"] is None else {"after": page["last_id"]})}
        response = await pair.client.get("/v1/keys", params=params, headers=ADMIN)
        page = response.json()
        checked(page, "ApiKeyPage")
        ids += [one["id"] for one in page["data"]]
        assert not [text for text in (*texts, ADMIN_KEY) if text in response.text]

    assert ids == sorted(set(ids), reverse=True)
    assert ids == [one["id"] for one in (await pair.operator.get(f"{ANY}?limit=100")).json()["data"]]
    assert all(could_be(KEY, id) for id in ids)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("after=x", 400, "malformed_request"),
        ("before=x", 400, "malformed_request"),
        ("limit=0", 422, "invalid_request"),
        ("limit=101", 422, "invalid_request"),
    ],
)
async def test_a_page_that_can_not_be_is_refused(pair: Running, query: str, status: int, code: str):
    problem(await pair.client.get(f"/v1/keys?{query}", headers=ADMIN), status, code)


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({"name": "x" * 101}, "#/name"),
        ({"scopes": []}, "#/scopes"),
        ({"scopes": ["videos:all"]}, "#/scopes/0"),
        ({"expires_at": 1}, "#/expires_at"),
        ({"expires_in_seconds": 0}, "#/expires_in_seconds"),
        ({"expires_at": 4_000_000_000, "expires_in_seconds": 1}, "#/expires_in_seconds"),
        ({"origins": ["https://App.test/"]}, "#/origins/0"),
        ({"networks": ["10.0.0.1/8"]}, "#/networks/0"),
        ({"key": "fg_live_mine"}, "#/key"),
    ],
)
async def test_a_wish_that_can_not_be_is_refused_by_its_field(pair: Running, wish: dict[str, Any], pointer: str):
    key = await made(pair)
    body = {"scopes": ["videos:read"], **wish}

    for response in (
        await pair.client.post("/v1/keys", json=body, headers=ADMIN),
        await pair.client.patch(f"/v1/keys/{key['id']}", json=body, headers=ADMIN),
    ):
        errors = problem(response, 422, "invalid_request")["errors"]
        assert [error["pointer"] for error in errors] == [pointer]


async def test_nobody_gives_what_he_may_not_do_himself_and_operators_give_all(pair: Running):
    refused = await pair.client.post("/v1/keys", json={"scopes": ["videos:write"]}, headers=ADMIN)
    assert "videos:write" in problem(refused, 403, "forbidden")["detail"]
    problem(await pair.client.post("/v1/keys", json={"scopes": ["operator"]}, headers=ADMIN), 403, "forbidden")

    response = await pair.operator.post(ANY, json={"scopes": ["operator", "videos:write"]})
    key = response.json()
    assert (response.status_code, key["scopes"]) == (201, ["operator", "videos:write"])
    assert response.headers["location"] == f"{ANY}/{key['id']}"
    assert (await pair.client.get("/v1/admin/incidents", headers=bearer(key["key"]))).status_code == 200
    problem(await pair.client.delete(f"/v1/keys/{key['id']}", headers=ADMIN), 403, "forbidden")
    assert (await pair.operator.delete(f"{ANY}/{key['id']}")).json()["status"] == "revoked"


async def test_the_usual_scopes_are_those_of_a_key_in_the_file(pair: Running):
    response = await pair.operator.post(ANY, json={})

    assert response.json()["scopes"] == ["videos:read", "videos:write"]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "ROTATE"])
async def test_another_tenants_key_is_as_unknown_as_one_that_is_not_there(pair: Running, method: str):
    theirs = (await pair.operator.post("/v1/admin/tenants/other/keys", json={})).json()
    rotate = method == "ROTATE"
    answers = []
    for id in (theirs["id"], NOBODY, "key_x", "%00"):
        path = f"/v1/keys/{id}" + ("/rotate" if rotate else "")
        response = await pair.client.request("POST" if rotate else method, path, json={}, headers=ADMIN)
        body = problem(response, 404, "not_found")
        answers.append({field: value for field, value in body.items() if field not in {"request_id", "instance"}})
        twin = path.replace("/v1/keys", ANY)
        problem(await pair.operator.request("POST" if rotate else method, twin, json={}), 404, "not_found")

    assert all(answer == answers[0] for answer in answers)
    assert await knocks(pair, theirs["key"]) == 200
    problem(await pair.operator.get(f"/v1/admin/tenants/nobody/keys/{theirs['id']}"), 404, "not_found")


async def test_what_the_file_manages_is_changed_there(pair: Running):
    found = (await pair.operator.get("/v1/admin/tenants/other/keys?limit=100")).json()["data"]
    (key,) = [one for one in found if one["managed_by"] == "file" and one["hint"] == OTHER_KEY[-4:]]
    path = f"/v1/admin/tenants/other/keys/{key['id']}"

    for response in (
        await pair.operator.patch(path, json={"name": "x"}),
        await pair.operator.delete(path),
        await pair.operator.post(f"{path}/rotate", json={}),
    ):
        assert f"The file {key['source']} manages" in problem(response, 409, "managed_by_file")["detail"]
    assert await knocks(pair, OTHER_KEY) == 200


async def test_a_key_with_networks_works_from_there_alone(pair: Running):
    key = await made(pair, networks=["203.0.113.0/24"])

    response = await pair.client.get("/v1/videos", headers=bearer(key["key"], **{"x-forwarded-for": "203.0.113.7"}))

    assert "from this address" in problem(response, 403, "forbidden")["detail"], "who is no trusted proxy may say much"
    await pair.client.patch(f"/v1/keys/{key['id']}", json={"networks": ["127.0.0.1"]}, headers=ADMIN)
    assert await knocks(pair, key["key"]) == 200


async def test_a_key_with_origins_refuses_pages_of_others(pair: Running):
    key = await made(pair, origins=["https://app.example.com"])

    assert await knocks(pair, key["key"]) == 200, "who is no browser says no origin"
    assert await knocks(pair, key["key"], origin="https://app.example.com") == 200
    for origin in ("https://evil.example", "null", "https://app.example.com.evil.example", "http://app.example.com"):
        assert await knocks(pair, key["key"], origin=origin) == 403
    graphql = await pair.client.post(
        "/graphql", json={"query": "{ __typename }"}, headers=bearer(key["key"], origin="https://evil.example")
    )
    assert graphql.json()["errors"][0]["extensions"]["code"] == "ORIGIN_NOT_ALLOWED"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxied(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway that believes what proxies on this machine say."""
    settings = settings_for(
        Setup(folder=tmp_path_factory.mktemp("proxied")),
        (),
        sandbox_url="http://127.0.0.1:1",
        public_url="http://x.test",
    )
    trusting = replace(settings, server=replace(settings.server, trusted_proxies=("127.0.0.0/8",)))
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with (
        gateway(trusting) as built,
        serving(built, listener=listener, worker=False),
        httpx.AsyncClient(base_url=url, trust_env=False, verify=certificates()) as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        ("203.0.113.7", 200),
        ("198.51.100.1, 203.0.113.7", 200),
        ("203.0.113.7, 127.0.0.2", 200),
        ("203.0.113.7, 198.51.100.1", 403),
        ("nonsense", 403),
        (None, 403),
    ],
)
async def test_behind_a_trusted_proxy_the_callers_own_address_counts(
    proxied: httpx.AsyncClient, forwarded: str | None, status: int
):
    wish = {"scopes": ["videos:read"], "networks": ["203.0.113.0/24"]}
    key = (await proxied.post("/v1/keys", json=wish, headers=ADMIN)).json()["key"]
    said = {} if forwarded is None else {"x-forwarded-for": forwarded}

    for response in (
        await proxied.get("/v1/videos", headers=bearer(key, **said)),
        await proxied.post("/graphql", json={"query": "{ viewer { scopes } }"}, headers=bearer(key, **said)),
    ):
        assert response.status_code == status, response.text


async def test_no_guess_however_many_reaches_the_database(pair: Running, monkeypatch: pytest.MonkeyPatch):
    reached = 0

    def counted(verb: Any) -> Any:
        """The verb as it is; when a request comes so far, that is counted."""

        async def counting(store: Store, *args: Any, **more: Any) -> Any:
            nonlocal reached
            reached += "request_id" in structlog.contextvars.get_contextvars()
            return await verb(store, *args, **more)

        return counting

    key = await made(pair)
    monkeypatch.setattr(Store, "read", counted(Store.read))
    monkeypatch.setattr(Store, "write", counted(Store.write))
    text = key["key"]
    mistyped = text[:20] + ("0" if text[20] != "0" else "1") + text[21:]
    guesses = [mistyped, make_key(test=True, entropy=os.urandom), "wrong", ADMIN_KEY + "x", "x" * 1000] * 20
    answers = [await pair.client.get("/v1/videos", headers=bearer(guess)) for guess in guesses]

    assert {response.status_code for response in answers} == {401}
    assert len({response.json()["detail"] for response in answers}) == 1, "no guess learns more than another"
    assert reached == 0
    assert await knocks(pair, text) == 200
    assert reached == 1


async def test_every_operation_of_keys_has_its_example():
    for (method, path), operation in OPERATIONS.items():
        if "/keys" not in path or not path.startswith("/v1/"):
            continue
        described = DOCUMENT["paths"][path][method]
        for status, reply in operation.replies.items():
            content = described["responses"][str(status)]["content"]["application/json"]
            if reply.shape is not None:
                checked(content["examples"]["plain"]["value"], reply.shape.__name__.removesuffix("View"))
        if operation.body is not None and operation.body.shape is not None:
            for form in described["requestBody"]["content"].values():
                checked(form["examples"]["plain"]["value"], operation.body.shape.__name__)
