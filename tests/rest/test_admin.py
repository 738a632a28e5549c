"""/v1/admin: what operators see and do, and that nobody else does."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.rest.operations import OPERATIONS
from schema.errors import NotUnknown
from schema.tenant import Funding, FundingMode, Scope
from tests.flows.engine import until
from tests.flows.test_resolutions import accepted, answered
from tests.rest.answers import problem
from tests.rest.test_openapi import checked
from tests.support.running import FAST, Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADMIN = "/v1/admin"
PROMPT = "[sim:drop-before-accept] a fox that waits for the last train, and for the one after it, in a very long story"
NOBODY = "att_" + "0" * 26
OPERATORS = [key for key, operation in OPERATIONS.items() if operation.scope is Scope.OPERATOR]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """One whose accounts are sent to however much they lost."""
    careless = replace(FAST, breaker_failures=1_000_000)
    async with running(Setup(folder=tmp_path_factory.mktemp("pair"), timing=careless, concurrent=1_000)) as both:
        yield both


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def prepaid(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    funding = Funding(mode=FundingMode.PREPAID, opening=20_000_000)
    async with running(Setup(folder=tmp_path_factory.mktemp("prepaid"), funding=funding)) as both:
        yield both


async def lost(here: Running) -> tuple[str, str]:
    """A video that has failed, and its attempt, which nobody knows the outcome of."""
    created = await here.create(PROMPT, gateway={"only": ["veo3o1"]})
    video = await here.finished(created["id"])
    return video["id"], video["gateway"]["attempts"][0]["id"]


async def unknown(here: Running, **params: Any) -> list[dict[str, Any]]:
    response = await here.operator.get(f"{ADMIN}/attempts", params=params)
    assert response.status_code == 200, response.text
    checked(response.json(), "UnknownAttemptPage")
    data: list[dict[str, Any]] = response.json()["data"]
    return data


# unknown attempts


async def test_an_unknown_attempt_shows_what_helps_to_find_it_and_no_more_of_its_prompt(pair: Running):
    video, attempt = await lost(pair)

    [shown] = [one for one in await unknown(pair, state="unknown") if one["id"] == attempt]

    assert (shown["video"], shown["video_status"], shown["tenant"]) == (video, "failed", "acme")
    assert (shown["account"], shown["provider"], shown["state"]) == ("veo-main", "veo3o1", "unknown")
    assert (shown["prompt"], shown["prompt_sha256"]) == (PROMPT[:80], hashlib.sha256(PROMPT.encode()).hexdigest())
    assert (shown["credits"], shown["micros"]) == (2, 400_000)
    assert (shown["key"], shown["keyed"], shown["replays"], shown["callback"]) == (attempt, False, 0, False)
    assert (shown["reason"]["code"], shown["provider_ref"]) == ("lost", None)
    assert 0 <= shown["age_seconds"] < 60


async def test_unknown_attempts_are_read_a_page_at_a_time_and_narrowed(pair: Running):
    made = [(await lost(pair))[1] for _ in range(2)]

    first = (await pair.operator.get(f"{ADMIN}/attempts?limit=1")).json()
    rest = await unknown(pair, after=first["last_id"])

    assert first["has_more"] is True
    assert [first["last_id"], *(one["id"] for one in rest)] == sorted([first["last_id"], *(one["id"] for one in rest)])
    assert set(made) <= {one["id"] for one in await unknown(pair, account="veo-main", tenant="acme")}
    assert await unknown(pair, account="doitong-main") == []
    assert await unknown(pair, tenant="other") == []


@pytest.mark.parametrize("query", ["state=running", "limit=0", "limit=101"])
async def test_a_list_that_can_not_be_is_refused(pair: Running, query):
    problem(await pair.operator.get(f"{ADMIN}/attempts?{query}"), 422, "invalid_request")


async def test_a_void_is_written_down_with_its_operator(pair: Running):
    video, attempt = await lost(pair)

    response = await pair.operator.post(f"{ADMIN}/attempts/{attempt}/void", json={"credits": 1, "note": "not there"})
    listed = (await pair.operator.get(f"{ADMIN}/resolutions?limit=1")).json()

    resolution = response.json()
    assert response.status_code == 200, response.text
    checked(resolution, "Resolution")
    checked(listed, "ResolutionPage")
    assert listed["data"] == [resolution]
    assert (resolution["verb"], resolution["attempt"], resolution["video"]) == ("void", attempt, video)
    assert (resolution["actor"], resolution["note"]) == ("house …hijk", "not there")
    assert (resolution["credits"], resolution["ref"]) == (1, None)
    assert attempt not in {one["id"] for one in await unknown(pair)}


async def test_what_is_resolved_can_not_be_resolved_again(pair: Running):
    _, attempt = await lost(pair)
    await pair.operator.post(f"{ADMIN}/attempts/{attempt}/void", json={})

    for verb, body in (("void", {}), ("bind", {"ref": "uuid"})):
        refused = await pair.operator.post(f"{ADMIN}/attempts/{attempt}/{verb}", json=body)
        assert problem(refused, 409, "not_unknown")["title"] == NotUnknown.title


@pytest.mark.parametrize("id", [NOBODY, "att_1", "video_" + "0" * 26])
async def test_an_attempt_that_is_none_is_not_found(pair: Running, id):
    problem(await pair.operator.post(f"{ADMIN}/attempts/{id}/bind", json={"ref": "uuid"}), 404, "not_found")
    problem(await pair.operator.post(f"{ADMIN}/attempts/{id}/void", json={}), 404, "not_found")


@pytest.mark.parametrize(
    ("verb", "body", "pointer"),
    [
        pytest.param("bind", {}, "#/ref", id="no ref"),
        pytest.param("bind", {"ref": ""}, "#/ref", id="empty ref"),
        pytest.param("bind", {"ref": "two words"}, "#/ref", id="ref with a space"),
        pytest.param("bind", {"ref": "ü"}, "#/ref", id="ref that is not ASCII"),
        pytest.param("bind", {"ref": "x" * 257}, "#/ref", id="ref too long"),
        pytest.param("bind", {"ref": "a", "note": "x" * 1001}, "#/note", id="note too long"),
        pytest.param("void", {"credits": -1}, "#/credits", id="negative credits"),
        pytest.param("void", {"credits": "2"}, "#/credits", id="credits as text"),
        pytest.param("void", {"reason": "x"}, "#/reason", id="unknown field"),
    ],
)
async def test_what_an_operator_says_wrong_is_named_and_nothing_is_changed(pair: Running, verb, body, pointer):
    _, attempt = await lost(pair)

    response = await pair.operator.post(f"{ADMIN}/attempts/{attempt}/{verb}", json=body)

    assert problem(response, 422, "invalid_request")["errors"][0]["pointer"] == pointer
    assert attempt in {one["id"] for one in await unknown(pair, limit=100)}


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        pytest.param(b"{", "application/json", 400, "malformed_request", id="no JSON"),
        pytest.param(b"credits=1", "application/x-www-form-urlencoded", 415, "unsupported_media_type", id="a form"),
    ],
)
async def test_a_body_that_can_not_be_read_is_refused(pair: Running, content, kind, status, code):
    _, attempt = await lost(pair)

    response = await pair.operator.post(
        f"{ADMIN}/attempts/{attempt}/void", content=content, headers={"content-type": kind}
    )

    problem(response, status, code)


async def test_suspense_is_told_by_account(pair: Running):
    async def by_account() -> dict[str, dict[str, Any]]:
        body = (await pair.operator.get(f"{ADMIN}/suspense")).json()
        checked(body, "SuspenseList")
        return {one["account"]: one for one in body["data"]}

    await lost(pair)
    before = await by_account()
    _, attempt = await lost(pair)
    between = await by_account()
    await pair.operator.post(f"{ADMIN}/attempts/{attempt}/void", json={})
    after = await by_account()

    assert between["veo-main"]["credits"] == before["veo-main"]["credits"] + 2
    assert between["veo-main"]["micros"] == before["veo-main"]["micros"] + 400_000
    assert between["veo-main"]["attempts"] == before["veo-main"]["attempts"] + 1
    assert after == before
    assert before["veo-main"]["oldest_at"] > 0
    nothing = before["doitong-main"]
    assert (nothing["credits"], nothing["micros"], nothing["attempts"], nothing["oldest_at"]) == (0, 0, 0, None)


# tenants' money


async def balance(here: Running, tenant: str = "acme") -> dict[str, Any]:
    response = await here.operator.get(f"{ADMIN}/tenants/{tenant}/balance")
    assert response.status_code == 200, response.text
    checked(response.json(), "Balance")
    body: dict[str, Any] = response.json()
    return body


async def top_up(here: Running, amount: str, key: str | None = None, **more: Any) -> httpx.Response:
    headers = {} if key is None else {"idempotency-key": key}
    body = {"amount": amount, **more}
    return await here.operator.post(f"{ADMIN}/tenants/acme/top-ups", json=body, headers=headers)


async def test_a_top_up_is_money_to_spend_and_says_who_gave_it(prepaid: Running):
    before = (await balance(prepaid))["available_micros"]

    response = await top_up(prepaid, "12.345678", note="invoice 7")

    entry = response.json()
    assert response.status_code == 201
    checked(entry, "OperatorEntry")
    assert (entry["kind"], entry["tenant"], entry["amount_micros"]) == ("top_up", "acme", 12_345_678)
    assert (entry["actor"], entry["note"]) == ("house …hijk", "invoice 7")
    assert (await balance(prepaid))["available_micros"] == before + 12_345_678


async def test_the_same_key_tops_up_once_and_another_amount_is_refused(prepaid: Running):
    before = (await balance(prepaid))["available_micros"]

    first, again = await top_up(prepaid, "1.00", "once"), await top_up(prepaid, "1.00", "once")
    other = await top_up(prepaid, "2.00", "once")

    assert (again.status_code, again.json()) == (201, first.json())
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    problem(other, 422, "idempotency_key_reused")
    assert (await balance(prepaid))["available_micros"] == before + 1_000_000


async def test_a_correction_takes_and_gives_and_never_more_than_there_is(prepaid: Running):
    before = (await balance(prepaid))["available_micros"]

    async def adjust(amount: str) -> httpx.Response:
        return await prepaid.operator.post(f"{ADMIN}/tenants/acme/adjustments", json={"amount": amount})

    taken, given, too_much, nothing = [await adjust(amount) for amount in ("-1.50", "0.50", "-9999.00", "0")]

    assert (taken.status_code, taken.json()["amount_micros"]) == (201, -1_500_000)
    assert (given.status_code, given.json()["kind"]) == (201, "adjust")
    assert problem(too_much, 422, "invalid_request")["errors"][0]["code"] == "too_much"
    problem(nothing, 422, "invalid_request")
    assert (await balance(prepaid))["available_micros"] == before - 1_000_000


@pytest.mark.parametrize("amount", ["abc", "1e3", "", 0.25, 20, None])
async def test_what_is_no_amount_is_told_how_one_is_written(prepaid: Running, amount):
    response = await prepaid.operator.post(f"{ADMIN}/tenants/acme/top-ups", json={"amount": amount})

    (error,) = problem(response, 422, "invalid_request")["errors"]
    assert (error["code"], error["detail"]) == ("invalid_value", 'must be an amount as text, such as "20.00"')


@pytest.mark.parametrize("amount", ["0", "-1", "1e3", "1.0000001", "", "ten"])
async def test_an_amount_that_is_none_is_refused(prepaid: Running, amount):
    response = await top_up(prepaid, amount)

    assert problem(response, 422, "invalid_request")["errors"][0]["pointer"] == "#/amount"


async def test_a_tenant_that_is_none_is_not_found_and_one_that_pays_afterwards_has_nothing_to_top_up(
    prepaid: Running, pair: Running
):
    problem(await prepaid.operator.get(f"{ADMIN}/tenants/nobody/balance"), 404, "not_found")
    problem(await prepaid.operator.post(f"{ADMIN}/tenants/nobody/top-ups", json={"amount": "1"}), 404, "not_found")

    refused = problem(await top_up(pair, "1.00"), 422, "invalid_request")

    assert refused["errors"][0]["code"] == "not_prepaid"


# incidents and the quarantine


async def test_incidents_are_listed_by_kind(pair: Running):
    whole = (await pair.operator.get(f"{ADMIN}/incidents")).json()
    none = (await pair.operator.get(f"{ADMIN}/incidents?kind=orphan_hook")).json()

    checked(whole, "IncidentPage")
    assert none == {"object": "list", "data": [], "last_id": None, "has_more": False}
    problem(await pair.operator.get(f"{ADMIN}/incidents?kind=bad_luck"), 422, "invalid_request")


async def test_an_incident_says_what_happened_to_whom(pair: Running):
    _, attempt = await lost(pair)
    await pair.operator.post(f"{ADMIN}/attempts/{attempt}/void", json={})
    await turned_up(pair, attempt)

    [shown] = [one for one in await incidents(pair) if one["attempt"] == attempt]

    assert (shown["kind"], shown["tenant"], shown["account"]) == ("duplicate_charge", "acme", "veo-main")
    assert shown["data"]["second"] == "uuid-of-a-replay"


async def incidents(here: Running) -> list[dict[str, Any]]:
    body = (await here.operator.get(f"{ADMIN}/incidents?limit=100&kind=duplicate_charge")).json()
    checked(body, "IncidentPage")
    data: list[dict[str, Any]] = body["data"]
    return data


async def turned_up(here: Running, attempt: str) -> None:
    found = await here.gateway.store.read(lambda tx: tx.attempts.get(attempt))
    assert found is not None
    await answered(here, found, accepted("uuid-of-a-replay"))


async def test_a_quarantine_is_seen_and_ended(tmp_path):
    async with running(Setup(folder=tmp_path)) as here:
        now = here.gateway.clock.now()
        await here.gateway.store.write(lambda tx: tx.instance.quarantine(now, "monday.db"))
        await until(here.gateway.quarantine.is_on)
        before = (await here.operator.get(f"{ADMIN}/quarantine")).json()

        released = await here.operator.post(f"{ADMIN}/quarantine/release", json={"waiting": "resume"})
        after = (await here.operator.get(f"{ADMIN}/quarantine")).json()

        checked(before, "Quarantine")
        checked(released.json(), "Released")
        assert (before["on"], before["restored_from"]) == (True, "monday.db")
        assert released.json() == {"resumed": 0, "failed": 0}
        assert (after["on"], after["released_by"]) == (False, "house …hijk")


# nobody else


@pytest.mark.parametrize(("method", "path"), OPERATORS, ids=[f"{method} {path}" for method, path in OPERATORS])
async def test_who_is_no_operator_is_refused_before_anything_is_looked_at(pair: Running, method, path):
    for client in (pair.client, pair.other):
        url = path.format(attempt_id=NOBODY, tenant_id="acme", account_id="veo-main", key_id="key_x", version=1)
        response = await client.request(method, url)
        problem(response, 403, "forbidden")


async def test_every_admin_route_is_the_operators():
    assert {key for key in OPERATIONS if key[1].startswith(ADMIN)} == set(OPERATORS)


async def test_an_operators_key_reads_no_videos(pair: Running):
    created = await pair.create("[sim:stuck]")

    problem(await pair.operator.get(f"/v1/videos/{created['id']}"), 403, "forbidden")
