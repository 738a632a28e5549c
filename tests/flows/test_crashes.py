"""kill -9 at every named point: nothing accepted is lost or paid for twice, everything ends, the books balance."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from gateway.probe import Point
from gateway.sandbox.server import serve
from gateway.sandbox.settings import DEFAULT_ACCOUNTS, SandboxSettings
from schema import ledger
from tests.flows.processes import END_SECONDS, Place, Server, Upstreams, address, server
from tests.flows.whole_books import ACME, Books, assert_as_billed, assert_settled, left_behind

SENDING = (
    Point.BEFORE_INTENT,
    Point.INTENDED,
    Point.BYTES_SENT,
    Point.ANSWERED,
    Point.BEFORE_RECORD,
    Point.RECORDED,
)
"""Where it matters whether the upstream knows our keys."""
ELSEWHERE = tuple(point for point in Point if point not in SENDING)

TOLD_IN_TIME = (Point.BEFORE_INTENT, Point.BEFORE_RECORD, Point.RECORDED)
"""Deaths after which the truth is known: nothing was written down yet, or the answer is on the disk already."""

VIDEOS = 3
"""So many are asked for before each death, at the least."""

OPENING = 1_000_000_000
FUNDED = """
[tenants.funding]
mode = "prepaid"
opening = "1000"
per_month = "1000"
"""
"""The tenant pays before and has a budget, so that everything that can be counted is."""


@pytest.fixture
async def upstreams() -> AsyncIterator[Upstreams]:
    accounts = tuple(msgspec.structs.replace(account, concurrent=0) for account in DEFAULT_ACCOUNTS)
    async with serve(SandboxSettings(speed=300, accounts=accounts)) as sandbox:
        yield Upstreams(sandbox.url, sandbox.veo3o1_url, sandbox.doitong_url)


@dataclass
class Story:
    """A gateway that is killed again and again at one point.

    Attributes:
        asked: the provider, by prompt; each is asked for under a key of its own.
        accepted: the prompt, by the id of the video that was promised for it.
        videos: every video as it ended, by its id.
    """

    place: Place
    point: Point
    asked: dict[str, str] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)
    videos: dict[str, Any] = field(default_factory=dict)

    async def die(self, life: int, providers: Sequence[str], *, cancel: bool) -> None:
        """One server's life up to its death at the point; ``cancel`` is for its first video, which is made by then."""
        ids: list[str | None] = []
        async with server(self.place, self.point, str(1 + life % VIDEOS)) as doomed:
            for number, provider in enumerate(providers):
                ids.append(await self._ask(doomed, f"{self.point} {life}.{number}", provider))
                if ids[-1] is None:
                    break
            if cancel:
                await _cancel(doomed, ids[0])
            assert await doomed.exit_code() == -signal.SIGKILL

    async def end(self) -> Books:
        """Let one live and finish what there is; then the books, as it leaves them behind when it is stopped.

        A wish that was not answered is asked for again, under its key.
        """
        async with server(self.place) as survivor:
            for prompt in self.asked.keys() - self.accepted.values():
                assert await self._ask(survivor, prompt, self.asked[prompt]) is not None
            for id in self.accepted:
                await survivor.ended(id)
                self.videos[id] = await _billed(survivor, id)
            assert {video["id"] for video in await survivor.videos()} == self.accepted.keys()
            for id, video in self.videos.items():
                assert await _has_file(survivor, id) == (video["status"] == "completed")
            assert await survivor.terminated() == 0
        return await left_behind(self.place)

    async def _ask(self, of: Server, prompt: str, provider: str) -> str | None:
        self.asked[prompt] = provider
        id = await of.create(prompt, provider)
        if id is not None:
            self.accepted[id] = prompt
        return id

    @property
    def statuses(self) -> Counter[str]:
        return Counter(video["status"] for video in self.videos.values())

    @property
    def failures(self) -> list[str]:
        return [video["error"]["code"] for video in self.videos.values() if video["status"] == "failed"]


async def _cancel(doomed: Server, id: str | None) -> None:
    """The server may be dead by now, or have made the video."""
    with suppress(httpx.TransportError):
        await doomed.client.post(f"/v1/videos/{id}/cancel")


async def _billed(of: Server, id: str) -> dict[str, Any]:
    """A video that has ended, once its provider can bill it no more."""
    async with asyncio.timeout(END_SECONDS):
        while True:
            video: dict[str, Any] = (await of.client.get(f"/v1/videos/{id}")).json()
            if not video["gateway"]["provider_may_still_bill"]:
                return video
            await asyncio.sleep(0.05)


async def _has_file(of: Server, id: str) -> bool:
    answer = await of.client.get(f"/v1/videos/{id}/content")
    return answer.status_code == 200 and answer.content[4:8] == b"ftyp"


async def crash(
    folder: Path,
    upstreams: Upstreams,
    point: Point,
    rounds: int,
    providers: Sequence[str],
    *,
    cancel: bool = False,
    **chosen: Any,
) -> tuple[Story, Books]:
    """Kill server after server, then let one live; what happened, and the books in the end."""
    place = Place(folder / "gateway", address())
    place.configure(upstreams, tenants=FUNDED, **chosen)
    story = Story(place, point)
    for life in range(rounds):
        await story.die(life, providers, cancel=cancel)
    return story, await story.end()


def assert_whole(books: Books, truth: dict[str, Any]) -> None:
    """Everything is settled, what was billed is booked, and of the tenant's money none is missing."""
    assert_settled(books)
    assert_as_billed(books, truth)
    assert books.sum_of(ledger.available(ACME)) + books.sum_of(ledger.spent(ACME)) == OPENING


@pytest.mark.parametrize("point", SENDING)
async def test_without_keys_a_killed_server_pays_once_and_says_what_it_does_not_know(
    tmp_path, upstreams, rounds, point
):
    story, books = await crash(tmp_path, upstreams, point, rounds, ["veo3o1"] * VIDEOS, concurrency=1)
    truth = await upstreams.truth()

    asked = Counter(submission["prompt"] for submission in truth["submissions"])
    unknown = story.statuses["failed"]
    assert max(asked.values()) == 1
    assert set(story.failures) <= {"submission_outcome_unknown"}
    assert unknown == (0 if point in TOLD_IN_TIME else rounds)
    assert all(asked[video["prompt"]] == 1 for video in story.videos.values() if video["status"] == "completed")
    assert len(bound(story)) + unknown >= len(truth["jobs"]) >= len(bound(story))
    assert_whole(books, truth)


@pytest.mark.parametrize("point", SENDING)
async def test_with_keys_a_killed_server_completes_everything_and_bills_it_once(tmp_path, upstreams, rounds, point):
    story, books = await crash(tmp_path, upstreams, point, rounds, ["doitong"] * VIDEOS)
    truth = await upstreams.truth()

    jobs = Counter(job["prompt"] for job in truth["jobs"])
    bodies = {(one["idempotency_key"], one["body_sha256"]) for one in truth["submissions"]}
    assert story.statuses.keys() == {"completed"}
    assert jobs == Counter(story.asked.keys())
    assert len(bodies) == len({key for key, _ in bodies}) == len(story.videos)
    assert bound(story) == {job["id"] for job in truth["jobs"]}
    assert_whole(books, truth)


@pytest.mark.parametrize("point", ELSEWHERE)
async def test_a_server_killed_before_a_send_or_behind_it_loses_nothing_and_pays_once(
    tmp_path, upstreams, rounds, point
):
    providers = ["veo3o1", "doitong"] * 2
    story, books = await crash(tmp_path, upstreams, point, rounds, providers, cancel=True, concurrency=1)
    truth = await upstreams.truth()

    jobs = Counter(job["prompt"] for job in truth["jobs"])
    submitted = Counter(one["prompt"] for one in truth["submissions"] if one["provider"] == "veo3o1")
    assert max((jobs | submitted).values()) == 1
    assert story.statuses["canceled"] <= rounds
    assert len(story.failures) <= (rounds if point in (Point.BEFORE_ACCEPT, Point.ACCEPTED) else 0)
    assert set(story.failures) <= {"submission_outcome_unknown"}  # a send was under way when it died
    assert_whole(books, truth)


def bound(story: Story) -> set[str]:
    """The upstream's ids that our attempts know."""
    refs = [attempt["provider_ref"] for video in story.videos.values() for attempt in video["gateway"]["attempts"]]
    return {ref for ref in refs if ref is not None}
