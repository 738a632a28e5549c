"""Pictures at the other doors: GraphQL shows, names and deletes them, the command line does all there is."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from gateway.cli.exits import ExitCode
from tests.graphql.asking import post
from tests.support.commands import filmgate
from tests.support.pictures import png
from tests.support.running import ACME_KEY, Running, Setup, running

PNG = png(64, 36)
READ = """query ($id: ID!) { image(id: $id) { bytes mediaType width height sha256 contentUrl }
  images(first: 1) { edges { node { id } } pageInfo { hasNextPage } } }"""
CREATE = """mutation ($id: ID!) { createVideo(input: {prompt: "x", inputReference: {imageId: $id}}) {
  ... on CreateVideoSuccess { video { id } } ... on InvalidInputError { errors { field code } } } }"""
DELETE = """mutation ($id: ID!) { deleteImage(input: {id: $id}) {
  __typename ... on DeleteImageSuccess { id } ... on UserError { code } } }"""


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(Setup(tmp_path)) as pair:
        yield pair


async def test_graphql_shows_names_and_deletes_pictures(here: Running):
    image = (await here.client.post("/v1/images", files={"file": PNG})).json()
    id = image["id"]

    shown = (await post(here.client, READ, id=id)).json()["data"]
    video = (await post(here.client, CREATE, id=id)).json()["data"]["createVideo"]["video"]["id"]
    ended = await here.finished(video)
    foreign = [(await post(here.other, text, id=id)).json()["data"] for text in (READ, CREATE, DELETE)]
    deleted = (await post(here.client, DELETE, id=id)).json()["data"]["deleteImage"]
    again = (await post(here.client, DELETE, id=id)).json()["data"]["deleteImage"]
    none = (await post(here.client, CREATE, id="img_x")).json()["data"]["createVideo"]

    assert shown["image"]["sha256"] == image["sha256"]
    assert (shown["image"]["mediaType"], shown["image"]["bytes"]) == ("PNG", len(PNG))
    assert shown["images"] == {"edges": [{"node": {"id": id}}], "pageInfo": {"hasNextPage": False}}
    assert ended["status"] == "completed", ended
    assert foreign[0] == {"image": None, "images": {"edges": [], "pageInfo": {"hasNextPage": False}}}
    assert foreign[1]["createVideo"] == {"errors": [{"field": "inputReference.imageId", "code": "unknown_image"}]}
    assert foreign[2]["deleteImage"] == {"__typename": "NotFoundError", "code": "not_found"}
    assert deleted == {"__typename": "DeleteImageSuccess", "id": id}
    assert again["__typename"] == "NotFoundError"
    assert none["errors"][0]["field"] == "inputReference.imageId"


async def test_the_command_line_sends_pictures_and_names_them_in_wishes(here: Running, tmp_path: Path):
    file, copy = tmp_path / "me.png", tmp_path / "copy.png"
    file.write_bytes(PNG)
    run = partial(filmgate, environ={"FILMGATE_URL": here.url, "FILMGATE_KEY": ACME_KEY})

    by_file, uploaded = await asyncio.gather(
        run("videos", "create", "a heron", "--image", str(file), "--wait"),
        run("images", "upload", str(file), "-o", "json"),
    )
    id = json.loads(uploaded.out)["id"]
    listed, saved = await asyncio.gather(run("images", "list"), run("images", "download", id, "--out", str(copy)))
    deleted, no_picture = await asyncio.gather(
        run("images", "delete", id), run("videos", "create", "x", "--image", __file__)
    )

    assert [ran.code for ran in (by_file, listed, saved, deleted)] == [ExitCode.OK] * 4, (by_file, listed, saved)
    assert listed.out.count("img_") == listed.out.count(id) == 1
    assert copy.read_bytes() == PNG
    assert no_picture.code == ExitCode.USAGE
    assert "JPEG, PNG or WebP" in no_picture.err
