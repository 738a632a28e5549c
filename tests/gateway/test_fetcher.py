"""Downloads from links that somebody else gave us: what is refused, and that nothing is left behind."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.egress import Egress
from gateway.fetcher import Fetcher, FetchFailed
from gateway.names import Names
from gateway.sandbox.mp4 import clip
from tests.support.certificates import certificates

FILM = b"\0\0\0\x20ftypisom" + bytes(range(256)) * 64


def answer(status: str, body: bytes, *headers: str, length: int | None = None) -> bytes:
    said = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {said}", "Content-Type: video/mp4", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


ANSWERS = {
    "/film.mp4": answer("200 OK", FILM),
    "/short.mp4": answer("200 OK", FILM[:1000], length=len(FILM)),
    "/page.mp4": answer("200 OK", b"<!doctype html><title>not a film</title>"),
    "/empty.mp4": answer("200 OK", b""),
    "/gone.mp4": answer("410 Gone", b""),
    "/moved.mp4": answer("302 Found", b"", "Location: /film.mp4"),
    "/zipped.mp4": answer("200 OK", FILM, "Content-Encoding: gzip"),
    "/long.mp4": answer("200 OK", FILM * 10),
    "/endless.mp4": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + FILM * 10,
    "/broken.mp4": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"ffff\r\n" + FILM * 10,
}


@pytest.fixture
async def origin() -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        writer.write(ANSWERS[path])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
async def fetcher(tmp_path: Path, origin: str) -> AsyncIterator[Fetcher]:
    names = Names(lambda host, port: ["127.0.0.1"])
    egress = Egress(exempt=(origin,), verify=certificates(), names=names)
    yield Fetcher(folder=tmp_path, max_bytes=2 * len(FILM), deadline=5, egress=egress, pause=0.01)
    await egress.close()


async def test_a_film_arrives_whole_with_its_size_and_hash(fetcher: Fetcher, origin: str) -> None:
    fetched = await fetcher.fetch(f"{origin}/film.mp4", name="one", hosts=())

    assert fetched.path.read_bytes() == FILM
    assert (fetched.size, fetched.sha256) == (len(FILM), hashlib.sha256(FILM).hexdigest())


@pytest.mark.parametrize(
    ("path", "gone"),
    [
        pytest.param("/short.mp4", False, id="a body shorter than promised"),
        pytest.param("/page.mp4", False, id="a page that calls itself a film"),
        pytest.param("/empty.mp4", False, id="nothing"),
        pytest.param("/gone.mp4", True, id="a dead link"),
        pytest.param("/moved.mp4", False, id="a redirect"),
        pytest.param("/zipped.mp4", False, id="an encoded body"),
        pytest.param("/long.mp4", False, id="more than we take, and says so"),
        pytest.param("/endless.mp4", False, id="more than we take, without saying so"),
        pytest.param("/broken.mp4", False, id="chunks that are none"),
    ],
)
async def test_what_is_not_a_whole_film_is_refused_and_leaves_nothing(
    fetcher: Fetcher, origin: str, tmp_path: Path, path: str, gone: bool
) -> None:
    with pytest.raises(FetchFailed) as refused:
        await fetcher.fetch(origin + path, name="one", hosts=())

    assert refused.value.gone is gone
    assert list(tmp_path.iterdir()) == []


async def test_a_link_to_a_host_the_provider_does_not_use_is_never_called(fetcher: Fetcher, tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="known to use"):
        await fetcher.fetch("https://elsewhere.example/film.mp4", name="one", hosts=("cdn.example.com",))

    assert list(tmp_path.iterdir()) == []


async def test_a_known_host_that_resolves_to_a_private_address_is_not_connected_to(fetcher: Fetcher) -> None:
    with pytest.raises(FetchFailed, match=r"unreachable: cdn\.example\.com leads to"):
        await fetcher.fetch("https://cdn.example.com/film.mp4", name="one", hosts=("cdn.example.com",))


def test_the_sample_film_of_the_sandbox_looks_like_a_film_to_the_fetcher() -> None:
    assert clip("16:9", seconds=1, hue=0)[4:8] == b"ftyp"
