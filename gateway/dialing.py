"""Transports that connect to judged addresses alone, for both of our HTTP clients (docs/decisions/0004 and 0016).

The name is resolved where the connection is made, every address it has is judged, and the socket is made for one of
these: nothing can change between the check and the use, in a pool neither. Host header and TLS name stay the name's.
"""

import errno
import socket
import ssl
from collections.abc import Iterable
from typing import Any

import aiohttp
import httpcore
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from httpx_aiohttp import AiohttpTransport

from gateway.names import Names
from gateway.policy.egress import is_public

KEPT_SECONDS = 4.0
"""How long a silent connection is kept: less than the five seconds after which many servers let go of it."""


class HonestTransport(AiohttpTransport):
    """The stock map calls a connection closed after the request was read ``ConnectTimeout``; say what happened."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            response: httpx.Response = await super().handle_async_request(request)
        except httpx.HTTPError as error:
            honest = _honest(error, request)
            if honest is None:
                raise
            raise honest from error.__cause__
        return response


def _honest(error: httpx.HTTPError, request: httpx.Request) -> httpx.HTTPError | None:
    match error.__cause__:
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return httpx.ConnectError(str(error), request=request)
        case aiohttp.ServerTimeoutError():
            return httpx.ReadTimeout(str(error), request=request)
        case aiohttp.ClientConnectionError():
            return httpx.RemoteProtocolError(str(error), request=request)
    return None


def pooled(
    verify: ssl.SSLContext, *, names: Names | None = None, proxy: str | None = None, limit: int = 0
) -> httpx.AsyncBaseTransport:
    """Many connections that are kept for a while, for calls that may repeat.

    Args:
        names: judges where they lead; None lets them lead anywhere.
        proxy: what makes the connections in our place, and judges names; then ``names`` is not asked.
        limit: connections at most; 0 when callers bound themselves.
    """
    judged = None if proxy else names

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=limit,
            keepalive_timeout=KEPT_SECONDS,
            ttl_dns_cache=10,
            resolver=None if judged is None else _Resolver(judged),
            socket_factory=None if judged is None else _public_socket,
            ssl=verify,
        )
        return aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False
        )

    return HonestTransport(client=session, verify=verify, proxy=httpx.Proxy(proxy) if proxy else None)


def fresh(verify: ssl.SSLContext, *, names: Names, proxy: str | None = None) -> httpx.AsyncBaseTransport:
    """A connection for each request, whose trace says whether its first byte left: for calls that cost money."""
    limits = httpx.Limits(max_keepalive_connections=0, max_connections=None)
    if proxy:
        return httpx.AsyncHTTPTransport(verify=verify, trust_env=False, limits=limits, proxy=proxy)
    return _Fresh(names, verify=verify, trust_env=False, limits=limits)


class _Fresh(httpx.AsyncHTTPTransport):
    """httpx's own, on connections of ours."""

    def __init__(self, names: Names, *, verify: ssl.SSLContext, **options: Any) -> None:
        super().__init__(verify=verify, **options)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=verify, max_keepalive_connections=0, network_backend=_Backend(names)
        )


class _Backend(httpcore.AsyncNetworkBackend):
    """httpcore's own, to judged addresses alone, one after the other."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in await self._names.judged(host, port):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class _Resolver(AbstractResolver):
    """aiohttp's question for names."""

    def __init__(self, names: Names) -> None:
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        del family
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in await self._names.judged(host, port)
        ]

    async def close(self) -> None:
        """Nothing of its own is open."""


def _public_socket(info: Any) -> socket.socket:
    """What is not resolved, an address that stands in the URL, is judged here, like everything else once more."""
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise PermissionError(errno.EACCES, f"address {address[0]} is not public")
    return socket.socket(family, kind, protocol)
