"""Around the whole application, its 404s too: request ids, security headers, CORS, HEAD, OPTIONS, the access log."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from time import perf_counter
from typing import Any, cast

import structlog
from litestar import Litestar
from litestar.enums import ScopeType
from litestar.routes import HTTPRoute, WebSocketRoute
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send, WebSocketScope

from gateway.arriving import lead
from gateway.auth import learn, page_of
from gateway.rest import cors
from gateway.rest.allowances import allowance_headers
from gateway.rest.answers import Header
from gateway.rest.deprecation import deprecation_headers
from gateway.rest.operations import OPERATIONS, Key, Operation
from gateway.rest.problems import allowed
from gateway.rest.requests import header
from gateway.telemetry import Access, access_log
from gateway.turnstile import allowances
from gateway.wiring import Gateway
from schema.clock import Millis
from schema.ids import REQUEST, names_video
from schema.tenant import Principal, Tenant

_REQUEST_ID = re.compile(rb"[A-Za-z0-9_-]{1,64}")
_TRACEPARENT = re.compile(rb"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_TYPED = re.compile(r":\w+}")
"""How routes write the type of a part of their path; operations write none."""

_QUIET = frozenset({"/livez", "/readyz"})
"""Asked every few seconds by whoever watches us: of no interest unless it fails."""

_HARDENING = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),  # for tags of other sites; what CORS allows is not meant
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
_EMBEDDING = b"cross-origin-resource-policy"
_NO_STORE = (b"cache-control", b"no-store")
_NO_CONTENT_FROM_US = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_BROKEN = 4500
"""What the framework closes with when a handler fails."""
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")


def wrap(app: Litestar, gateway: Gateway) -> ASGIApp:
    """The application as a server runs it."""
    return Edge(app, gateway, OPERATIONS)


class Edge:
    """The outermost layer. The server's lifespan passes through untouched, and of WebSockets all but refusals.

    Args:
        operations: those of them that will go one day are announced with every answer.
    """

    def __init__(self, app: Litestar, gateway: Gateway, operations: Mapping[Key, Operation]) -> None:
        self._app = app
        self._gateway = gateway
        self._clock = gateway.clock
        self._ids = gateway.ids
        self._methods = list(_methods(app))
        self._sockets = {route.path for route in app.routes if isinstance(route, WebSocketRoute)}
        public_url = gateway.settings.server.public_url or ""
        https = (_HTTPS_ONLY,) if public_url.startswith("https://") else ()
        self._always = (*_HARDENING, *https)
        self._lasting: dict[tuple[str, str], tuple[Header, ...]] = {
            key: deprecation_headers(one.deprecated) for key, one in operations.items() if one.deprecated is not None
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if cast("str", scope["type"]) == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == ScopeType.HTTP:
            await self._serve(scope, receive, send)
        else:
            await self._connect(scope, receive, send)

    async def _serve(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        began = perf_counter()
        id = self._begin(scope)
        await learn(self._gateway, header(scope, b"authorization"))
        asked = scope
        if scope["method"] == "HEAD":  # the server was promised a HEAD, so it keeps its own scope
            asked = scope.copy()
            asked["method"] = "GET"
            asked["state"]["head"] = True
        status, size = 0, 0

        async def tell(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._headers(message["headers"], asked, id)
            elif message["type"] == "http.response.body":
                if asked is not scope:
                    message["body"] = b""
                size += len(message["body"])
            await send(message)

        try:
            if scope["method"] == "OPTIONS" and (options := self._options(scope)) is not None:
                await tell({"type": "http.response.start", "status": 204, "headers": options})
                await tell({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                await self._app(asked, receive, tell)
        finally:
            self._log(asked, scope["method"], status, size, began)

    async def _connect(self, scope: WebSocketScope, receive: Receive, send: Send) -> None:
        """A handshake that is refused is an answer like any other; servers would send it bare."""
        id = self._begin(scope)
        answers = "websocket.http.response" in (scope["extensions"] or {})
        accepted = False

        async def refuse(status: HTTPStatus) -> None:
            headers = self._headers([(b"content-length", b"0")], scope, id)
            await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
            await send({"type": "websocket.http.response.body", "body": b"", "more_body": False})

        async def tell(message: Message) -> None:
            nonlocal accepted
            accepted = accepted or message["type"] == "websocket.accept"
            if message["type"] == "websocket.close" and answers and not accepted:
                failed = message.get("code") == _BROKEN
                await refuse(HTTPStatus.INTERNAL_SERVER_ERROR if failed else HTTPStatus.FORBIDDEN)
            else:
                await send(message)

        if answers and (scope["path"].rstrip("/") or "/") not in self._sockets:
            await refuse(HTTPStatus.NOT_FOUND)
        else:
            await self._app(scope, receive, tell)

    def _begin(self, scope: HTTPScope | WebSocketScope) -> bytes:
        """Name the request, and bind its names to everything that is logged about it; note whose page asks."""
        id, trace, origin, host = None, None, None, None
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                id = value
            elif name == b"traceparent":
                trace = _TRACEPARENT.fullmatch(value)
            elif name == b"origin":
                origin = value.decode("latin-1")
            elif name == b"host":
                host = value.decode("latin-1")
        if id is None:
            id = self._ids.make(REQUEST, self._clock.now()).encode()
        text = id.decode()
        scope.setdefault("state", {})["request_id"] = text
        lead(scope, self._gateway)
        if origin is not None:
            scope["state"]["page"] = page_of(self._gateway, origin, host)
        structlog.contextvars.bind_contextvars(request_id=text)
        if trace is not None:
            structlog.contextvars.bind_contextvars(trace_id=trace[1].decode())
        return id

    def _options(self, scope: HTTPScope) -> list[Header] | None:
        """What a path can do, and what a welcome page of another site may; None where there is no such path."""
        allow = self._allow(scope["path"])
        about = [] if allow is None else [(b"allow", allow)]
        asked = dict(scope["headers"])
        method = asked.get(b"access-control-request-method")
        if method is not None and self._welcome(scope) is not None:
            return about + cors.preflight(method, asked.get(b"access-control-request-headers", b""), allow)
        return about or None

    def _headers(self, headers: Any, scope: HTTPScope | WebSocketScope, id: bytes) -> list[Header]:
        given = dict(headers)
        limits = allowance_headers(allowances(self._gateway, scope["state"]))
        always = self._always if _EMBEDDING not in given else [one for one in self._always if one[0] != _EMBEDDING]
        whole = [*headers, (b"x-request-id", id), *limits, *always]
        if self._lasting:
            whole += self._announced(scope)
        if b"cache-control" not in given:
            whole.append(_NO_STORE)
        if b"content-security-policy" not in given:
            whole.append(_NO_CONTENT_FROM_US)
        if "page" not in scope["state"] and not given.get(b"cache-control", b"").startswith(b"public"):
            return whole
        page = self._welcome(scope)
        return cors.varied(whole if page is None else [*whole, *cors.readable(page)])

    def _announced(self, scope: HTTPScope | WebSocketScope) -> tuple[Header, ...]:
        """What is said of an operation that will go."""
        if scope["type"] != ScopeType.HTTP:
            return ()
        path = _TYPED.sub("}", str(scope.get("path_template")))
        return self._lasting.get((scope["method"].lower(), path), ())

    def _welcome(self, scope: HTTPScope | WebSocketScope) -> str | None:
        """The page of another site that asks, if it may: by the caller's key, and without one by any tenant's word."""
        page: str | None = scope["state"].get("page")
        if page is None:
            return None
        principal: Principal | None = scope["state"].get("principal")
        tenant: Tenant | None = scope["state"].get("tenant")  # whose link was followed
        if principal is not None:
            welcome = principal.welcomes(page)
        else:
            welcome = self._gateway.tenants.welcomes(page) if tenant is None else page in tenant.origins
        return page if welcome else None

    def _log(self, asked: Any, method: str, status: int, size: int, began: float) -> None:
        """One line a request; those who watch us are told of only when they hear bad news."""
        route = asked.get("path_template")
        if route in _QUIET and status < HTTPStatus.BAD_REQUEST:
            return
        bound = structlog.contextvars.get_contextvars()
        access_log.tell(
            Access(
                level="info",
                timestamp=_written(self._clock.now()),
                request_id=asked["state"]["request_id"],
                trace_id=bound.get("trace_id"),
                tenant=bound.get("tenant"),
                method=method,
                route=route,
                video=_video(asked),
                status=status,
                problem=asked["state"].get("problem"),
                bytes=size,
                ms=round((perf_counter() - began) * 1000, 2),
            )
        )

    def _allow(self, path: str) -> bytes | None:
        """Every method of a path, whichever handlers it has; None when there is no such path."""
        path = path.rstrip("/") or "/"
        return next((allow for pattern, allow in self._methods if pattern.fullmatch(path)), None)


def _video(asked: Any) -> str | None:
    """The video in the path; what is none may be anything, a key that went astray too, and is not told."""
    id = asked.get("path_params", {}).get("video_id")
    return id if isinstance(id, str) and names_video(id) else None


def _written(moment: Millis) -> str:
    return datetime.fromtimestamp(moment / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _methods(app: Litestar) -> Iterator[tuple[re.Pattern[str], bytes]]:
    """Paths as patterns with their ``Allow``, the ones without parameters first, as the router tries them."""
    found: dict[str, set[str]] = {}
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            found.setdefault(route.path, set()).update(route.methods)
    for path in sorted(found, key=lambda path: (path.count("{"), path)):
        pattern = re.sub(r"\\{[^{}]*\\}", lambda part: ".+" if "path" in part[0] else "[^/]+", re.escape(path))
        yield re.compile(pattern), allowed(list(found[path])).encode()
