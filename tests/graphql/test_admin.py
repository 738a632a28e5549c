"""What operators ask and do over GraphQL: refusals are data, and nobody else may."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from msgspec.structs import replace

from schema.tenant import Funding, FundingMode
from tests.flows.test_resolutions import accepted, answered
from tests.graphql.asking import ask, codes, post
from tests.support.running import FAST, Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = """
query Unknown($account: String, $tenant: String, $first: Int! = 100, $after: ID) {
  unknownAttempts(account: $account, tenant: $tenant, first: $first, after: $after) {
    hasMore
    nodes {
      id video videoStatus tenant account provider key keyed replays callback providerRef reason { code } startedAt
      prompt promptSha256 credits micros
    }
  }
}
"""
SUSPENSE = "{ suspense { account credits micros attempts oldestAt } }"
RESOLUTIONS = "{ resolutions(first: 1) { hasMore nodes { verb attempt video tenant account actor note ref credits } } }"
INCIDENTS = """
query Incidents($kind: IncidentKind) {
  incidents(kind: $kind) { hasMore nodes { kind tenant attempt account data } }
}
"""
BIND = """
mutation Bind($id: ID!, $ref: String!) {
  bindAttempt(input: {id: $id, ref: $ref, note: "seen"}) {
    __typename
    ... on BindAttemptSuccess { resolution { verb attempt actor note ref } }
    ... on UserError { message code }
    ... on InvalidInputError { errors { field code } }
  }
}
"""
VOID = """
mutation Void($id: ID!, $credits: Int! = 0) {
  voidAttempt(input: {id: $id, credits: $credits}) {
    __typename
    ... on VoidAttemptSuccess { resolution { verb credits } }
    ... on UserError { message code }
  }
}
"""
TOP_UP = """
mutation TopUp($tenant: String!, $amount: String!, $key: String) {
  topUp(input: {tenant: $tenant, amount: $amount, note: "invoice 7", idempotencyKey: $key}) {
    __typename
    ... on TopUpSuccess { replayed entry { id kind tenant amountMicros actor note } }
    ... on UserError { message code }
    ... on InvalidInputError { errors { field code } }
  }
}
"""
ADJUST = """
mutation Adjust($tenant: String!, $amount: String!) {
  adjustBalance(input: {tenant: $tenant, amount: $amount}) {
    __typename
    ... on AdjustBalanceSuccess { entry { kind amountMicros } }
    ... on UserError { message code }
  }
}
"""
NOBODY = "att_" + "0" * 26


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gw(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A gateway whose tenants pay first, and whose accounts are sent to however much they lost."""
    folder: Path = tmp_path_factory.mktemp("gateway")
    careless, prepaid = replace(FAST, breaker_failures=1_000_000), Funding(mode=FundingMode.PREPAID, opening=20_000_000)
    async with running(Setup(folder=folder, timing=careless, concurrent=1_000, funding=prepaid)) as gateway:
        yield gateway


async def lost(gw: Running, prompt: str = "[sim:drop-before-accept] a fox") -> tuple[str, str]:
    created = await gw.create(prompt, gateway={"only": ["veo3o1"]})
    video = await gw.finished(created["id"])
    return video["id"], video["gateway"]["attempts"][0]["id"]


async def done(gw: Running, mutation: str, name: str, **variables: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await ask(gw.operator, mutation, **variables))[name]
    return payload


async def test_unknown_attempts_and_suspense_are_what_rest_shows(gw: Running) -> None:
    _, attempt = await lost(gw)

    page = (await ask(gw.operator, UNKNOWN))["unknownAttempts"]
    [shown] = [one for one in page["nodes"] if one["id"] == attempt]
    suspense = (await ask(gw.operator, SUSPENSE))["suspense"]

    rest = (await gw.operator.get("/v1/admin/attempts?limit=100")).json()["data"]
    [same] = [one for one in rest if one["id"] == attempt]
    told = (await gw.operator.get("/v1/admin/suspense")).json()["data"]
    for mine, theirs in (("promptSha256", "prompt_sha256"), ("prompt", "prompt"), ("video", "video"), ("key", "key")):
        assert shown[mine] == same[theirs]
    assert (shown["videoStatus"], shown["reason"]) == ("FAILED", {"code": "lost"})
    assert (shown["credits"], shown["micros"]) == (same["credits"], same["micros"]) == (2, 400_000)
    assert [(one["account"], one["credits"], one["attempts"]) for one in suspense] == [
        (one["account"], one["credits"], one["attempts"]) for one in told
    ]


async def test_unknown_attempts_are_read_a_page_at_a_time_and_narrowed(gw: Running) -> None:
    for _ in range(2):
        await lost(gw)

    first = (await ask(gw.operator, UNKNOWN, first=1))["unknownAttempts"]
    rest = (await ask(gw.operator, UNKNOWN, after=first["nodes"][0]["id"]))["unknownAttempts"]
    nobody = (await ask(gw.operator, UNKNOWN, tenant="other"))["unknownAttempts"]

    assert (first["hasMore"], len(first["nodes"])) == (True, 1)
    assert first["nodes"][0]["id"] not in {one["id"] for one in rest["nodes"]}
    assert nobody == {"hasMore": False, "nodes": []}
    assert await codes(gw.operator, UNKNOWN, first=101) == ["BAD_USER_INPUT"]
    assert await codes(gw.operator, UNKNOWN, after="att_1") == ["BAD_USER_INPUT"]


async def test_a_bind_is_written_down_with_its_operator_and_is_final(gw: Running) -> None:
    _, attempt = await lost(gw)

    first = await done(gw, BIND, "bindAttempt", id=attempt, ref="uuid-1")
    again = await done(gw, BIND, "bindAttempt", id=attempt, ref="uuid-1")

    assert first == {
        "__typename": "BindAttemptSuccess",
        "resolution": {"verb": "BIND", "attempt": attempt, "actor": "house …hijk", "note": "seen", "ref": "uuid-1"},
    }
    assert (again["__typename"], again["code"]) == ("ConflictError", "not_unknown")


async def test_a_ref_that_names_another_attempt_is_a_conflict(gw: Running) -> None:
    (_, first), (_, second) = await lost(gw), await lost(gw)
    await done(gw, BIND, "bindAttempt", id=first, ref="uuid-2")

    refused = await done(gw, BIND, "bindAttempt", id=second, ref="uuid-2")

    assert (refused["__typename"], refused["code"]) == ("ConflictError", "ref_taken")
    assert first in refused["message"]


async def test_a_void_is_written_down_and_listed(gw: Running) -> None:
    video, attempt = await lost(gw)

    payload = await done(gw, VOID, "voidAttempt", id=attempt, credits=2)
    listed = (await ask(gw.operator, RESOLUTIONS))["resolutions"]

    assert payload["resolution"] == {"verb": "VOID", "credits": 2}
    assert listed["nodes"] == [
        {
            "verb": "VOID",
            "attempt": attempt,
            "video": video,
            "tenant": "acme",
            "account": "veo-main",
            "actor": "house …hijk",
            "note": "",
            "ref": None,
            "credits": 2,
        }
    ]


@pytest.mark.parametrize("id", [NOBODY, "att_1"])
async def test_an_attempt_that_is_none_is_not_found(gw: Running, id: str) -> None:
    assert (await done(gw, BIND, "bindAttempt", id=id, ref="uuid"))["__typename"] == "NotFoundError"
    assert (await done(gw, VOID, "voidAttempt", id=id))["__typename"] == "NotFoundError"


async def test_what_an_operator_says_wrong_is_named(gw: Running) -> None:
    _, attempt = await lost(gw)

    bad_ref = await done(gw, BIND, "bindAttempt", id=attempt, ref="two words")
    bad_credits = await done(gw, VOID, "voidAttempt", id=attempt, credits=-1)

    assert (bad_ref["__typename"], bad_ref["errors"][0]["field"]) == ("InvalidInputError", "ref")
    assert bad_credits["__typename"] == "InvalidInputError"


async def test_a_top_up_is_booked_once_for_a_key_whichever_way_it_comes(gw: Running) -> None:
    wish = {"tenant": "acme", "amount": "1.50"}
    before = (await gw.operator.get("/v1/admin/tenants/acme/balance")).json()["available_micros"]

    first = await done(gw, TOP_UP, "topUp", key="top-1", **wish)
    again = (await post(gw.operator, TOP_UP, {"idempotency-key": "top-1"}, **wish)).json()["data"]["topUp"]
    rest = await gw.operator.post(
        "/v1/admin/tenants/acme/top-ups", json={"amount": "1.50"}, headers={"idempotency-key": "top-1"}
    )
    other = await done(gw, TOP_UP, "topUp", key="top-1", tenant="acme", amount="2")

    assert (first["replayed"], again["replayed"]) == (False, True)
    assert first["entry"] == again["entry"]
    assert (first["entry"]["id"], first["entry"]["amountMicros"]) == (rest.json()["id"], 1_500_000)
    assert first["entry"]["actor"] == "house …hijk"
    assert other["__typename"] == "IdempotencyKeyReusedError"
    after = (await gw.operator.get("/v1/admin/tenants/acme/balance")).json()["available_micros"]
    assert after == before + 1_500_000


@pytest.mark.parametrize("amount", ["0", "-1", "1e3", "1_000", "ten", "1.0000001"])
async def test_an_amount_that_is_none_is_refused(gw: Running, amount: str) -> None:
    refused = await done(gw, TOP_UP, "topUp", tenant="acme", amount=amount)

    assert (refused["__typename"], refused["errors"][0]["field"]) == ("InvalidInputError", "amount")


async def test_a_balance_is_corrected_down_and_never_below_nothing(gw: Running) -> None:
    taken = await done(gw, ADJUST, "adjustBalance", tenant="acme", amount="-0.25")
    too_much = await done(gw, ADJUST, "adjustBalance", tenant="acme", amount="-99999")
    nobody = await done(gw, ADJUST, "adjustBalance", tenant="nobody", amount="1")

    assert taken["entry"] == {"kind": "ADJUST", "amountMicros": -250_000}
    assert too_much["__typename"] == "InvalidInputError"
    assert nobody["__typename"] == "NotFoundError"


async def test_incidents_are_listed_by_kind(gw: Running) -> None:
    _, attempt = await lost(gw)
    await done(gw, VOID, "voidAttempt", id=attempt)
    found = await gw.gateway.store.read(lambda tx: tx.attempts.get(attempt))
    assert found is not None
    await answered(gw, found, accepted("uuid-of-a-replay"))

    some = (await ask(gw.operator, INCIDENTS, kind="DUPLICATE_CHARGE"))["incidents"]
    none = (await ask(gw.operator, INCIDENTS, kind="ORPHAN_HOOK"))["incidents"]

    assert (some["nodes"][0]["kind"], some["nodes"][0]["attempt"]) == ("DUPLICATE_CHARGE", attempt)
    assert some["nodes"][0]["data"]["second"] == "uuid-of-a-replay"
    assert none == {"hasMore": False, "nodes": []}


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        pytest.param(UNKNOWN, {}, id="unknownAttempts"),
        pytest.param(SUSPENSE, {}, id="suspense"),
        pytest.param(RESOLUTIONS, {}, id="resolutions"),
        pytest.param(INCIDENTS, {}, id="incidents"),
        pytest.param(BIND, {"id": NOBODY, "ref": "uuid"}, id="bindAttempt"),
        pytest.param(VOID, {"id": NOBODY}, id="voidAttempt"),
        pytest.param(TOP_UP, {"tenant": "acme", "amount": "1"}, id="topUp"),
        pytest.param(ADJUST, {"tenant": "acme", "amount": "1"}, id="adjustBalance"),
    ],
)
async def test_who_is_no_operator_is_refused(gw: Running, document: str, variables: dict[str, Any]) -> None:
    for client in (gw.client, gw.other):
        assert await codes(client, document, **variables) == ["FORBIDDEN"]
