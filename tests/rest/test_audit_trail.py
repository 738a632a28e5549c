"""The audit trail over REST: every change with who made it, whole for operators, a tenant's own part for it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from schema.tenant import Funding, FundingMode
from tests.rest.answers import problem
from tests.rest.test_openapi import checked
from tests.support.running import ACME_KEY, ADMIN_KEY, Running, Setup, running

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("audit trail"),  # they read what those before them did
]

PATH, OWN = "/v1/admin/audit", "/v1/audit"
AS_ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    prepaid = Funding(mode=FundingMode.PREPAID, opening=20_000_000)
    async with running(Setup(folder=tmp_path_factory.mktemp("pair"), funding=prepaid)) as both:
        yield both


async def trail(pair: Running, **params: Any) -> list[dict[str, Any]]:
    response = await pair.operator.get(PATH, params={"limit": 100, **params})
    assert response.status_code == 200, response.text
    checked(response.json(), "AuditPage")
    found: list[dict[str, Any]] = response.json()["data"]
    return found


async def test_every_act_of_an_operator_leaves_its_line(pair: Running):
    doitong = "/v1/admin/accounts/doitong-main"
    acts = [
        await pair.operator.post(f"{doitong}/pause", json={"note": "the bill"}),
        await pair.operator.post(f"{doitong}/resume", json={}),
        await pair.operator.post(f"{doitong}/reset", json={}),
        await pair.operator.post(f"{doitong}/credits", json={"credits": 100}),
        await pair.operator.post("/v1/admin/tenants/acme/top-ups", json={"amount": "5.00", "note": "hello"}),
        await pair.operator.post("/v1/admin/tenants/acme/adjustments", json={"amount": "-1.00"}),
        await pair.operator.patch(
            "/v1/admin/tenants/acme", json={"routing": {"strategy": "fastest"}}, headers={"if-match": '"1"'}
        ),
        await pair.operator.post(
            "/v1/admin/tenants/acme/policies/1/restore", json={"note": "back"}, headers={"if-match": '"2"'}
        ),
        await pair.operator.post("/v1/admin/tenants", json={"id": "fresh"}),
        await pair.operator.post("/v1/admin/secrets/rekey", json={"note": "yearly"}),
    ]
    assert [act.status_code for act in acts if act.status_code >= 300] == []

    told = {one["action"]: one for one in await trail(pair)}

    assert told.keys() >= {
        "account.paused",
        "account.resumed",
        "account.reset",
        "account.credits_told",
        "tenant.topped_up",
        "tenant.adjusted",
        "policy.changed",
        "policy.restored",
        "tenant.created",
        "secrets.rekeyed",
    }
    for act, action in zip(acts, ("account.paused", "account.resumed"), strict=False):
        assert told[action]["request_id"] == act.headers["x-request-id"]
    paused, changed = told["account.paused"], told["policy.changed"]
    assert (paused["subject"], paused["tenant"], paused["after"]) == ("doitong-main", None, {"note": "the bill"})
    assert paused["actor"].startswith("house …")
    assert changed["before"] == {"version": 1, "strategy": "cheapest"}
    assert changed["after"] == {"version": 2, "note": "", "strategy": "fastest"}
    assert told["tenant.topped_up"]["after"]["amount"] == "5.00"


async def test_what_was_refused_leaves_no_line(pair: Running):
    before = len(await trail(pair))

    problem(await pair.operator.post("/v1/admin/accounts/nobody/pause", json={}), 404, "not_found")
    problem(await pair.operator.post("/v1/admin/tenants", json={"id": "acme"}), 422, "invalid_request")

    assert len(await trail(pair)) == before


async def test_entries_are_narrowed_and_read_a_page_at_a_time(pair: Running):
    everything = await trail(pair)
    [first] = await trail(pair, limit=1)
    second = (await trail(pair, limit=1, after=first["id"]))[0]
    back = await trail(pair, limit=1, before=second["id"])
    latest = max(one["created_at"] for one in everything)

    assert [first["id"], second["id"]] == [one["id"] for one in everything[:2]]
    assert [one["id"] for one in back] == [first["id"]]
    assert {one["action"].split(".")[0] for one in await trail(pair, action="account.")} == {"account"}
    assert {one["subject"] for one in await trail(pair, subject="doitong-main")} == {"doitong-main"}
    assert {one["tenant"] for one in await trail(pair, tenant="acme")} == {"acme"}
    assert await trail(pair, since=latest + 1) == []
    assert len(await trail(pair, until=latest + 1)) == len(everything)
    problem(await pair.operator.get(PATH, params={"since": "yesterday"}), 422, "invalid_request")


async def test_the_export_is_everything_a_line_each_the_oldest_first(pair: Running):
    assert (await pair.operator.post("/v1/admin/secrets/rekey", json={"note": "to be told"})).status_code == 200
    response = await pair.operator.get(f"{PATH}/export")
    lines = [json.loads(line) for line in response.text.splitlines()]

    assert response.headers["content-type"] == "application/jsonl"
    assert [one["id"] for one in lines] == [one["id"] for one in reversed(await trail(pair))]
    assert (await pair.operator.head(f"{PATH}/export")).status_code == 200
    only = (await pair.operator.get(f"{PATH}/export", params={"action": "secrets."})).text.splitlines()
    assert {json.loads(line)["action"] for line in only} == {"secrets.rekeyed"}


async def test_a_tenant_reads_its_own_part_and_of_operators_only_that_they_are(pair: Running):
    version = (await pair.client.get("/v1/tenant", headers=AS_ADMIN)).headers["etag"]
    own = await pair.client.patch(
        "/v1/tenant", json={"routing": {"order": ["veo-main"]}}, headers={**AS_ADMIN, "if-match": version}
    )
    assert own.status_code == 200, own.text

    response = await pair.client.get(OWN, headers=AS_ADMIN, params={"limit": 100})
    checked(response.json(), "AuditPage")

    data = response.json()["data"]
    assert {one["tenant"] for one in data} == {"acme"}
    assert {one["actor"] for one in data} == {"file", "operator", f"acme …{ADMIN_KEY[-4:]}"}
    assert "house" not in response.text
    problem(await pair.client.get(OWN, headers=AS_ADMIN, params={"tenant": "other"}), 400, "malformed_request")
    problem(await pair.client.get(OWN), 403, "forbidden")


@pytest.mark.parametrize("key", [ACME_KEY, ADMIN_KEY])
async def test_only_operators_read_the_whole(pair: Running, key: str):
    for path in (PATH, f"{PATH}/export", "/v1/admin/configuration", "/v1/admin/secrets"):
        problem(await pair.client.get(path, headers={"authorization": f"Bearer {key}"}), 403, "forbidden")


async def test_the_master_keys_and_the_configuration_are_shown_without_a_secret(pair: Running):
    secrets = (await pair.operator.get("/v1/admin/secrets")).json()
    configuration = (await pair.operator.get("/v1/admin/configuration")).json()
    checked(secrets, "Secrets")
    checked(configuration, "Configuration")

    [key] = secrets["data"]
    assert (key["current"], key["secrets"] >= 3) == (True, True)
    assert (configuration["last_refused"], configuration["needs_restart"]) == (None, [])
