"""Clients that are slow, gone, or send too much: each is told so and let go, and those beside them notice nothing."""

import asyncio
import gc
import select
import socket
from collections.abc import AsyncIterable, AsyncIterator, Callable
from pathlib import Path

import pytest

from gateway.exchange import PIECE
from gateway.guarded import Guarded
from tests.edges.guarding import Door, guarded, refused
from tests.flows.engine import until
from tests.support.running import ACME_KEY
from tests.support.wire import PATIENCE, Reply, dripping, head, told

MANY = 60
KEY = f"Bearer {ACME_KEY}"
JSON = "application/json"
FORM = "multipart/form-data; boundary=x"
PART = b'--x\r\ncontent-disposition: form-data; name="prompt"\r\n\r\n'
CREATE = head("POST /v1/videos", Authorization=KEY, Content_Type=JSON, Content_Length="40")
CHUNKED = head("POST /v1/videos", Authorization=KEY, Content_Type=JSON, Transfer_Encoding="chunked")
PICTURE = head("POST /v1/images", Authorization=KEY, Content_Type=FORM, Transfer_Encoding="chunked")
ASKED = head("POST /graphql", Authorization=KEY, Content_Type=JSON, Content_Length="40")
LARGE = head("POST /v1/videos", Authorization=KEY, Content_Type=JSON, Content_Length="9000000000")
ENDLESS = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
DROP = 0.05


async def silence() -> AsyncIterator[bytes]:
    """Connects, and says nothing."""
    await asyncio.Event().wait()
    yield b""


Sent = Callable[[], bytes | AsyncIterable[bytes]]

SLOW: dict[str, Sent] = {
    "says nothing": silence,
    "stops within the head": lambda: CREATE[:-3],
    "sends its head byte by byte": lambda: dripping(b"GET /v1/models HTTP/1.1\r\nX: ", b"x", DROP),
    "sends header after header": lambda: dripping(b"GET /v1/models HTTP/1.1\r\n", b"X: x\r\n", DROP),
    "sends empty lines": lambda: dripping(b"\r\n", b"\r\n", DROP),
    "stops within the body": lambda: CREATE + b'{"prompt": ',
    "sends no body": lambda: CREATE,
    "sends its body byte by byte": lambda: dripping(CREATE, b" ", DROP),
    "sends chunk after chunk": lambda: dripping(CHUNKED, b"1\r\n \r\n", DROP),
    "stops within a form": lambda: PICTURE + b"%x\r\n" % len(PART) + PART + b"\r\n",
    "stops within the next request": lambda: head(Authorization=KEY) + head()[:-3],
}
LOUD: dict[str, tuple[int, str, Sent]] = {
    "says that its body is too long": (413, "payload_too_large", lambda: dripping(LARGE, b" " * 65_536, 0)),
    "sends a body without end": (413, "payload_too_large", lambda: dripping(CHUNKED, ENDLESS, 0)),
    "has a long header": (431, "headers_too_large", lambda: dripping(head()[:-2] + b"X: ", b"x" * 8192, 0)),
    "has a whole head that is too large": (431, "headers_too_large", lambda: head(X="x" * 5000)),
    "has many headers": (431, "headers_too_large", lambda: head()[:-2] + b"X: x\r\n" * 101 + b"\r\n"),
    "asks for a long address": (414, "target_too_long", lambda: head("GET /" + "x" * 9000)),
    "asks for an address without end": (414, "target_too_long", lambda: dripping(b"GET /", b"x" * 8192, 0)),
}


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def no_more_than(before: int) -> bool:
    """Whether everything is closed again that was opened since; the other side of a connection takes a moment."""
    return descriptors() <= before


async def together(door: Door, sent: Sent) -> list[list[Reply]]:
    """What many are told who do the same, while somebody asks for ordinary things and gets them."""
    ended = asyncio.Event()

    async def ordinary() -> int:
        served = 0
        while not ended.is_set():
            assert (await door.client.get("/v1/models")).status_code == 200
            served += 1
        return served

    beside = asyncio.create_task(ordinary())
    try:
        answers = await asyncio.gather(*(told(door.port, sent()) for _ in range(MANY)))
    finally:
        ended.set()
    assert await beside > 0
    return answers


@pytest.mark.parametrize("kind", SLOW)
async def test_a_slow_client_is_told_so_and_let_go(tmp_path: Path, kind: str):
    async with guarded(tmp_path) as door:
        await door.client.get("/v1/models")
        before = descriptors()

        for answers in await together(door, SLOW[kind]):
            refused(answers[-1], 408, "request_timeout")
            assert "x-should-retry" not in answers[-1].headers  # nothing was done: it may well be sent again

        await until(lambda: no_more_than(before))
        assert (await door.client.get("/v1/videos")).json()["data"] == []


async def test_a_slow_client_is_told_so_in_the_words_of_graphql_too(tmp_path: Path):
    async with guarded(tmp_path) as door:
        (answer,) = await told(door.port, ASKED + b'{"query": ')

    assert (answer.status, answer.headers["connection"]) == (408, "close")
    assert answer.json["errors"][0]["extensions"]["code"] == "REQUEST_TIMEOUT"


async def test_slow_clients_who_came_together_are_let_go_one_after_the_other(tmp_path: Path):
    luck, models = 1_000.0, head(Authorization=KEY)  # from 0 to 1 outside tests; here one may wait for minutes
    async with guarded(tmp_path, luck=lambda: luck) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(models + models[:-3])
        await reader.readuntil(b"\r\n\r\n")
        luck = 0.0
        (unlucky,) = await told(door.port, models[:-3])
        writer.write(models[-3:])
        lucky = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        writer.close()

    refused(unlucky, 408, "request_timeout")
    assert b"HTTP/1.1 200 OK" in lucky
    assert b"HTTP/1.1 408" not in lucky


@pytest.mark.parametrize("kind", LOUD)
async def test_a_client_that_sends_too_much_hears_why_although_it_goes_on(tmp_path: Path, kind: str):
    status, code, sent = LOUD[kind]
    async with guarded(tmp_path) as door:
        await door.client.get("/v1/models")
        before = descriptors()

        for (answer,) in await together(door, sent):
            refused(answer, status, code)
            assert answer.headers["x-should-retry"] == "false"

        await until(lambda: no_more_than(before))


async def test_nobody_s_body_is_read_of_whom_nothing_is_taken(tmp_path: Path):
    unknown = head("POST /v1/videos", Content_Type=JSON, Content_Length="9000000")
    nowhere = head("POST /nowhere", Authorization=KEY, Content_Length="9000000")
    async with guarded(tmp_path, body_seconds=30) as door:
        (first,) = await told(door.port, dripping(unknown, b" ", DROP))
        (second,) = await told(door.port, dripping(nowhere, b" ", DROP))
        (third,) = await told(door.port, head("POST /nowhere", Content_Length="10", Expect="100-continue"))

    refused(first, 401, "unauthenticated")
    refused(second, 404, "not_found")
    refused(third, 404, "not_found")


async def test_a_short_body_that_nobody_wants_does_not_end_the_connection(tmp_path: Path):
    async def halves() -> AsyncIterator[bytes]:
        yield head("POST /v1/videos", Content_Type=JSON, Content_Length="20")
        await asyncio.sleep(DROP)
        yield b" " * 20 + head(Authorization=KEY, Connection="close")

    async with guarded(tmp_path) as door:
        answers = await told(door.port, halves())

    assert [answer.status for answer in answers] == [401, 200]
    assert "connection" not in answers[0].headers


async def test_a_connection_without_requests_is_let_go_without_a_word(tmp_path: Path):
    async with guarded(tmp_path, idle_seconds=0.4) as door:
        (answer,) = await told(door.port, head(Authorization=KEY))

    assert answer.status == 200


async def test_a_slow_body_that_goes_on_fast_enough_is_taken(tmp_path: Path):
    """At 40 times the slowest speed, over more than two spans of patience."""
    body = b'{"prompt": "a boat"' + b" " * 100_000 + b"}"

    async def pieces() -> AsyncIterator[bytes]:
        yield head(
            "POST /v1/videos",
            Authorization=KEY,
            Content_Type=JSON,
            Content_Length=str(len(body)),
            Connection="close",
        )
        for place in range(0, len(body), 2000):
            await asyncio.sleep(0.025)
            yield body[place : place + 2000]

    async with guarded(tmp_path, body_seconds=0.5) as door:
        (answer,) = await told(door.port, pieces())

    assert answer.status == 422, answer  # read and judged: this gateway has no accounts
    assert answer.json["code"] == "no_route"


async def unread(port: int, request: bytes) -> None:
    """Ask for many large things, read nothing, until the server lets go."""
    asking = socket.socket()
    asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    asking.setblocking(False)
    with asking:
        loop = asyncio.get_running_loop()
        await loop.sock_connect(asking, ("127.0.0.1", port))
        await loop.sock_sendall(asking, request)
        hung_up = select.poll()
        hung_up.register(asking, 0)  # tells of nothing but the end
        assert await asyncio.to_thread(hung_up.poll, PATIENCE * 1000)


async def test_a_client_that_never_reads_its_answers_is_let_go(tmp_path: Path):
    async with guarded(tmp_path) as door:
        document = await door.client.get("/openapi.json")
        before = descriptors()

        await asyncio.gather(*(unread(door.port, head("GET /openapi.json") * 30) for _ in range(10)))

        assert len(document.content) * 30 > 8_000_000  # more than the system keeps for anybody
        assert (await door.client.get("/v1/models")).status_code == 200
        await until(lambda: no_more_than(before))


def waiting() -> int:
    """Bytes that the server keeps in its memory for clients to take."""
    connections = [one for one in gc.get_objects() if isinstance(one, Guarded)]
    return sum(one.transport.get_write_buffer_size() for one in connections)


async def test_of_a_large_answer_little_is_kept_for_a_client_that_does_not_read(tmp_path: Path):
    async with guarded(tmp_path, answer_seconds=2) as door:
        asking = asyncio.create_task(unread(door.port, head("GET /openapi.json") * 30))
        most = 0
        while not asking.done():
            most = max(most, waiting())
            await asyncio.wait([asking], timeout=0.1)

    assert 0 < most <= 2 * PIECE


async def test_one_too_many_is_told_to_come_again_and_there_is_room_when_others_left(tmp_path: Path):
    async with guarded(tmp_path, max_connections=20, head_seconds=30) as door:
        held = [await asyncio.open_connection("127.0.0.1", door.port) for _ in range(20)]
        (answer,) = await told(door.port, head(Authorization=KEY))
        for _, writer in held:
            writer.close()
            await writer.wait_closed()
        (after,) = await told(door.port, head(Authorization=KEY, Connection="close"))

    refused(answer, 503, "overloaded")
    assert answer.headers["retry-after"] == "1"
    assert after.status == 200


async def test_streams_that_have_nothing_to_say_live_on(tmp_path: Path):
    """An event stream stays open for many times the longest patience there is."""
    request = head("GET /v1/events", Authorization=KEY, Accept="text/event-stream")
    async with guarded(tmp_path, answer_seconds=0.1, body_seconds=0.1, head_seconds=0.1, idle_seconds=0.1) as door:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(request)
        begun = await reader.readuntil(b"\r\n\r\n")
        ending = asyncio.create_task(reader.read())
        await asyncio.wait([ending], timeout=1)

        assert begun.startswith(b"HTTP/1.1 200")
        assert not ending.done()
        writer.close()
        await ending
