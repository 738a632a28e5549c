"""graphql-transport-ws: Strawberry's protocol, with our origins, keys and limits."""

import asyncio
import json
from datetime import timedelta
from typing import Any, cast

import msgspec
from graphql import GraphQLError
from litestar import WebSocket
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.websocket_origin import is_same_origin, normalize_origin
from strawberry.litestar.controller import LitestarWebSocketAdapter
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL as PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import Message
from strawberry.types.unset import UnsetType

from gateway.auth import learn, principal_of
from gateway.graphql.context import Context
from gateway.graphql.requests import Asked, header
from gateway.graphql.schema import Schema
from gateway.wiring import Gateway
from schema.errors import TooManyRequests, Unauthenticated

Socket = WebSocket[Any, Any, Any]

INIT_TIMEOUT = timedelta(seconds=3)
"""For ``connection_init`` to arrive; graphql-ws servers wait as long."""

MAX_OPERATIONS = 100
"""On one socket at a time."""

FORBIDDEN, RESTARTING, UNKNOWN_PROTOCOL = 1008, 1012, 4406
_MAX_REASON = 123
"""Bytes that fit into a close frame."""


async def serve_socket(gateway: Gateway, schema: Schema, socket: Socket) -> None:
    """Answer one WebSocket until it closes. A page of another origin is refused before the handshake (403)."""
    if not _origin_allowed(gateway, socket):
        await socket.close(code=FORBIDDEN)
        return
    if PROTOCOL not in socket.scope["subprotocols"]:
        await socket.accept()
        await socket.close(UNKNOWN_PROTOCOL, "Subprotocol not acceptable")
        return
    await socket.accept(subprotocols=PROTOCOL)
    await _Handler(_Door(gateway, socket), Context(gateway), schema).handle()


def _origin_allowed(gateway: Gateway, socket: Socket) -> bool:
    """Browsers do not guard sockets: they tell the page's origin, and it must be ours or none."""
    origin = header(socket.scope, b"origin")
    if origin is None or is_same_origin(origin, header(socket.scope, b"host")):
        return True
    public = gateway.settings.server.public_url
    return public is not None and normalize_origin(origin) == normalize_origin(public)


class _Door:
    """What Strawberry's handler and adapter ask of the view they belong to."""

    def __init__(self, gateway: Gateway, socket: Socket) -> None:
        self.gateway = gateway
        self.socket = socket

    def decode_json(self, text: str) -> object:
        if len(text) > self.gateway.settings.server.max_body_bytes:
            raise json.JSONDecodeError("too long", "", 0)
        try:
            return msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError) as error:
            raise json.JSONDecodeError(str(error), "", 0) from error

    def encode_json(self, message: object) -> str:
        return msgspec.json.encode(message).decode()

    async def on_ws_connect(self, context: Context) -> UnsetType:
        """Who is calling: ``authorization`` of the payload, or of the handshake. Closes with 4403 when nobody is."""
        said = [value for name, value in context.connection_params.items() if name.lower() == "authorization"]
        authorization = said[0] if said else header(self.socket.scope, b"authorization")
        authorization = authorization if isinstance(authorization, str) else None
        await learn(self.gateway, authorization)
        try:
            context.principal = principal_of(self.gateway, authorization)
        except Unauthenticated as error:
            raise ConnectionRejectionError from error
        return UnsetType()


class _Subscribe(msgspec.Struct):
    """What a subscribe message must look like."""

    id: str
    payload: Asked


class _Adapter(LitestarWebSocketAdapter):
    async def close(self, code: int, reason: str) -> None:
        await super().close(code, reason.encode()[:_MAX_REASON].decode(errors="ignore"))


class _Handler(BaseGraphQLTransportWSHandler[Context, None]):
    def __init__(self, door: Any, context: Context, schema: Schema) -> None:
        super().__init__(
            view=door,
            websocket=_Adapter(door, door.socket, door.socket),
            context=context,
            root_value=None,
            schema=schema,
            connection_init_wait_timeout=INIT_TIMEOUT,
        )
        self._draining: asyncio.Event = door.gateway.draining
        self._documents = schema.documents

    async def handle_message(self, message: Any) -> None:
        if not isinstance(message, dict):
            await self.handle_invalid_message("A message is a JSON object")
            return
        await super().handle_message(cast("Message", message))

    async def handle_connection_init(self, message: Any) -> None:
        """``payload: null`` is as good as none."""
        if message.get("payload", {}) is None:
            message = {**message, "payload": {}}
        await super().handle_connection_init(message)

    async def handle_subscribe(self, message: Any) -> None:
        try:
            subscribe = msgspec.convert(message, _Subscribe)
        except msgspec.ValidationError as error:
            await self.handle_invalid_message(str(error))
            return
        if not subscribe.id or not subscribe.payload.query:
            await self.handle_invalid_message("subscribe needs an id and a query")
        elif not self.connection_acknowledged or subscribe.id in self.operations:
            await super().handle_subscribe(message)  # which closes
        elif trouble := self._trouble(subscribe.payload):
            payload = [error.formatted for error in trouble]
            await self.send_message({"id": subscribe.id, "type": "error", "payload": payload})
        else:
            await super().handle_subscribe(message)

    def _trouble(self, asked: Asked) -> list[GraphQLError]:
        """Why an operation is not begun; empty when it is."""
        if len(self.operations) >= MAX_OPERATIONS:
            code = TooManyRequests.code.upper()
            return [GraphQLError(f"At most {MAX_OPERATIONS} operations at once on a socket", extensions={"code": code})]
        return self._documents.read(asked.query or "").trouble(asked.operation_name)

    async def send_message(self, message: Any) -> None:
        """A gateway that stops does not call an operation complete: it closes, so that clients come again elsewhere."""
        if message["type"] == "complete" and self._draining.is_set():
            await self.websocket.close(RESTARTING, "Restarting")
        else:
            await super().send_message(message)
