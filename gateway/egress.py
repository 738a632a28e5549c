"""The one client for addresses that tenants and providers give us: webhooks, pictures, finished videos.

It calls public addresses alone, beside the origins an operator exempted; it follows no redirect, keeps no cookie, reads
no encoded body, and ends in time. What may be called and why: docs/egress.md; how it is held: docs/decisions/0016.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from urllib.parse import urlsplit

import aiohttp
import httpx
import msgspec
import structlog

from gateway.dialing import fresh, pooled
from gateway.names import Names
from gateway.policy.egress import EgressFailed, Kind, Rules, fault, origin

log = structlog.get_logger()

CONNECT_SECONDS = 5.0
STALL_SECONDS = 30.0
"""How long nothing may come while something should."""

MAX_ANSWER = 64 << 10
"""Bytes of an answer to a webhook that are read."""

_COMMON = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "filmgate"}
_NETWORK = (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, TimeoutError, OSError)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer, or the beginning of one.

    Attributes:
        headers: lower-case names.
        truncated: the body was longer, or encoded, and is not here as it was.
    """

    status: int
    headers: dict[str, str] = {}
    body: bytes = b""
    truncated: bool = False


class Incoming:
    """An answer whose body is still to be read, once, by ``async for``.

    Attributes:
        headers: lower-case names.
        length: bytes that were promised; None when nothing was.
    """

    def __init__(self, response: httpx.Response, max_bytes: int) -> None:
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        said = self.headers.get("content-length", "")
        self.length = int(said) if said.isascii() and said.isdigit() else None
        self._response = response
        self._max_bytes = max_bytes

    @property
    def encoded(self) -> bool:
        return self.headers.get("content-encoding", "identity").lower() not in ("identity", "")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The body, in pieces as they come.

        Raises:
            EgressFailed: broken, encoded, too late, or too long, at once when that is promised.
        """
        if self.encoded:
            raise EgressFailed(Kind.ENCODED, detail=f"content-encoding: {self.headers['content-encoding'][:100]}")
        if self.length is not None and self.length > self._max_bytes:
            raise EgressFailed(Kind.TOO_LONG, detail=f"{self.length} bytes were promised")
        size = 0
        async for piece in self.pieces():
            size += len(piece)
            if size > self._max_bytes:
                raise EgressFailed(Kind.TOO_LONG, detail=f"more than {self._max_bytes} bytes came")
            yield piece

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes, however long it is. Raises EgressFailed: broken or too late."""
        try:
            async for piece in self._response.aiter_raw():
                yield piece
        except _NETWORK as error:
            raise _failure(error) from error


class Egress:
    """Args:
    exempt: origins that may be called wherever they lead.
    rules: what may be called beside them, unless a call brings rules of its own.
    transport: carries everything, in tests; None is the network.
    proxy: makes the connections in our place, and judges names; exempted origins are called without it.
    """

    def __init__(
        self,
        *,
        exempt: tuple[str, ...],
        verify: ssl.SSLContext,
        rules: Rules | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        proxy: str | None = None,
        names: Names | None = None,
    ) -> None:
        self._exempt = exempt
        self._rules = rules or Rules()
        self._verify = verify
        self._transport = transport
        self._proxy = proxy
        self._names = names or Names()
        self._guarded = httpx.AsyncClient(transport=self.pooled(), follow_redirects=False, trust_env=False)
        self._open = httpx.AsyncClient(transport=transport or pooled(verify), follow_redirects=False, trust_env=False)

    def allow(self, origins: tuple[str, ...]) -> None:
        """From now on these origins are exempt, and no others."""
        self._exempt = origins

    async def close(self) -> None:
        await self._guarded.aclose()
        await self._open.aclose()
        self._names.close()

    # transports for a client of its own

    def pooled(self, *, limit: int = 0) -> httpx.AsyncBaseTransport:
        """Guarded: connects to public addresses alone."""
        return self._transport or pooled(self._verify, names=self._names, proxy=self._proxy, limit=limit)

    def fresh(self) -> httpx.AsyncBaseTransport:
        """Guarded, with a connection for each request, whose trace says whether its first byte left."""
        return self._transport or fresh(self._verify, names=self._names, proxy=self._proxy)

    @property
    def exempt(self) -> tuple[str, ...]:
        return self._exempt

    def exempts(self, url: str) -> bool:
        """Whether an operator exempted where it leads."""
        return origin(urlsplit(url)) in self._exempt

    # may it be called?

    def check(self, url: str, rules: Rules | None = None) -> None:
        """Judge what a URL says, without asking anybody.

        Raises:
            EgressFailed: refused; its text finishes "url …".
        """
        found = fault(url, rules or self._rules, self._exempt)
        if found is None and not _read_alike(url):
            found = "must be a URL that everybody reads alike"
        if found is not None:
            raise EgressFailed(Kind.REFUSED, found)

    async def judge(self, url: str, rules: Rules | None = None) -> None:
        """Judge a URL before it is kept: also where its name leads now, unless a proxy judges that.

        Raises:
            EgressFailed: refused; its text finishes "url …", and is one for names that lead inside and nowhere.
        """
        self.check(url, rules)
        if self._proxy is not None or self._transport is not None or self.exempts(url):
            return
        parts = urlsplit(url)
        try:
            await self._names.judged(parts.hostname or "", parts.port or 443)
        except EgressFailed as failure:
            log.info("egress.refused", host=parts.hostname, detail=failure.detail)
            raise EgressFailed(
                Kind.REFUSED, "must lead to a host of the public internet", detail=failure.detail
            ) from failure

    # calls

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        deadline: float,
        connect: float = CONNECT_SECONDS,
        max_bytes: int = MAX_ANSWER,
    ) -> Answer:
        """Call once; what came back. Its body is cut at ``max_bytes``, and left out when it is encoded.

        Args:
            deadline: seconds for everything; ``connect`` of them until the connection stands.

        Raises:
            EgressFailed: there is no answer.
        """
        called = self._called(method, url, headers, body, deadline=deadline, connect=connect, max_bytes=max_bytes)
        async with called as answer:
            read, truncated = bytearray(), answer.encoded
            if not answer.encoded:
                async with aclosing(answer.pieces()) as pieces:
                    async for piece in pieces:
                        read += piece
                        truncated = len(read) > max_bytes
                        if truncated:
                            break
            return Answer(
                status=answer.status, headers=answer.headers, body=bytes(read[:max_bytes]), truncated=truncated
            )

    @asynccontextmanager
    async def stream(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        deadline: float,
        connect: float = CONNECT_SECONDS,
        max_bytes: int,
        rules: Rules | None = None,
    ) -> AsyncIterator[Incoming]:
        """Get a file; whoever asks reads its body within the block.

        Args:
            deadline: seconds for the whole block.

        Raises:
            EgressFailed: no answer, or none that may be read.
        """
        called = self._called(
            "GET", url, headers or {}, b"", deadline=deadline, connect=connect, max_bytes=max_bytes, rules=rules
        )
        async with called as answer:
            yield answer

    @asynccontextmanager
    async def _called(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        deadline: float,
        connect: float,
        max_bytes: int,
        rules: Rules | None = None,
    ) -> AsyncIterator[Incoming]:
        self.check(url, rules)
        client = self._open if self.exempts(url) else self._guarded
        request = client.build_request(
            method,
            url,
            headers={**_COMMON, **{name.lower(): value for name, value in headers.items()}},
            content=body or None,
            timeout=httpx.Timeout(min(deadline, STALL_SECONDS), connect=connect, pool=connect),
        )
        clock = asyncio.timeout(deadline)
        try:
            async with clock, AsyncExitStack() as stack:
                try:
                    response = await client.send(request, stream=True)
                except _NETWORK as error:
                    raise _failure(error) from error
                stack.push_async_callback(_let_go, response)
                yield Incoming(response, max_bytes)
        except EgressFailed as failure:
            log.info("egress.failed", host=request.url.host, kind=failure.kind, detail=failure.detail)
            raise
        except TimeoutError as error:
            if not clock.expired():
                raise
            log.info("egress.failed", host=request.url.host, kind=Kind.TIMEOUT, detail=f"{deadline} s are over")
            raise EgressFailed(Kind.TIMEOUT) from error


async def _let_go(response: httpx.Response) -> None:
    with suppress(*_NETWORK):  # what was wanted of it has been read
        await response.aclose()


def _read_alike(url: str) -> bool:
    """The client reads host, port and scheme as the judge does."""
    parts = urlsplit(url)
    try:
        read = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return (read.scheme, read.host, read.port or None) == (
        parts.scheme,
        parts.hostname,
        None if parts.port == {"https": 443, "http": 80}.get(parts.scheme) else parts.port,
    )


def _failure(error: Exception) -> EgressFailed:
    detail = f"{type(error).__name__}: {error}"[:300]
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.ProxyError() | httpx.PoolTimeout():
            return EgressFailed(Kind.UNREACHABLE, detail=detail)
        case httpx.TimeoutException() | TimeoutError():
            return EgressFailed(Kind.TIMEOUT, detail=detail)
        case httpx.InvalidURL():
            return EgressFailed(Kind.REFUSED, detail=detail)
    return EgressFailed(Kind.BROKEN, detail=detail)
