"""/v1/tenant and the operator's twin: a tenant, its policy through time, and what another policy had changed."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from schema.tenant import RoutingPolicy
from schema.video import Strategy
from tests.rest.answers import problem
from tests.rest.test_openapi import checked
from tests.support.running import ADMIN_KEY, Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}
ANY = "/v1/admin/tenants/acme"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def managed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A gateway whose file says how its tenants are routed."""
    policy = RoutingPolicy(strategy=Strategy.ORDERED, order=("veo-main",), per_video=500_000)
    setup = Setup(folder=tmp_path_factory.mktemp("managed"), routing=policy, routed_by_file=True)
    async with running(setup) as both:
        yield both


async def current(pair: Running) -> dict[str, Any]:
    tenant: dict[str, Any] = (await pair.client.get("/v1/tenant")).json()
    return tenant


async def change(pair: Running, routing: Any, *, version: int | None = None, **body: Any) -> httpx.Response:
    """As acme's administrator, of the version in force unless another is named."""
    version = (await current(pair))["policy"]["version"] if version is None else version
    headers = {**ADMIN, "if-match": f'"{version}"'}
    return await pair.client.patch("/v1/tenant", json={"routing": routing, **body}, headers=headers)


async def changed(pair: Running, routing: Any, **body: Any) -> dict[str, Any]:
    response = await change(pair, routing, **body)
    assert response.status_code == 200, response.text
    tenant: dict[str, Any] = response.json()
    return tenant


async def test_a_tenant_sees_itself_and_how_it_is_routed(pair: Running):
    response = await pair.client.get("/v1/tenant")
    tenant = response.json()

    checked(tenant, "Tenant")
    assert response.headers["etag"] == f'"{tenant["policy"]["version"]}"'
    assert response.headers["cache-control"] == "private, no-cache"
    assert (tenant["id"], tenant["test"], tenant["managed_by"]) == ("acme", True, "api")
    assert tenant["limits"] == {
        "queued": 1000,
        "weight": 1,
        "concurrent": None,
        "per_minute": None,
        "reads_per_minute": None,
        "used": {"queued": 0, "concurrent": 0, "per_minute": None, "reads_per_minute": None},
    }
    assert tenant["funding"]["mode"] == "postpaid"
    seen = (await pair.operator.get(ANY)).json()
    assert {name: value for name, value in seen.items() if name != "setup"} == tenant
    assert (await pair.other.get("/v1/tenant")).json()["id"] == "other"


async def test_a_change_makes_a_version_that_says_who_and_why(pair: Running):
    before = await current(pair)

    tenant = await changed(
        pair,
        {
            "strategy": "balanced",
            "weights": {"price": 0.7},
            "order": ["veo-main"],
            "max_cost": "0.5",
            "rules": [{"when": {"aspect_ratio": "9:16"}, "prefer": ["doitong"], "max_cost": "0.4"}],
        },
        note="cheaper, please",
    )

    checked(tenant, "Tenant")
    assert tenant["policy"]["version"] == before["policy"]["version"] + 1
    assert (tenant["policy"]["author"], tenant["policy"]["note"]) == (f"acme …{ADMIN_KEY[-4:]}", "cheaper, please")
    assert tenant["routing"]["max_cost"] == "0.50"
    assert tenant["routing"]["weights"] == {"price": 0.7, "speed": 0.3, "reliability": 0.2}
    assert tenant["routing"]["rules"][0]["max_cost"] == "0.40"
    assert tenant == await current(pair)

    after = await changed(pair, {"max_cost": None, "rules": None, "weights": None, "order": None, "strategy": None})
    assert after["routing"]["rules"] == []
    assert after["routing"]["max_cost"] is None


async def test_a_merge_patch_may_say_so_and_other_types_are_refused(pair: Running):
    etag = (await pair.client.get("/v1/tenant")).headers["etag"]
    patch = b'{"routing": {"max_wait_seconds": 30}}'

    typed = {**ADMIN, "if-match": etag, "content-type": "application/merge-patch+json"}
    assert (await pair.client.patch("/v1/tenant", content=patch, headers=typed)).status_code == 200
    refused = await pair.client.patch("/v1/tenant", content=patch, headers={**typed, "content-type": "text/plain"})

    problem(refused, 415, "unsupported_media_type")
    assert refused.headers["accept-patch"] == "application/json, application/merge-patch+json"


async def test_who_is_late_gets_both_versions_and_changes_nothing(pair: Running):
    first = await current(pair)
    known = first["policy"]["version"]
    second = await changed(pair, {"max_wait_seconds": 7}, note="faster than you")

    body = problem(await change(pair, {"max_wait_seconds": 8}, version=known), 412, "version_conflict")

    checked(body, "Problem")
    versions = body["versions"]
    assert versions["expected_version"] == known
    assert (versions["expected"]["version"], versions["expected"]["routing"]) == (known, first["routing"])
    assert versions["current"]["version"] == known + 1
    assert versions["current"]["note"] == "faster than you"
    assert versions["current"]["routing"] == second["routing"] == (await current(pair))["routing"]


async def test_a_version_that_never_was_is_a_conflict_too(pair: Running):
    body = problem(await change(pair, {}, version=999), 412, "version_conflict")

    assert body["versions"]["expected"] is None
    assert body["versions"]["current"]["version"] == (await current(pair))["policy"]["version"]


async def test_without_a_version_nothing_is_changed(pair: Running):
    changing = await pair.client.patch("/v1/tenant", json={"routing": {}}, headers=ADMIN)
    restoring = await pair.client.post("/v1/tenant/policies/1/restore", json={}, headers=ADMIN)

    problem(changing, 428, "precondition_required")
    problem(restoring, 428, "precondition_required")


@pytest.mark.parametrize("etag", ["1", '"x"', "*", 'W/"1"', '"1", "2"', '"-1"', f'"{"9" * 16}"'])
async def test_what_is_no_etag_of_ours_is_refused_by_its_header(pair: Running, etag: str):
    headers = {**ADMIN, "if-match": etag}
    body = problem(await pair.client.patch("/v1/tenant", json={}, headers=headers), 400, "malformed_request")

    assert body["errors"][0]["header"] == "If-Match"


async def test_every_wrong_field_is_named_with_the_fix(pair: Running):
    routing = {
        "strategy": "cheap",
        "only": ["veo-mian"],
        "max_cost": 1,
        "rules": [{"when": {"min_seconds": 9, "max_seconds": 5}, "prefer": ["nobody"]}],
        "maxCost": "1",
    }
    body = problem(await change(pair, routing), 422, "invalid_request")

    said = {error["pointer"]: error["detail"] for error in body["errors"]}
    assert set(said) == {
        "#/routing/strategy",
        "#/routing/only/0",
        "#/routing/max_cost",
        "#/routing/maxCost",
        "#/routing/rules/0/when/min_seconds",
        "#/routing/rules/0/prefer/0",
    }
    assert "did you mean 'veo-main'?" in said["#/routing/only/0"]
    assert "must be one of cheapest" in said["#/routing/strategy"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed_request"),
        (b'{"routing": ' + b'{"a": ' * 50_000, 400, "malformed_request"),
        (b"[]", 422, "invalid_request"),
        (b'{"routing": null}', 422, "invalid_request"),
        (b'{"routing": {}, "limits": {}}', 422, "invalid_request"),
        (b'{"note": "' + b"n" * 1001 + b'"}', 422, "invalid_request"),
    ],
)
async def test_what_is_no_change_is_refused(pair: Running, body: bytes, status: int, code: str):
    etag = (await pair.client.get("/v1/tenant")).headers["etag"]
    headers = {**ADMIN, "if-match": etag, "content-type": "application/json"}

    problem(await pair.client.patch("/v1/tenant", content=body, headers=headers), status, code)


async def test_a_key_without_the_scope_may_look_and_not_change(pair: Running):
    version = {"if-match": '"1"'}

    assert (await pair.client.get("/v1/tenant/policies")).status_code == 200
    problem(await pair.client.patch("/v1/tenant", json={}, headers=version), 403, "forbidden")
    problem(await pair.client.post("/v1/tenant/policies/1/restore", json={}, headers=version), 403, "forbidden")
    for method, path in (("GET", ANY), ("PATCH", ANY), ("GET", f"{ANY}/policies"), ("POST", f"{ANY}/policy/replay")):
        problem(await pair.client.request(method, path, json={}, headers=ADMIN), 403, "forbidden")


async def test_an_old_version_comes_back_and_its_history_is_told_a_page_at_a_time(pair: Running):
    await changed(pair, {"max_wait_seconds": 11})
    old = await current(pair)
    newer = await changed(pair, {"max_wait_seconds": 12})
    headers = {**ADMIN, "if-match": f'"{newer["policy"]["version"]}"'}
    path = f"/v1/tenant/policies/{old['policy']['version']}/restore"

    late = await pair.client.post(path, json={}, headers={**ADMIN, "if-match": '"1"'})
    restored = (await pair.client.post(path, json={"note": "as before"}, headers=headers)).json()

    problem(late, 412, "version_conflict")
    checked(restored, "Tenant")
    assert restored["routing"] == old["routing"]
    assert restored["policy"]["note"] == "as before"
    missing = await pair.client.post(
        "/v1/tenant/policies/999/restore",
        json={},
        headers={**ADMIN, "if-match": f'"{restored["policy"]["version"]}"'},
    )
    problem(missing, 404, "not_found")

    numbers: list[int] = []
    page: dict[str, Any] = {"has_more": True, "last_id": None}
    while page["has_more"]:
        params = {"limit": "3", **({} if page["last_id"] is None else {"after": page["last_id"]})}
        page = (await pair.client.get("/v1/tenant/policies", params=params)).json()
        checked(page, "PolicyPage")
        numbers += [one["version"] for one in page["data"]]
    assert numbers == list(range(restored["policy"]["version"], 0, -1))
    assert (await pair.operator.get(f"{ANY}/policies?limit=100")).json()["data"][-1]["author"] == "default"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("after=x", 400, "malformed_request"),
        ("before=1", 400, "malformed_request"),
        ("limit=0", 422, "invalid_request"),
        ("limit=101", 422, "invalid_request"),
    ],
)
async def test_a_page_that_can_not_be_is_refused(pair: Running, query: str, status: int, code: str):
    problem(await pair.client.get(f"/v1/tenant/policies?{query}"), status, code)


async def test_what_the_file_manages_is_shown_and_not_changed(managed: Running):
    tenant = await current(managed)

    assert (tenant["managed_by"], tenant["policy"]["author"]) == ("file", "file")
    assert tenant["routing"]["max_cost"] == "0.50"
    for response in (
        await change(managed, {"strategy": "fastest"}),
        await managed.operator.patch(ANY, json={}, headers={"if-match": '"1"'}),
        await managed.client.post("/v1/tenant/policies/1/restore", json={}, headers={**ADMIN, "if-match": '"1"'}),
    ):
        assert "`routing` of the tenant 'acme'" in problem(response, 409, "managed_by_file")["detail"]
    assert (await current(managed)) == tenant


async def test_an_operator_changes_any_tenant_and_none_that_is_not_there(pair: Running):
    version = (await pair.operator.get("/v1/admin/tenants/other")).json()["policy"]["version"]
    headers = {"if-match": f'"{version}"'}

    response = await pair.operator.patch(
        "/v1/admin/tenants/other", json={"routing": {"exclude": ["veo3o1"]}}, headers=headers
    )
    seen = (await pair.other.get("/v1/tenant")).json()
    back = await pair.operator.post(
        f"/v1/admin/tenants/other/policies/{version}/restore", json={}, headers={"if-match": f'"{version + 1}"'}
    )

    assert {name: value for name, value in response.json().items() if name != "setup"} == seen
    assert seen["policy"]["author"].startswith("house …")
    assert back.json()["routing"]["exclude"] == []
    for method, path in (("GET", ""), ("PATCH", ""), ("GET", "/policies"), ("POST", "/policies/1/restore")):
        answer = await pair.operator.request(method, f"/v1/admin/tenants/nobody{path}", json={}, headers=headers)
        problem(answer, 404, "not_found")


async def test_what_another_policy_had_changed_is_told_and_nothing_is_done(pair: Running):
    await changed(pair, {"strategy": "cheapest", "order": [], "max_wait_seconds": None})
    videos = [await pair.create(f"[sim:instant] boat {number}", seconds=5) for number in range(3)]
    mine = await pair.create("[sim:instant] a boat", gateway={"only": ["doitong-main"]})
    for video in (*videos, mine):
        await pair.finished(video["id"])
    truth, before = await pair.truth(), await current(pair)

    wanted = {"routing": {"strategy": "ordered", "order": ["veo-main"], "on_unsupported": "adjust"}, "last": 4}
    replay = (await pair.client.post("/v1/tenant/policy/replay", json=wanted)).json()

    checked(replay, "PolicyReplay")
    assert (replay["considered"], replay["same"], replay["changed"]) == (4, 1, 3)
    assert replay["moves"] == [{"before": "doitong-main", "after": "veo-main", "count": 3}]
    assert {one["video_id"] for one in replay["differences"]} == {video["id"] for video in videos}
    assert replay["cost_micros"]["counted"] == 4
    assert replay["cost_micros"]["difference"] == replay["cost_micros"]["after"] - replay["cost_micros"]["before"] > 0
    assert (await pair.operator.post(f"{ANY}/policy/replay", json=wanted)).json() == replay
    assert await pair.truth() == truth
    assert await current(pair) == before


@pytest.mark.parametrize("body", [{"last": 0}, {"last": 1001}, {"routing": {"order": ["nobody"]}}, {"policy": {}}])
async def test_a_question_that_can_not_be_answered_is_refused(pair: Running, body: dict[str, Any]):
    problem(await pair.client.post("/v1/tenant/policy/replay", json=body), 422, "invalid_request")
