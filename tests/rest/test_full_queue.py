"""When too many videos of all tenants wait to start, nobody's are accepted for a while."""

from pathlib import Path

import pytest

from gateway.config.settings import QueueSettings
from tests.graphql.asking import CREATE, post
from tests.rest.answers import problem
from tests.support.running import Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

WISH = {"prompt": "[sim:stuck] a boat"}


async def test_a_full_queue_refuses_creates_and_batches_at_both_doors_with_a_time_to_wait(tmp_path: Path):
    create_videos = "mutation B($input: CreateVideosInput!) { createVideos(input: $input) { __typename } }"
    async with running(Setup(folder=tmp_path, queue=QueueSettings(most=0))) as pair:
        single = await pair.client.post("/v1/videos", json=WISH)
        batch = await pair.client.post("/v1/video_batches", json={"videos": [WISH], "mode": "affordable"})
        asked = (await post(pair.client, CREATE, input=WISH)).json()
        several = (await post(pair.client, create_videos, input={"videos": [WISH]})).json()
        videos = (await pair.client.get("/v1/videos")).json()["data"]

    for answer in (single, batch):
        problem(answer, 503, "queue_full")
        assert int(answer.headers["retry-after"]) > 0
        assert "x-should-retry" not in answer.headers
    for answered in (asked, several):
        (error,) = answered["errors"]
        assert error["extensions"]["code"] == "QUEUE_FULL"
        assert error["extensions"]["retryAfterSeconds"] > 0
    assert videos == []


async def test_a_batch_that_is_larger_than_the_queue_is_refused_or_cut(tmp_path: Path):
    async with running(Setup(folder=tmp_path, queue=QueueSettings(most=3))) as pair:
        whole = await pair.client.post("/v1/video_batches", json={"videos": [WISH] * 4})
        some = await pair.client.post("/v1/video_batches", json={"videos": [WISH] * 4, "mode": "affordable"})

    problem(whole, 503, "queue_full")
    assert (some.json()["accepted"], some.json()["missing_places"]) == (3, 1)


async def test_what_was_accepted_before_is_answered_although_the_queue_is_full(tmp_path: Path):
    key = {"idempotency-key": "before"}
    async with running(Setup(folder=tmp_path)) as pair:
        first = await pair.client.post("/v1/video_batches", json={"videos": [WISH]}, headers=key)
    async with running(Setup(folder=tmp_path, queue=QueueSettings(most=0))) as pair:
        again = await pair.client.post("/v1/video_batches", json={"videos": [WISH]}, headers=key)

    assert again.status_code == 202
    assert again.json()["id"] == first.json()["id"]
