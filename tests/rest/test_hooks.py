"""POST /hooks/{provider}/{token}: providers call back, and nobody else is believed."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.policy.signing import callback_token
from gateway.store.store import Transaction
from schema.event import EventType
from schema.lifecycle import AttemptState
from tests.rest.answers import problem
from tests.support.running import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = b"sandbox-webhook-secret"


async def begun(pair: Running) -> dict[str, Any]:
    """A video that Doitong makes and never finishes by itself."""
    created = await pair.create("[sim:stuck]", gateway={"only": ["doitong"]})
    async for event, _ in pair.gateway.events.watch("acme", created["id"], after=0):
        if event.type is EventType.STARTED:
            break
    video: dict[str, Any] = (await pair.client.get(f"/v1/videos/{created['id']}")).json()
    return video


def address(pair: Running, video: dict[str, Any], provider: str = "doitong") -> str:
    return f"/hooks/{provider}/{callback_token(pair.gateway.ground.root, video['gateway']['attempts'][0]['id'])}"


def told(video: dict[str, Any], status: str) -> bytes:
    return json.dumps({"id": video["gateway"]["attempts"][0]["provider_ref"], "status": status}).encode()


def signed(body: bytes) -> list[tuple[str, str]]:
    return [("X-Doitong-Signature", f"sha256={hmac.new(SECRET, body, hashlib.sha256).hexdigest()}")]


async def test_a_signed_call_is_taken_without_an_api_key(pair: Running):
    video = await begun(pair)
    body = told(video, "failed")

    response = await pair.client.post(
        address(pair, video), content=body, headers=[*signed(body), ("authorization", "Bearer wrong")]
    )

    assert response.status_code == 204
    assert response.content == b""
    assert (await pair.finished(video["id"]))["status"] == "failed"


async def test_news_of_an_attempt_that_outlives_its_video_changes_the_etag(pair: Running):
    video = await begun(pair)
    url = f"/v1/videos/{video['id']}"
    await pair.client.post(f"{url}/cancel")
    before = await pair.client.get(url)
    body = told(video, "failed")

    await pair.client.post(address(pair, video), content=body, headers=signed(body))

    after = await pair.client.get(url, headers={"if-none-match": before.headers["etag"]})
    assert after.status_code == 200
    assert after.json()["status"] == "canceled"
    assert after.json()["gateway"]["attempts"][0]["state"] == "failed"


async def made_twice(pair: Running, video: dict[str, Any]) -> str:
    """The id of a second job that the upstream began for the same request."""
    ref = f"twice-{video['id']}"

    async def add(tx: Transaction) -> None:
        (first,) = await tx.attempts.of_video(video["id"])
        await tx.attempts.add(replace(first, id=f"{first.id}2", n=2, state=AttemptState.UNKNOWN, ref=ref))

    await pair.gateway.store.write(add)
    return ref


async def test_news_of_a_second_job_comes_to_the_address_of_the_first(pair: Running):
    video = await begun(pair)
    body = json.dumps({"id": await made_twice(pair, video), "status": "failed"}).encode()

    await pair.client.post(address(pair, video), content=body, headers=signed(body))

    after = (await pair.client.get(f"/v1/videos/{video['id']}")).json()
    assert [attempt["state"] for attempt in after["gateway"]["attempts"]] == ["running", "failed"]
    assert after["status"] == "in_progress"


async def test_news_of_an_id_nobody_knows_changes_nothing(pair: Running):
    video = await begun(pair)
    body = json.dumps({"id": "a-third-one", "status": "failed"}).encode()

    response = await pair.client.post(address(pair, video), content=body, headers=signed(body))

    assert response.status_code == 204
    assert (await pair.client.get(f"/v1/videos/{video['id']}")).json() == video


@pytest.mark.parametrize("kind", ["none", "another body", "another secret", "given twice", "encoded"])
async def test_whoever_does_not_sign_as_the_provider_does_gets_one_answer(pair: Running, kind: str):
    video = await begun(pair)
    body = told(video, "failed")
    forged = f"sha256={hmac.new(b'guess', body, hashlib.sha256).hexdigest()}"
    headers = {
        "none": [],
        "another body": signed(b"{}"),
        "another secret": [("x-doitong-signature", forged)],
        "given twice": [*signed(body), *signed(body)],
        "encoded": [*signed(body), ("content-encoding", "identity")],
    }[kind]

    response = await pair.client.post(address(pair, video), content=body, headers=headers)

    said = problem(response, 401, "unauthenticated")
    assert said["detail"] == "The hook is not signed as this provider signs"
    assert (await pair.client.get(f"/v1/videos/{video['id']}")).json()["status"] == "in_progress"


async def test_an_address_we_did_not_make_is_not_found(pair: Running):
    video = await begun(pair)
    body = told(video, "failed")
    real = address(pair, video)

    for path in (
        real[:-1] + "~",
        real.rpartition(".")[0],
        address(pair, video, "veo3o1"),
        address(pair, video, "nobody"),
    ):
        problem(await pair.client.post(path, content=body, headers=signed(body)), 404, "not_found")


async def test_a_call_too_large_is_refused_before_it_is_read(pair: Running):
    video = await begun(pair)
    body = b"x" * (256 * 1024 + 1)

    response = await pair.client.post(address(pair, video), content=body, headers=signed(body))

    problem(response, 413, "payload_too_large")


async def test_the_largest_call_is_read(pair: Running):
    video = await begun(pair)
    body = told(video, "failed").ljust(256 * 1024)

    response = await pair.client.post(address(pair, video), content=body, headers=signed(body))

    assert response.status_code == 204
