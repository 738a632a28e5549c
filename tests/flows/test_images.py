"""Pictures: sent once, refused where they are none, and given to each provider account that needs them."""

import asyncio
import base64
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from gateway.sandbox.server import Sandbox
from gateway.sandbox.settings import AccountSettings, SandboxSettings
from gateway.wiring import data_folder
from providers.veo3o1 import VEO3O1
from schema.account import Account, Limits, Secret
from tests.flows.engine import until
from tests.support.pictures import jpeg, png, webp
from tests.support.running import ACME_KEY, SPEED, Running, Setup, running

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")

PNG = png(64, 36)
URL = "/v1/images"


def setup(folder: Path, database_url: str | None, *, credits: int = 100, **changes: Any) -> Setup:
    """Two accounts at veo3o1, the first of which may be broke."""
    accounts = tuple(
        AccountSettings(name=name, provider="veo3o1", key=f"key-of-{name}", credits=left, per_minute=0, concurrent=0)
        for name, left in (("first", credits), ("second", 100))
    )
    return Setup(
        folder=folder,
        database_url=database_url,
        sandbox=SandboxSettings(speed=SPEED, accounts=accounts),
        accounts_of=accounts_of,
        **changes,
    )


def accounts_of(sandbox: Sandbox) -> tuple[Account, ...]:
    return tuple(
        Account(
            id=f"veo-{name}",
            provider="veo3o1",
            base_url=sandbox.veo3o1_url,
            credential=Secret(f"key-of-{name}"),
            price_per_credit=price,
            limits=Limits(concurrent=8),
            options=VEO3O1.options(),
            sandbox=True,
        )
        for name, price in (("first", 100_000), ("second", 200_000))
    )


@pytest.fixture
async def pair(tmp_path: Path, database_url: str | None) -> AsyncIterator[Running]:
    async with running(setup(tmp_path, database_url)) as pair:
        yield pair


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(setup(tmp_path, None)) as pair:
        yield pair


async def upload(pair: Running, data: bytes = PNG) -> httpx.Response:
    return await pair.client.post(URL, files={"file": ("me.png", data, "image/png")})


async def uploads(pair: Running) -> dict[str, int]:
    return {one["name"]: one["uploads"] for one in (await pair.truth())["accounts"]}


def code(response: httpx.Response) -> tuple[int, str, str | None]:
    body = response.json()
    errors = body["errors"]
    return response.status_code, body["code"], errors[0]["code"] if errors else None


# kept


async def test_a_picture_is_kept_once_and_can_be_read_listed_and_deleted(pair: Running):
    for data in (png(64, 36), jpeg(64, 36), webp(64, 36)):
        await kept_and_deleted(pair, data)
    await pair.gateway.sweeping.sweep()
    assert not [path for path in (data_folder(pair.gateway.settings).parent / "assets").rglob("*") if path.is_file()]


async def kept_and_deleted(pair: Running, data: bytes) -> None:
    first = await upload(pair, data)
    again = await pair.client.post(URL, content=data, headers={"content-type": first.json()["media_type"]})

    image = first.json()
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() | {"expires_at": 0} == image | {"expires_at": 0}
    assert (image["bytes"], image["width"], image["height"]) == (len(data), 64, 36)
    path = f"{URL}/{image['id']}"
    assert (await pair.client.get(path)).json()["sha256"] == image["sha256"]
    content = await pair.client.get(f"{path}/content")
    assert content.content == data
    assert content.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in content.headers["content-security-policy"]
    assert content.headers["x-content-type-options"] == "nosniff"
    assert [one["id"] for one in (await pair.client.get(URL)).json()["data"]] == [image["id"]]
    assert (await pair.other.get(path)).status_code == 404
    assert (await pair.other.delete(path)).status_code == 404
    assert (await pair.client.delete(path)).json() == {"id": image["id"], "object": "image.deleted", "deleted": True}
    assert (await pair.client.get(path)).status_code == 404


# refused


def form(*parts: bytes, end: bytes = b"--x--\r\n") -> bytes:
    return b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + end


def file(data: bytes) -> bytes:
    return b'Content-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + data


PART = b'Content-Disposition: form-data; name="a"\r\n\r\nb'
HOSTILE = {
    "1001 parts": (form(*[PART] * 1001), 400),
    "endless preamble": (b"\r\n" * 500_000 + form(file(PNG)), 400),
    "a header of 100 kB": (form(b"X-Long: " + b"a" * 100_000 + b"\r\n" + file(PNG)), 400),
    "100,000 headers": (form(b"X-A: b\r\n" * 100_000 + file(PNG)), 400),
    "no final boundary": (form(file(PNG), end=b""), 400),
    "no file": (form(PART), 422),
    "an empty file": (form(file(b"")), 422),
    "two files": (form(file(PNG), file(PNG)), 400),
    "HTML behind a PNG's first bytes": (form(file(PNG[:8] + b"<html><script>alert(1)</script></html>")), 422),
    "HTML behind a whole PNG": (form(file(PNG + b"<html>")), 422),
    "SVG called PNG": (form(file(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")), 422),
    "HTML": (form(file(b"<!doctype html><script>alert(1)</script>")), 422),
    "a picture in gzip": (form(file(gzip.compress(PNG))), 422),
    "GIF": (form(file(b"GIF89a" + b"\0" * 100)), 422),
    "a JPEG that is an archive too": (form(file(jpeg(64, 36) + b"PK\x05\x06" + b"\0" * 18)), 422),
    "50,000 x 50,000 pixels": (form(file(png(64, 36, says=(50_000, 50_000)))), 422),
    "a JPEG cut short": (form(file(jpeg(64, 36)[:-20])), 422),
    "a PNG cut short": (form(file(PNG[:-12])), 422),
    "a WebP cut short": (form(file(webp(64, 36)[:-4])), 422),
    "an animated WebP": (form(file(webp(64, 36, animated=True))), 422),
    "a JPEG of filling": (form(file(b"\xff" * 100_000)), 422),
}


async def test_what_is_no_picture_is_refused_and_nothing_of_it_is_kept(here: Running):
    headers = {"content-type": "multipart/form-data; boundary=x"}
    answers = {name: await here.client.post(URL, content=body, headers=headers) for name, (body, _) in HOSTILE.items()}

    assert {name: answer.status_code for name, answer in answers.items()} == {
        name: told[1] for name, told in HOSTILE.items()
    }
    for answer in answers.values():
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"]
    assert (await here.client.get(URL)).json()["data"] == []
    assert not leftovers(here)


def leftovers(pair: Running) -> list[Path]:
    """Files of pictures that came in and were let go of."""
    return list((data_folder(pair.gateway.settings) / "images").glob("*"))


async def endless(times: int) -> AsyncIterator[bytes]:
    yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n' + PNG[:8]
    for _ in range(times):
        yield bytes(1 << 20)


async def test_what_never_ends_is_broken_off_where_a_picture_must_end(here: Running):
    headers = {"content-type": "multipart/form-data; boundary=x"}
    response = await here.client.post(URL, content=endless(1 << 10), headers=headers)

    assert response.status_code == 413
    assert not leftovers(here)


async def test_a_body_that_is_shorter_than_it_says_leaves_nothing_behind(here: Running):
    host, port = here.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {URL} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ACME_KEY}\r\nContent-Type: image/png\r\n"
    writer.write(f"{head}Content-Length: {len(PNG)}\r\n\r\n".encode() + PNG[:-1])
    await writer.drain()

    async def arriving() -> bool:
        return leftovers(here) != []

    async def gone() -> bool:
        return not leftovers(here)

    await until(arriving)
    writer.close()
    await until(gone)
    assert (await here.client.get(URL)).json()["data"] == []


async def test_a_file_is_let_go_of_when_the_rest_of_its_wish_is_refused(here: Running):
    async def create(fields: dict[str, str], **headers: str) -> httpx.Response:
        return await here.client.post("/v1/videos", data=fields, files={"input_reference": PNG}, headers=headers)

    unknown = await create({"prompt": "x", "wings": "2"})
    twice = await create({"prompt": "x", "gateway[cancel_after_seconds]": "9"}, **{"cancel-after": "8"})
    both = await create({"prompt": "x", "input_reference[image_url]": "https://pictures.example/a.png"})
    quoted = await here.client.post("/v1/quotes", data={"prompt": "x"}, files={"input_reference": PNG})

    assert {answer.status_code for answer in (unknown, twice, both, quoted)} == {422}
    assert not leftovers(here)


async def test_a_body_of_another_type_is_refused_with_those_that_are_read(here: Running):
    for kind, status, said in (
        ("image/svg+xml", 415, "image/png"),
        ("text/html", 415, "image/png"),
        ("multipart/form-data", 400, "boundary"),
    ):
        response = await here.client.post(URL, content=PNG, headers={"content-type": kind})

        assert response.status_code == status
        assert said in response.text


# started from


async def made(pair: Running, **wish: Any) -> dict[str, Any]:
    return await pair.finished((await pair.create(**wish))["id"])


async def test_two_videos_at_once_from_one_picture_are_one_upload_and_failover_needs_one_more(
    tmp_path: Path, database_url: str | None
):
    async with running(setup(tmp_path, database_url, credits=0)) as pair:
        image = (await upload(pair)).json()["id"]
        wish = {"input_reference": {"image_id": image}}
        videos = await asyncio.gather(*(made(pair, prompt=f"boat {n}", **wish) for n in range(4)))
        given, truth = await uploads(pair), await pair.truth()

    assert [(one["status"], one["gateway"]["account"]) for one in videos] == [("completed", "veo-second")] * 4
    assert given == {"first": 1, "second": 1}
    assert len(truth["jobs"]) == 4
    assert all("/images/uploads/" in job["image_url"] for job in truth["jobs"])


async def test_a_picture_that_its_provider_lost_is_given_again(pair: Running):
    image = (await upload(pair)).json()["id"]
    wish = {"input_reference": {"image_id": image}, "gateway": {"only": ["veo-first"]}}
    await made(pair, **wish)
    pair.sandbox.world.images.clear()

    again = await made(pair, prompt="another", **wish)

    assert again["status"] == "completed", again
    assert (await uploads(pair))["first"] == 2


async def test_a_file_a_data_url_and_an_id_lead_to_the_same_picture(pair: Running):
    async with openai.AsyncOpenAI(base_url=f"{pair.url}/v1", api_key=ACME_KEY) as sdk:
        video = await sdk.videos.create(prompt="a heron", model="auto", input_reference=("me.png", PNG, "image/png"))
    data = "data:image/png;base64," + base64.b64encode(PNG).decode()
    other = await made(pair, input_reference={"image_url": data})
    first = await pair.finished(video.id)

    images = (await pair.client.get(URL)).json()["data"]
    third = await made(pair, input_reference={"file_id": images[0]["id"]})
    assert {first["status"], other["status"], third["status"]} == {"completed"}
    assert len(images) == 1
    assert (await uploads(pair))["first"] == 1


async def test_the_same_file_in_another_form_is_the_same_wish(pair: Running):
    async def create(boundary: str, data: bytes) -> httpx.Response:
        parts = (
            b'Content-Disposition: form-data; name="prompt"\r\n\r\na stork',
            b'Content-Disposition: form-data; name="input_reference"; filename="a"\r\n\r\n' + data,
        )
        body = form(*parts).replace(b"--x", b"--" + boundary.encode())
        kind = f"multipart/form-data; boundary={boundary}"
        headers = {"content-type": kind, "idempotency-key": "one"}
        return await pair.client.post("/v1/videos", content=body, headers=headers)

    first, again, other = await create("one", PNG), await create("two", PNG), await create("three", png(32, 32))

    assert first.status_code == 202, first.text
    assert again.json()["id"] == first.json()["id"]
    assert code(other)[:2] == (422, "idempotency_key_reused")


async def test_a_picture_in_use_stays_and_one_that_is_gone_is_named_so(pair: Running):
    image = (await upload(pair)).json()["id"]
    wish = {"input_reference": {"image_id": image}}
    video = await pair.create("[sim:slow]", **wish)

    held = await pair.client.delete(f"{URL}/{image}")
    await pair.client.post(f"/v1/videos/{video['id']}/cancel")
    gone = await pair.client.delete(f"{URL}/{image}")
    refused = await pair.client.post("/v1/videos", json={"prompt": "x", **wish})
    foreign = await pair.other.post("/v1/videos", json={"prompt": "x", **wish})

    assert code(held)[:2] == (409, "image_in_use")
    assert gone.status_code == 200
    assert code(refused) == code(foreign) == (422, "invalid_request", "unknown_image")


async def test_a_picture_too_large_for_every_account_is_said_before_anything_is_sent(here: Running):
    image = (await upload(here, png(8, 8, more=11 << 20))).json()["id"]

    refused = await here.client.post("/v1/videos", json={"prompt": "x", "input_reference": {"image_id": image}})

    assert code(refused) == (422, "no_route", "image_too_large")
    assert await uploads(here) == {"first": 0, "second": 0}


# by link


async def test_a_link_that_leads_inside_is_refused_at_once(here: Running):
    inside = ("https://127.0.0.1/a.png", "https://[::1]/a", "https://169.254.169.254/latest", "https://10.0.0.1/a.png")
    for url in ("http://pictures.example/a.png", "https://127.1/a.png", *inside):
        refused = await here.client.post("/v1/videos", json={"prompt": "x", "input_reference": {"image_url": url}})

        assert code(refused) == (422, "invalid_request", "refused"), url


async def test_a_picture_by_link_is_fetched_once_and_given_as_a_file(pair: Running):
    image = (await upload(pair)).json()["id"]
    await made(pair, input_reference={"image_id": image})
    url = (await pair.truth())["jobs"][0]["image_url"]  # the sandbox may be called, and has a picture by now

    video = await made(pair, prompt="by link", input_reference={"image_url": url})

    truth = await pair.truth()
    assert video["status"] == "completed", video
    assert truth["calls"]["images.get"] == 1
    assert (await uploads(pair))["first"] == 1, "it is the same picture"


async def test_a_link_to_what_is_no_picture_fails_the_video_and_names_the_field(here: Running):
    for path in ("/truth", "/nowhere"):
        video = await made(here, input_reference={"image_url": here.sandbox.url + path})

        assert video["error"]["code"] == "invalid_request"
        assert "input_reference.image_url" in video["error"]["message"]
    assert not leftovers(here)
