"""Bodies that are deeper, more numerous or other than they say: refused for what they are, whoever reads them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.edges.guarding import Door, guarded

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON, FORM, FIELDS = "application/json", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"
MANY = 1_000_000
DEEP = {
    "lists": b"[" * MANY,
    "closed lists": b"[" * (MANY // 2) + b"]" * (MANY // 2),
    "objects": b'{"a":' * (MANY // 5),
    "lists in a field": b'{"prompt": ' + b"[" * MANY,
    "objects in a field that is kept": b'{"prompt": "a", "metadata": ' + b'{"a":' * (MANY // 5),
    "lists in a list": b'{"videos": [' + b"[" * MANY,
    "lists in variables": b'{"query": "{ a }", "variables": {"a": ' + b"[" * MANY,
}
READERS = [
    ("POST", "/v1/videos", JSON),
    ("POST", "/v1/quotes", JSON),
    ("POST", "/v1/video_batches", JSON),
    ("PATCH", "/v1/tenant", "application/merge-patch+json"),
    ("POST", "/v1/client_tokens", JSON),
    ("POST", "/v1/images", JSON),
    ("POST", "/graphql", JSON),
]
PART = b'--x\r\ncontent-disposition: form-data; name="prompt"\r\n\r\na boat\r\n'
FORMS = {
    "no beginning": b"x" * 100_000,
    "no end": PART,
    "no end of a part": PART[:-6],
    "too many parts": PART * 200 + b"--x--\r\n",
    "a long header": b"--x\r\nx: " + b"x" * 10_000 + b"\r\n\r\n\r\n--x--\r\n",
    "many headers": b"--x\r\n" + b"x: y\r\n" * 20 + b"\r\n\r\n--x--\r\n",
    "no name": b"--x\r\ncontent-disposition: form-data\r\n\r\na\r\n--x--\r\n",
    "another boundary": PART.replace(b"--x", b"--y") + b"--y--\r\n",
    "lines that end in LF": PART.replace(b"\r\n", b"\n") + b"--x--\n",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    folder: Path = tmp_path_factory.mktemp("depths")
    async with guarded(folder, body_seconds=10) as opened:
        yield opened


@pytest.mark.parametrize("kind", DEEP)
@pytest.mark.parametrize(("method", "path", "media"), READERS, ids=[path for _, path, _ in READERS])
async def test_a_deep_body_is_refused_by_whoever_reads_it(door: Door, method: str, path: str, media: str, kind: str):
    headers = {"content-type": media, "if-match": '"1"'}
    response = await door.client.request(method, path, content=DEEP[kind], headers=headers)

    assert response.status_code in {400, 403, 415, 422}, response.text[:500]


@pytest.mark.parametrize("name", ["a" + "[b]" * 100_000, "a" + "[" * 300_000, "[" * 300_000 + "]" * 300_000])
async def test_a_deep_name_of_a_field_is_refused(door: Door, name: str):
    response = await door.client.post("/v1/videos", content=f"{name}=1", headers={"content-type": FIELDS})

    assert (response.status_code, response.json()["code"]) == (400, "malformed_request")
    assert len(response.content) < 2_000


async def test_too_many_fields_are_refused(door: Door):
    response = await door.client.post("/v1/videos", content="a=1&" * 100_000, headers={"content-type": FIELDS})

    assert (response.status_code, response.json()["code"]) == (400, "malformed_request")


@pytest.mark.parametrize("kind", FORMS)
async def test_a_form_that_is_none_is_refused(door: Door, kind: str):
    response = await door.client.post("/v1/videos", content=FORMS[kind], headers={"content-type": FORM})

    assert (response.status_code, response.json()["code"]) == (400, "malformed_request")


@pytest.mark.parametrize("path", ["/v1/videos", "/v1/video_batches", "/v1/images", "/graphql"])
@pytest.mark.parametrize("coding", ["gzip", "br", "gzip, identity"])
async def test_a_compressed_body_is_not_read(door: Door, path: str, coding: str):
    media = FORM if path == "/v1/images" else JSON
    headers = {"content-type": media, "content-encoding": coding}
    response = await door.client.post(path, content=b"\x1f\x8b" + bytes(100), headers=headers)

    assert response.status_code == 415
    assert "uncompressed" in response.text
