"""GET /v1/videos/{id}: the video, its ETag, and when to look again."""

import re

import pytest

from tests.rest.answers import problem
from tests.support.running import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

URL = "/v1/videos"


async def test_a_finished_video_tells_who_made_it_and_what_it_cost(pair: Running):
    created = await pair.create("a boat [sim:instant]", seconds="5", size="1280x720")

    video = await pair.finished(created["id"])

    assert (video["status"], video["progress"], video["error"]) == ("completed", 100, None)
    assert (video["seconds"], video["size"]) == ("5", "1280x720")
    assert video["completed_at"] >= video["created_at"]
    assert (video["gateway"]["provider"], video["gateway"]["account"]) == ("doitong", "doitong-main")
    assert 100_000 <= video["gateway"]["cost"]["charged_micros"] <= 200_000
    (attempt,) = video["gateway"]["attempts"]
    assert attempt.keys() == {
        "id", "account", "provider", "state", "verdict", "provider_ref", "started_at", "ended_at", "reason", "cost"
    }  # fmt: skip
    assert (attempt["state"], attempt["verdict"], attempt["reason"]) == ("succeeded", "accepted", None)
    spent = video["gateway"]["credits"]
    assert attempt["cost"] == {"credits_low": 100, "credits_high": 200, "credits": spent, "micros": spent * 1_000}


async def test_a_failed_video_is_a_200_with_an_error(pair: Running):
    created = await pair.create("a boat [sim:fail]")

    video = await pair.finished(created["id"])

    assert video["status"] == "failed"
    assert video["error"]["code"] == "generation_failed"
    assert video["error"]["message"]
    assert video["gateway"]["attempts"][0]["reason"]["code"] == "generation_failed"


async def test_what_the_provider_decides_and_does_not_say_is_auto(pair: Running):
    created = await pair.create("a boat [sim:instant]", gateway={"only": ["veo3o1"]})

    video = await pair.finished(created["id"])

    assert (video["seconds"], video["size"], video["aspect_ratio"]) == ("auto", "auto", "auto")


async def test_what_was_not_asked_is_the_providers_usual_once_it_is_known_who_makes_it(pair: Running):
    created = await pair.create("a boat [sim:instant]", gateway={"only": ["doitong"]})
    assert (created["seconds"], created["size"], created["aspect_ratio"]) == ("auto", "auto", None)

    video = await pair.finished(created["id"])

    assert (video["seconds"], video["size"], video["aspect_ratio"]) == ("5", "1280x720", "16:9")


async def test_an_unfinished_video_says_when_to_look_again_and_a_finished_one_does_not(pair: Running):
    created = await pair.create("[sim:stuck]")
    going = await pair.client.get(f"{URL}/{created['id']}")
    created = await pair.create("[sim:instant]")
    await pair.finished(created["id"])

    done = await pair.client.get(f"{URL}/{created['id']}")

    assert int(going.headers["openai-poll-after-ms"]) > 0
    assert 1 <= int(going.headers["retry-after"]) <= 10
    assert not {"openai-poll-after-ms", "retry-after"} & set(done.headers)


async def test_an_etag_names_a_state(pair: Running):
    url = f"{URL}/{(await pair.create('[sim:stuck]'))['id']}"
    queued = await pair.client.get(url)
    await pair.client.post(f"{url}/cancel")

    canceled = await pair.client.get(url)

    assert re.fullmatch(r'"[0-9a-z.]+"', queued.headers["etag"])
    assert canceled.headers["etag"] != queued.headers["etag"]
    assert canceled.headers["cache-control"] == "private, no-cache"
    assert "Authorization" in canceled.headers["vary"]


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        pytest.param("{etag}", 304, id="itself"),
        pytest.param("W/{etag}", 304, id="weak"),
        pytest.param('"zzz", {etag}', 304, id="in a list"),
        pytest.param("*", 304, id="any"),
        pytest.param('"zzz"', 200, id="another"),
        pytest.param("zzz", 200, id="nonsense"),
    ],
)
async def test_if_none_match(pair: Running, condition: str, status: int):
    created = await pair.create("[sim:instant]")
    await pair.finished(created["id"])
    etag = (await pair.client.get(f"{URL}/{created['id']}")).headers["etag"]

    response = await pair.client.get(f"{URL}/{created['id']}", headers={"if-none-match": condition.format(etag=etag)})

    assert response.status_code == status
    assert response.headers["etag"] == etag
    assert bool(response.content) is (status == 200)
    assert response.headers["x-request-id"]


async def test_prefer_wait_holds_a_look_until_the_video_has_ended(pair: Running):
    created = await pair.create("a boat")

    response = await pair.client.get(f"{URL}/{created['id']}", headers={"prefer": "wait=20"})

    assert response.headers["preference-applied"] == "wait=20"
    assert response.json()["status"] == "completed"


@pytest.mark.parametrize(
    ("asked", "applied"),
    [("wait=0", "wait=0"), ("wait=3600", "wait=60"), ("wait", "wait=60"), ('WAIT = "2"', "wait=2")],
)
async def test_a_wait_is_bounded(pair: Running, asked: str, applied: str):
    created = await pair.create("[sim:instant]")
    await pair.finished(created["id"])

    response = await pair.client.get(f"{URL}/{created['id']}", headers={"prefer": asked})

    assert response.headers["preference-applied"] == applied


async def test_a_list_shows_what_a_look_shows(pair: Running):
    created = await pair.create("[sim:instant]")
    video = await pair.finished(created["id"])

    listed = (await pair.client.get(URL)).json()["data"]

    assert video in listed


NOWHERE = "video_00000000000000000000000000"


@pytest.mark.parametrize("id", [NOWHERE, "does-not-exist", "video_%00", "VIDEO_X", "video_" + "z" * 500, "%2e%2e"])
@pytest.mark.parametrize("path", ["", "/route", "/content", "/cancel"])
async def test_what_is_not_there_is_not_found(pair: Running, id: str, path: str):
    response = await pair.client.request("POST" if path == "/cancel" else "GET", f"{URL}/{id}{path}")

    problem(response, 404, "not_found")
    assert response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("path", ["", "/route", "/content", "/cancel"])
async def test_another_tenants_video_is_not_found(pair: Running, path: str):
    created = await pair.create("[sim:stuck]")

    response = await pair.other.request("POST" if path == "/cancel" else "GET", f"{URL}/{created['id']}{path}")

    problem(response, 404, "not_found")
    assert (await pair.client.get(f"{URL}/{created['id']}")).json()["status"] != "canceled"
