"""How these tests speak GraphQL: over HTTP with httpx, over WebSockets with the raw protocol."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from gateway.app import build_app
from gateway.config.trusted_documents import TrustedDocuments
from gateway.graphql.controller import PATH
from gateway.ports import listen
from gateway.serving import listening
from gateway.wiring import Gateway
from tests.support.certificates import certificates
from tests.support.running import free_port

PROTOCOL = Subprotocol("graphql-transport-ws")

CREATE = """
mutation Create($input: CreateVideoInput!) {
  createVideo(input: $input) {
    __typename
    ... on CreateVideoSuccess { replayed video { id status version } }
    ... on UserError { message code }
    ... on InvalidInputError { errors { field code detail } }
    ... on NoRouteError { errors { field code detail } remedy { account changes { field to by } } }
    ... on RateLimitedError { retryAfterSeconds }
  }
}
"""
CANCEL = """
mutation Cancel($id: ID!) {
  cancelVideo(input: {id: $id}) {
    __typename
    ... on CancelVideoSuccess { video { id status } }
    ... on UserError { message code }
  }
}
"""
EVENTS = """
subscription Events($id: ID!, $after: Int) {
  videoEvents(id: $id, afterSeq: $after) {
    id seq type at video { id status substate progress version }
  }
}
"""


async def post(
    client: httpx.AsyncClient, query: str, headers: dict[str, str] | None = None, **variables: Any
) -> httpx.Response:
    return await client.post(PATH, json={"query": query, "variables": variables}, headers=headers)


async def ask(client: httpx.AsyncClient, query: str, **variables: Any) -> dict[str, Any]:
    """The data of an operation that must succeed."""
    response = await post(client, query, **variables)
    answer: dict[str, Any] = response.json()
    assert response.status_code == 200, answer
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    return data


async def errors(client: httpx.AsyncClient, query: str, **variables: Any) -> list[dict[str, Any]]:
    """The errors of an operation that must fail."""
    answer = (await post(client, query, **variables)).json()
    assert answer.get("errors"), answer
    found: list[dict[str, Any]] = answer["errors"]
    return found


async def codes(client: httpx.AsyncClient, query: str, **variables: Any) -> list[str]:
    return [error["extensions"]["code"] for error in await errors(client, query, **variables)]


async def create(client: httpx.AsyncClient, headers: dict[str, str] | None = None, **wish: Any) -> dict[str, Any]:
    """What createVideo answers to a wish, refusals too."""
    response = await post(client, CREATE, headers, input={"prompt": "a paper boat in the rain", **wish})
    answer: dict[str, Any] = response.json()
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["createVideo"]
    return payload


async def created(client: httpx.AsyncClient, **wish: Any) -> str:
    """The id of a video that must be accepted."""
    payload = await create(client, **wish)
    assert payload["__typename"] == "CreateVideoSuccess", payload
    id: str = payload["video"]["id"]
    return id


@asynccontextmanager
async def door(gateway: Gateway, key: str) -> AsyncIterator[httpx.AsyncClient]:
    """Another HTTP server in front of a gateway, or of one that was changed for a test."""
    port = free_port()
    async with (
        listening(build_app(gateway), listen("127.0.0.1", port)),
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers={"authorization": f"Bearer {key}"},
            trust_env=False,
            verify=certificates(),
        ) as client,
    ):
        yield client


@asynccontextmanager
async def speaking(gateway: Gateway, trusted: TrustedDocuments | None = None, **changes: Any) -> AsyncIterator[None]:
    """While a file is in force whose ``[graphql]`` says something else."""
    before = gateway.reloading.settings
    graphql = msgspec.structs.replace(before.graphql, **changes)
    await gateway.reloading.take(msgspec.structs.replace(before, graphql=graphql, trusted=trusted or before.trusted))
    try:
        yield
    finally:
        await gateway.reloading.take(before)


class Socket:
    """A WebSocket that speaks graphql-transport-ws in JSON."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await self.connection.recv())
        return message

    async def subscribe(self, operation: str, query: str, /, **variables: Any) -> None:
        await self.send(id=operation, type="subscribe", payload={"query": query, "variables": variables})

    async def results(self, id: str) -> list[dict[str, Any]]:
        """The payloads of an operation until it is complete."""
        found = []
        while (message := await self.next())["type"] == "next":
            assert message["id"] == id
            found.append(message["payload"])
        assert message == {"id": id, "type": "complete"}
        return found

    async def closed(self) -> int | None:
        """The code the server closes with; whatever it says before is skipped."""
        with suppress(ConnectionClosed):
            while True:
                await self.connection.recv()
        return self.connection.close_code


@asynccontextmanager
async def socket(url: str, key: str | None, *, init: bool = True, **headers: str) -> AsyncIterator[Socket]:
    """A socket to a gateway; with ``init``, the key was given in ``connection_init`` and acknowledged."""
    address = url.replace("http://", "ws://") + PATH
    async with connect(address, subprotocols=[PROTOCOL], additional_headers=headers, proxy=None) as connection:
        opened = Socket(connection)
        if init:
            await opened.send(type="connection_init", payload={"authorization": f"Bearer {key}"})
            assert await opened.next() == {"type": "connection_ack"}
        yield opened
