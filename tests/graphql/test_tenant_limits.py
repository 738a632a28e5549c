"""A tenant's limits at the GraphQL door: a document counts once, what it creates by the video, and answers say so."""

from pathlib import Path
from typing import Any

import pytest

from schema.tenant import TenantLimits
from tests.graphql.asking import CREATE, post, socket
from tests.support.running import ACME_KEY, Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

WISH = {"prompt": "[sim:stuck] a boat"}
READ = "{ videos(first: 1) { edges { node { id } } } }"
MANY = "mutation B($input: CreateVideosInput!) { createVideos(input: $input) { __typename } }"
IN_FRAGMENTS = """
mutation C($input: CreateVideoInput!) { ... on Mutation { ...One } }
fragment One on Mutation { createVideo(input: $input) { __typename } }
"""


def limited(folder: Path, **limits: int) -> Setup:
    return Setup(folder=folder, limits=TenantLimits(**limits))


async def asked(pair: Running, query: str, **variables: Any) -> tuple[int, str | None]:
    """The status, and what it says is left."""
    answer = await post(pair.client, query, **variables)
    return answer.status_code, answer.headers.get("ratelimit", "").partition(";t=")[0] or None


async def test_who_creates_more_than_it_may_in_a_minute_is_told_so_as_data_and_in_headers(tmp_path):
    async with running(limited(tmp_path, per_minute=1)) as pair:
        first = await post(pair.client, CREATE, input=WISH)
        second = await post(pair.client, CREATE, input=WISH)
        kept = (await pair.client.get("/v1/videos")).json()["data"]

    refused = second.json()["data"]["createVideo"]
    assert first.json()["data"]["createVideo"]["__typename"] == "CreateVideoSuccess"
    assert first.headers["ratelimit"].startswith('"creates";r=0;t=')
    assert (refused["__typename"], refused["code"]) == ("RateLimitedError", "rate_limited")
    assert 1 <= refused["retryAfterSeconds"] <= 60
    assert second.status_code == 200
    assert second.headers["ratelimit-policy"] == '"creates";q=1;w=60'
    assert second.headers["x-ratelimit-remaining"] == "0"
    assert len(kept) == 1


async def test_a_document_counts_once_and_one_that_creates_by_its_videos_alone(tmp_path):
    async with running(limited(tmp_path, per_minute=5, reads_per_minute=3)) as pair:
        counted = [
            await asked(pair, READ),
            await asked(pair, CREATE, input=WISH),
            await asked(pair, MANY, input={"videos": [WISH] * 2}),
            await asked(pair, IN_FRAGMENTS, input=WISH),
            await asked(pair, "{ nonsense }"),
            await asked(pair, 'mutation { cancelVideo(input: {id: "x"}) { __typename } }'),
        ]
        refused = await post(pair.client, READ)

    assert counted == [
        (200, '"reads";r=2'),
        (200, '"creates";r=4'),
        (200, '"creates";r=2'),
        (200, '"creates";r=1'),
        (200, '"reads";r=1'),
        (200, '"reads";r=0'),
    ]
    (error,) = refused.json()["errors"]
    assert refused.status_code == 429
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert int(refused.headers["retry-after"]) == error["extensions"]["retryAfterSeconds"]
    assert refused.headers["ratelimit-policy"] == '"reads";q=3;w=60'


HIDDEN = 'cancelVideo(input: {id: "x"}) { __typename }'


@pytest.mark.parametrize(
    "query",
    [
        MANY.replace("{ createVideos", f"{{ other: {HIDDEN} createVideos"),
        MANY.replace("__typename } }", "__typename } __typename }"),
        MANY.replace("(input: $input)", "(input: $input) @skip(if: true)"),
        MANY.replace("(input: $input)", "(input: $input) @include(if: false)"),
        MANY.replace("{ createVideos", "{ ... @skip(if: true) { createVideos") + "}",
    ],
)
async def test_what_asks_for_more_than_videos_or_perhaps_for_none_counts_as_a_request(tmp_path, query):
    async with running(limited(tmp_path, reads_per_minute=1)) as pair:
        first = await post(pair.client, query, input={"videos": []})
        second = await post(pair.client, query, input={"videos": []})

    assert "errors" not in first.json(), first.text
    assert (first.status_code, second.status_code) == (200, 429)


async def test_both_doors_share_the_minute_and_what_can_not_be_read_counts_too(tmp_path):
    async with running(limited(tmp_path, reads_per_minute=3)) as pair:
        rest = await pair.client.get("/v1/models")
        nothing = await pair.client.post("/graphql", json={})
        third = await asked(pair, READ)
        fourth = await pair.client.get("/v1/models")

    assert (rest.status_code, nothing.status_code, fourth.status_code) == (200, 400, 429)
    assert nothing.headers["ratelimit"].startswith('"reads";r=1;t=')
    assert third == (200, '"reads";r=0')


async def test_too_many_waiting_says_that_limit_in_the_headers_too(tmp_path):
    async with running(limited(tmp_path, queued=1)) as pair:
        pair.gateway.worker.stop()
        await post(pair.client, CREATE, input=WISH)
        refused = await post(pair.client, CREATE, input=WISH)

    data = refused.json()["data"]["createVideo"]
    assert (data["__typename"], data["code"], data["retryAfterSeconds"]) == (
        "RateLimitedError",
        "too_many_requests",
        10,
    )
    assert refused.headers["ratelimit-policy"] == '"queued";q=1;qu="concurrent-requests"'
    assert refused.headers["ratelimit"] == '"queued";r=0;t=10'


async def test_each_operation_on_a_socket_counts(tmp_path):
    async with running(limited(tmp_path, reads_per_minute=2)) as pair, socket(pair.url, ACME_KEY) as ws:
        results = []
        for n in ("1", "2"):
            await ws.subscribe(n, READ)
            results += await ws.results(n)
        await ws.subscribe("3", READ)
        refused = await ws.next()
        over_http = await asked(pair, READ)

    assert [set(one) for one in results] == [{"data"}] * 2
    assert (refused["id"], refused["type"]) == ("3", "error")
    assert refused["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert over_http == (429, '"reads";r=0')
