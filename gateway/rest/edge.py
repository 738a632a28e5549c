"""Around the whole application, its 404s too: request ids, security headers, HEAD, OPTIONS, the access log."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from time import perf_counter
from typing import Any

import structlog
from litestar import Litestar
from litestar.enums import ScopeType
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from gateway.auth import learn
from gateway.rest.problems import allowed
from gateway.rest.requests import header
from gateway.telemetry import Access, access_log
from gateway.wiring import Gateway
from schema.clock import Millis
from schema.ids import REQUEST

_REQUEST_ID = re.compile(rb"[A-Za-z0-9_-]{1,64}")
_TRACEPARENT = re.compile(rb"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_QUIET = frozenset({"/livez", "/readyz"})
"""Asked every few seconds by whoever watches us: of no interest unless it fails."""

_NOSNIFF = (b"x-content-type-options", b"nosniff")
_NO_REFERRER = (b"referrer-policy", b"no-referrer")
_NO_STORE = (b"cache-control", b"no-store")
_NO_CONTENT_FROM_US = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")


def wrap(app: Litestar, gateway: Gateway) -> ASGIApp:
    """The application as a server runs it."""
    return Edge(app, gateway)


class Edge:
    """The outermost layer. WebSockets and the server's lifespan pass through untouched."""

    def __init__(self, app: Litestar, gateway: Gateway) -> None:
        self._app = app
        self._gateway = gateway
        self._clock = gateway.clock
        self._ids = gateway.ids
        self._methods = list(_methods(app))
        public_url = gateway.settings.server.public_url or ""
        https = (_HTTPS_ONLY,) if public_url.startswith("https://") else ()
        self._always = (_NOSNIFF, _NO_REFERRER, *https)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            await self._serve(scope, receive, send)
        else:
            await self._app(scope, receive, send)

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
                message["headers"] = self._headers(message["headers"], id)
            elif message["type"] == "http.response.body":
                if asked is not scope:
                    message["body"] = b""
                size += len(message["body"])
            await send(message)

        try:
            if scope["method"] == "OPTIONS" and (allow := self._allow(scope["path"])) is not None:
                headers = [(b"allow", allow), (b"content-length", b"0")]
                await tell({"type": "http.response.start", "status": 204, "headers": headers})
                await tell({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                await self._app(asked, receive, tell)
        finally:
            self._log(asked, scope["method"], status, size, began)

    def _begin(self, scope: HTTPScope) -> bytes:
        """Name the request, and bind its names to everything that is logged about it."""
        id, trace = None, None
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                id = value
            elif name == b"traceparent":
                trace = _TRACEPARENT.fullmatch(value)
        if id is None:
            id = self._ids.make(REQUEST, self._clock.now()).encode()
        text = id.decode()
        scope.setdefault("state", {})["request_id"] = text
        structlog.contextvars.bind_contextvars(request_id=text)
        if trace is not None:
            structlog.contextvars.bind_contextvars(trace_id=trace[1].decode())
        return id

    def _headers(self, headers: Any, id: bytes) -> list[tuple[bytes, bytes]]:
        names = {name for name, _ in headers}
        whole = [*headers, (b"x-request-id", id), *self._always]
        if b"cache-control" not in names:
            whole.append(_NO_STORE)
        if b"content-security-policy" not in names:
            whole.append(_NO_CONTENT_FROM_US)
        return whole

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
                video=asked.get("path_params", {}).get("video_id"),
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
