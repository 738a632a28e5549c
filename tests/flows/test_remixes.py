"""Videos from frames of others, as stories: whole lives on both databases, and at the other doors."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.cli.exits import ExitCode
from gateway.sandbox.settings import DEFAULT_ACCOUNTS, SandboxSettings
from gateway.wiring import Seams
from schema.clock import Millis, SystemClock
from schema.tenant import Retention
from tests.graphql.asking import post
from tests.rest.answers import problem
from tests.support.certificates import certificates
from tests.support.commands import filmgate
from tests.support.running import ACME_KEY, FAST, SPEED, Running, Setup, configured, running

DAY = 86_400_000
CREATE = """mutation ($input: CreateVideoInput!) { createVideo(input: $input) {
  ... on CreateVideoSuccess { video { id remixedFrom { id frame video { id prompt remixedFrom { id } } } } }
  ... on InvalidInputError { code errors { field code } } } }"""
READ = "query ($id: ID!) { video(id: $id) { remixedFrom { id frame video { id } } } }"
MANY = "{ videos(first: 50) { edges { node { id remixedFrom { video { id } } } } } }"


class Later:
    """The machine's clock, and as much later as a test says."""

    def __init__(self) -> None:
        self.by: Millis = 0

    def now(self) -> Millis:
        return SystemClock().now() + self.by


class Here:
    def __init__(self, pair: Running, clock: Later) -> None:
        self.pair = pair
        self.clock = clock

    async def made(self, prompt: str = "a barge [sim:instant]", **wish: Any) -> dict[str, Any]:
        return await self.pair.finished((await self.pair.create(prompt, **wish))["id"])

    async def asked(self, **of: Any) -> Any:
        """A video asked for by GraphQL, from a frame."""
        wish = {"prompt": "a ferry [sim:instant]", "inputReference": {"videoFrame": of}}
        return (await post(self.pair.client, CREATE, input=wish)).json()["data"]["createVideo"]


@pytest.fixture
async def here(tmp_path: Path, database_url: str | None) -> AsyncIterator[Here]:
    clock = Later()
    seams = Seams(verify=certificates(), clock=clock)
    sandbox = SandboxSettings(speed=SPEED, accounts=tuple(replace(one, concurrent=0) for one in DEFAULT_ACCOUNTS))
    timing = replace(FAST, sweep_seconds=3600)  # only the test sweeps
    setup = Setup(folder=tmp_path, database_url=database_url, timing=timing, seams=seams, sandbox=sandbox)
    async with running(setup) as pair:
        yield Here(pair, clock)


async def test_a_remix_of_a_remix_is_made_from_its_frame_and_outlives_what_it_came_from(here: Here):
    first = await here.made()
    second = await here.pair.client.post(f"/v1/videos/{first['id']}/remix", json={"prompt": "a tug [sim:instant]"})
    second_id = (await here.pair.finished(second.json()["id"]))["id"]
    body = {"prompt": "a raft [sim:instant]", "video": {"id": second_id}}
    third = await here.pair.finished((await here.pair.client.post("/v1/videos/extensions", json=body)).json()["id"])

    await here.pair.client.delete(f"/v1/videos/{second_id}")
    await here.pair.gateway.sweeping.sweep()

    shown = (await here.pair.client.get(f"/v1/videos/{third['id']}")).json()
    assert (shown["status"], shown["remixed_from_video_id"]) == ("completed", second_id)
    truth = await here.pair.truth()
    made = {job["prompt"]: job for job in truth["jobs"]}
    assert made["a raft [sim:instant]"]["image_url"] != made["a tug [sim:instant]"]["image_url"]
    assert sum(account["uploads"] for account in truth["accounts"]) == 2


async def test_an_expired_film_gives_no_frames_whether_or_not_anybody_has_swept(here: Here):
    setups = tuple(
        replace(setup, tenant=replace(setup.tenant, retention=Retention(days=1)))
        for setup in here.pair.gateway.settings.tenants
    )
    await configured(here.pair.gateway, tenants=setups)
    film = await here.made()
    path, body = f"/v1/videos/{film['id']}/remix", {"prompt": "a tug"}
    key = {"idempotency-key": "tug"}
    earlier = await here.pair.client.post(path, json=body, headers=key)
    here.clock.by = 2 * DAY

    for _ in range(2):
        problem(await here.pair.client.post(path, json=body), 410, "gone")
        again = await here.pair.client.post(path, json=body, headers=key)
        assert again.json()["id"] == earlier.json()["id"]
        await here.pair.gateway.sweeping.sweep()
    assert (await here.asked(videoId=film["id"]))["errors"] == [
        {"field": "inputReference.videoFrame.videoId", "code": "gone"}
    ]


async def test_what_is_not_a_film_on_the_disk_any_more_gives_no_frame(here: Here):
    film = await here.made()
    asset = await here.pair.gateway.videos.asset("acme", film["id"])
    path = Path(here.pair.gateway.settings.assets.url.removeprefix("file://")) / asset.key
    path.write_bytes(bytes(asset.size))
    remix = f"/v1/videos/{film['id']}/remix"

    refused = problem(await here.pair.client.post(remix, json={"prompt": "x"}), 422, "invalid_request")
    path.unlink()
    gone = problem(await here.pair.client.post(remix, json={"prompt": "x"}), 410, "gone")

    assert refused["detail"].startswith("The video: is a film of which no picture can be made")
    assert gone["detail"] == "The file is no longer in the asset store"


async def test_graphql_starts_from_frames_and_shows_where_videos_come_from(here: Here):
    film = await here.made()
    stuck = await here.pair.create("[sim:stuck]")

    video = (await here.asked(videoId=film["id"], frame="LAST"))["video"]
    plain = (await here.asked(videoId=film["id"]))["video"]
    refused = [(await here.asked(videoId=id))["errors"] for id in (stuck["id"], "video_" + "0" * 26, "nonsense")]
    many = (await post(here.pair.client, MANY)).json()["data"]["videos"]["edges"]
    foreign = (
        await post(
            here.pair.other,
            CREATE,
            input={
                "prompt": "x",
                "inputReference": {"videoFrame": {"videoId": film["id"]}},
            },
        )
    ).json()["data"]["createVideo"]
    await here.pair.client.delete(f"/v1/videos/{film['id']}")
    later = (await post(here.pair.client, READ, id=video["id"])).json()["data"]["video"]["remixedFrom"]

    prompt = {"id": film["id"], "prompt": "a barge [sim:instant]", "remixedFrom": None}
    assert video["remixedFrom"] == {"id": film["id"], "frame": "LAST", "video": prompt}
    assert plain["remixedFrom"]["frame"] == "FIRST"
    field = "inputReference.videoFrame.videoId"
    assert [[(one["field"], one["code"]) for one in errors] for errors in refused] == [
        [(field, "not_ready")],
        [(field, "unknown_video")],
        [(field, "invalid_value")],
    ]
    sources = {edge["node"]["id"]: edge["node"]["remixedFrom"] for edge in many}
    assert sources[video["id"]] == sources[plain["id"]] == {"video": {"id": film["id"]}}
    assert sources[film["id"]] is None
    assert foreign["errors"] == [{"field": field, "code": "unknown_video"}]
    assert later == {"id": film["id"], "frame": "LAST", "video": None}


async def test_the_command_line_remixes_goes_on_and_saves_pictures(here: Here, tmp_path: Path):
    film = await here.made()
    run = partial(filmgate, environ={"FILMGATE_URL": here.pair.url, "FILMGATE_KEY": ACME_KEY})
    sheet = tmp_path / "sheet.jpg"

    remix, longer, saved, link, both, alone = await asyncio.gather(
        run("videos", "remix", film["id"], "a tug [sim:instant]", "-o", "json"),
        run("videos", "create", "it sinks", "--from-video", film["id"], "--frame", "last", "-o", "json"),
        run("videos", "download", film["id"], "--spritesheet", "--out", str(sheet)),
        run("videos", "link", film["id"], "--spritesheet"),
        run("videos", "create", "x", "--from-video", film["id"], "--image", "img_1"),
        run("videos", "create", "x", "--frame", "last"),
    )

    assert [json.loads(one.out)["remixed_from_video_id"] for one in (remix, longer)] == [film["id"]] * 2
    whole = sheet.read_bytes()
    assert whole[:2] == b"\xff\xd8"
    assert (await here.pair.client.get(link.out.strip())).content == whole
    assert saved.code == ExitCode.OK
    assert {both.code, alone.code} == {ExitCode.USAGE}
    assert "not both" in both.err
    assert "--from-video" in alone.err
