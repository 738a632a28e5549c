"""/graphql: queries and mutations by POST, queries by GET, everything by WebSocket, subscriptions as streams."""

from typing import Any, NamedTuple

import structlog
from graphql import ExecutionResult, OperationType
from litestar import get, post, websocket
from litestar.types import ASGIApp

from gateway import turnstile
from gateway.arriving import gateway_of
from gateway.auth import caller_of
from gateway.graphql.answers import Elsewhere, failed_answer, refused_answer, result_answer
from gateway.graphql.context import Context
from gateway.graphql.documents import Document
from gateway.graphql.governing import governed
from gateway.graphql.negotiation import Media, negotiate
from gateway.graphql.profiles import PROFILES
from gateway.graphql.requests import Asked, Call, Refused, header, headers, read_request
from gateway.graphql.schema import Schema, build_schema
from gateway.graphql.sockets import Socket, serve_socket
from gateway.graphql.streams import Stream
from gateway.graphql.trusting import meant
from gateway.wiring import Gateway
from schema.errors import GatewayError
from schema.tenant import Principal

PATH = "/graphql"
_EXPLORER, _PAGE = "graphiql", "text/html"
"""Beside us, the page to try it in; and what only browsers ask for."""


def graphql_routes(*, explorable: bool) -> list[Any]:
    """The route handlers of the GraphQL door."""
    schema = build_schema(explorable=explorable)

    @get(PATH, include_in_schema=False)
    async def graphql_get(request: Call) -> ASGIApp:
        if explorable and not request.scope["query_string"] and _PAGE in (header(request.scope, b"accept") or ""):
            return Elsewhere(_EXPLORER)  # somebody opened this address in a browser
        return await _answer(gateway_of(request.scope), schema, request)

    @post(PATH, include_in_schema=False, status_code=200)
    async def graphql_post(request: Call) -> ASGIApp:
        return await _answer(gateway_of(request.scope), schema, request)

    @websocket(PATH)
    async def graphql_socket(socket: Socket) -> None:
        await serve_socket(gateway_of(socket.scope), schema, socket)

    return [graphql_get, graphql_post, graphql_socket]


async def _answer(gateway: Gateway, schema: Schema, request: Call) -> ASGIApp:
    """Who is calling, how they want to be answered, and only then what they ask."""
    profile = PROFILES[gateway.reloading.settings.graphql.profile]
    media = negotiate(header(request.scope, b"accept"), profile.usual)
    plain = Media.JSON if media is None or media.streams else media
    try:
        state = request.scope["state"]
        principal = caller_of(gateway, request.scope, page=state.get("page"))
        state["principal"] = principal  # the edge answers pages of other sites as its key allows
        structlog.contextvars.bind_contextvars(tenant=principal.tenant.id)
        read = await _read(gateway, schema, request, principal)
        context = Context(gateway, principal, headers(request.scope, b"idempotency-key"), request.scope["state"])
        answer = await _run(schema, request, read, context, _acceptable(media))
        return answer if isinstance(answer, Stream) else result_answer(answer, plain, profile)
    except Refused as refused:
        return refused_answer(refused, plain, profile)
    except GatewayError as error:
        turnstile.refused(request.scope["state"], error)
        return failed_answer(error, plain, profile)


class _Read(NamedTuple):
    """What is asked with what it means: read once, for long texts are not remembered."""

    asked: Asked
    document: Document


async def _read(gateway: Gateway, schema: Schema, request: Call, principal: Principal) -> _Read:
    """What is asked, counted as one request unless it asks for videos alone. Raises Refused, or RateLimited."""
    state = request.scope["state"]
    try:
        settings = gateway.reloading.settings
        asked = meant(await read_request(request), settings, principal, schema.documents)
    except Refused:
        turnstile.reads(gateway, principal, state)
        raise
    document = schema.documents.read(asked.query or "")
    if document.creates(asked.operation_name):
        await turnstile.creates(gateway, principal, state)
    else:
        turnstile.reads(gateway, principal, state)
    return _Read(asked, document)


def _acceptable(media: Media | None) -> Media:
    if media is None:
        raise Refused(406, f"Accept {Media.GRAPHQL}, {Media.JSON} or {Media.EVENTS}")
    return media


async def _run(schema: Schema, request: Call, read: _Read, context: Context, media: Media) -> ExecutionResult | Stream:
    asked, document = read
    operation = document.operation(asked.operation_name)
    kind = None if operation is None else operation.operation
    if kind is OperationType.MUTATION and request.method == "GET":
        raise Refused(405, "Mutations are sent by POST", allow="POST")
    if media.streams:
        watches = context.caller if kind is OperationType.SUBSCRIPTION else None
        return Stream(await schema.stream_of(document, asked, context), media, context.gateway, watches)
    if kind is OperationType.SUBSCRIPTION:
        raise Refused(400, f"A subscription is answered as {Media.EVENTS}, or over a WebSocket: accept one of them")
    async with governed(context, kind):
        return await schema.run(document, asked, context)
