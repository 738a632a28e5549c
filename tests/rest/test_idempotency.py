"""Idempotency-Key: one wish is one video, however often it is sent."""

import asyncio

import pytest

from tests.rest.answers import problem
from tests.support.running import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

URL = "/v1/videos"


async def test_a_replay_shows_the_same_video_as_it_is_now(pair: Running):
    key, wish = {"idempotency-key": "replay"}, {"prompt": "a swan [sim:instant]"}
    first = await pair.client.post(URL, json=wish, headers=key)
    await pair.finished(first.json()["id"])

    again = await pair.client.post(URL, json=wish, headers=key)

    assert again.status_code == first.status_code == 202
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert again.json()["status"] == "completed"
    assert len(again.json()["gateway"]["attempts"]) == 1


async def test_quotes_around_a_key_do_not_matter(pair: Running):
    bare = await pair.client.post(URL, json={"prompt": "x"}, headers={"idempotency-key": "quoted"})

    quoted = await pair.client.post(URL, json={"prompt": "x"}, headers={"idempotency-key": '"quoted"'})

    assert quoted.json()["id"] == bare.json()["id"]


async def test_another_wish_under_the_same_key_is_refused_for_good(pair: Running):
    key = {"idempotency-key": "reused"}
    await pair.client.post(URL, json={"prompt": "x"}, headers=key)

    response = await pair.client.post(URL, json={"prompt": "y"}, headers=key)

    body = problem(response, 422, "idempotency_key_reused")
    assert body["error"]["type"] == "idempotency_error"
    assert response.headers["x-should-retry"] == "false"


async def test_twenty_at_once_under_one_key_are_one_video(pair: Running):
    headers = {"idempotency-key": "twenty"}

    responses = await asyncio.gather(*(pair.client.post(URL, json={"prompt": "x"}, headers=headers) for _ in range(20)))

    assert {response.status_code for response in responses} == {202}
    assert len({response.json()["id"] for response in responses}) == 1
    assert sum("idempotent-replayed" not in response.headers for response in responses) == 1


async def test_one_tenants_key_means_nothing_to_another(pair: Running):
    key, wish = {"idempotency-key": "theirs"}, {"prompt": "x"}

    ours = await pair.client.post(URL, json=wish, headers=key)
    theirs = await pair.other.post(URL, json=wish, headers=key)

    assert ours.json()["id"] != theirs.json()["id"]
    assert "idempotent-replayed" not in theirs.headers


async def test_a_refused_wish_does_not_use_the_key_up(pair: Running):
    key = {"idempotency-key": "refused-first"}
    problem(await pair.client.post(URL, json={"prompt": ""}, headers=key), 422, "invalid_request")

    response = await pair.client.post(URL, json={"prompt": "x"}, headers=key)

    assert response.status_code == 202
    assert "idempotent-replayed" not in response.headers


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(["x" * 256], id="too long"),
        pytest.param([""], id="empty"),
        pytest.param(['""'], id="empty in quotes"),
        pytest.param(["two words"], id="a space"),
        pytest.param(["clé".encode()], id="not ASCII"),
        pytest.param(["one", "one"], id="twice"),
    ],
)
async def test_a_key_that_is_none_is_refused(pair: Running, keys: list[str | bytes]):
    headers = [("idempotency-key", key) for key in keys]

    response = await pair.client.post(URL, json={"prompt": "x"}, headers=headers)  # type: ignore[arg-type]

    body = problem(response, 400, "malformed_request")
    assert body["errors"][0]["header"] == "Idempotency-Key"
    assert body["error"]["param"] == "Idempotency-Key"


@pytest.mark.parametrize("key", ["x" * 255, "a/b?c=d&e", '"', "~!@#$%^&*()"], ids=["longest", "url", "quote", "signs"])
async def test_any_visible_ascii_is_a_key(pair: Running, key: str):
    response = await pair.client.post(URL, json={"prompt": "x"}, headers={"idempotency-key": key})

    assert response.status_code == 202
