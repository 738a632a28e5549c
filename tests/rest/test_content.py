"""GET /v1/videos/{id}/content: the file, whole and in parts."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from gateway.rest.answers import Download
from tests.rest.answers import problem
from tests.support.running import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")


def disposition(stem: str) -> str:
    return f"attachment; filename=\"{stem}.mp4\"; filename*=UTF-8''{stem}.mp4"


class Film:
    """A finished video's file, as one download gave it."""

    def __init__(self, url: str, whole: httpx.Response) -> None:
        self.url = url
        self.bytes = whole.content
        self.etag = whole.headers["etag"]
        self.whole = whole


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def film(pair: Running) -> Film:
    created = await pair.create("[sim:instant]")
    await pair.finished(created["id"])
    url = f"/v1/videos/{created['id']}/content"
    return Film(url, await pair.client.get(url, headers={"accept": "application/binary"}))


async def test_the_whole_file(film: Film):
    headers = film.whole.headers

    assert film.whole.status_code == 200
    assert film.bytes[4:8] == b"ftyp"
    assert headers["content-type"] == "video/mp4"
    assert headers["content-length"] == str(len(film.bytes))
    assert headers["accept-ranges"] == "bytes"
    assert headers["content-disposition"] == disposition(film.url.split("/")[3])
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "private, no-cache"
    assert headers["etag"] == f'"{hashlib.sha256(film.bytes).hexdigest()}"'


@pytest.mark.parametrize(
    ("wanted", "first", "last"),
    [
        pytest.param("bytes=0-0", 0, 0, id="first byte"),
        pytest.param("bytes=10-19", 10, 19, id="within"),
        pytest.param("bytes=100-", 100, -1, id="from"),
        pytest.param("bytes=-7", -7, -1, id="last bytes"),
        pytest.param("bytes=-999999999", 0, -1, id="more last bytes than there are"),
        pytest.param("bytes=5-999999999", 5, -1, id="beyond the end"),
        pytest.param("Bytes=1 - 2", 1, 2, id="written loosely"),
    ],
)
async def test_a_part(pair: Running, film: Film, wanted: str, first: int, last: int):
    size = len(film.bytes)
    start, end = first % size, last % size

    response = await pair.client.get(film.url, headers={"range": wanted})

    assert response.status_code == 206
    assert response.content == film.bytes[start : end + 1]
    assert response.headers["content-range"] == f"bytes {start}-{end}/{size}"
    assert response.headers["content-length"] == str(end - start + 1)
    assert response.headers["etag"] == film.etag


@pytest.mark.parametrize(
    "wanted", ["bytes=0-1,4-5", "bytes=9-2", "bytes=-", "bytes=a-b", "lines=0-1", "bytes", "bytes=" + "9" * 2000 + "-"]
)
async def test_several_ranges_and_nonsense_are_the_whole_file(pair: Running, film: Film, wanted: str):
    response = await pair.client.get(film.url, headers={"range": wanted})

    assert response.status_code == 200
    assert response.content == film.bytes


@pytest.mark.parametrize("wanted", ["bytes=999999999-", "bytes=999999999-9999999999", "bytes=-0"])
async def test_a_range_outside_is_refused_with_the_size(pair: Running, film: Film, wanted: str):
    response = await pair.client.get(film.url, headers={"range": wanted})

    problem(response, 416, "range_not_satisfiable")
    assert response.headers["content-range"] == f"bytes */{len(film.bytes)}"


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        pytest.param("{etag}", 206, id="the same"),
        pytest.param('"another"', 200, id="another"),
        pytest.param("W/{etag}", 200, id="weak"),
        pytest.param("Wed, 21 Oct 2026 07:28:00 GMT", 200, id="a date"),
    ],
)
async def test_a_range_counts_while_the_file_is_the_same(pair: Running, film: Film, condition: str, status: int):
    headers = {"range": "bytes=0-9", "if-range": condition.format(etag=film.etag)}

    response = await pair.client.get(film.url, headers=headers)

    assert response.status_code == status


async def test_a_file_one_has_is_not_sent_again(pair: Running, film: Film):
    response = await pair.client.get(film.url, headers={"if-none-match": film.etag, "range": "bytes=0-1"})

    assert response.status_code == 304
    assert response.content == b""
    assert response.headers["etag"] == film.etag


async def test_head_tells_about_the_file_without_it(pair: Running, film: Film):
    whole, part = (
        await pair.client.head(film.url),
        await pair.client.head(film.url, headers={"range": "bytes=0-99"}),
    )

    assert (whole.status_code, part.status_code) == (200, 206)
    assert whole.content == part.content == b""
    assert whole.headers["content-length"] == str(len(film.bytes))
    assert part.headers["content-length"] == "100"
    assert whole.headers["content-type"] == "video/mp4"


async def test_there_is_the_film_and_a_picture_of_it(pair: Running, film: Film):
    assert (await pair.client.get(film.url, params={"variant": "video"})).status_code == 200

    body = problem(await pair.client.get(film.url, params={"variant": "poster"}), 422, "invalid_request")

    assert body["errors"][0]["parameter"] == "variant"
    assert body["detail"] == "variant: must be one of video, thumbnail, spritesheet"


async def test_a_video_in_the_making_has_no_file_yet(pair: Running):
    created = await pair.create("[sim:stuck]")

    response = await pair.client.get(f"/v1/videos/{created['id']}/content")

    problem(response, 409, "not_ready")
    assert response.headers["x-should-retry"] == "false"
    assert response.headers["retry-after"] == "5"


async def test_a_failed_video_has_no_file_any_more(pair: Running):
    created = await pair.create("[sim:fail]")
    await pair.finished(created["id"])

    body = problem(await pair.client.get(f"/v1/videos/{created['id']}/content"), 410, "gone")

    assert body["detail"] == "The video is failed; it has no file"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def late(pair: Running) -> Film:
    """The file of a video that was canceled before it was made."""
    id = (await pair.create("a boat [sim:slow]"))["id"]
    await pair.begun(id)
    await pair.client.post(f"/v1/videos/{id}/cancel")
    extras: list[dict[str, Any]] = []
    async with asyncio.timeout(60):
        while not extras:
            await asyncio.sleep(0.02)
            extras = (await pair.client.get(f"/v1/videos/{id}")).json()["gateway"]["extra_outputs"]
    url = f"/v1/videos/{id}/content?output={extras[0]['attempt']}"
    return Film(url, await pair.client.get(url))


async def test_an_extra_output_is_downloaded_by_its_attempt(pair: Running, late: Film):
    id, _, attempt = late.url.removeprefix("/v1/videos/").partition("/content?output=")
    video = (await pair.client.get(f"/v1/videos/{id}")).json()
    (extra,) = video["gateway"]["extra_outputs"]

    assert late.whole.status_code == 200
    assert late.bytes[4:8] == b"ftyp"
    assert late.whole.headers["content-disposition"] == disposition(attempt)
    assert late.etag == f'"{extra["sha256"]}"'
    assert (extra["attempt"], extra["size"]) == (attempt, len(late.bytes))
    assert video["created_at"] <= extra["created_at"]
    assert video in (await pair.client.get("/v1/videos")).json()["data"]


async def test_a_canceled_video_s_refusal_names_the_file_that_came_after_that(pair: Running, late: Film):
    path, _, attempt = late.url.partition("?output=")

    body = problem(await pair.client.get(path), 410, "gone")

    assert f"?output={attempt}" in body["detail"]
    assert body["title"] == "There is no such file any more, or there never was"


async def test_an_extra_output_is_had_in_parts_and_not_twice(pair: Running, late: Film):
    part = await pair.client.get(late.url, headers={"range": "bytes=4-7"})
    again = await pair.client.get(late.url, headers={"if-none-match": late.etag})
    head = await pair.client.head(late.url)

    assert (part.status_code, part.content) == (206, b"ftyp")
    assert (again.status_code, again.content) == (304, b"")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(late.bytes)))


@pytest.mark.parametrize("attempt", ["att_00000000000000000000000000", "att_x", "", "../secret", "%00"])
async def test_an_extra_output_that_is_not_there_is_not_found(pair: Running, film: Film, attempt: str):
    problem(await pair.client.get(film.url, params={"output": attempt}), 404, "not_found")


async def test_a_video_s_own_file_is_no_extra_output(pair: Running, film: Film):
    video = (await pair.client.get(film.url.removesuffix("/content"))).json()
    (attempt,) = video["gateway"]["attempts"]

    assert video["gateway"]["extra_outputs"] == []
    problem(await pair.client.get(film.url, params={"output": attempt["id"]}), 404, "not_found")


async def test_another_tenant_s_extra_output_is_not_found(pair: Running, late: Film):
    problem(await pair.other.get(late.url), 404, "not_found")


async def test_a_file_that_went_from_the_store_is_gone(pair: Running):
    created = await pair.create("[sim:instant]")
    await pair.finished(created["id"])
    asset = await pair.gateway.videos.asset("acme", created["id"])
    await pair.gateway.videos._assets.delete(asset.key)

    problem(await pair.client.get(f"/v1/videos/{created['id']}/content"), 410, "gone")


async def test_a_download_nobody_listens_to_is_broken_off():
    read: list[int] = []
    sent: list[Any] = []

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(1000):
            read.append(number)
            yield b"x"

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        await let_others_run()

    await Download(b"first", pieces(), length=1005, status=200, headers=())({}, receive, send)  # type: ignore[arg-type]

    assert len(read) < 10
    assert sent[0]["type"] == "http.response.start"


async def let_others_run() -> None:
    """Lets others run, as writing to a socket does."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)
