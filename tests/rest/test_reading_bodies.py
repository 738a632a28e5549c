"""What bodies may say in more than one way, and what none may say."""

import pytest

from tests.rest.answers import problem
from tests.support.running import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_whole_number_may_be_written_with_a_point(pair: Running):
    created = await pair.client.post("/v1/videos", json={"prompt": "a boat", "gateway": {"deadline_seconds": 90.0}})
    refused = await pair.client.post("/v1/videos", json={"prompt": "a boat", "gateway": {"deadline_seconds": 90.5}})

    assert created.status_code == 202
    assert problem(refused, 422, "invalid_request")["errors"][0]["pointer"] == "#/gateway/deadline_seconds"


async def test_the_same_wish_is_the_same_with_and_without_the_point(pair: Running):
    key = {"idempotency-key": "a-point"}
    first = await pair.client.post("/v1/videos", json={"prompt": "a boat", "seconds": 5}, headers=key)
    again = await pair.client.post(
        "/v1/videos",
        content=b'{"seconds": 5.0, "prompt": "a boat"}',
        headers={**key, "content-type": "application/json"},
    )

    assert again.json()["id"] == first.json()["id"]


@pytest.mark.parametrize(
    "form", [{"gateway[only][]": "doitong-main"}, {"gateway[only]": "doitong-main", "gateway[exclude]": ""}]
)
async def test_a_form_writes_a_list_of_one_with_or_without_brackets(pair: Running, form: dict[str, str]):
    plain = {"prompt": "a boat", "gateway": {"only": ["doitong-main"]}}

    written = (await pair.client.post("/v1/quotes", data={"prompt": "a boat", **form})).json()

    said = (await pair.client.post("/v1/quotes", json=plain)).json()
    assert [one["account"] for one in written["decision"]["candidates"] if not one["excluded"]] == [
        one["account"] for one in said["decision"]["candidates"] if not one["excluded"]
    ]


@pytest.mark.parametrize(
    ("path", "field"), [("/v1/videos", "prompt"), ("/v1/quotes", "metadata"), ("/v1/video_batches", "videos")]
)
async def test_a_body_nested_too_deeply_is_refused(pair: Running, path: str, field: str):
    deep = b'{"' + field.encode() + b'": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"

    answer = await pair.client.post(path, content=deep, headers={"content-type": "application/json"})

    problem(answer, 400, "malformed_request")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/client_tokens?limit=101",
        "/v1/client_tokens?limit=0",
    ],
)
async def test_a_page_of_client_tokens_has_its_bounds_too(pair: Running, path: str):
    problem(await pair.client.get(path), 422, "invalid_request")


@pytest.mark.parametrize("after", ["\0", "evt_\0", "evt_" + "\0" * 26, "\u0663", "x" * 4000])
async def test_what_is_no_events_id_is_refused_wherever_a_stream_begins(pair: Running, after: str):
    video = (await pair.create("[sim:stuck]"))["id"]

    for path in (f"/v1/videos/{video}/events", "/v1/events"):
        answer = await pair.client.get(path, params={"after": after}, headers={"accept": "text/event-stream"})

        problem(answer, 400, "malformed_request")


async def test_a_header_that_may_be_left_out_has_a_bound_all_the_same(pair: Running):
    fine = await pair.client.get("/v1/videos", headers={"prefer": "x" * 2048})
    refused = await pair.client.get("/v1/videos", headers={"prefer": "x" * 2049})

    assert fine.status_code == 200
    problem(refused, 431, "headers_too_large")
