"""What videos cost whom: holds, charges, refusals for want of money, and warnings before it comes to that."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from schema.event import EventType
from schema.tenant import Funding, FundingMode
from tests.rest.answers import problem
from tests.support.running import Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

VIDEOS = "/v1/videos"
PREPAID = FundingMode.PREPAID
VEO = {"gateway": {"only": ["veo3o1"]}}
VEO_COSTS = 400_000


async def balance(client: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get("/v1/balance")).json()
    return found


async def until(pair: Running, id: str, good: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The video once it is as wanted: after its end no event tells of money."""
    async with asyncio.timeout(60):
        while True:
            video: dict[str, Any] = (await pair.client.get(f"{VIDEOS}/{id}")).json()
            if good(video):
                return video
            await asyncio.sleep(0.02)


def settled(video: dict[str, Any]) -> bool:
    return not video["gateway"]["cost"]["held_micros"]


def money(video: dict[str, Any]) -> tuple[int | None, int | None, bool]:
    cost = video["gateway"]["cost"]
    return cost["held_micros"], cost["charged_micros"], video["gateway"]["provider_may_still_bill"]


async def test_what_a_video_may_cost_is_held_and_what_it_did_cost_is_charged(tmp_path: Path):
    async with running(Setup(folder=tmp_path, funding=Funding(mode=PREPAID, opening=1_000_000))) as pair:
        fresh = await balance(pair.client)
        created = await pair.create("a boat [sim:slow]")
        meanwhile = await balance(pair.client)
        ended = await pair.finished(created["id"])
        after = await balance(pair.client)

    assert fresh == {
        "object": "balance",
        "currency": "USD",
        "mode": "prepaid",
        "balance_micros": 1_000_000,
        "available_micros": 1_000_000,
        "held_micros": 0,
        "spent_micros": 0,
        "budgets": [],
    }
    assert money(created) == (200_000, None, False)
    assert (meanwhile["available_micros"], meanwhile["held_micros"]) == (800_000, 200_000)
    assert meanwhile["balance_micros"] == 800_000
    assert money(ended) == (0, 100_000, False)
    assert ended["gateway"]["attempts"][0]["cost"]["micros"] == 100_000
    assert (after["available_micros"], after["held_micros"], after["spent_micros"]) == (900_000, 0, 100_000)


async def test_a_balance_is_told_beside_what_a_tighter_budget_leaves_of_it(tmp_path: Path):
    tight = Funding(mode=PREPAID, opening=1_000_000, per_day=300_000)
    async with running(Setup(folder=tmp_path, funding=tight)) as pair:
        await pair.finished((await pair.create("a boat [sim:instant]"))["id"])
        own = await balance(pair.client)
        shown = (await pair.operator.get("/v1/admin/tenants/acme/balance")).json()

    assert (own["balance_micros"], own["available_micros"]) == (900_000, 200_000)
    assert shown == own


async def test_who_pays_afterwards_has_no_balance(pair: Running):
    assert (await balance(pair.client))["balance_micros"] is None


async def test_a_failed_video_costs_nothing(pair: Running):
    before = await balance(pair.client)

    video = await pair.finished((await pair.create("a boat [sim:fail]"))["id"])

    assert money(video) == (0, None, False)
    assert (await balance(pair.client))["spent_micros"] == before["spent_micros"]


async def test_without_money_nothing_is_accepted_and_with_more_the_same_key_works(tmp_path: Path):
    key, wish = {"idempotency-key": "short"}, {"prompt": "a boat [sim:instant]"}
    async with running(Setup(folder=tmp_path, funding=Funding(mode=PREPAID, opening=150_000))) as pair:
        quote = (await pair.client.post("/v1/quotes", json=wish)).json()
        refused = await pair.client.post(VIDEOS, json=wish, headers=key)
        none = (await pair.client.get(VIDEOS)).json()["data"]
        await pair.gateway.ledger.top_up("acme", 50_000, actor="test", note="more", key=None)
        accepted = await pair.client.post(VIDEOS, json=wish, headers=key)
        again = await pair.client.post(VIDEOS, json=wish, headers=key)

    body = problem(refused, 402, "insufficient_funds")
    assert body["error"]["type"] == "insufficient_quota"
    assert body["detail"] == ("This video may cost 0.20 USD, and 0.15 USD is left on your balance: 0.05 USD is missing")
    assert body["errors"] == []
    assert refused.headers["x-should-retry"] == "false"
    assert "retry-after" not in refused.headers
    assert body["funds"] == {
        "currency": "USD",
        "needed_micros": 200_000,
        "available_micros": 150_000,
        "missing_micros": 50_000,
        "period": None,
    }
    assert quote["missing_micros"] == 50_000
    assert none == []
    assert accepted.status_code == again.status_code == 202
    assert "idempotent-replayed" not in accepted.headers
    assert again.headers["idempotent-replayed"] == "true"


async def test_only_a_refusal_for_money_speaks_of_funds(pair: Running):
    refused = await pair.client.post(VIDEOS, json={"prompt": ""})

    assert "funds" not in problem(refused, 422, "invalid_request")


async def test_a_budget_is_warned_of_once_a_share_and_then_refuses(tmp_path: Path):
    async with running(Setup(folder=tmp_path, funding=Funding(per_day=1_000_000))) as pair:
        for _ in range(4):
            await pair.create("[sim:stuck]")
        fifth = await pair.create("[sim:fail]")
        await pair.finished(fifth["id"])
        freed = await balance(pair.client)
        sixth = await pair.create("[sim:stuck]")
        refused = await pair.client.post(VIDEOS, json={"prompt": "[sim:stuck]"})
        videos = (await pair.client.get(VIDEOS)).json()["data"]
        full = await balance(pair.client)
        events = [
            (event.video, event.data["budget"])
            for video in videos
            for event in await pair.gateway.store.read(
                lambda tx, id=video["id"]: tx.events.after("acme", id, 0)  # type: ignore[misc]  # the loop's own id
            )
            if event.type is EventType.BUDGET_WARNING
        ]

    (budget,) = full["budgets"]
    assert (budget["limit_micros"], budget["used_micros"], full["available_micros"]) == (1_000_000, 1_000_000, 0)
    assert (full["mode"], freed["available_micros"]) == ("postpaid", 200_000)
    assert sorted((video, warning["percent"]) for video, warning in events) == sorted(
        [(videos[2]["id"], 80), (fifth["id"], 100)]
    )
    assert {warning["period"] for _, warning in events} == {budget["period"]}
    assert videos[0]["id"] == sixth["id"]
    funds = problem(refused, 402, "insufficient_funds")["funds"]
    assert (funds["available_micros"], funds["missing_micros"]) == (0, 200_000)
    assert funds["period"] == budget["period"]


async def test_canceling_before_a_provider_has_it_is_free(tmp_path: Path):
    async with running(Setup(folder=tmp_path, concurrent=1)) as pair:
        await pair.begun((await pair.create("[sim:stuck]", **VEO))["id"])
        waiting = await pair.create("[sim:stuck]", **VEO)

        canceled = (await pair.client.post(f"{VIDEOS}/{waiting['id']}/cancel")).json()
        held = (await balance(pair.client))["held_micros"]

    assert waiting["gateway"]["cost"]["held_micros"] == VEO_COSTS
    assert canceled["status"] == "canceled"
    assert money(canceled) == (0, None, False)
    assert held == VEO_COSTS, "the other one's"


@pytest.mark.parametrize(
    ("prompt", "charged"),
    [
        pytest.param("a boat [sim:slow]", VEO_COSTS, id="and it finishes"),
        pytest.param("a boat [sim:slow] [sim:fail]", None, id="and it fails"),
    ],
)
async def test_canceling_later_costs_what_the_provider_does(pair: Running, prompt: str, charged: int | None):
    created = await pair.create(prompt, **VEO)
    await pair.begun(created["id"])
    before = await balance(pair.client)

    response = await pair.client.post(f"{VIDEOS}/{created['id']}/cancel")
    canceled, meanwhile = response.json(), await balance(pair.client)
    later = await until(pair, created["id"], settled)
    after = await balance(pair.client)

    assert canceled["status"] == later["status"] == "canceled"
    assert money(canceled) == (VEO_COSTS, None, True)
    assert meanwhile["held_micros"] == before["held_micros"]
    assert money(later) == (0, charged, False)
    assert later["gateway"]["version"] > canceled["gateway"]["version"]
    assert after["spent_micros"] - before["spent_micros"] == (charged or 0)
    assert before["held_micros"] - after["held_micros"] == VEO_COSTS


async def test_a_video_is_canceled_by_itself_when_its_time_is_over(pair: Running):
    response = await pair.client.post(VIDEOS, json={"prompt": "[sim:stuck]"}, headers={"cancel-after": "1s"})

    video = await pair.finished(response.json()["id"])

    assert (video["status"], video["error"]) == ("canceled", None)


@pytest.mark.parametrize("value", ["0", "soon", "1.5m", "25h", "-1", "", "1h 30m"])
async def test_a_time_to_cancel_after_that_is_none_is_refused(pair: Running, value: str):
    response = await pair.client.post(VIDEOS, json={"prompt": "x"}, headers={"cancel-after": value})

    (error,) = problem(response, 400, "malformed_request")["errors"]
    assert (error["header"], error["code"]) == ("Cancel-After", "invalid_cancel_after")


async def test_header_and_body_must_agree_when_to_cancel(pair: Running):
    wish = {"prompt": "[sim:instant]", "gateway": {"cancel_after_seconds": 60}}

    same = await pair.client.post(VIDEOS, json=wish, headers={"cancel-after": "1m"})
    other = await pair.client.post(VIDEOS, json=wish, headers={"cancel-after": "2m"})

    assert same.status_code == 202
    (error,) = problem(other, 422, "invalid_request")["errors"]
    assert (error["header"], error["code"]) == ("Cancel-After", "conflict")


async def test_header_and_body_say_the_same_wish(pair: Running):
    key = {"idempotency-key": "cancel-after"}
    in_body = {"prompt": "[sim:instant]", "gateway": {"cancel_after_seconds": 90}}

    first = await pair.client.post(VIDEOS, json=in_body, headers=key)
    again = await pair.client.post(VIDEOS, json={"prompt": "[sim:instant]"}, headers={**key, "cancel-after": "1m30s"})
    other = await pair.client.post(VIDEOS, json={"prompt": "[sim:instant]"}, headers=key)

    assert again.json()["id"] == first.json()["id"]
    problem(other, 422, "idempotency_key_reused")
