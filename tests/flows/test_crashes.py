"""kill -9 in the middle of a submit: nothing accepted is lost, nothing is paid for twice, everything ends."""

import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.sandbox.server import serve
from gateway.sandbox.settings import DEFAULT_ACCOUNTS, SandboxSettings
from tests.flows.processes import TERMINAL, Place, Upstreams, address, server

POINTS = ("before_intent", "intended", "bytes_sent", "answered", "before_record")
TOLD_IN_TIME = ("before_intent", "before_record")
"""Deaths after which the truth is known: nothing was written down yet, or the answer is on the disk already."""

VIDEOS = 3
"""So many are asked for before each death."""


@pytest.fixture
async def upstreams() -> AsyncIterator[Upstreams]:
    accounts = tuple(msgspec.structs.replace(account, concurrent=0) for account in DEFAULT_ACCOUNTS)
    async with serve(SandboxSettings(speed=300, accounts=accounts)) as sandbox:
        yield Upstreams(sandbox.url, sandbox.veo3o1_url, sandbox.doitong_url)


async def killed(place: Place, point: str, life: int, provider: str) -> dict[str, str]:
    """One server's life up to its death at the point: the prompts it took on, by video."""
    accepted: dict[str, str] = {}
    async with server(place, point, str(1 + life % VIDEOS)) as doomed:
        for number in range(VIDEOS):
            prompt = f"{point} {life}.{number}"
            id = await doomed.create(prompt, provider)
            if id is None:
                break
            accepted[id] = prompt
        assert await doomed.exit_code() == -signal.SIGKILL
    return accepted


async def crash(folder: Path, upstreams: Upstreams, point: str, rounds: int, provider: str, **chosen: Any) -> Any:
    """Kill server after server, then let one live; what was accepted, and every video in the end."""
    place = Place(folder / "gateway", address())
    place.configure(upstreams, **chosen)
    accepted: dict[str, str] = {}
    for life in range(rounds):
        accepted |= await killed(place, point, life, provider)
    async with server(place) as survivor:
        for id in accepted:
            await survivor.ended(id)
        videos = {video["id"]: video for video in await survivor.videos()}
        for id, video in videos.items():
            if video["status"] not in TERMINAL:  # taken on, though the death cut off the answer that said so
                videos[id] = await survivor.ended(id)
    return accepted, videos


@pytest.mark.parametrize("point", POINTS)
async def test_without_keys_a_killed_server_pays_once_and_says_what_it_does_not_know(
    tmp_path, upstreams, rounds, point
):
    accepted, videos = await crash(tmp_path, upstreams, point, rounds, "veo3o1", concurrency=1)
    truth = await upstreams.truth()

    asked = Counter(submission["prompt"] for submission in truth["submissions"])
    unknown = [video for video in videos.values() if video["status"] == "failed"]
    assert accepted.keys() <= videos.keys()
    assert max(asked.values()) == 1
    assert {video["error"]["code"] for video in unknown} <= {"submission_outcome_unknown"}
    assert len(unknown) == (0 if point in TOLD_IN_TIME else rounds)
    assert all(asked[video["prompt"]] == 1 for video in videos.values() if video["status"] == "completed")
    assert len(bound(videos)) + len(unknown) >= len(truth["jobs"]) >= len(bound(videos))


@pytest.mark.parametrize("point", POINTS)
async def test_with_keys_a_killed_server_completes_everything_and_bills_it_once(tmp_path, upstreams, rounds, point):
    accepted, videos = await crash(tmp_path, upstreams, point, rounds, "doitong")
    truth = await upstreams.truth()

    jobs = Counter(job["prompt"] for job in truth["jobs"])
    bodies = {(one["idempotency_key"], one["body_sha256"]) for one in truth["submissions"]}
    assert accepted.keys() <= videos.keys()
    assert {video["status"] for video in videos.values()} == {"completed"}
    assert jobs == Counter(video["prompt"] for video in videos.values())
    assert set(jobs.values()) == {1}
    assert len(bodies) == len({key for key, _ in bodies}) == len(videos)
    assert bound(videos) == {job["id"] for job in truth["jobs"]}


def bound(videos: dict[str, Any]) -> set[str]:
    """The upstream's ids that our attempts know."""
    refs = [attempt["provider_ref"] for video in videos.values() for attempt in video["gateway"]["attempts"]]
    return {ref for ref in refs if ref is not None}
