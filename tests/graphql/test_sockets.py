"""graphql-transport-ws: who may connect, and what ends a connection."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from gateway.graphql import sockets
from gateway.graphql.controller import PATH
from tests.graphql.asking import EVENTS, PROTOCOL, Socket, created, socket
from tests.support.running import ACME_KEY, OTHER_KEY, Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_key_in_connection_init_is_acknowledged(gw: Running) -> None:
    async with socket(gw.url, ACME_KEY) as ws:
        await ws.subscribe("1", "{ viewer { tenant { id } } }")

        assert await ws.results("1") == [{"data": {"viewer": {"tenant": {"id": "acme"}}}}]


@pytest.mark.parametrize("payload", [None, {}, {"other": 1}])
async def test_a_key_in_the_handshake_does_as_well(gw: Running, payload: Any) -> None:
    async with socket(gw.url, None, init=False, Authorization=f"Bearer {ACME_KEY}") as ws:
        await ws.send(type="connection_init", payload=payload)

        assert await ws.next() == {"type": "connection_ack"}


@pytest.mark.parametrize(
    "payload", [None, {}, {"authorization": None}, {"authorization": 5}, {"Authorization": "Bearer wrong"}]
)
async def test_nobody_is_turned_away_with_4403(gw: Running, payload: Any) -> None:
    async with socket(gw.url, None, init=False) as ws:
        await ws.send(type="connection_init", payload=payload)

        assert await ws.closed() == 4403


async def test_nothing_is_answered_before_the_acknowledgement(gw: Running) -> None:
    async with socket(gw.url, None, init=False, Authorization=f"Bearer {ACME_KEY}") as ws:
        await ws.subscribe("1", "{ __typename }")

        assert await ws.closed() == 4401


async def test_a_socket_that_says_nothing_is_closed(gw: Running) -> None:
    async with socket(gw.url, None, init=False) as ws, asyncio.timeout(sockets.INIT_TIMEOUT.total_seconds() + 60):
        assert await ws.closed() == 4408


async def test_a_second_connection_init_is_one_too_many(gw: Running) -> None:
    async with socket(gw.url, ACME_KEY) as ws:
        await ws.send(type="connection_init")

        assert await ws.closed() == 4429


async def test_a_ping_is_answered_at_any_time(gw: Running) -> None:
    async with socket(gw.url, None, init=False) as ws:
        await ws.send(type="ping")

        assert (await ws.next())["type"] == "pong"


@pytest.mark.parametrize(
    "message",
    [
        "{nope",
        "[]",
        "5",
        "[" * 5000,
        '{"id": "1"}',
        '{"type": "what"}',
        '{"type": "%s"}' % ("x" * 500),
        '{"type": "subscribe", "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": "", "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": 5, "payload": {"query": "{ __typename }"}}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": "1", "payload": {}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": 5}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "variables": []}}',
        b"\x00\x01",
    ],
)
async def test_a_message_that_is_none_ends_the_connection(gw: Running, message: str | bytes) -> None:
    async with socket(gw.url, ACME_KEY) as ws:
        await ws.connection.send(message)

        assert await ws.closed() == 4400


async def test_errors_are_a_list_and_end_only_their_operation(gw: Running) -> None:
    async with socket(gw.url, ACME_KEY) as ws:
        for query, code in (
            ("{ nope }", "GRAPHQL_VALIDATION_FAILED"),
            ("{", "GRAPHQL_PARSE_FAILED"),
            ("query A { __typename } query B { __typename }", "OPERATION_RESOLUTION_FAILURE"),
        ):
            await ws.subscribe("1", query)
            message = await ws.next()
            assert (message["id"], message["type"]) == ("1", "error")
            assert [error["extensions"]["code"] for error in message["payload"]] == [code]
        await ws.subscribe("1", "{ __typename }")
        assert await ws.results("1") == [{"data": {"__typename": "Query"}}]


async def test_two_operations_can_not_have_one_id(gw: Running) -> None:
    id = await created(gw.client, prompt="boat [sim:stuck]")
    async with socket(gw.url, ACME_KEY) as ws:
        await ws.subscribe("1", EVENTS, id=id)
        await ws.next()
        await ws.subscribe("1", EVENTS, id=id)

        assert await ws.closed() == 4409


async def test_a_socket_carries_so_many_operations_at_once(gw: Running) -> None:
    id = await created(gw.client, prompt="boat [sim:stuck]")
    async with socket(gw.url, ACME_KEY) as ws:
        for n in range(sockets.MAX_OPERATIONS):
            await ws.subscribe(str(n), EVENTS, id=id)
        await ws.subscribe("more", EVENTS, id=id)
        while (message := await ws.next())["id"] != "more":
            assert message["type"] == "next"

    assert message["type"] == "error"
    assert message["payload"][0]["extensions"]["code"] == "TOO_MANY_REQUESTS"


async def test_the_cost_guard_stands_here_too(gw: Running) -> None:
    async with socket(gw.url, ACME_KEY) as ws:
        await ws.subscribe("1", "{" + " ".join(f"a{n}: __typename" for n in range(16)) + "}")
        message = await ws.next()

    assert message["type"] == "error"
    assert "aliases" in message["payload"][0]["message"]


async def test_a_page_of_another_origin_is_refused(gw: Running) -> None:
    address = gw.url.replace("http", "ws") + PATH
    with pytest.raises(InvalidStatus) as refused:
        await connect(address, origin=Origin("https://evil.example"), subprotocols=[PROTOCOL], proxy=None)

    assert refused.value.response.status_code == 403
    async with connect(address, origin=Origin(gw.url), subprotocols=[PROTOCOL], proxy=None) as ours:
        assert ours.subprotocol == PROTOCOL


@pytest.mark.parametrize(("key", "welcome"), [(ACME_KEY, True), (OTHER_KEY, False)])
async def test_a_tenant_s_page_is_welcome_with_that_tenant_s_key_alone(tmp_path: Path, key: str, welcome: bool) -> None:
    page = "https://app.example.com"
    async with running(Setup(folder=tmp_path, origins={"acme": (page,)})) as both:
        address = both.url.replace("http", "ws") + PATH
        async with connect(address, origin=Origin(page), subprotocols=[PROTOCOL], proxy=None) as connection:
            ws = Socket(connection)
            await ws.send(type="connection_init", payload={"authorization": f"Bearer {key}"})

            if welcome:
                assert await ws.next() == {"type": "connection_ack"}
            else:
                assert await ws.closed() == 4403


@pytest.mark.parametrize(("path", "status"), [(PATH, 403), ("/nowhere", 404), ("/v1/videos", 404)])
async def test_a_refused_handshake_is_answered_like_anything_else(
    gw: Running, path: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(gw.url.replace("http", "ws") + path, origin=Origin("null"), subprotocols=[PROTOCOL], proxy=None)

    response = refused.value.response
    assert response.status_code == status
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-security-policy"].startswith("default-src 'none'")
    assert response.headers["x-request-id"].startswith("req_")
    assert "access-control-allow-origin" not in response.headers
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("protocols", [None, [Subprotocol("graphql-ws")]])
async def test_only_one_subprotocol_is_spoken(gw: Running, protocols: Any) -> None:
    async with connect(gw.url.replace("http", "ws") + PATH, subprotocols=protocols, proxy=None) as connection:
        assert await Socket(connection).closed() == 4406
