"""/v1/providers for tenants, /v1/admin/accounts for operators: how accounts are, and the hand on them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.flows.engine import until
from tests.rest.answers import problem
from tests.rest.test_openapi import checked
from tests.support.running import Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADMIN = "/v1/admin/accounts"
VERBS = [("pause", {}), ("resume", {}), ("reset", {}), ("credits", {"credits": 1})]
WHOLE = {"limit": None, "running": None, "left": None, "resets_at": None}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(Setup(folder=tmp_path_factory.mktemp("pair"))) as both:
        yield both


async def providers(here: Running) -> dict[str, dict[str, Any]]:
    response = await here.client.get("/v1/providers")
    assert response.status_code == 200, response.text
    checked(response.json(), "ProviderList")
    return {one["account"]: one for one in response.json()["data"]}


async def accounts(here: Running) -> dict[str, dict[str, Any]]:
    response = await here.operator.get(ADMIN)
    assert response.status_code == 200, response.text
    checked(response.json(), "AccountList")
    return {one["account"]: one for one in response.json()["data"]}


async def act(here: Running, verb: str, **body: Any) -> dict[str, Any]:
    response = await here.operator.post(f"{ADMIN}/doitong-main/{verb}", json=body)
    assert response.status_code == 200, response.text
    checked(response.json(), "Account")
    account: dict[str, Any] = response.json()
    return account


async def events(here: Running, **params: Any) -> dict[str, Any]:
    response = await here.operator.get(f"{ADMIN}/events", params=params)
    assert response.status_code == 200, response.text
    checked(response.json(), "AccountEventPage")
    page: dict[str, Any] = response.json()
    return page


async def test_a_tenant_sees_the_accounts_it_reaches_and_how_they_are(pair: Running):
    seen = await providers(pair)

    veo = seen["veo-main"]
    assert list(seen) == ["doitong-main", "veo-main"]
    assert (veo["provider"], veo["circuit"]["state"], veo["credential"]) == ("veo3o1", "closed", "works")
    assert (veo["paused"], veo["resting"], veo["credits"], veo["waiting"]) == (False, None, None, 0)
    assert (veo["observed"]["made"], veo["observed"]["success_rate"], veo["kinds"]) == (0, None, [])
    assert veo["limits"] == {
        "concurrent": {"limit": 8, "running": 0, "left": 8, "resets_at": None},
        "per_minute": WHOLE,
        "per_day": WHOLE,
    }
    assert veo["aspect_ratios"]
    assert veo["max_prompt"] > 0


async def test_what_is_being_made_counts_towards_the_limit(pair: Running):
    video = await pair.create("[sim:stuck] a boat", gateway={"only": ["veo-main"]})
    await pair.begun(video["id"])

    concurrent = (await providers(pair))["veo-main"]["limits"]["concurrent"]

    assert (concurrent["running"], concurrent["left"]) == (1, 7)


async def test_a_pause_is_seen_by_everybody_and_who_did_it_by_operators(pair: Running):
    paused = await act(pair, "pause", note="the bill")
    seen = (await providers(pair))["doitong-main"]
    others = {one["account"]: one for one in (await pair.other.get("/v1/providers")).json()["data"]}
    kept = (await accounts(pair))["doitong-main"]
    resumed = await act(pair, "resume")

    assert (paused["paused"], paused["pause"]["by"], paused["pause"]["note"]) == (True, "house …hijk", "the bill")
    assert (paused["sandbox"], kept) == (True, paused)
    assert (seen["paused"], "pause" in seen, others["doitong-main"]) == (True, False, seen)
    assert (resumed["paused"], resumed["pause"]) == (False, None)


async def test_the_latest_pause_says_who_and_why(pair: Running):
    await act(pair, "pause", note="one thing")

    again = await act(pair, "pause", note="another")
    await act(pair, "resume")

    assert again["pause"]["note"] == "another"


async def test_how_many_videos_wait_for_an_account_is_shown(pair: Running):
    await act(pair, "pause")
    video = await pair.create("a boat", gateway={"only": ["doitong-main"]})

    async def waits() -> bool:
        return bool((await providers(pair))["doitong-main"]["waiting"] == 1)

    await until(waits)
    await act(pair, "resume")
    await pair.finished(video["id"])

    assert (await providers(pair))["doitong-main"]["waiting"] == 0


async def test_credits_that_an_operator_tells_are_shown_to_all(pair: Running):
    told = await act(pair, "credits", credits=5_000, note="the dashboard")

    credits = (await providers(pair))["doitong-main"]["credits"]

    assert (credits["left"], credits["source"]) == (5_000, "operator")
    assert credits["told_at"] == told["credits"]["told_at"]


async def test_a_reset_changes_nothing_about_a_healthy_account(pair: Running):
    before = (await accounts(pair))["doitong-main"]

    after = await act(pair, "reset", note="to be sure")

    assert {**after, "credits": None} == {**before, "credits": None}


async def test_what_happened_is_read_a_page_at_a_time_for_one_account_or_all(pair: Running):
    await act(pair, "reset", note="first")
    await act(pair, "reset", note="second")

    whole = await events(pair, account="doitong-main", limit=100)
    first = await events(pair, account="doitong-main", limit=1)
    rest = await events(pair, account="doitong-main", after=first["last_id"], limit=100)
    nobody = await events(pair, account="veo-main")
    everybody = await events(pair, limit=100)

    [newest] = first["data"]
    assert (newest["type"], newest["actor"], newest["data"]) == ("account.reset", "house …hijk", {"note": "second"})
    assert (newest["account"], first["has_more"], rest["has_more"]) == ("doitong-main", True, False)
    assert [*first["data"], *rest["data"]] == whole["data"] == everybody["data"]
    assert nobody == {"object": "list", "data": [], "last_id": None, "has_more": False}


@pytest.mark.parametrize(("verb", "body"), VERBS, ids=[verb for verb, _ in VERBS])
async def test_an_account_that_nobody_has_configured_is_not_found(pair: Running, verb, body):
    problem(await pair.operator.post(f"{ADMIN}/nobody/{verb}", json=body), 404, "not_found")


@pytest.mark.parametrize(
    ("verb", "body", "field"),
    [
        pytest.param("credits", {}, "credits", id="no-credits"),
        pytest.param("credits", {"credits": -1}, "credits", id="less-than-none"),
        pytest.param("credits", {"credits": 10**12 + 1}, "credits", id="more-than-anybody-has"),
        pytest.param("credits", {"credits": "many"}, "credits", id="a-word-for-a-number"),
        pytest.param("pause", {"note": "x" * 1_001}, "note", id="a-letter"),
        pytest.param("pause", {"why": "so"}, "why", id="a-field-nobody-knows"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_named(pair: Running, verb, body, field):
    refusal = problem(await pair.operator.post(f"{ADMIN}/veo-main/{verb}", json=body), 422, "invalid_request")

    assert [one["pointer"] for one in refusal["errors"]] == [f"#/{field}"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("after=evt_1", 400, "malformed_request"),
        ("limit=0", 422, "invalid_request"),
        ("limit=101", 422, "invalid_request"),
        ("colour=red", 400, "malformed_request"),
    ],
)
async def test_an_odd_page_of_events_is_refused(pair: Running, query, status, code):
    problem(await pair.operator.get(f"{ADMIN}/events?{query}"), status, code)


async def test_who_is_no_operator_may_neither_look_behind_nor_act(pair: Running):
    for tenant in (pair.client, pair.other):
        problem(await tenant.get(ADMIN), 403, "forbidden")
        problem(await tenant.get(f"{ADMIN}/events"), 403, "forbidden")
        for verb, body in VERBS:
            problem(await tenant.post(f"{ADMIN}/veo-main/{verb}", json=body), 403, "forbidden")
    assert (await events(pair, account="veo-main"))["data"] == []


async def test_an_operator_alone_is_no_tenant_who_may_look(pair: Running):
    problem(await pair.operator.get("/v1/providers"), 403, "forbidden")


async def test_who_has_no_key_sees_nothing(pair: Running):
    problem(await pair.client.get("/v1/providers", headers={"authorization": ""}), 401, "unauthenticated")


async def test_what_is_left_of_a_minute_and_a_day_is_shown_and_when_they_are_whole_again(tmp_path):
    async with running(Setup(folder=tmp_path, per_minute=600, per_day=9_000)) as here:
        before = (await providers(here))["veo-main"]["limits"]
        began = here.gateway.clock.now() // 1000
        await here.finished((await here.create("a boat", gateway={"only": ["veo-main"]}))["id"])
        after = (await providers(here))["veo-main"]["limits"]
        asked = 600 - after["per_minute"]["left"]

    assert before["per_minute"] == {"limit": 600, "running": None, "left": 600, "resets_at": None}
    assert before["per_day"] == {"limit": 9_000, "running": None, "left": 9_000, "resets_at": None}
    assert asked >= 2, "it was sent, and asked how it is"
    assert after["per_day"]["left"] == 9_000 - asked
    assert 60 <= after["per_minute"]["resets_at"] - began <= 60 + 60
    assert 86_400 <= after["per_day"]["resets_at"] - began <= 86_400 + 2 * 1_440
