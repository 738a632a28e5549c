"""The unmodified OpenAI SDK, its answer lost on the way: it asks again by itself, and gets the same video."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import openai
import pytest

from tests.support.running import ACME_KEY, Running, Setup, running

# their service goes away; the shape of its API stays, and is ours
pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")


class Line:
    """A TCP line to the gateway that is cut when the first answer comes over it: the request was served."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cuts_left = 0
        self.cut = 0
        self.carrying: set[asyncio.Task[None]] = set()

    def begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self.carry(reader, writer))
        self.carrying.add(task)

    async def end(self) -> None:
        for task in self.carrying:
            task.cancel()
        await asyncio.gather(*self.carrying, return_exceptions=True)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.port)

        async def out() -> None:
            while data := await reader.read(65536):
                back.write(data)
                await back.drain()

        sending = asyncio.create_task(out())
        try:
            while data := await there.read(65536):
                if self.cuts_left:
                    self.cuts_left -= 1
                    self.cut += 1
                    return
                writer.write(data)
                await writer.drain()
        finally:
            sending.cancel()
            back.transport.abort()
            writer.transport.abort()
            await asyncio.wait([sending])


@asynccontextmanager
async def line(pair: Running) -> AsyncIterator[tuple[Line, str]]:
    """The line and the address of its near end."""
    carrier = Line(httpx.URL(pair.url).port or 0)
    server = await asyncio.start_server(carrier.begin, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        try:
            yield carrier, f"http://127.0.0.1:{port}/v1"
        finally:
            await carrier.end()


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(Setup(folder=tmp_path)) as pair:
        yield pair


async def listed(pair: Running) -> list[str]:
    return [video["id"] for video in (await pair.client.get("/v1/videos")).json()["data"]]


@pytest.mark.parametrize("cuts", [1, 2])
async def test_the_sdk_asks_again_after_a_lost_answer_and_gets_the_same_video(pair: Running, cuts: int):
    async with line(pair) as (carrier, url), openai.AsyncOpenAI(base_url=url, api_key=ACME_KEY, max_retries=2) as sdk:
        carrier.cuts_left = cuts
        video = await sdk.videos.create(prompt="a heron that waits", model="auto", seconds="8")

    assert carrier.cut == cuts
    assert await listed(pair) == [video.id]
    finished = await pair.finished(video.id)
    truth = await pair.truth()
    assert finished["status"] == "completed"
    assert len(truth["submissions"]) == 1


async def test_two_equal_wishes_that_were_both_answered_are_two_videos(pair: Running):
    async with openai.AsyncOpenAI(base_url=f"{pair.url}/v1", api_key=ACME_KEY, max_retries=2) as sdk:
        one = await sdk.videos.create(prompt="a heron", model="auto")
        two = await sdk.videos.create(prompt="a heron", model="auto")

    assert one.id != two.id


async def test_an_sdk_that_says_it_sends_again_what_nobody_knows_makes_a_video(pair: Running):
    response = await pair.client.post(
        "/v1/videos", json={"prompt": "a stork"}, headers={"x-stainless-retry-count": "1"}
    )

    assert response.status_code == 202
    assert "idempotent-replayed" not in response.headers


async def test_another_wish_is_no_repetition(pair: Running):
    first = await pair.client.post("/v1/videos", json={"prompt": "a stork"})
    second = await pair.client.post("/v1/videos", json={"prompt": "a crane"}, headers={"x-stainless-retry-count": "1"})

    assert second.json()["id"] != first.json()["id"]


async def test_a_wish_with_a_key_of_its_own_is_looked_up_by_that_alone(pair: Running):
    await pair.client.post("/v1/videos", json={"prompt": "a stork"}, headers={"idempotency-key": "first"})
    second = await pair.client.post("/v1/videos", json={"prompt": "a stork"}, headers={"x-stainless-retry-count": "1"})

    assert "idempotent-replayed" not in second.headers
