"""OpenAI's own SDK, unmodified and strict: every call it has for videos, against a running gateway."""

import asyncio
import io
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest
import pytest_asyncio
from msgspec.structs import replace
from openai.types import Video

from gateway.names import system
from gateway.sandbox.settings import DEFAULT_ACCOUNTS, SandboxSettings
from gateway.wiring import Seams
from schema.tenant import RoutingPolicy
from schema.video import OnUnsupported
from tests.support.certificates import certificates
from tests.support.pictures import png
from tests.support.running import ACME_KEY, ADMIN_KEY, SPEED, Running, Setup, running

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # their service goes away; the shape of its API stays, and is ours
    pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The Videos API is scheduled:DeprecationWarning"),
]

AT_ONCE = SandboxSettings(speed=SPEED, accounts=tuple(replace(one, concurrent=0) for one in DEFAULT_ACCOUNTS))
"""Upstreams that make any number of videos at once."""

WISH: Any = {"model": "auto", "seconds": "8", "size": "1280x720"}
PIXEL = png(1, 1)
PUBLIC = "93.184.215.14"


@dataclass
class Sdk:
    """The SDK as a caller builds it; strict: an answer that is not of the type it promises is an error."""

    pair: Running
    plain: openai.AsyncOpenAI
    admin: openai.AsyncOpenAI
    film: Video

    def client(self, key: str) -> openai.AsyncOpenAI:
        return _client(self.pair, key, retries=0)


def _client(pair: Running, key: str, *, retries: int = 2) -> openai.AsyncOpenAI:
    http = openai.DefaultAsyncHttpxClient(trust_env=False)
    return openai.AsyncOpenAI(
        base_url=f"{pair.url}/v1",
        api_key=key,
        http_client=http,
        max_retries=retries,
        _strict_response_validation=True,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sdk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sdk]:
    seams = Seams(verify=certificates(), lookup=lambda *to: [PUBLIC] if to[0] == "example.com" else system(*to))
    bent = RoutingPolicy(on_unsupported=OnUnsupported.ADJUST)  # who takes pictures here takes no durations
    folder = tmp_path_factory.mktemp("sdk")
    async with (
        running(Setup(folder=folder, seams=seams, routing=bent, sandbox=AT_ONCE)) as pair,
        _client(pair, ACME_KEY) as plain,
        _client(pair, ADMIN_KEY) as admin,
    ):
        film = await plain.videos.create_and_poll(prompt="a barge [sim:instant]", poll_interval_ms=20, **WISH)
        yield Sdk(pair, plain, admin, film)


async def test_a_video_is_made_and_polled_to_its_end(sdk: Sdk):
    film = sdk.film

    assert (film.object, film.status, film.progress, film.error) == ("video", "completed", 100, None)
    assert (film.model, film.seconds, film.size) == ("auto", "8", "1280x720")
    assert isinstance(film.completed_at, int)
    assert await sdk.plain.videos.retrieve(film.id) == film
    raw = await sdk.plain.videos.with_raw_response.create(prompt="a raft", **WISH)
    assert int(raw.headers["openai-poll-after-ms"]) > 0
    assert raw.parse().status == "queued"


async def test_a_picture_is_a_file_or_an_address_of_any_kind(sdk: Sdk):
    by_file = await sdk.plain.videos.create(prompt="a gull", input_reference=("a.png", PIXEL, "image/png"), **WISH)
    extra = {"input_reference": {"video_id": sdk.film.id, "frame": "last"}, "gateway": {"priority": "high"}}
    by_frame = await sdk.plain.videos.create(prompt="a gull", extra_body=extra, **WISH)

    assert by_file.remixed_from_video_id is None
    assert by_frame.remixed_from_video_id == sdk.film.id


async def test_what_fails_says_why_as_the_sdk_reads_it(sdk: Sdk):
    failed = await sdk.plain.videos.create_and_poll(prompt="fail:moderation", poll_interval_ms=20, **WISH)

    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error.code
    assert failed.error.message


async def test_pages_follow_each_other_to_the_end_both_ways(sdk: Sdk):
    made = [(await sdk.plain.videos.create(prompt=f"a boat {number}", **WISH)).id for number in range(4)]

    down = [video.id async for video in sdk.plain.videos.list(limit=2, order="desc")]
    up = [video.id async for video in sdk.plain.videos.list(limit=3, order="asc")]

    assert down[:4] == made[::-1]
    assert up == down[::-1]
    assert len(set(down)) == len(down)


@pytest.mark.parametrize(
    ("variant", "media", "begins"),
    [
        ("video", "video/mp4", b"ftyp"),
        ("thumbnail", "image/jpeg", b"\xff\xd8"),
        ("spritesheet", "image/jpeg", b"\xff\xd8"),
    ],
)
async def test_every_variant_is_downloaded_and_written(
    sdk: Sdk, tmp_path: Path, variant: Any, media: str, begins: bytes
):
    got = await sdk.plain.videos.download_content(sdk.film.id, variant=variant)
    whole = await got.aread()
    got.write_to_file(tmp_path / variant)

    assert got.response.headers["content-type"] == media
    assert begins in whole[:8]
    assert (tmp_path / variant).read_bytes() == whole


async def test_remix_edit_and_extend_make_videos_from_one(sdk: Sdk):
    by_id: Any = {"video": openai.omit, "extra_body": {"video": {"id": sdk.film.id}}}  # its way for a video's id

    remix = await sdk.plain.videos.remix(sdk.film.id, prompt="at night")
    edit = await sdk.plain.videos.edit(prompt="in the snow", **by_id)
    longer = await sdk.plain.videos.extend(prompt="it sinks", seconds="8", **by_id)

    for video in (remix, edit, longer):
        assert (video.remixed_from_video_id, video.model, video.size) == (sdk.film.id, "auto", "1280x720")
    assert len({remix.id, edit.id, longer.id}) == 3
    assert (await sdk.plain.videos.poll(remix.id, poll_interval_ms=20)).status == "completed"
    async with sdk.client(ACME_KEY) as once:
        with pytest.raises(openai.UnprocessableEntityError) as refused:
            await once.videos.edit(prompt="x", video=("a.mp4", io.BytesIO(bytes(64)), "video/mp4"))
        assert refused.value.param == "video"
        with pytest.raises(openai.NotFoundError):
            await once.videos.create_character(name="a cat", video=("a.mp4", io.BytesIO(bytes(64)), "video/mp4"))
        with pytest.raises(openai.NotFoundError):
            await once.videos.get_character("char_1")


async def test_what_is_deleted_is_found_no_more(sdk: Sdk):
    film = await sdk.plain.videos.create_and_poll(prompt="a leaf [sim:instant]", poll_interval_ms=20, **WISH)

    deleted = await sdk.plain.videos.delete(film.id)

    assert (deleted.id, deleted.object, deleted.deleted) == (film.id, "video.deleted", True)
    with pytest.raises(openai.NotFoundError):
        await sdk.plain.videos.retrieve(film.id)


async def test_errors_are_typed_and_named(sdk: Sdk):
    async with sdk.client("fg_test_nobody") as nobody, sdk.client(ACME_KEY) as once:
        asked: list[tuple[type[openai.APIStatusError], Any]] = [
            (openai.AuthenticationError, nobody.videos.list()),
            (openai.NotFoundError, once.videos.retrieve("video_does_not_exist")),
            (openai.UnprocessableEntityError, once.videos.create(prompt="")),
            (openai.PermissionDeniedError, once.webhooks.list()),
        ]
        for kind, call in asked:
            with pytest.raises(kind) as refused:
                await call
            error = refused.value
            assert error.message
            assert error.type
            assert error.code
            assert error.request_id
        assert refused.value.type == "permission_error"


async def test_a_key_is_one_video_whatever_the_form_looks_like(sdk: Sdk):
    asked: Any = {"extra_headers": {"Idempotency-Key": "sdk-1"}, **WISH}

    first = await sdk.plain.videos.create(prompt="a cork", **asked)
    again = await sdk.plain.videos.create(prompt="a cork", **asked)

    assert again.id == first.id
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        await sdk.plain.videos.create(prompt="a stone", **asked)
    assert refused.value.code == "idempotency_key_reused"


async def test_models_are_listed_as_the_sdk_lists_them(sdk: Sdk):
    models = {model.id: model async for model in sdk.plain.models.list()}

    assert "auto" in models
    assert {model.object for model in models.values()} == {"model"}
    assert (await sdk.plain.models.retrieve("auto")).id == "auto"


async def test_webhook_endpoints_are_made_changed_and_removed(sdk: Sdk):
    webhooks = sdk.admin.webhooks

    made = await webhooks.create(name="n", url="https://example.com/h", event_types=["video.completed"])

    assert made.signing_secret.startswith("whsec_")
    assert (await webhooks.update(made.id, name="m")).name == "m"
    assert (await webhooks.retrieve(made.id)).id == made.id
    assert made.id in [one.id async for one in webhooks.list()]
    rotated = await webhooks.rotate_secret(made.id, keep_old_secret_active_for_24_hours=True)
    assert rotated.signing_secret != made.signing_secret
    assert "video.completed" in (await webhooks.event_types.list()).data
    assert (await webhooks.delete(made.id)).deleted is True


async def test_the_client_without_async_does_the_same(sdk: Sdk):
    def made() -> tuple[Video, bytes, list[str]]:
        http = openai.DefaultHttpxClient(trust_env=False)
        with openai.OpenAI(
            base_url=f"{sdk.pair.url}/v1", api_key=ACME_KEY, http_client=http, _strict_response_validation=True
        ) as client:
            film = client.videos.create_and_poll(prompt="a pond [sim:instant]", poll_interval_ms=20, **WISH)
            ids = [video.id for video in itertools.islice(client.videos.list(limit=1), 3)]
            return film, client.videos.download_content(film.id).read(), ids

    film, whole, ids = await asyncio.to_thread(made)

    assert film.status == "completed"
    assert whole[4:8] == b"ftyp"
    assert ids[0] == film.id
    assert len(set(ids)) == 3
