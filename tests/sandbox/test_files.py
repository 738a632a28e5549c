"""Result files: real, in ranges, and broken as scripted."""

import io

import av
import httpx
import pytest

from tests.sandbox.test_faults import exchange, parts


@pytest.fixture
def finished(doitong, sandbox, advance):
    """The URL of a finished job's file."""

    async def make(prompt: str = "a lake", **options) -> str:
        job_id = await doitong.id(prompt, **options)
        advance(60)
        return f"{sandbox.url}/files/{job_id}.mp4"

    return make


@pytest.mark.parametrize(
    ("aspect", "seconds", "size"), [("16:9", 5, (640, 360)), ("9:16", 7, (360, 640)), ("1:1", 10, (480, 480))]
)
async def test_a_file_is_a_video_of_the_asked_shape_and_length(client, finished, aspect, seconds, size):
    answer = await client.get(await finished(aspectRatio=aspect, duration=seconds))

    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
    with av.open(io.BytesIO(answer.content), "r") as video:
        stream = video.streams.video[0]
        assert (stream.width, stream.height) == size
        assert (video.duration or 0) / av.time_base == pytest.approx(seconds, abs=0.5)


async def test_veo3o1_makes_eight_seconds(veo, client, advance):
    uuid = await veo.uuid()
    advance(120)

    answer = await client.get((await veo.data(uuid))["videoUrl"])

    with av.open(io.BytesIO(answer.content), "r") as video:
        assert (video.duration or 0) / av.time_base == pytest.approx(8, abs=0.5)


async def test_head_tells_the_length_and_counts_as_no_read(client, finished, desk):
    url = await finished("[sim:gone-file]")
    head, gone, whole = await client.head(url), await client.get(url), await client.get(url)

    assert (head.status_code, head.headers["content-type"], head.content) == (200, "video/mp4", b"")
    assert head.headers["content-length"] == str(len(whole.content))
    assert (gone.status_code, whole.status_code) == (404, 200)
    assert (await desk.truth())["jobs"][0]["file_reads"] == 2


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-50", slice(-50, None)),
        ("bytes=10-99999999", slice(10, None)),
    ],
)
async def test_a_range_is_a_part_of_the_same_bytes(client, finished, wanted, part):
    url = await finished()
    whole = (await client.get(url)).content
    answer = await client.get(url, headers={"Range": wanted})

    assert (answer.status_code, answer.content) == (206, whole[part])
    assert answer.headers["content-range"].endswith(f"/{len(whole)}")


async def test_a_range_beyond_the_end_is_416_and_nonsense_is_ignored(client, finished):
    url = await finished()

    assert (await client.get(url, headers={"Range": "bytes=99999999-"})).status_code == 416
    assert (await client.get(url, headers={"Range": "lines=1-2"})).status_code == 200
    assert (await client.get(url, headers={"Range": "bytes=-"})).status_code == 200


@pytest.mark.parametrize("prompt", ["a lake", "[sim:fail]", "[sim:stuck]"])
async def test_there_is_no_file_before_completion_or_without_it(doitong, sandbox, client, advance, prompt):
    job_id = await doitong.id(prompt)
    advance(59)
    url = f"{sandbox.url}/files/{job_id}.mp4"

    assert [(await client.get(url)).status_code, (await client.head(url)).status_code] == [404, 404]
    assert (await client.get(f"{sandbox.url}/files/none.mp4")).status_code == 404
    assert (await client.get(f"{sandbox.url}/images/uploads/none.png")).status_code == 404


async def test_a_bad_file_is_a_page_and_an_empty_one_is_empty(client, finished):
    bad, empty = (
        await client.get(await finished("[sim:bad-file]")),
        await client.get(await finished("[sim:empty-file]")),
    )

    assert bad.headers["content-type"].startswith("text/html")
    assert (empty.status_code, empty.content) == (200, b"")


async def test_a_redirected_file_points_at_an_address_nobody_should_follow(client, finished):
    answer = await client.get(await finished("[sim:redirect-file]"))

    assert (answer.status_code, answer.headers["location"].startswith("http://169.254.169.254/")) == (302, True)


async def test_a_short_file_promises_more_than_comes(sandbox, finished):
    url = await finished("[sim:short-file]")
    path = url.removeprefix(sandbox.url)

    status, promised, body = parts(await exchange(sandbox, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()))

    assert status == 200
    assert promised == 2 * len(body) + 1


async def test_a_huge_file_does_not_end_until_the_caller_leaves(client, finished):
    async with client.stream("GET", await finished("[sim:huge-file]")) as answer:
        assert answer.headers["content-length"] == "10000000000"
        read = 0
        async for chunk in answer.aiter_bytes():
            read += len(chunk)
            if read > 1_000_000:
                break

    with pytest.raises(httpx.StreamError):
        await answer.aread()
