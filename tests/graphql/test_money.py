"""Money over GraphQL: quotes, the balance, the ledger, refusals; every figure is the one REST shows."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from schema.tenant import Funding, FundingMode
from tests.graphql.asking import ask, codes, create, created, errors, socket
from tests.support.running import ACME_KEY, Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUOTE = """
query Quote($input: CreateVideoInput!) {
  quote(input: $input) {
    id createdAt expiresAt currency account provider lowMicros highMicros expectedMicros missingMicros
    decision { strategy candidates { account able price { lowMicros highMicros } excluded { code } } }
  }
}
"""
BALANCE = (
    "{ balance { currency mode balanceMicros availableMicros heldMicros spentMicros "
    "budgets { period limitMicros usedMicros } } }"
)
LEDGER = """
query Ledger($first: Int, $after: String, $last: Int, $before: String) {
  ledger(first: $first, after: $after, last: $last, before: $before) {
    edges { cursor node { id kind videoId createdAt note postings { account unit amount } } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
VIDEO = """
query Video($id: ID!) {
  video(id: $id) {
    providerMayStillBill
    cost { currency quotedLowMicros quotedMicros heldMicros chargedMicros }
    attempts { creditsLow creditsHigh credits micros }
  }
}
"""
WARNINGS = """
subscription Warnings($id: ID!) {
  videoEvents(id: $id, afterSeq: 0) { type budget { period percent limitMicros usedMicros } }
}
"""
SHORT = """
mutation Create($input: CreateVideoInput!) {
  createVideo(input: $input) {
    __typename
    ... on UserError { message code }
    ... on InsufficientFundsError { neededMicros availableMicros missingMicros period }
  }
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def paid(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A prepaid tenant with a budget and some history."""
    funding = Funding(mode=FundingMode.PREPAID, opening=2_000_000, per_month=1_000_000)
    async with running(Setup(folder=tmp_path_factory.mktemp("paid"), funding=funding)) as gw:
        for prompt in ("a [sim:instant]", "b [sim:fail]"):
            await gw.finished((await gw.create(prompt))["id"])
        await gw.begun((await gw.create("[sim:stuck]"))["id"])
        yield gw


async def test_a_quote_is_the_one_rest_gives(gw: Running) -> None:
    asked = await ask(gw.client, QUOTE, input={"prompt": "a boat", "seconds": 5, "metadata": {"a": "b"}})
    response = await gw.client.post("/v1/quotes", json={"prompt": "a boat", "seconds": 5, "metadata": {"a": "b"}})

    quote, shown = asked["quote"], response.json()
    assert quote["id"].startswith("quote_")
    assert [quote[name] for name in ("currency", "account", "provider")] == [
        shown[name] for name in ("currency", "account", "provider")
    ]
    for spelled, name in (
        ("lowMicros", "low_micros"),
        ("highMicros", "high_micros"),
        ("expectedMicros", "expected_micros"),
        ("missingMicros", "missing_micros"),
    ):
        assert quote[spelled] == shown[name]
    assert quote["decision"]["strategy"] == "CHEAPEST"
    assert [one["account"] for one in quote["decision"]["candidates"]] == [
        one["account"] for one in shown["decision"]["candidates"]
    ]


async def test_a_quote_of_one_door_is_honoured_at_the_other(gw: Running) -> None:
    wish: dict[str, Any] = {"prompt": "a boat [sim:instant]", "seconds": 5}
    quote = (await ask(gw.client, QUOTE, input={**wish, "routing": {"cancelAfterSeconds": 60}}))["quote"]
    over_rest = (await gw.client.post("/v1/quotes", json=wish)).json()

    video = await gw.create(**wish, gateway={"cancel_after_seconds": 60, "quote_id": quote["id"]})
    id = await created(gw.client, **wish, routing={"quoteId": over_rest["id"]})

    assert video["gateway"]["cost"]["quoted_micros"] == quote["highMicros"]
    assert (await ask(gw.client, VIDEO, id=id))["video"]["cost"]["quotedMicros"] == over_rest["high_micros"]


async def test_a_quote_that_is_none_names_the_field_as_it_is_spelled_here(gw: Running) -> None:
    payload = await create(gw.client, routing={"quoteId": "quote_nonsense"})

    assert payload["__typename"] == "InvalidInputError"
    assert [(error["field"], error["code"]) for error in payload["errors"]] == [("routing.quoteId", "unknown_quote")]


async def test_what_can_not_be_made_can_not_be_quoted(gw: Running) -> None:
    (error,) = await errors(gw.client, QUOTE, input={"prompt": "x", "routing": {"maxCost": "0.00"}})

    assert error["extensions"]["code"] == "NO_ROUTE"
    assert {one["field"] for one in error["extensions"]["errors"]} == {"routing.maxCost"}
    assert await codes(gw.client, QUOTE, input={"prompt": ""}) == ["BAD_USER_INPUT"]
    assert await codes(gw.client, QUOTE, input={"prompt": "x", "metadata": {"a": 1}}) == ["BAD_USER_INPUT"]


async def test_the_balance_is_the_one_rest_gives(paid: Running) -> None:
    balance = (await ask(paid.client, BALANCE))["balance"]
    shown = (await paid.client.get("/v1/balance")).json()

    assert balance["mode"] == "PREPAID"
    assert (balance["availableMicros"], balance["heldMicros"], balance["spentMicros"]) == (700_000, 200_000, 100_000)
    assert (shown["available_micros"], shown["held_micros"], shown["spent_micros"]) == (700_000, 200_000, 100_000)
    assert balance["balanceMicros"] == shown["balance_micros"]
    (budget,), (shown_budget,) = balance["budgets"], shown["budgets"]
    assert list(budget.values()) == list(shown_budget.values())
    assert (budget["limitMicros"], budget["usedMicros"]) == (1_000_000, 300_000)


async def test_the_ledger_is_the_one_rest_gives(paid: Running) -> None:
    edges = (await ask(paid.client, LEDGER))["ledger"]["edges"]
    shown = (await paid.client.get("/v1/ledger")).json()["data"]

    assert [
        {
            "id": edge["node"]["id"],
            "kind": edge["node"]["kind"].lower(),
            "video_id": edge["node"]["videoId"],
            "note": edge["node"]["note"],
            "postings": edge["node"]["postings"],
        }
        for edge in edges
    ] == [{name: one[name] for name in ("id", "kind", "video_id", "note", "postings")} for one in shown]
    kinds = [edge["node"]["kind"] for edge in edges]
    assert (kinds[:3], kinds[-2:]) == (["HOLD", "RELEASE", "HOLD"], ["HOLD", "TOP_UP"])
    assert sorted(kinds[3:5]) == ["CAPTURE", "RELEASE"], "of one moment"


async def test_the_ledger_is_walked_both_ways(paid: Running) -> None:
    whole = [edge["node"]["id"] for edge in (await ask(paid.client, LEDGER))["ledger"]["edges"]]

    first = (await ask(paid.client, LEDGER, first=3))["ledger"]
    second = (await ask(paid.client, LEDGER, first=3, after=first["pageInfo"]["endCursor"]))["ledger"]
    back = (await ask(paid.client, LEDGER, last=2, before=second["pageInfo"]["startCursor"]))["ledger"]
    end = (await ask(paid.client, LEDGER, last=2))["ledger"]

    def ids(connection: dict[str, Any]) -> list[str]:
        return [edge["node"]["id"] for edge in connection["edges"]]

    assert ids(first) + ids(second) == whole[:6]
    assert (first["pageInfo"]["hasNextPage"], first["pageInfo"]["hasPreviousPage"]) == (True, False)
    assert ids(back) == whole[1:3]
    assert ids(end) == whole[-2:]
    assert (end["pageInfo"]["hasNextPage"], end["pageInfo"]["hasPreviousPage"]) == (False, True)


async def test_a_cursor_of_another_list_is_none(paid: Running) -> None:
    videos = await ask(paid.client, "{ videos { edges { cursor } } }")
    cursor = videos["videos"]["edges"][0]["cursor"]

    assert await codes(paid.client, LEDGER, after=cursor) == ["BAD_USER_INPUT"]
    assert await codes(paid.client, LEDGER, first=101) == ["BAD_USER_INPUT"]
    assert await codes(paid.client, LEDGER, first=1, last=1) == ["BAD_USER_INPUT"]


async def test_a_video_s_money_is_the_same_at_both_doors(paid: Running) -> None:
    for video in (await paid.client.get("/v1/videos")).json()["data"]:
        facts = (await ask(paid.client, VIDEO, id=video["id"]))["video"]
        cost, shown = facts["cost"], video["gateway"]["cost"]

        assert facts["providerMayStillBill"] is video["gateway"]["provider_may_still_bill"] is False
        assert list(cost.values()) == [
            shown[name] for name in ("currency", "quoted_low_micros", "quoted_micros", "held_micros", "charged_micros")
        ]
        assert [list(attempt.values()) for attempt in facts["attempts"]] == [
            list(attempt["cost"].values()) for attempt in video["gateway"]["attempts"]
        ]


async def test_a_canceled_video_may_still_be_billed_while_its_provider_has_it(gw: Running) -> None:
    video = await gw.create("[sim:stuck]")
    await gw.begun(video["id"])
    await gw.client.post(f"/v1/videos/{video['id']}/cancel")

    facts = (await ask(gw.client, VIDEO, id=video["id"]))["video"]

    assert facts["providerMayStillBill"] is True
    assert (facts["cost"]["heldMicros"], facts["cost"]["chargedMicros"]) == (200_000, None)


async def test_too_little_money_is_data_that_says_how_much_is_missing(paid: Running) -> None:
    wish = {"prompt": "[sim:stuck]", "quality": "HIGH", "idempotencyKey": "short"}
    await created(paid.client, prompt="[sim:stuck]", quality="HIGH")

    answer = await ask(paid.client, SHORT, input=wish)
    response = await paid.client.post(
        "/v1/videos", json={"prompt": "[sim:stuck]", "quality": "high"}, headers={"idempotency-key": "short"}
    )

    refused, funds = answer["createVideo"], response.json()["funds"]
    assert refused["__typename"] == "InsufficientFundsError"
    assert refused["code"] == "insufficient_funds"
    assert (refused["neededMicros"], refused["availableMicros"], refused["missingMicros"]) == (
        500_000,
        200_000,
        300_000,
    )
    assert [refused[name] for name in ("neededMicros", "availableMicros", "missingMicros", "period")] == [
        funds[name] for name in ("needed_micros", "available_micros", "missing_micros", "period")
    ]
    assert refused["period"] is not None


async def test_a_budget_that_is_used_up_is_told_as_it_happens(tmp_path: Path) -> None:
    async with running(Setup(folder=tmp_path, funding=Funding(per_day=240_000))) as gw:
        id = await created(gw.client, prompt="a boat [sim:instant]")
        async with socket(gw.url, ACME_KEY) as opened:
            await opened.subscribe("1", WARNINGS, id=id)
            events = [result["data"]["videoEvents"] for result in await opened.results("1")]
        (budget,) = (await ask(gw.client, BALANCE))["balance"]["budgets"]

    (warning,) = [event["budget"] for event in events if event["type"] == "BUDGET_WARNING"]
    assert warning == {"period": budget["period"], "percent": 80, "limitMicros": 240_000, "usedMicros": 200_000}
    assert [event["budget"] for event in events if event["type"] != "BUDGET_WARNING"] == [None] * (len(events) - 1)
