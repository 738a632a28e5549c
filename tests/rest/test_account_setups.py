"""Accounts over REST, the operator's and tenants' own: set up, changed, tested, removed; no secret comes out."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.rest.answers import problem
from tests.rest.test_openapi import checked
from tests.support.running import ACME_KEY, ADMIN_KEY, OTHER_KEY, Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADMIN, OWN = "/v1/admin/accounts", "/v1/accounts"
AS_ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}
SECRETS = ("sandbox-veo3o1-key", "another-secret-credential", "whsec-first", "whsec-second")

QUICK = {"per_minute": 600}
"""An account that is known to take little is seldom asked how far it is."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(Setup(folder=tmp_path_factory.mktemp("pair"))) as both:
        yield both


def wish(pair: Running, id: str, **more: Any) -> dict[str, Any]:
    base = {"id": id, "provider": "veo3o1", "credential": "sandbox-veo3o1-key", "sandbox": True}
    return {**base, "base_url": pair.sandbox.veo3o1_url, **more}


async def own(pair: Running, method: str, path: str = "", **more: Any) -> httpx.Response:
    headers = {**AS_ADMIN, **more.pop("headers", {})}
    return await pair.client.request(method, OWN + path, headers=headers, **more)


def good(response: httpx.Response, status: int = 200) -> dict[str, Any]:
    assert response.status_code == status, response.text
    body: dict[str, Any] = response.json()
    checked(body, "AccountSetup")
    assert response.headers["etag"] == f'"{body["version"]}"'
    assert not any(secret in response.text for secret in SECRETS)
    return body


async def test_an_operator_sets_up_an_account_and_it_makes_videos(pair: Running):
    made = good(await pair.operator.post(ADMIN, json=wish(pair, "veo-new", price_per_credit="0.20", limits=QUICK)), 201)
    video = await pair.create("a paper boat", gateway={"only": ["veo-new"]})

    assert (made["owner"], made["price_per_credit"], made["credential_version"]) == (None, "0.20", 1)
    assert (made["managed_by"], made["file"], made["version"]) == ("api", None, 1)
    assert made["credential_at"] is not None
    assert made["limits"] == {**QUICK, "concurrent": 1, "per_day": None}
    assert (await pair.finished(video["id"]))["status"] == "completed"


async def test_every_mistake_is_named_at_once_with_its_field(pair: Running):
    document = {
        **wish(pair, "bad id"),
        "provider": "veo3o2",
        "credential": "  ",
        "price_per_credit": 0.2,
        "base_url": "ftp://x",
        "colour": "red",
        "limits": {"per_minute": 0},
    }

    body = problem(await pair.operator.post(ADMIN, json=document), 422, "invalid_request")

    told = {one["pointer"]: one for one in body["errors"]}
    assert told.keys() >= {
        "#/id",
        "#/provider",
        "#/credential",
        "#/price_per_credit",
        "#/colour",
        "#/limits/per_minute",
    }
    assert "did you mean 'veo3o1'" in told["#/provider"]["detail"]
    assert told["#/colour"]["code"] == "unknown_field"


async def test_a_secret_must_be_the_secret_itself_and_no_place_to_look_in(pair: Running):
    for credential in ({"env": "PATH"}, {"file": "/etc/hostname"}, 7, "", "line\nbreak", "k" * 4097):
        body = problem(
            await pair.operator.post(ADMIN, json={**wish(pair, "x"), "credential": credential}), 422, "invalid_request"
        )
        assert [one["pointer"] for one in body["errors"]] == ["#/credential"]


async def test_the_id_of_another_provider_or_of_an_account_is_refused(pair: Running):
    for id in ("doitong", "veo-main", "setups", "events"):
        body = problem(await pair.operator.post(ADMIN, json=wish(pair, id)), 422, "invalid_request")
        assert [one["pointer"] for one in body["errors"]] == ["#/id"]


async def test_an_account_is_changed_by_a_merge_patch_at_the_version_it_has(pair: Running):
    made = good(await pair.operator.post(ADMIN, json=wish(pair, "patched", limits={"per_minute": 50})), 201)
    path, typed = f"{ADMIN}/patched", {"content-type": "application/merge-patch+json"}

    problem(await pair.operator.patch(path, json={"limits": {"concurrent": 3}}), 428, "precondition_required")
    changed = good(
        await pair.operator.patch(
            path,
            content=b'{"limits": {"concurrent": 3}, "price_per_credit": "0"}',
            headers={"if-match": '"1"', **typed},
        )
    )
    stale = problem(
        await pair.operator.patch(path, json={"sandbox": True}, headers={"if-match": '"1"'}), 412, "changed_meanwhile"
    )

    assert (changed["version"], changed["price_per_credit"]) == (2, "0.00")
    assert changed["limits"] == {**made["limits"], "concurrent": 3}
    assert changed["credential_version"] == 1
    assert "at version 2" in stale["detail"]


async def test_what_can_not_be_changed_is_said_field_by_field(pair: Running):
    good(await pair.operator.post(ADMIN, json=wish(pair, "fixed")), 201)

    body = problem(
        await pair.operator.patch(
            f"{ADMIN}/fixed",
            json={"id": "other", "provider": "doitong", "credential": "x", "webhook_secrets": []},
            headers={"if-match": '"1"'},
        ),
        422,
        "invalid_request",
    )

    assert [one["pointer"] for one in body["errors"]] == ["#/id", "#/provider", "#/credential", "#/webhook_secrets"]


@pytest.mark.parametrize("elsewhere", ["http://localhost:{port}", "https://127.0.0.1:{port}", None])
async def test_a_credential_is_not_carried_to_another_host(pair: Running, elsewhere: str | None):
    id = f"stays-{(elsewhere or 'default').partition(':')[0]}"
    good(await pair.operator.post(ADMIN, json=wish(pair, id)), 201)
    port = pair.sandbox.veo3o1_url.rpartition(":")[2]
    address = None if elsewhere is None else elsewhere.format(port=port)

    path, first = f"{ADMIN}/{id}", {"if-match": '"1"'}
    body = problem(await pair.operator.patch(path, json={"base_url": address}, headers=first), 422, "invalid_request")
    same = pair.sandbox.veo3o1_url + "/behind"
    moved = good(await pair.operator.patch(path, json={"base_url": same}, headers=first))

    assert [one["pointer"] for one in body["errors"]] == ["#/base_url"]
    assert "needs its credential anew" in body["detail"]
    assert moved["base_url"] == same


async def test_an_account_of_a_name_that_was_removed_is_where_that_was(pair: Running):
    good(await pair.operator.post(ADMIN, json=wish(pair, "back")), 201)
    good(await pair.operator.delete(f"{ADMIN}/back", headers={"if-match": '"1"'}))

    doitong = wish(pair, "back", provider="doitong", base_url=pair.sandbox.doitong_url)
    refused = [
        problem(await pair.operator.post(ADMIN, json=document), 422, "invalid_request")["errors"][0]["pointer"]
        for document in (doitong, wish(pair, "back", base_url="http://localhost:1"))
    ]
    again = good(await pair.operator.post(ADMIN, json=wish(pair, "back")), 201)

    assert refused == ["#/provider", "#/base_url"]
    assert again["removed_at"] is None


async def test_what_the_file_declares_is_changed_there(pair: Running):
    path, etag = f"{ADMIN}/veo-main", (await pair.operator.get(f"{ADMIN}/veo-main")).headers["etag"]
    tries = [
        await pair.operator.patch(path, json={"sandbox": True}, headers={"if-match": etag}),
        await pair.operator.delete(path, headers={"if-match": etag}),
        await pair.operator.post(f"{path}/credential", json={"credential": "another-secret-credential"}),
        await pair.operator.post(f"{path}/webhook_secrets", json={"webhook_secrets": []}),
    ]

    for response in tries:
        assert "filmgate.toml" in problem(response, 409, "managed_by_file")["detail"]


async def test_a_new_credential_is_the_next_version_and_webhook_secrets_are_counted(pair: Running):
    good(await pair.operator.post(ADMIN, json=wish(pair, "rotated")), 201)
    path = f"{ADMIN}/rotated"

    rotated = good(await pair.operator.post(f"{path}/credential", json={"credential": "another-secret-credential"}))
    secrets = {"webhook_secrets": ["whsec-second", "whsec-first"]}
    hooked = good(await pair.operator.post(f"{path}/webhook_secrets", json=secrets))
    account = pair.gateway.accounts.get("rotated")

    assert (rotated["credential_version"], hooked["webhook_secrets"]) == (2, 2)
    assert account is not None
    assert account[0].credential.reveal() == "another-secret-credential"
    assert [secret.reveal() for secret in account[0].webhook_secrets] == ["whsec-second", "whsec-first"]


async def test_a_removed_account_is_gone_and_its_name_is_free(pair: Running):
    good(await pair.operator.post(ADMIN, json=wish(pair, "brief")), 201)

    gone = good(await pair.operator.delete(f"{ADMIN}/brief", headers={"if-match": '"1"'}))
    problem(await pair.operator.get(f"{ADMIN}/brief"), 404, "not_found")
    again = good(await pair.operator.post(ADMIN, json=wish(pair, "brief")), 201)

    assert gone["removed_at"] is not None
    assert (again["removed_at"], again["version"]) == (None, 3)


async def test_a_test_costs_nothing_and_says_whether_the_credential_is_taken(pair: Running):
    before = len((await pair.truth())["jobs"])
    good(await pair.operator.post(ADMIN, json=wish(pair, "good-key")), 201)
    good(await pair.operator.post(ADMIN, json=wish(pair, "bad-key", credential="another-secret-credential")), 201)
    nowhere = wish(pair, "nowhere", base_url="http://127.0.0.1:1")
    good(await pair.operator.post(ADMIN, json=nowhere), 201)

    found = {}
    for id in ("good-key", "bad-key", "nowhere", "doitong-main"):
        response = await pair.operator.post(f"{ADMIN}/{id}/test")
        assert response.status_code == 200, response.text
        checked(response.json(), "AccountTest")
        found[id] = response.json()

    assert [(found[id]["reached"], found[id]["credential"]) for id in ("good-key", "bad-key", "nowhere")] == [
        (True, "works"),
        (True, "refused"),
        (False, None),
    ]
    assert found["nowhere"]["failure"] == "unreachable"
    assert len((await pair.truth())["jobs"]) == before
    problem(await pair.operator.post(f"{ADMIN}/nobody/test"), 404, "not_found")


async def test_a_test_counts_among_the_requests_of_the_minute(pair: Running):
    good(await pair.operator.post(ADMIN, json=wish(pair, "slow", limits={"per_minute": 2})), 201)

    answers = [await pair.operator.post(f"{ADMIN}/slow/test") for _ in range(3)]

    assert answers[0].status_code == 200
    assert problem(answers[-1], 429, "too_many_requests")
    assert int(answers[-1].headers["retry-after"]) >= 1


# a tenant's own


async def test_a_tenants_own_account_is_called_after_it_and_serves_it_alone(pair: Running):
    made = good(await own(pair, "POST", json=wish(pair, "mine", price_per_credit="0", limits=QUICK)), 201)
    video = await pair.create("a paper boat", gateway={"only": ["acme~mine"]})
    other = await pair.other.post("/v1/videos", json={"prompt": "a fox", "gateway": {"only": ["acme~mine"]}})

    assert (made["id"], made["owner"]) == ("acme~mine", "acme")
    assert (await pair.finished(video["id"]))["gateway"]["account"] == "acme~mine"
    assert other.status_code == 422
    listed = (await own(pair, "GET")).json()
    checked(listed, "AccountSetupList")
    assert [one["id"] for one in listed["data"]] == ["acme~mine"]


async def test_a_tenants_name_neither_shadows_the_operators_nor_shows_that_it_is_there(pair: Running):
    made = good(await own(pair, "POST", json=wish(pair, "veo-main")), 201)
    assert made["limits"] == {"per_minute": 10, "concurrent": 1, "per_day": None}
    problem(await own(pair, "POST", json=wish(pair, "acme~veo-main")), 422, "invalid_request")
    theirs = await pair.operator.post(ADMIN, json=wish(pair, "other~veo-main"))

    assert made["id"] == "acme~veo-main"
    assert problem(theirs, 422, "invalid_request")["errors"][0]["pointer"] == "#/id"
    for verb, path in (("GET", ""), ("POST", "/test"), ("POST", "/credential"), ("POST", "/webhook_secrets")):
        body = {"credential": "x", "webhook_secrets": []}
        send = {"json": {path[1:]: body[path[1:]]}} if path[1:] in body else {}
        problem(await own(pair, verb, f"/veo-main{path}", **send), 404, "not_found")
    etag = {"if-match": '"1"'}
    problem(await own(pair, "PATCH", "/veo-main", json={"sandbox": True}, headers=etag), 404, "not_found")
    problem(await own(pair, "DELETE", "/veo-main", headers=etag), 404, "not_found")


async def test_a_tenants_account_may_not_lead_inside_nor_speak_in_the_clear(pair: Running):
    for address in (
        "https://10.0.0.8",
        "https://localhost:8443",
        "https://metadata.internal",
        "http://veo.example.com",
    ):
        body = problem(await own(pair, "POST", json=wish(pair, "x", base_url=address)), 422, "invalid_request")
        assert [one["pointer"] for one in body["errors"]] == ["#/base_url"], address


async def test_a_test_tenants_own_account_is_a_sandbox_one(pair: Running):
    body = problem(await own(pair, "POST", json=wish(pair, "x", sandbox=False)), 422, "invalid_request")

    assert [one["pointer"] for one in body["errors"]] == ["#/sandbox"]


async def test_a_tenant_changes_rotates_tests_and_removes_its_own(pair: Running):
    good(await own(pair, "POST", json=wish(pair, "whole")), 201)
    path = "/acme~whole"

    changed = good(await own(pair, "PATCH", path, json={"limits": {"concurrent": 2}}, headers={"if-match": '"1"'}))
    rotated = good(await own(pair, "POST", f"{path}/credential", json={"credential": "another-secret-credential"}))
    tested = (await own(pair, "POST", f"{path}/test")).json()
    gone = good(await own(pair, "DELETE", path, headers={"if-match": f'"{rotated["version"]}"'}))

    assert (changed["id"], changed["limits"]["concurrent"]) == ("acme~whole", 2)
    assert (rotated["credential_version"], tested["credential"], gone["owner"]) == (2, "refused", "acme")


@pytest.mark.parametrize("key", [ACME_KEY, OTHER_KEY, ADMIN_KEY])
async def test_a_tenants_key_may_not_touch_the_operators_door(pair: Running, key: str):
    headers = {"authorization": f"Bearer {key}"}
    for method, path in (("GET", "/setups"), ("POST", ""), ("GET", "/veo-main"), ("POST", "/veo-main/test")):
        problem(await pair.client.request(method, ADMIN + path, headers=headers), 403, "forbidden")


async def test_a_key_without_tenant_admin_may_not_set_up_accounts(pair: Running):
    problem(await pair.client.get(OWN), 403, "forbidden")
    problem(await pair.client.post(OWN, json=wish(pair, "x")), 403, "forbidden")


async def test_no_secret_lies_readable_in_the_database_or_the_trail(pair: Running):
    trail = await pair.gateway.store.read(lambda tx: tx.trail.page(None, 100))
    sealed = await pair.gateway.store.read(lambda tx: tx.sealed.all("credential"))

    assert any(entry.action == "account.created" for entry in trail)
    assert not any(secret in str(trail) + str(sealed) for secret in SECRETS)


async def test_a_tenant_has_no_more_accounts_of_its_own_than_it_may(pair: Running, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gateway.services.account_setups.MAX_OWN", len((await own(pair, "GET")).json()["data"]))

    body = problem(await own(pair, "POST", json=wish(pair, "one-more")), 422, "invalid_request")

    assert body["errors"][0]["code"] == "too_many"
