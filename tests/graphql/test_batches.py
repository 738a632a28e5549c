"""createVideos and batch: the same as REST's batches, refusals as data."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from schema.tenant import Funding, FundingMode, TenantLimits
from tests.graphql.asking import ask, codes, post
from tests.support.running import Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

CREATE_VIDEOS = """
mutation Create($input: CreateVideosInput!) {
  createVideos(input: $input) {
    __typename
    ... on CreateVideosSuccess { replayed batch { ...Whole } }
    ... on UserError { message code }
    ... on InvalidInputError { errors { field code } }
    ... on NoRouteError { errors { field code } }
    ... on InsufficientFundsError { neededMicros availableMicros missingMicros period }
    ... on RateLimitedError { retryAfterSeconds }
  }
}
fragment Whole on Batch {
  id createdAt mode wished accepted quotedMicros heldMicros missingMicros missingPlaces
  counts { queued inProgress completed failed canceled }
  videos { id prompt status aspectRatio seconds cost { heldMicros } attempts { state } }
}
"""
BATCH = "query Batch($id: ID!) { batch(id: $id) { id accepted counts { completed } videos { id status } } }"
COSTS = 200_000


def wishes(count: int, **wish: Any) -> list[dict[str, Any]]:
    return [{"prompt": f"[sim:stuck] boat {n}", **wish} for n in range(count)]


async def create(client: httpx.AsyncClient, videos: list[Any], key: str | None = None, **more: Any) -> dict[str, Any]:
    headers = None if key is None else {"idempotency-key": key}
    answer = (await post(client, CREATE_VIDEOS, headers, input={"videos": videos, **more})).json()
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["createVideos"]
    return payload


async def test_a_batch_is_accepted_and_both_doors_show_the_same(gw: Running) -> None:
    payload = await create(gw.client, [{"prompt": f"boat {n} [sim:instant]"} for n in range(3)])
    batch = payload["batch"]
    for video in batch["videos"]:
        await gw.finished(video["id"])

    here = (await ask(gw.client, BATCH, id=batch["id"]))["batch"]
    there = (await gw.client.get(f"/v1/video_batches/{batch['id']}")).json()

    assert payload["__typename"] == "CreateVideosSuccess"
    assert payload["replayed"] is False
    assert (batch["mode"], batch["wished"], batch["accepted"]) == ("ALL", 3, 3)
    assert batch["heldMicros"] == batch["quotedMicros"] == 3 * COSTS
    assert [video["prompt"] for video in batch["videos"]] == [f"boat {n} [sim:instant]" for n in range(3)]
    assert here["counts"]["completed"] == there["counts"]["completed"] == 3
    assert [one["id"] for one in here["videos"]] == [one["id"] for one in there["videos"]]


async def test_every_wrong_wish_is_named_as_the_input_spells_it(gw: Running) -> None:
    wrong = [
        {"prompt": "fine"},
        {"prompt": "x", "inputReference": {"imageUrl": "ftp://example.com/cat.png"}},
        {"prompt": "x", "routing": {"maxCost": "cheap"}},
        {"prompt": "x", "routing": {"onUnknown": "FAIL", "deadlineSeconds": 0}},
        {"prompt": "x", "idempotencyKey": "mine"},
        {"prompt": "x", "model": "sora-2"},
    ]

    payload = await create(gw.client, wrong)

    assert payload["__typename"] == "InvalidInputError"
    assert [(error["field"], error["code"]) for error in payload["errors"]] == [
        ("videos[1].inputReference.imageUrl", "invalid_value"),
        ("videos[2].routing.maxCost", "invalid_value"),
        ("videos[3].routing.deadlineSeconds", "invalid_value"),
        ("videos[4].idempotencyKey", "not_here"),
        ("videos[5].model", "unknown_model"),
    ]


async def test_wishes_that_nobody_can_make_are_no_route(gw: Running) -> None:
    payload = await create(gw.client, [{"prompt": "fine"}, {"prompt": "x", "routing": {"maxCost": "0.001"}}])

    assert payload["__typename"] == "NoRouteError"
    assert {error["field"] for error in payload["errors"]} == {"videos[1].routing.maxCost"}


@pytest.mark.parametrize("count", [0, 101])
async def test_a_batch_has_from_one_to_a_hundred_wishes(gw: Running, count: int) -> None:
    payload = await create(gw.client, wishes(count))

    assert [(error["field"], error["code"]) for error in payload["errors"]] == [("videos", "out_of_range")]


async def test_a_batchs_key_belongs_to_both_doors(gw: Running) -> None:
    rest = await gw.client.post(
        "/v1/video_batches", json={"videos": wishes(2)}, headers={"idempotency-key": "batch-doors"}
    )

    field = await create(gw.client, wishes(2), idempotencyKey="batch-doors")
    header = await create(gw.client, wishes(2), "batch-doors")
    other = await create(gw.client, wishes(3), "batch-doors")

    assert field["replayed"]
    assert field["batch"]["id"] == header["batch"]["id"] == rest.json()["id"]
    assert other["__typename"] == "IdempotencyKeyReusedError"


async def test_too_little_money_is_told_exactly_and_the_affordable_ones_are_accepted(tmp_path: Path) -> None:
    funding = Funding(mode=FundingMode.PREPAID, opening=3 * COSTS + 1)
    async with running(Setup(folder=tmp_path, funding=funding)) as gw:
        refused = await create(gw.client, wishes(5))
        some = await create(gw.client, wishes(5), mode="AFFORDABLE")

    assert refused["__typename"] == "InsufficientFundsError"
    assert (refused["neededMicros"], refused["availableMicros"]) == (5 * COSTS, 3 * COSTS + 1)
    assert refused["missingMicros"] == some["batch"]["missingMicros"] == 2 * COSTS - 1
    assert (some["batch"]["wished"], some["batch"]["accepted"], len(some["batch"]["videos"])) == (5, 3, 3)


async def test_too_little_room_is_refused_with_a_time_to_wait(tmp_path: Path) -> None:
    async with running(Setup(folder=tmp_path, limits=TenantLimits(queued=2))) as gw:
        payload = await create(gw.client, wishes(3))

    assert payload["__typename"] == "RateLimitedError"
    assert payload["retryAfterSeconds"] > 0


@pytest.mark.parametrize("id", ["batch_" + "0" * 26, "nonsense", ""])
async def test_what_does_not_exist_is_null(gw: Running, id: str) -> None:
    assert (await ask(gw.client, BATCH, id=id))["batch"] is None


async def test_another_tenants_batch_is_null(gw: Running) -> None:
    id = (await create(gw.client, wishes(1)))["batch"]["id"]

    assert (await ask(gw.other, BATCH, id=id))["batch"] is None


async def test_a_hundred_videos_can_be_read_whole_but_only_one_batch_is_made_in_a_request(gw: Running) -> None:
    payload = await create(gw.client, wishes(100))
    twice = """mutation Twice($input: CreateVideosInput!) {
      a: createVideos(input: $input) { __typename } b: createVideos(input: $input) { __typename }
    }"""
    much = "query Much($id: ID!) { batch(id: $id) { videos { attempts { id state verdict account provider } } } }"

    assert len(payload["batch"]["videos"]) == 100
    assert await codes(gw.client, twice, input={"videos": wishes(1)}) == ["GRAPHQL_VALIDATION_FAILED"]
    assert (await ask(gw.client, much, id=payload["batch"]["id"]))["batch"]["videos"]
