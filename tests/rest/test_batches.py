"""POST /v1/video_batches: wishes that are accepted together, or not at all, or as many as the money covers."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from schema.event import Event
from schema.tenant import Funding, FundingMode, RoutingPolicy, TenantLimits
from schema.video import Strategy
from tests.rest.answers import problem
from tests.support.running import Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

URL = "/v1/video_batches"
VEO = {"gateway": {"only": ["veo3o1"]}}
VEO_COSTS = 400_000
DOITONG_COSTS = 200_000
STUCK = "[sim:stuck]"


def prepaid(opening: int) -> Funding:
    return Funding(mode=FundingMode.PREPAID, opening=opening)


def wishes(count: int, **wish: Any) -> list[dict[str, Any]]:
    return [{"prompt": f"{STUCK} boat {n}", **wish} for n in range(count)]


async def post(client: httpx.AsyncClient, videos: list[Any], key: str | None = None, **body: Any) -> httpx.Response:
    headers = {} if key is None else {"idempotency-key": key}
    return await client.post(URL, json={"videos": videos, **body}, headers=headers)


async def listed(pair: Running) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await pair.client.get("/v1/videos", params={"limit": "100"})).json()["data"]
    return found


async def events(pair: Running, video: str) -> list[Event]:
    return await pair.gateway.store.read(lambda tx: tx.events.after("acme", video, 0))


def fields(body: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["pointer"], one["code"]) for one in body["errors"]]


async def test_wishes_are_accepted_together_and_shown_in_their_order(pair: Running):
    answer = await post(pair.client, [{"prompt": f"boat {n} [sim:instant]"} for n in range(5)])
    batch = answer.json()
    for video in batch["videos"]:
        await pair.finished(video["id"])
    later = (await pair.client.get(answer.headers["location"])).json()

    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"{URL}/{batch['id']}"
    assert "retry-after" in answer.headers
    assert (batch["object"], batch["mode"], batch["wished"], batch["accepted"]) == ("batch", "all", 5, 5)
    assert [video["prompt"] for video in batch["videos"]] == [f"boat {n} [sim:instant]" for n in range(5)]
    assert batch["quoted_micros"] == batch["held_micros"] == 5 * DOITONG_COSTS
    assert (batch["missing_micros"], batch["missing_places"]) == (0, 0)
    assert later["counts"] == {"queued": 0, "in_progress": 0, "completed": 5, "failed": 0, "canceled": 0}
    assert [video["id"] for video in later["videos"]] == [video["id"] for video in batch["videos"]]
    assert later["held_micros"] == 0


async def test_every_wrong_wish_is_named_and_nothing_is_accepted(pair: Running):
    before = await listed(pair)
    wrong = [
        {"prompt": "fine"},
        {"prompt": "x", "seconds": 99},
        {"prompt": ""},
        {"prompt": "x", "model": "sora-2"},
        {"prompt": "x", "gateway": {"max_cost": "0.001"}},
        "nothing",
    ]

    answer = await post(pair.client, wrong)

    body = problem(answer, 422, "invalid_request")
    found = fields(body)
    assert ("#/videos/1/seconds", "invalid_value") in found
    assert ("#/videos/2/prompt", "invalid_value") in found
    assert ("#/videos/3/model", "unknown_model") in found
    assert ("#/videos/4/gateway/max_cost", "over_max_cost") in found
    assert ("#/videos/5", "invalid_value") in found
    assert not [pointer for pointer, _ in found if pointer.startswith("#/videos/0")]
    assert await listed(pair) == before


async def test_wishes_that_nobody_can_make_are_told_apart_from_mistakes(pair: Running):
    answer = await post(pair.client, [{"prompt": "fine"}, {"prompt": "x", "gateway": {"max_cost": "0.001"}}])

    assert {pointer for pointer, _ in fields(problem(answer, 422, "no_route"))} == {"#/videos/1/gateway/max_cost"}


async def test_one_mistake_is_said_in_one_sentence(pair: Running):
    body = problem(await post(pair.client, [{"prompt": "x"}, {"prompt": "x", "seconds": 0}]), 422, "invalid_request")

    assert body["detail"].startswith("videos[1].seconds: ")
    assert body["error"]["param"] == "videos[1].seconds"


@pytest.mark.parametrize("count", [0, 101])
async def test_a_batch_has_from_one_to_a_hundred_wishes(pair: Running, count: int):
    body = problem(await post(pair.client, wishes(count)), 422, "invalid_request")

    assert fields(body) == [("#/videos", "out_of_range")]


@pytest.mark.parametrize("body", [{}, {"videos": 5}, {"videos": [], "mode": "some"}, {"videos": [], "more": 1}])
async def test_what_is_no_batch_is_refused(pair: Running, body: dict[str, Any]):
    problem(await pair.client.post(URL, json=body), 422, "invalid_request")


async def test_only_json_is_read(pair: Running):
    form = await pair.client.post(URL, data={"videos[]": "x"})
    broken = await pair.client.post(URL, content=b'{"videos": [', headers={"content-type": "application/json"})

    problem(form, 415, "unsupported_media_type")
    problem(broken, 400, "malformed_request")


async def test_another_tenants_batch_is_not_there(pair: Running):
    batch = (await post(pair.client, wishes(1))).json()

    problem(await pair.other.get(f"{URL}/{batch['id']}"), 404, "not_found")
    problem(await pair.client.get(f"{URL}/batch_{'0' * 26}"), 404, "not_found")
    problem(await pair.client.get(f"{URL}/nonsense"), 404, "not_found")


async def test_cancel_after_counts_for_every_wish(pair: Running):
    header = {"cancel-after": "30s"}
    same = {"prompt": "x", "gateway": {"cancel_after_seconds": 30}}
    other = {"prompt": "x", "gateway": {"cancel_after_seconds": 31}}

    good = await pair.client.post(URL, json={"videos": [{"prompt": "x"}, same]}, headers=header)
    bad = await pair.client.post(URL, json={"videos": [{"prompt": "x"}, other]}, headers=header)

    assert good.status_code == 202
    assert problem(bad, 422, "invalid_request")["errors"][0]["header"] == "Cancel-After"


async def test_the_same_batch_again_is_the_same_videos_as_they_are_now(pair: Running):
    videos = [{"prompt": "a swan [sim:instant]"}, {"prompt": "a fox [sim:instant]"}]
    first = await post(pair.client, videos, "again")
    for video in first.json()["videos"]:
        await pair.finished(video["id"])

    again = await post(pair.client, videos, "again")

    assert again.status_code == 202
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert again.json()["counts"]["completed"] == 2
    assert "idempotent-replayed" not in first.headers


async def test_another_batch_under_the_same_key_is_refused(pair: Running):
    await post(pair.client, wishes(2), "reused")

    for other in (await post(pair.client, wishes(3), "reused"), await post(pair.client, wishes(2)[::-1], "reused")):
        problem(other, 422, "idempotency_key_reused")
    problem(await post(pair.client, wishes(2), "reused", mode="affordable"), 422, "idempotency_key_reused")


async def test_a_batchs_key_and_a_videos_key_do_not_know_each_other(pair: Running):
    wish = wishes(1)[0]
    batch = await post(pair.client, [wish], "both")
    single = await pair.client.post("/v1/videos", json=wish, headers={"idempotency-key": "both"})

    assert batch.status_code == single.status_code == 202
    assert "idempotent-replayed" not in single.headers
    assert single.json()["id"] != batch.json()["videos"][0]["id"]


async def test_twenty_at_once_under_one_key_are_one_batch(pair: Running):
    answers = await asyncio.gather(*(post(pair.client, wishes(3), "twenty") for _ in range(20)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len({video["id"] for answer in answers for video in answer.json()["videos"]}) == 3
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1


async def test_a_wish_sent_again_by_itself_is_not_one_of_a_batch(pair: Running):
    wish = {"prompt": "sent by itself"}
    batch = (await post(pair.client, [wish])).json()

    again = await pair.client.post("/v1/videos", json=wish, headers={"x-stainless-retry-count": "1"})

    assert again.json()["id"] != batch["videos"][0]["id"]


async def test_money_for_some_is_refused_for_all_and_the_key_stays_free(tmp_path: Path):
    async with running(Setup(folder=tmp_path, funding=prepaid(7 * VEO_COSTS + 100_000))) as pair:
        refused = await post(pair.client, wishes(10, **VEO), "short")
        none = await listed(pair)
        truth = await pair.truth()
        await pair.gateway.ledger.top_up("acme", 3 * VEO_COSTS - 100_001, actor="test", note="more", key=None)
        still = await post(pair.client, wishes(10, **VEO), "short")
        await pair.gateway.ledger.top_up("acme", 1, actor="test", note="more", key=None)
        accepted = await post(pair.client, wishes(10, **VEO), "short")

    body = problem(refused, 402, "insufficient_funds")
    assert body["funds"] == {
        "currency": "USD",
        "needed_micros": 10 * VEO_COSTS,
        "available_micros": 7 * VEO_COSTS + 100_000,
        "missing_micros": 3 * VEO_COSTS - 100_000,
        "period": None,
    }
    assert body["detail"].startswith("These 10 videos may cost 4.00 USD, and 2.90 USD is left on your balance")
    assert none == []
    assert truth["submissions"] == []
    assert problem(still, 402, "insufficient_funds")["funds"]["missing_micros"] == 1
    assert accepted.status_code == 202
    assert accepted.json()["held_micros"] == 10 * VEO_COSTS
    assert "idempotent-replayed" not in accepted.headers


async def test_the_affordable_ones_are_accepted_and_what_the_rest_lacks_is_told_exactly(tmp_path: Path):
    async with running(Setup(folder=tmp_path, funding=prepaid(7 * VEO_COSTS + 100_000))) as pair:
        answer = await post(pair.client, wishes(10, **VEO), "some", mode="affordable")
        again = await post(pair.client, wishes(10, **VEO), "some", mode="affordable")
        missing = answer.json()["missing_micros"]
        short = await post(pair.client, wishes(3, **VEO))
        await pair.gateway.ledger.top_up("acme", missing, actor="test", note="more", key=None)
        rest = await post(pair.client, wishes(3, **VEO))
        none = await post(pair.client, wishes(3, **VEO), mode="affordable")
        balance = (await pair.client.get("/v1/balance")).json()

    batch = answer.json()
    assert (batch["wished"], batch["accepted"], len(batch["videos"])) == (10, 7, 7)
    assert [video["prompt"] for video in batch["videos"]] == [wish["prompt"] for wish in wishes(7)]
    assert batch["missing_micros"] == 3 * VEO_COSTS - 100_000
    assert again.json()["id"] == batch["id"]
    assert again.json()["missing_micros"] == batch["missing_micros"]
    assert problem(short, 402, "insufficient_funds")["funds"]["missing_micros"] == missing
    assert rest.status_code == 202
    assert problem(none, 402, "insufficient_funds")["funds"]["needed_micros"] == 3 * VEO_COSTS
    assert balance["available_micros"] == 0


async def test_a_budget_counts_for_the_whole_batch_and_warns_once(tmp_path: Path):
    async with running(Setup(folder=tmp_path, funding=Funding(per_day=5 * DOITONG_COSTS))) as pair:
        refused = await post(pair.client, wishes(6))
        some = (await post(pair.client, wishes(6), mode="affordable")).json()
        told = [await events(pair, video["id"]) for video in some["videos"]]

    assert problem(refused, 402, "insufficient_funds")["funds"]["period"] is not None
    assert (some["accepted"], some["missing_micros"]) == (5, DOITONG_COSTS)
    assert [event.data["budget"]["percent"] for video in told for event in video if "budget" in event.data] == [80, 100]


async def test_dear_accounts_are_used_while_the_money_also_covers_the_rest_at_the_cheapest(tmp_path: Path):
    policy = RoutingPolicy(strategy=Strategy.ORDERED, order=("veo-main", "doitong-main"))
    money = prepaid(2 * VEO_COSTS + 3 * DOITONG_COSTS)
    async with running(Setup(folder=tmp_path, routing=policy, funding=money)) as pair:
        batch = (await post(pair.client, wishes(5))).json()
        balance = (await pair.client.get("/v1/balance")).json()

    quoted = [video["gateway"]["cost"]["quoted_micros"] for video in batch["videos"]]
    assert quoted == [VEO_COSTS] * 2 + [DOITONG_COSTS] * 3
    assert balance["available_micros"] == 0


async def test_a_promised_quote_is_held_in_a_batch_too(tmp_path: Path):
    wish = {"prompt": f"{STUCK} boat"}
    async with running(Setup(folder=tmp_path, funding=prepaid(2 * DOITONG_COSTS))) as pair:
        quote = (await pair.client.post("/v1/quotes", json=wish)).json()
        quoted = {**wish, "gateway": {"quote_id": quote["id"]}}
        good = await post(pair.client, [quoted, quoted])
        other = await post(pair.client, [{**quoted, "prompt": "another"}])

    assert good.json()["held_micros"] == 2 * quote["high_micros"]
    assert fields(problem(other, 422, "invalid_request")) == [("#/videos/0/gateway/quote_id", "other_wish")]


async def test_the_room_for_waiting_videos_bounds_a_batch(tmp_path: Path):
    async with running(Setup(folder=tmp_path, limits=TenantLimits(queued=4))) as pair:
        refused = await post(pair.client, wishes(5))
        some = (await post(pair.client, wishes(5), mode="affordable")).json()

    assert int(refused.headers["retry-after"]) > 0
    problem(refused, 429, "too_many_requests")
    assert (some["accepted"], some["missing_places"], some["missing_micros"]) == (4, 1, 0)


async def test_what_is_refused_takes_no_room(tmp_path: Path):
    setup = Setup(folder=tmp_path, limits=TenantLimits(queued=4), funding=prepaid(4 * DOITONG_COSTS))
    async with running(setup) as pair:
        for _ in range(3):
            problem(await post(pair.client, wishes(4, **VEO)), 402, "insufficient_funds")
        accepted = await post(pair.client, wishes(4))

    assert accepted.status_code == 202
