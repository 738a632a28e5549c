"""graphql-transport-ws: Strawberry's protocol, with our origins, keys and limits."""

import asyncio
import json
from datetime import timedelta
from typing import Any, cast

import msgspec
from graphql import GraphQLError
from litestar import WebSocket
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.litestar.controller import LitestarWebSocketAdapter
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL as PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import Message
from strawberry.types.unset import UnsetType

from gateway import turnstile
from gateway.auth import caller_of, learn, page_of
from gateway.graphql.context import Context
from gateway.graphql.documents import Document
from gateway.graphql.errors import facts
from gateway.graphql.requests import Asked, Refused, check_variables, header
from gateway.graphql.schema import Schema
from gateway.graphql.trusting import meant
from gateway.services.callers import ENDED
from gateway.wiring import Gateway
from schema.errors import Forbidden, OriginNotAllowed, Overloaded, RateLimited, TooManyRequests, Unauthenticated

Socket = WebSocket[Any, Any, Any]

INIT_TIMEOUT = timedelta(seconds=3)
"""For ``connection_init`` to arrive; graphql-ws servers wait as long."""

MAX_OPERATIONS = 100
"""On one socket at a time."""

FORBIDDEN, RESTARTING, TRY_AGAIN, KEY_ENDED, UNKNOWN_PROTOCOL = 1008, 1012, 1013, 4403, 4406
_MAX_REASON = 123
"""Bytes that fit into a close frame."""


async def serve_socket(gateway: Gateway, schema: Schema, socket: Socket) -> None:
    """Answer one WebSocket until it closes. A page that no tenant welcomes is refused before the handshake (403)."""
    page = _page(gateway, socket)
    if page is not None and not gateway.tenants.welcomes(page):
        await socket.close(code=FORBIDDEN)
        return
    if PROTOCOL not in socket.scope["subprotocols"]:
        await socket.accept()
        await socket.close(UNKNOWN_PROTOCOL, "Subprotocol not acceptable")
        return
    await socket.accept(subprotocols=PROTOCOL)
    await _Handler(_Door(gateway, socket), Context(gateway), schema).handle()


def _page(gateway: Gateway, socket: Socket) -> str | None:
    """The origin of another site's page. Browsers do not guard sockets as they do answers: they tell it, we judge."""
    return page_of(gateway, header(socket.scope, b"origin"), header(socket.scope, b"host"))


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
        """Who is calling: ``authorization`` of the payload, or of the handshake.

        Closes with 4403 when nobody is, the key may not be used there, or its tenant does not welcome the page.
        """
        said = [value for name, value in context.connection_params.items() if name.lower() == "authorization"]
        authorization = None if not said else said[0] if isinstance(said[0], str) else ""
        page = _page(self.gateway, self.socket)
        await learn(self.gateway, header(self.socket.scope, b"authorization") if not said else authorization)
        try:
            principal = caller_of(self.gateway, self.socket.scope, authorization=authorization, page=page)
        except (Unauthenticated, Forbidden, OriginNotAllowed) as error:
            raise ConnectionRejectionError from error
        except Overloaded as error:
            await self.socket.close(code=TRY_AGAIN, reason=error.title)
            raise WebSocketDisconnected from error
        if page is not None and not principal.welcomes(page):
            raise ConnectionRejectionError
        context.principal = principal
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
        self._gateway: Gateway = door.gateway
        self._draining = self._gateway.draining
        self._documents = schema.documents
        self._barring: asyncio.Task[None] | None = None

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
        if self.connection_acknowledged and self._barring is None:
            self._barring = asyncio.create_task(self._bar())

    async def _bar(self) -> None:
        """Close once whoever was acknowledged would not be let in any more."""
        await self.context.ended()
        for operation in list(self.operations):
            await self.cleanup_operation(operation)
        await self.websocket.close(KEY_ENDED, ENDED)

    async def shutdown(self) -> None:
        if self._barring is not None:
            self._barring.cancel()
        await super().shutdown()

    async def handle_subscribe(self, message: Any) -> None:
        try:
            subscribe = msgspec.convert(message, _Subscribe)
        except msgspec.ValidationError as error:
            await self.handle_invalid_message(str(error))
            return
        if not subscribe.id or not subscribe.payload.names_something:
            await self.handle_invalid_message("subscribe needs an id and a query")
            return
        if not self.connection_acknowledged or subscribe.id in self.operations:
            await super().handle_subscribe(message)  # which closes
            return
        await self._gateway.ground.keeper.wake()
        asked, trouble = self._meant(subscribe.payload)
        trouble = trouble or self._trouble(asked)
        if trouble:
            said = [error.formatted for error in trouble]
            await self.send_message({"id": subscribe.id, "type": "error", "payload": said})
        else:
            message["payload"]["query"] = asked.query
            await super().handle_subscribe(message)

    def _meant(self, asked: Asked) -> tuple[Asked, list[GraphQLError]]:
        """What is asked with the text it means, and why it may not be."""
        try:
            check_variables(asked)
            settings = self._gateway.reloading.settings
            return meant(asked, settings, self.context.caller, self._documents), []
        except Refused as refused:
            return asked, [GraphQLError(refused.message, extensions={"code": refused.code})]
        except Unauthenticated as error:
            return asked, [GraphQLError(error.detail, extensions=facts(error))]

    def _trouble(self, asked: Asked) -> list[GraphQLError]:
        """Why an operation is not begun; empty when it is."""
        try:
            self._gateway.ground.keeper.check()
        except Overloaded as error:
            return [GraphQLError(error.detail, extensions={"code": error.code.upper()})]
        if len(self.operations) >= MAX_OPERATIONS:
            code = TooManyRequests.code.upper()
            return [GraphQLError(f"At most {MAX_OPERATIONS} operations at once on a socket", extensions={"code": code})]
        document = self._documents.read(asked.query or "")
        return self._counted(document, asked) or document.trouble(asked.operation_name)

    def _counted(self, document: Document, asked: Asked) -> list[GraphQLError]:
        """Count an operation as a request of its own; what it creates is counted where that is accepted."""
        if document.creates(asked.operation_name):
            return []
        try:
            turnstile.reads(self.context.gateway, self.context.caller, self.context.state)
        except (RateLimited, Unauthenticated) as error:
            return [GraphQLError(error.detail, extensions=facts(error))]
        return []

    async def send_message(self, message: Any) -> None:
        """A gateway that stops does not call an operation complete: it closes, so that clients come again elsewhere."""
        if message["type"] == "complete" and self._draining.is_set():
            await self.websocket.close(RESTARTING, "Restarting")
        else:
            await super().send_message(message)
