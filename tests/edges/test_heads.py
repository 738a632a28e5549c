"""Requests that are no HTTP, or that another server could read in another way: refused, and nothing behind is read."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.edges.guarding import Door, guarded, refused
from tests.support.running import ACME_KEY
from tests.support.wire import head, told

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = f"Bearer {ACME_KEY}"
POST = b"POST /v1/videos HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
POST += b"Authorization: %s\r\n" % KEY.encode()
GET = b"GET /v1/models HTTP/1.1\r\nHost: here\r\n"
END = b"0\r\n\r\n"
CHUNKS = POST + b"Transfer-Encoding: chunked\r\n\r\n"
NEXT = head(Authorization=KEY)
"""What would be smuggled in behind."""

HEADS = {
    "a length and chunks": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + END,
    "chunks and a length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + END,
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n1",
    "one length twice": POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n1",
    "a list of lengths": POST + b"Content-Length: 1, 1\r\n\r\n1",
    "a length with a sign": POST + b"Content-Length: +1\r\n\r\n1",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n1",
    "a length in hexadecimal": POST + b"Content-Length: 0x1\r\n\r\n1",
    "an empty length": POST + b"Content-Length: \r\n\r\n1",
    "a length beyond counting": POST + b"Content-Length: 99999999999999999999999\r\n\r\n1",
    "an unknown coding": POST + b"Transfer-Encoding: identity\r\n\r\n",
    "a coding beside chunks": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + END,
    "a coding after chunks": POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n" + END,
    "chunks twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + END,
    "nearly chunks": POST + b"Transfer-Encoding: xchunked\r\n\r\n" + END,
    "chunks behind a control character": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + END,
    "chunks in quotes": POST + b'Transfer-Encoding: "chunked"\r\n\r\n' + END,
    "chunks in HTTP/1.0": POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n" + END,
    "a folded header": GET + b"X: a\r\n b\r\n\r\n",
    "lines that end in LF": b"GET /v1/models HTTP/1.1\nHost: here\n\n",
    "a header that ends in LF": b"GET /v1/models HTTP/1.1\r\nHost: here\nX: a\r\n\r\n",
    "a header that ends in CR": b"GET /v1/models HTTP/1.1\r\nHost: here\rX: a\r\n\r\n",
    "a head that ends in LF": GET + b"\n",
    "a space before the colon": GET + b"X : a\r\n\r\n",
    "a space before the name": b"GET /v1/models HTTP/1.1\r\n Host: here\r\n\r\n",
    "a header without a name": GET + b": a\r\n\r\n",
    "a name that is none": GET + b"X(: a\r\n\r\n",
    "a NUL": GET + b"X: a\0b\r\n\r\n",
    "no Host": b"GET /v1/models HTTP/1.1\r\n\r\n",
    "two Hosts": GET + b"Host: there\r\n\r\n",
    "one Host twice": GET + b"Host: here\r\n\r\n",
    "a Host that is none": b"GET /v1/models HTTP/1.1\r\nHost: here/there\r\n\r\n",
    "a Host with a user": b"GET /v1/models HTTP/1.1\r\nHost: me@here\r\n\r\n",
    "another host in the address": b"GET http://there/v1/models HTTP/1.1\r\nHost: here\r\n\r\n",
    "no version": b"GET /v1/models\r\n\r\n",
    "HTTP/0.9": GET.replace(b"1.1", b"0.9") + b"\r\n",
    "HTTP/1.2": GET.replace(b"1.1", b"1.2") + b"\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method in small letters": GET.replace(b"GET", b"get") + b"\r\n",
    "a method that is none": GET.replace(b"GET", b"GIVE") + b"\r\n",
    "a tunnel": b"CONNECT there:443 HTTP/1.1\r\nHost: there:443\r\n\r\n",
    "a tab for a space": GET.replace(b"GET ", b"GET\t") + b"\r\n",
    "a space in the address": GET.replace(b"/v1/", b"/v1 /") + b"\r\n",
    "letters beyond ASCII in the address": GET.replace(b"/v1/", b"/\xc3\xa9/") + b"\r\n",
    "a control character in the address": GET.replace(b"/v1/", b"/\x01/") + b"\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
}
BODIES = {
    "a size that is none": CHUNKS + b"zz\r\n\r\n",
    "a size in C's spelling": CHUNKS + b"0x1\r\na\r\n" + END,
    "a negative size": CHUNKS + b"-1\r\na\r\n" + END,
    "a size beyond counting": CHUNKS + b"fffffffffffffffffffff\r\na\r\n" + END,
    "a space behind the size": CHUNKS + b"1 \r\na\r\n" + END,
    "a size that ends in LF": CHUNKS + b"1\na\r\n" + END,
    "an extension that ends in LF": CHUNKS + b"1;a\nb\r\na\r\n" + END,
    "more than its size": CHUNKS + b"1\r\nabc\r\n" + END,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    folder: Path = tmp_path_factory.mktemp("heads")
    async with guarded(folder, head_seconds=30, body_seconds=30, idle_seconds=0.4) as opened:
        yield opened


@pytest.mark.parametrize("kind", HEADS)
async def test_a_doubtful_head_is_refused_and_nothing_behind_it_is_heard(door: Door, kind: str):
    (answer,) = await told(door.port, HEADS[kind] + NEXT)

    refused(answer, 400, "malformed_request")


@pytest.mark.parametrize("kind", BODIES)
async def test_a_doubtful_body_is_refused_and_nothing_behind_it_is_heard(door: Door, kind: str):
    (answer,) = await told(door.port, BODIES[kind] + NEXT)

    refused(answer, 400, "malformed_request")


async def test_what_was_asked_before_a_doubtful_head_is_answered_first(door: Door):
    first, second, third = await told(door.port, NEXT + NEXT + HEADS["two Hosts"] + NEXT)

    assert (first.status, second.status) == (200, 200)
    refused(third, 400, "malformed_request")


async def test_no_more_than_some_requests_wait_on_one_connection(door: Door):
    *answers, last = await told(door.port, NEXT * 100)

    assert {answer.status for answer in answers} == {200}
    assert len(answers) == 33
    refused(last, 400, "malformed_request")


async def test_what_stands_behind_chunks_adds_no_header(door: Door):
    begun = head("POST /v1/videos", Content_Type="application/json", Transfer_Encoding="chunked")
    (answer,) = await told(door.port, begun + b"0\r\nAuthorization: %s\r\n\r\n" % KEY.encode())

    assert answer.status == 401


@pytest.mark.parametrize("offer", ["h2c", "TLS/1.0", "websocket-2"])
async def test_an_offer_to_speak_something_else_changes_nothing(door: Door, offer: str):
    body = b'{"query": "{ __typename }"}'
    words = {"Authorization": KEY, "Connection": "Upgrade", "Upgrade": offer, "Content_Type": "application/json"}
    asked = head("POST /graphql", **words, Content_Length=str(len(body))) + body
    first, second = await told(door.port, asked + NEXT)

    assert (first.status, second.status) == (200, 200)
    assert first.json["data"] == {"__typename": "Query"}


async def test_a_websocket_does_not_begin_behind_a_request_that_is_not_answered(door: Door):
    upgrade = head(
        "GET /graphql",
        Connection="Upgrade",
        Upgrade="websocket",
        Sec_WebSocket_Version="13",
        Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==",
    )
    first, second = await told(door.port, NEXT + upgrade)

    assert first.status == 200
    refused(second, 400, "malformed_request")


async def test_an_address_with_its_own_host_is_that_host_s(door: Door):
    asked = b"GET http://here/v1/models HTTP/1.1\r\nHost: here\r\nConnection: close\r\nAuthorization: %s\r\n\r\n"
    (answer,) = await told(door.port, asked % KEY.encode())

    assert answer.status == 200


async def test_the_oldest_clients_need_no_host(door: Door):
    (answer,) = await told(door.port, b"GET /v1/models HTTP/1.0\r\nAuthorization: %s\r\n\r\n" % KEY.encode())

    assert answer.status == 200
