"""Everything we send to providers. Submits go out once, on a fresh connection, and leave evidence; the rest may repeat.

Two httpx clients, for two needs. A submit costs money, so it uses plain httpx without keep-alive, whose trace says
whether the first byte left this machine. Polls are many and harmless, so they use httpx over aiohttp, which costs a
tenth of the CPU at 64 connections (docs/decisions/0004). Both are there twice: what goes to an account of a
tenant's own reaches public addresses alone (docs/egress.md).
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, Generic, TypeVar

import aiohttp
import httpx
import msgspec
import structlog

from gateway.dialing import HonestTransport
from gateway.egress import Egress
from gateway.policy.egress import EgressFailed
from gateway.policy.verdict import Evidence
from gateway.probe import Point, Probe
from providers.base import Accepted, Adapter, Attachment, Flow, Replay, WireRequest, WireResponse
from schema.account import Account
from schema.errors import FailureKind, ProviderFailure

T = TypeVar("T")

log = structlog.get_logger()

_NETWORK = (EgressFailed, httpx.HTTPError, aiohttp.ClientError, httpx.InvalidURL, TimeoutError, OSError)

MAX_ANSWER = 1 << 20
"""Bytes of an answer we read; providers' answers are a few hundred."""

CONNECT_SECONDS = 10.0
POLL_SECONDS = 30.0

_COMMON = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "filmgate"}

ReadPicture = Callable[[str, int, int], AsyncIterator[bytes]]
"""A picture's bytes: its key, from where, and up to where."""

Transport = httpx.AsyncBaseTransport
"""What carries a request to its host and brings the answer."""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What one submit left behind: evidence for the classifier, and the raw answer for the journal and the limits."""

    account: Account
    evidence: Evidence
    answer: WireResponse | None


class Asked(msgspec.Struct, Generic[T], frozen=True):
    """What a flow of safe requests found out, and the headers of its last answer."""

    result: T
    headers: dict[str, str]


class UnreadableAnswer(Exception):
    """An answer came and we refuse to read it: too long, or encoded though we asked for identity."""


class Upstream:
    """The only client of providers."""

    def __init__(
        self,
        *,
        submit_deadline: float,
        probe: Probe,
        verify: ssl.SSLContext,
        egress: Egress,
        read_picture: ReadPicture | None = None,
        transport: Transport | None = None,
    ) -> None:
        self._submit_deadline = submit_deadline
        self._read_picture = read_picture
        self._probe = probe
        self._egress = egress
        limits = httpx.Limits(max_keepalive_connections=0, max_connections=None)
        paid = transport or httpx.AsyncHTTPTransport(verify=verify, trust_env=False, limits=limits)
        free = transport or HonestTransport(client=partial(_session, verify), verify=verify)
        self._operators = _Clients(paid, free, submit_deadline)
        self._tenants = _Clients(egress.fresh(), egress.pooled(), submit_deadline)

    async def close(self) -> None:
        for clients in (self._operators, self._tenants):
            await clients.paid.aclose()
            await clients.free.aclose()

    def _clients(self, account: Account) -> "_Clients":
        """An operator knows where its accounts are; a tenant's own must not lead inside."""
        guarded = account.owner is not None and not self._egress.exempts(account.base_url)
        return self._tenants if guarded else self._operators

    async def submit(self, flow: Flow[Accepted], request: WireRequest, account: Account, adapter: Adapter) -> Sent:
        """Send the paid request of a flow once, and let the flow read the answer. Raises nothing of the network's.

        Args:
            flow: stands at ``request``, which it has yielded.
        """
        trace = _Trace(self._probe)
        try:
            async with asyncio.timeout(self._submit_deadline):
                answer = await self._exchange(
                    self._clients(account).paid, adapter.authorize(request, account.credential), account, trace
                )
        except (*_NETWORK, UnreadableAnswer, ValueError) as error:  # ValueError: a credential HTTP can not carry
            evidence = Evidence(started=trace.started, reading=None, trouble=_trouble(error))
            return Sent(account=account, evidence=evidence, answer=None)
        self._probe(Point.ANSWERED)
        evidence = Evidence(started=True, reading=read(flow, answer))
        return Sent(account=account, evidence=evidence, answer=answer)

    async def ask(self, flow: Flow[T], account: Account, adapter: Adapter) -> Asked[T]:
        """Drive a flow of safe requests to its result.

        Raises:
            ProviderFailure: refused, unreadable, or not reached; with the headers of the answer that said so.
        """
        request = next(flow)
        while True:
            if request.replay is not Replay.SAFE:
                raise AssertionError(f"{request.method} {request.path} is not safe to ask")
            answer = await self._asked(adapter.authorize(request, account.credential), account)
            try:
                request = flow.send(answer)
            except StopIteration as done:
                return Asked(done.value, answer.headers)
            except ProviderFailure as failure:
                failure.headers = answer.headers
                raise

    async def _asked(self, request: WireRequest, account: Account) -> WireResponse:
        try:
            async with asyncio.timeout(POLL_SECONDS if request.attachment is None else self._submit_deadline):
                return await self._exchange(self._clients(account).free, request, account, None)
        except (*_NETWORK, ValueError) as error:
            raise ProviderFailure(FailureKind.UNREACHABLE, _trouble(error)) from error
        except UnreadableAnswer as error:
            raise ProviderFailure(FailureKind.PROTOCOL, str(error)) from error

    async def _exchange(
        self, client: httpx.AsyncClient, request: WireRequest, account: Account, trace: "_Trace | None"
    ) -> WireResponse:
        sent = client.build_request(
            request.method,
            account.base_url + request.path,
            headers={**_COMMON, **request.headers, **_length(request)},
            content=self._content(request),
            extensions={} if trace is None else {"trace": trace},
        )
        response = await client.send(sent, stream=True)
        try:
            body = await _body(response)
        finally:
            await response.aclose()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return WireResponse(status=response.status_code, headers=headers, body=body)

    def _content(self, request: WireRequest) -> bytes | AsyncIterator[bytes]:
        """The body; a picture is read from the asset store while it is sent."""
        if request.attachment is None:
            return request.body
        if self._read_picture is None:
            raise AssertionError("a picture is to be sent, and there is no store to read it from")
        return _parts(request.attachment, self._read_picture)


async def _parts(attachment: Attachment, read: ReadPicture) -> AsyncIterator[bytes]:
    image = attachment.image
    yield attachment.head
    async for piece in read(image.key, 0, image.size):
        yield piece
    yield attachment.tail


def _length(request: WireRequest) -> dict[str, str]:
    """How long a body is that nobody holds; of the others the client counts it."""
    return {} if request.attachment is None else {"content-length": str(request.attachment.size)}


class _Clients:
    """One client for submits, one for everything that may repeat."""

    def __init__(self, paid: Transport, free: Transport, submit_deadline: float) -> None:
        self.paid = _client(paid, httpx.Timeout(submit_deadline, connect=CONNECT_SECONDS))
        self.free = _client(free, httpx.Timeout(POLL_SECONDS, connect=CONNECT_SECONDS))


def _client(transport: Transport, timeout: httpx.Timeout) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=transport, timeout=timeout, follow_redirects=False, trust_env=False)


def authorities() -> ssl.SSLContext:
    """Whom we trust to sign certificates. Loading them takes longer than the rest of a start, so it is done once."""
    return httpx.create_ssl_context()


def read(flow: Flow[Accepted], answer: WireResponse) -> Accepted | ProviderFailure:
    """What the flow makes of an answer to its paid request."""
    try:
        flow.send(answer)
    except StopIteration as done:
        accepted: Accepted = done.value
        return accepted
    except ProviderFailure as failure:
        return failure
    except Exception:  # a fault of the adapter's must not cost us what the upstream said
        log.exception("upstream.unreadable")
        return ProviderFailure(FailureKind.PROTOCOL, "the adapter failed to read the answer")
    return ProviderFailure(FailureKind.PROTOCOL, "the adapter wanted to send a second paid request")


class _Trace:
    """Listens to httpcore: ``started`` once the first byte of the request may have left."""

    def __init__(self, probe: Probe) -> None:
        self.started = False
        self._probe = probe

    async def __call__(self, name: str, info: dict[str, Any]) -> None:
        request = info.get("request")
        if request is not None and request.method == b"CONNECT":
            return  # asks a proxy for a tunnel: nothing of ours is in it
        if name == "http11.send_request_headers.started":
            self.started = True
        elif name == "http11.send_request_body.complete" and self.started:
            self._probe(Point.BYTES_SENT)


async def _body(response: httpx.Response) -> bytes:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnreadableAnswer("the answer is encoded though we asked for identity")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_ANSWER:
            raise UnreadableAnswer(f"the answer is longer than {MAX_ANSWER} bytes")
    return bytes(body)


def _trouble(error: BaseException) -> str:
    """The error's class and text; never a URL with a secret, for we put none there. A guard's says what it may."""
    if isinstance(error, EgressFailed):
        return str(error)
    return f"{type(error).__name__}: {error}".rstrip(": ")[:300]


def _session(verify: ssl.SSLContext) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=100, keepalive_timeout=20, ttl_dns_cache=30, ssl=verify),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
    )
