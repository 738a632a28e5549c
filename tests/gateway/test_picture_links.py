"""Pictures by link: who is asked, what is believed of the answer, and that nothing of a bad one stays."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.egress import Egress
from gateway.names import Names
from gateway.picture_links import LinkFailed, PictureLinks
from gateway.policy.egress import Rules
from gateway.spool import Spool
from schema.errors import InvalidRequest
from tests.support.certificates import certificates
from tests.support.pictures import png

PNG = png(64, 36)
PUBLIC = "93.184.215.14"
MOST = 4 * len(PNG)


@dataclass
class Host:
    """A server on this machine that answers everything alike."""

    url: str
    asked: int = 0


@asynccontextmanager
async def host(body: bytes = PNG, *headers: str, status: str = "200 OK", length: int | str | None = None):
    said = f"Content-Length: {len(body) if length is None else length}" if length != "until it closes" else "X-Y: z"
    lines = (f"HTTP/1.1 {status}", said, *headers)
    serving = Host("")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.asked += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        serving.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield serving


@asynccontextmanager
async def links(*exempt: str, lookup: Callable[[str, int], list[str]] | None = None) -> AsyncIterator[PictureLinks]:
    names = None if lookup is None else Names(lookup)
    egress = Egress(exempt=exempt, verify=certificates(), names=names, rules=Rules())
    try:
        yield PictureLinks(egress, deadline=10, max_bytes=MOST)
    finally:
        await egress.close()


@pytest.fixture
def spool(tmp_path: Path):
    """Let go of at the end, as whoever fetches does; then nothing of it is left."""
    found = Spool(tmp_path / "a.part", field="picture", max_bytes=MOST, max_pixels=10_000, released=lambda: None)
    yield found
    found.let_go()
    assert list(tmp_path.iterdir()) == []


async def received(links: PictureLinks, url: str, spool: Spool) -> None:
    await links.fetch(f"{url}/a.png", spool)
    await spool.finish()


async def failed(fetching: Awaitable[None]) -> LinkFailed:
    with pytest.raises(LinkFailed) as raised:
        await fetching
    assert "input_reference.image_url" in str(raised.value)
    return raised.value


async def test_a_picture_is_received_as_it_is(spool: Spool):
    async with host(PNG, "Content-Type: text/html") as there, links(there.url) as from_there:
        await from_there.fetch(there.url, spool)

    assert (await spool.finish()).size == len(PNG)


async def test_nobody_is_led_elsewhere(spool: Spool):
    async with host() as inside:
        moved = host(b"", f"Location: {inside.url}/a.png", status="302 Found")
        async with moved as there, links(there.url) as from_there:
            failure = await failed(from_there.fetch(f"{there.url}/a.png", spool))

        assert (there.asked, inside.asked) == (1, 0)
    assert not failure.passing
    assert "give the address it leads to" in str(failure)


async def test_a_name_that_leads_inside_by_the_time_it_is_called_is_not_called(spool: Spool):
    answers = iter([[PUBLIC, "127.0.0.1"], ["127.0.0.1"], ["::ffff:10.0.0.1"]])
    async with links(lookup=lambda *_: next(answers)) as to_anybody:
        url = "https://pictures.example/a.png"
        to_anybody.check(url)
        failures = [await failed(to_anybody.fetch(url, spool)) for _ in range(3)]

    assert next(answers, None) is None
    assert {str(failure) for failure in failures} == {str(failures[0])}, "nobody learns what names there are"


async def test_a_packed_answer_is_not_unpacked(spool: Spool):
    packed = host(gzip.compress(PNG), "Content-Encoding: gzip")
    async with packed as there, links(there.url) as from_there:
        assert not (await failed(from_there.fetch(there.url, spool))).passing


@pytest.mark.parametrize(("length", "passing"), [(len(PNG) + 1, True), (MOST + 1, False)])
async def test_an_answer_that_lies_about_its_length_is_no_picture(spool: Spool, length: int, passing: bool):
    async with host(PNG, length=length) as there, links(there.url) as from_there:
        assert (await failed(from_there.fetch(there.url, spool))).passing is passing


async def test_an_answer_that_goes_on_beyond_the_largest_picture_is_broken_off(spool: Spool):
    endless = host(PNG[:8] + bytes(MOST), length="until it closes")
    async with endless as there, links(there.url) as from_there:
        assert not (await failed(from_there.fetch(there.url, spool))).passing


@pytest.mark.parametrize(("status", "passing"), [("404 Not Found", False), ("503 Busy", True), ("429 Slowly", True)])
async def test_only_what_may_pass_is_worth_another_try(spool: Spool, status: str, passing: bool):
    async with host(b"", status=status) as there, links(there.url) as from_there:
        assert (await failed(from_there.fetch(there.url, spool))).passing is passing


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<!doctype html><title>a.png</title>", "unsupported_image"),
        (PNG + b"<html>", "unsupported_image"),
        (PNG[:-4], "unsupported_image"),
        (png(64, 36, says=(101, 100)), "too_many_pixels"),
        (b"", "empty"),
    ],
)
async def test_what_comes_is_looked_at_like_what_is_sent(spool: Spool, body: bytes, code: str):
    async with host(body, "Content-Type: image/png") as there, links(there.url) as from_there:
        with pytest.raises(InvalidRequest) as refused:
            await received(from_there, there.url, spool)

    assert refused.value.errors[0].code == code
