"""Tenants over REST: operators make, see, change and remove them; what a file declares is changed there."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from gateway.policy.signing import key_hash
from schema.api_key import ApiKey
from schema.directory import StoredKey
from schema.tenant import Scope
from tests.rest.answers import problem
from tests.rest.test_openapi import checked
from tests.support.running import ACME_KEY, ADMIN_KEY, Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/v1/admin/tenants"
LATER_KEY = "fg_test_later_0123456789abcdefghijk"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(Setup(folder=tmp_path_factory.mktemp("pair"))) as both:
        yield both


async def made(pair: Running, id: str, **more: Any) -> dict[str, Any]:
    return good(await pair.operator.post(PATH, json={"id": id, "test": True, **more}), 201)


def good(response: httpx.Response, status: int = 200) -> dict[str, Any]:
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()
    checked(body, "AnyTenant")
    assert response.headers["etag"] == f'"{body["policy"]["version"]}.{body["setup"]["version"]}"'
    return body


async def with_key(pair: Running, tenant: str) -> httpx.AsyncClient:
    """A client whose key was put straight into the directory."""
    now, ground = pair.gateway.clock.now(), pair.gateway.ground
    key = ApiKey(
        id=pair.gateway.ids.make("key_", now),
        tenant=tenant,
        name="later",
        hint=LATER_KEY[-4:],
        scopes=frozenset({Scope.VIDEOS_READ, Scope.VIDEOS_WRITE}),
        created_at=now,
    )
    stored = StoredKey(key=key, hash=key_hash(ground.root, LATER_KEY).hex())

    async def put(tx: Any) -> None:
        await tx.revision.lock()
        await tx.api_keys.put(stored)
        await tx.revision.move()

    await pair.gateway.store.write(put)
    await ground.keeper.refresh()
    headers = {"authorization": f"Bearer {LATER_KEY}"}
    return httpx.AsyncClient(base_url=pair.url, headers=headers, timeout=30, trust_env=False)


async def test_a_tenant_is_made_with_everything_it_is_told(pair: Running):
    body = await made(
        pair,
        "studio",
        name="The Studio",
        origins=["https://app.example.com"],
        funding={"mode": "prepaid", "opening": "20.00", "per_day": "5", "warn_percent": [50]},
        limits={"queued": 7, "concurrent": 2},
        routing={"strategy": "fastest", "only": ["veo-main"]},
    )
    balance = (await pair.operator.get(f"{PATH}/studio/balance")).json()

    setup = body["setup"]
    assert (body["id"], body["name"], body["test"], setup["origins"]) == (
        "studio",
        "The Studio",
        True,
        ["https://app.example.com"],
    )
    assert setup["funding"] == {
        "mode": "prepaid",
        "opening": "20.00",
        "per_day": "5.00",
        "per_month": None,
        "per_video": None,
        "warn_percent": [50],
    }
    assert (setup["limits"]["queued"], setup["limits"]["concurrent"], setup["limits"]["weight"]) == (7, 2, 1)
    assert (body["routing"]["strategy"], body["routing"]["only"]) == ("fastest", ["veo-main"])
    assert (setup["managed_by"], setup["file"], setup["version"]) == ("api", None, 1)
    assert balance["balance_micros"] == 20_000_000


async def test_every_mistake_is_named_at_once_with_its_field(pair: Running):
    document = {
        "id": "no spaces",
        "funding": {"mode": "free", "per_day": 5},
        "limits": {"weight": 0},
        "routing": {"only": ["nobody"]},
        "keys": ["x"],
        "colour": "red",
    }

    body = problem(await pair.operator.post(PATH, json=document), 422, "invalid_request")

    assert {one["pointer"] for one in body["errors"]} >= {
        "#/id",
        "#/funding/mode",
        "#/funding/per_day",
        "#/limits/weight",
        "#/keys",
        "#/colour",
    }


async def test_a_route_to_nobody_and_an_id_that_is_taken_are_refused(pair: Running):
    nobody = await pair.operator.post(PATH, json={"id": "fine", "routing": {"only": ["veo-mian"]}})
    taken = await pair.operator.post(PATH, json={"id": "acme"})

    [error] = problem(nobody, 422, "invalid_request")["errors"]
    assert "did you mean 'veo-main'" in error["detail"]
    assert problem(taken, 422, "invalid_request")["errors"][0]["code"] == "taken"


async def test_a_tenant_is_changed_at_the_version_it_has_and_its_routing_by_itself(pair: Running):
    etag = f'"{(await made(pair, "changing"))["policy"]["version"]}.1"'
    path = f"{PATH}/changing"

    changed = good(
        await pair.operator.patch(
            path, json={"name": "Changed", "funding": {"per_day": "9.50"}}, headers={"if-match": etag}
        )
    )
    stale = await pair.operator.patch(path, json={"name": "Too late"}, headers={"if-match": etag})
    half = await pair.operator.patch(path, json={"name": "Half"}, headers={"if-match": '"1"'})
    none = await pair.operator.patch(path, json={"name": "None"})
    mixed = await pair.operator.patch(path, json={"name": "x", "routing": {}}, headers={"if-match": '"1.2"'})
    routed = good(
        await pair.operator.patch(path, json={"routing": {"strategy": "fastest"}}, headers={"if-match": '"1"'})
    )

    assert (changed["name"], changed["setup"]["funding"]["per_day"], changed["setup"]["version"]) == (
        "Changed",
        "9.50",
        2,
    )
    assert "at version 2" in problem(stale, 412, "changed_meanwhile")["detail"]
    problem(half, 428, "precondition_required")
    problem(none, 428, "precondition_required")
    assert problem(mixed, 422, "invalid_request")["errors"][0]["pointer"] == "#/routing"
    assert (routed["policy"]["version"], routed["setup"]["version"], routed["name"]) == (2, 2, "Changed")


async def test_null_gives_a_field_its_default_and_nothing_changed_is_no_new_version(pair: Running):
    await made(pair, "nulls", funding={"per_day": "5"}, limits={"concurrent": 3})
    path = f"{PATH}/nulls"

    cleared = good(
        await pair.operator.patch(
            path, json={"funding": {"per_day": None}, "limits": None}, headers={"if-match": '"1.1"'}
        )
    )
    same = good(await pair.operator.patch(path, json={"name": "nulls"}, headers={"if-match": '"1.2"'}))

    assert (cleared["setup"]["funding"]["per_day"], cleared["setup"]["limits"]["concurrent"]) == (None, None)
    assert same["setup"]["version"] == 2


async def test_what_a_tenant_is_can_not_be_changed(pair: Running):
    await made(pair, "fixed")

    body = problem(
        await pair.operator.patch(
            f"{PATH}/fixed", json={"id": "x", "test": False, "keys": []}, headers={"if-match": '"1.1"'}
        ),
        422,
        "invalid_request",
    )

    assert [one["pointer"] for one in body["errors"]] == ["#/id", "#/test", "#/keys"]


async def test_what_the_file_declares_is_changed_there(pair: Running):
    etag = (await pair.operator.get(f"{PATH}/acme")).headers["etag"]
    tries = [
        await pair.operator.patch(f"{PATH}/acme", json={"name": "x"}, headers={"if-match": etag}),
        await pair.operator.delete(f"{PATH}/acme", headers={"if-match": etag}),
    ]

    for response in tries:
        assert "filmgate.toml" in problem(response, 409, "managed_by_file")["detail"]


async def test_a_removed_tenants_keys_stop_at_once_and_its_videos_come_to_their_end(pair: Running):
    await made(pair, "leaving")
    async with await with_key(pair, "leaving") as client:
        created = await client.post("/v1/videos", json={"prompt": "a boat", "gateway": {"only": ["veo-main"]}})
        assert created.status_code == 202, created.text
        etag = (await pair.operator.get(f"{PATH}/leaving")).headers["etag"]
        gone = await pair.operator.delete(f"{PATH}/leaving", headers={"if-match": etag})
        after = await client.get("/v1/videos")

    assert gone.status_code == 200, gone.text
    checked(gone.json(), "TenantSetup")
    assert gone.json()["setup"]["removed_at"] is not None
    problem(after, 401, "unauthenticated")
    problem(await pair.operator.get(f"{PATH}/leaving"), 404, "not_found")
    async with asyncio.timeout(20):
        async for event, _ in pair.gateway.events.watch("leaving", created.json()["id"]):
            if event.data["status"] in {"completed", "failed", "canceled"}:
                break
    assert event.data["status"] == "completed"
    again = await made(pair, "leaving", routing={"strategy": "fastest"})
    assert (again["routing"]["strategy"], again["policy"]["version"], again["setup"]["version"]) == ("fastest", 2, 3)
    stored = await pair.gateway.store.read(lambda tx: tx.api_keys.of_tenant("leaving", None, 10))
    assert [key.revoked_at is not None for key in stored] == [True]


async def test_an_operator_does_not_remove_the_tenant_it_calls_as(pair: Running):
    etag = (await pair.operator.get(f"{PATH}/house")).headers["etag"]

    response = await pair.operator.delete(f"{PATH}/house", headers={"if-match": etag})

    assert response.status_code in {409, 422}
    assert (await pair.operator.get(f"{PATH}/house")).status_code == 200


async def test_tenants_are_listed_by_id_a_page_at_a_time(pair: Running):
    first = (await pair.operator.get(PATH, params={"limit": 2})).json()
    checked(first, "TenantSetupPage")
    rest = (await pair.operator.get(PATH, params={"limit": 100, "after": first["last_id"]})).json()

    ids = [one["id"] for one in (*first["data"], *rest["data"])]
    assert first["has_more"] is True
    assert rest["has_more"] is False
    assert ids == sorted(ids)
    assert {"acme", "house", "other"} <= set(ids)


@pytest.mark.parametrize("key", [ACME_KEY, ADMIN_KEY])
async def test_only_operators_see_and_make_tenants(pair: Running, key: str):
    headers = {"authorization": f"Bearer {key}"}
    for method, path in (("GET", PATH), ("POST", PATH), ("GET", f"{PATH}/acme"), ("DELETE", f"{PATH}/acme")):
        problem(await pair.client.request(method, path, headers=headers), 403, "forbidden")
