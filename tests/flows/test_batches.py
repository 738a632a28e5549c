"""Batches at once and across deaths: exact to the micro, all or none, and nothing upstream before they are kept."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.probe import Point
from gateway.sandbox.server import serve
from gateway.sandbox.settings import SandboxSettings
from gateway.wiring import Seams
from schema.tenant import Funding, FundingMode
from tests.flows.processes import Place, Server, Upstreams, address, server
from tests.support.certificates import certificates
from tests.support.running import Running, Setup, running

URL = "/v1/video_batches"
WISHES = 5
COSTS = 200_000
BATCHES = 20
AFFORDABLE = 10
PREPAID = Funding(mode=FundingMode.PREPAID, opening=AFFORDABLE * WISHES * COSTS, per_day=AFFORDABLE * WISHES * COSTS)


def wishes(name: str, count: int = WISHES) -> list[dict[str, Any]]:
    return [{"prompt": f"[sim:stuck] {name}.{n}"} for n in range(count)]


@pytest.fixture
async def here(database_url, tmp_path) -> AsyncIterator[Running]:
    setup = Setup(database_url=database_url, folder=tmp_path, funding=PREPAID, seams=Seams(verify=certificates()))
    async with running(setup) as both:
        yield both


async def post(here: Running, body: dict[str, Any], **headers: str) -> httpx.Response:
    return await here.client.post(URL, json=body, headers=headers)


async def test_twenty_batches_against_money_for_ten_are_exactly_ten(here):
    answers = await asyncio.gather(*(post(here, {"videos": wishes(f"batch {n}")}) for n in range(BATCHES)))
    balance = (await here.client.get("/v1/balance")).json()
    videos = (await here.client.get("/v1/videos", params={"limit": "100"})).json()["data"]

    assert Counter(answer.status_code for answer in answers) == {202: AFFORDABLE, 402: BATCHES - AFFORDABLE}
    assert balance["available_micros"] == 0
    assert balance["held_micros"] == AFFORDABLE * WISHES * COSTS
    assert len(videos) == AFFORDABLE * WISHES
    accepted = [video["id"] for answer in answers if answer.status_code == 202 for video in answer.json()["videos"]]
    assert {video["id"] for video in videos} == set(accepted)


async def test_what_is_affordable_is_spent_to_the_last_video_however_many_ask_at_once(here):
    bodies = [{"videos": wishes(f"batch {n}", 7), "mode": "affordable"} for n in range(BATCHES)]
    answers = await asyncio.gather(*(post(here, body) for body in bodies))
    balance = (await here.client.get("/v1/balance")).json()

    accepted = [answer.json()["accepted"] for answer in answers if answer.status_code == 202]
    assert sum(accepted) == AFFORDABLE * WISHES
    assert sorted(accepted) == [1, *[7] * 7]
    assert {answer.status_code for answer in answers} == {202, 402}
    assert balance["available_micros"] == 0


async def test_twins_that_race_are_one_batch(here):
    key = {"idempotency-key": "twin"}
    answers = await asyncio.gather(*(post(here, {"videos": wishes("twin")}, **key) for _ in range(BATCHES)))
    balance = (await here.client.get("/v1/balance")).json()

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert balance["held_micros"] == WISHES * COSTS


async def _post(server: Server) -> httpx.Response:
    body = {"videos": [{"prompt": f"boat {n}", "gateway": {"only": ["doitong"]}} for n in range(WISHES)]}
    return await server.client.post(URL, json=body, headers={"idempotency-key": "once"})


@pytest.mark.parametrize("point", [Point.BEFORE_ACCEPT, Point.ACCEPTED])
async def test_a_server_killed_before_or_after_the_commit_keeps_none_or_all(tmp_path: Path, point: Point):
    async with serve(SandboxSettings(speed=300)) as sandbox:
        upstreams = Upstreams(sandbox.url, sandbox.veo3o1_url, sandbox.doitong_url)
        place = Place(tmp_path / "gateway", address())
        place.configure(upstreams)
        async with server(place, point, "1") as doomed:
            with pytest.raises(httpx.TransportError):
                await _post(doomed)
            assert await doomed.exit_code() == -signal.SIGKILL
        before = await upstreams.accepted()
        async with server(place) as survivor:
            kept = await survivor.videos()
            again = await _post(survivor)
            ended = [await survivor.ended(video["id"]) for video in again.json()["videos"]]
            assert await survivor.terminated() == 0
        truth = await upstreams.truth()

    assert before == 0  # nothing goes upstream before the commit
    assert len(kept) == (0 if point is Point.BEFORE_ACCEPT else WISHES)
    assert ("idempotent-replayed" in again.headers) == (point is Point.ACCEPTED)
    assert {video["status"] for video in ended} == {"completed"}
    assert sorted(job["prompt"] for job in truth["jobs"]) == [f"boat {n}" for n in range(WISHES)]
