"""The guarded client: nobody behind it is ever connected to, and what it does call ends in time and in bounds."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import httpx
import pytest
import trustme
from structlog.testing import capture_logs

from gateway.egress import Egress
from gateway.names import Names
from gateway.policy.egress import EgressFailed, Kind, Rules
from gateway.policy.verdict import classify
from gateway.probe import no_probe
from gateway.upstream import Upstream
from providers.base import Submission
from providers.registry import KINDS, by_name
from schema.account import Account, Secret
from schema.attempt import Verdict
from schema.video import VideoSpec
from tests.support.certificates import certificates
from tests.support.hostile_urls import BENIGN, HOSTILE, LOOPBACK, PORTS

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
PUBLIC = "93.184.215.14"


@dataclass
class Listener:
    """A server on this machine, and how often it was connected to."""

    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def listening(answer: bytes = b"", *, then: Handler | None = None, tls: ssl.SSLContext | None = None):
    """Answers every request alike, on kept connections, until the caller leaves; ``then`` does the rest."""
    listener = Listener()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listener.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                listener.requests.append(head + await reader.readexactly(int(length or 0)))
                writer.write(answer)
                await writer.drain()
                if then is not None:
                    await then(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        listener.port = server.sockets[0].getsockname()[1]
        yield listener


@pytest.fixture
async def canary() -> AsyncIterator[Listener]:
    """Whoever connects to it has come through the guard."""
    async with listening(answered(b"inside")) as listener:
        yield listener


def answered(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def egress(
    *exempt: str, addresses: Callable[[str, int], list[str]] | None = None, **more
) -> AsyncIterator[Egress]:
    more.setdefault("rules", Rules(ports=PORTS, allow_http=True))
    names = None if addresses is None else Names(addresses)
    guard = Egress(exempt=exempt, verify=more.pop("verify", certificates()), names=names, **more)
    try:
        yield guard
    finally:
        await guard.close()


async def send(guard: Egress, url: str, **more):
    return await guard.send("POST", url, {"content-type": "application/json"}, b"{}", **{"deadline": 10, **more})


async def streamed(guard: Egress, url: str, **more) -> bytes:
    async with guard.stream(url, **{"deadline": 10, "max_bytes": 1000, **more}) as answer:
        return b"".join([piece async for piece in answer])


async def failing(work: Awaitable[object]) -> EgressFailed:
    with pytest.raises(EgressFailed) as failed:
        await work
    return failed.value


# who is called


@pytest.mark.parametrize("url", HOSTILE)
async def test_what_is_hostile_is_refused_before_it_is_kept(url):
    """A resolver that knows no name: what is left is what the URL says."""

    def nobody(host: str, port: int) -> list[str]:
        raise OSError(f"no such name: {host}")

    async with egress(addresses=nobody) as guard:
        failure = await failing(guard.judge(url))

    assert failure.kind is Kind.REFUSED


@pytest.mark.parametrize("url", BENIGN)
async def test_what_the_internet_routes_is_not_refused(url):
    async with egress() as guard:
        await guard.judge(url)


@pytest.mark.parametrize("url", LOOPBACK)
async def test_nobody_on_this_machine_is_connected_to_however_it_is_spelled(url, canary):
    aimed = url.removesuffix("/") + f":{canary.port}/"
    async with egress(rules=Rules(ports=(canary.port,), allow_http=True)) as guard:
        await failing(send(guard, aimed))
        await failing(streamed(guard, aimed))
        raw = await failing(_unjudged(guard, aimed))

    assert raw.kind in {Kind.UNREACHABLE, Kind.REFUSED}
    assert canary.connections == 0


async def _unjudged(guard: Egress, url: str) -> None:
    """The transport alone, as if nobody had judged the URL: the second line must hold by itself."""
    try:
        async with httpx.AsyncClient(transport=guard.pooled(), trust_env=False) as client:
            await client.get(url)
    except (httpx.InvalidURL, httpx.HTTPError, aiohttp.ClientError):
        raise EgressFailed(Kind.UNREACHABLE) from None


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(["127.0.0.1"], id="inside"),
        pytest.param([PUBLIC, "127.0.0.1"], id="both, the public one first"),
        pytest.param(["127.0.0.1", PUBLIC], id="both, the private one first"),
        pytest.param(["2606:4700:4700::1111", "::ffff:127.0.0.1"], id="both, the private one in disguise"),
        pytest.param([], id="nowhere"),
    ],
)
async def test_a_name_one_of_whose_addresses_is_private_is_not_called_by_any_client(found, canary):
    url = f"http://rebinding.example.com:{canary.port}/"
    rules = Rules(ports=(canary.port,), allow_http=True)
    async with egress(addresses=lambda host, port: found, rules=rules) as guard:
        refused = await failing(guard.judge(url))
        sent = await failing(send(guard, url))
        await failing(streamed(guard, url))
        async with httpx.AsyncClient(transport=guard.fresh(), trust_env=False) as paid:
            await failing(paid.post(url))

    assert (refused.kind, sent.kind) == (Kind.REFUSED, Kind.UNREACHABLE)
    assert "127" not in f"{refused}{sent}"
    assert canary.connections == 0


async def test_a_name_that_was_public_when_it_was_kept_and_leads_inside_later_is_not_called(canary):
    answers = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])
    url = f"http://rebinding.example.com:{canary.port}/"
    rules = Rules(ports=(canary.port,), allow_http=True)
    async with egress(addresses=lambda host, port: next(answers), rules=rules) as guard:
        await guard.judge(url)
        await failing(send(guard, url))
        await failing(streamed(guard, url))

    assert canary.connections == 0


async def test_a_name_that_leads_inside_and_one_that_leads_nowhere_are_told_alike():
    def lookup(host: str, port: int) -> list[str]:
        if host.startswith("inside"):
            return ["10.0.0.7"]
        raise OSError(-2, "Name or service not known")

    async with egress(addresses=lookup) as guard:
        kept = [await failing(guard.judge(f"https://{name}.example.com/")) for name in ("inside", "nobody")]
        with capture_logs() as logged:
            called = [await failing(send(guard, f"https://{name}.example.com/")) for name in ("inside", "nobody")]

    assert len({(failure.kind, str(failure)) for failure in kept}) == 1
    assert len({(failure.kind, str(failure)) for failure in called}) == 1
    assert [entry["detail"][:30] for entry in logged] == [
        "inside.example.com leads to 10",
        "nobody.example.com: OSError: [",
    ]


async def test_a_redirect_is_an_answer_and_not_followed(canary):
    async with (
        listening(answered(b"", f"Location: {canary.origin}/", status="302 Found")) as door,
        egress(door.origin) as guard,
    ):
        answer = await send(guard, door.origin)

    assert (answer.status, canary.connections) == (302, 0)


async def test_an_exempted_origin_is_called_until_it_is_exempt_no_more(canary):
    async with egress(canary.origin) as guard:
        answer = await send(guard, canary.origin)
        guard.allow(())
        refused = await failing(send(guard, canary.origin))

    assert (answer.status, answer.body, refused.kind) == (200, b"inside", Kind.REFUSED)
    assert canary.connections == 1


async def test_calls_to_one_origin_share_a_connection(canary):
    async with egress(canary.origin) as guard:
        for _ in range(3):
            await send(guard, canary.origin)

    assert (canary.connections, len(canary.requests)) == (1, 3)


# what is read


async def test_a_long_answer_to_a_webhook_is_cut():
    async with listening(answered(b"x" * 100_000)) as door, egress(door.origin) as guard:
        answer = await send(guard, door.origin)

    assert (answer.status, len(answer.body), answer.truncated) == (200, 65536, True)


async def test_an_encoded_answer_to_a_webhook_counts_and_is_not_decoded():
    bomb = gzip.compress(bytes(10 << 20))
    async with listening(answered(bomb, "Content-Encoding: gzip")) as door, egress(door.origin) as guard:
        answer = await send(guard, door.origin)

    assert (answer.status, answer.body, answer.truncated) == (200, b"", True)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(answered(gzip.compress(bytes(1000)), "Content-Encoding: gzip"), Kind.ENCODED, id="encoded"),
        pytest.param(answered(b"", length=10_000_000_000), Kind.TOO_LONG, id="long, and says so"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2000, Kind.TOO_LONG, id="long, without saying so"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", Kind.BROKEN, id="no HTTP"),
    ],
)
async def test_a_file_that_may_not_be_read_is_not(answer, kind):
    async with listening(answer) as door, egress(door.origin) as guard:
        failure = await failing(streamed(guard, door.origin))

    assert failure.kind is kind


async def test_a_short_file_is_no_file():
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        raise ConnectionError

    async with listening(answered(b"half", length=8), then=hang_up) as door, egress(door.origin) as guard:
        failure = await failing(streamed(guard, door.origin))

    assert failure.kind is Kind.BROKEN


@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 200 OK\r\n", answered(b"x", length=9)])
async def test_whoever_does_not_come_to_an_end_is_left(beginning):
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with listening(beginning, then=never) as door, egress(door.origin) as guard:
        failures = [await failing(send(guard, door.origin, deadline=0.3)) for _ in range(2)]

    assert {failure.kind for failure in failures} == {Kind.TIMEOUT}


async def test_a_resolver_that_does_not_answer_is_left():
    released = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hanging(host: str, port: int) -> list[str]:
        asyncio.run_coroutine_threadsafe(released.wait(), loop).result()
        return [PUBLIC]

    guard = Egress(exempt=(), verify=certificates(), names=Names(hanging, seconds=0.2))
    failure = await failing(send(guard, "https://hooks.example.com/"))
    released.set()
    await guard.close()

    assert (failure.kind, str(failure)) == (Kind.UNREACHABLE, "the address can not be reached")


# through a proxy


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@asynccontextmanager
async def proxying(to: int, *, status: str = "200 Connection established") -> AsyncIterator[Listener]:
    """A proxy that leads every tunnel to one port of this machine."""

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not status.startswith("200"):
            raise ConnectionError
        there, back = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(_copy(reader, back), _copy(there, writer))

    async with listening(f"HTTP/1.1 {status}\r\n\r\n".encode(), then=tunnel) as listener:
        yield listener


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(1 << 16):
        writer.write(piece)
        await writer.drain()
    writer.close()


async def test_a_proxy_makes_the_connection_and_the_name_stays_in_the_certificate(authority):
    theirs, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("hooks.example.com").configure_cert(theirs)
    authority.configure_trust(ours)

    def nobody(host: str, port: int) -> list[str]:
        raise AssertionError("the proxy judges names")

    async with (
        listening(answered(b"thanks"), tls=theirs) as door,
        proxying(door.port) as proxy,
        egress(addresses=nobody, proxy=proxy.origin, verify=ours) as guard,
    ):
        await guard.judge("https://hooks.example.com/in")
        answer = await send(guard, "https://hooks.example.com/in")
        private = await failing(send(guard, "https://127.0.0.1/in"))
        stranger = await failing(send(guard, "https://other.example.com/in"))

    assert (answer.status, answer.body) == (200, b"thanks")
    assert proxy.requests[0].startswith(b"CONNECT hooks.example.com:443 ")
    assert b"host: hooks.example.com\r\n" in door.requests[0].lower()
    assert (private.kind, stranger.kind) == (Kind.REFUSED, Kind.UNREACHABLE)
    assert len(proxy.requests) == 2  # the literal address never reached it


# accounts of tenants' own


def own(base_url: str) -> Account:
    options = by_name(KINDS)["veo3o1"].options()
    return Account(
        id="acme~veo", provider="veo3o1", base_url=base_url, credential=Secret("s" * 20), options=options, owner="acme"
    )


@asynccontextmanager
async def upstream(guard: Egress) -> AsyncIterator[Upstream]:
    made = Upstream(submit_deadline=5, probe=no_probe, verify=certificates(), egress=guard)
    try:
        yield made
    finally:
        await made.close()


async def submitted(made: Upstream, account: Account):
    adapter = by_name(KINDS)["veo3o1"].build(account.options).adapter
    flow = adapter.submit(VideoSpec(prompt="a fox"), Submission(key="k"))
    return classify((await made.submit(flow, next(flow), account, adapter)).evidence)


async def test_a_tenants_own_account_that_leads_inside_is_provably_not_sent_to(canary):
    inside = own(f"http://veo.example.com:{canary.port}")
    async with egress(addresses=lambda host, port: ["127.0.0.1"]) as guard, upstream(guard) as made:
        outcome = await submitted(made, inside)

    assert outcome.verdict is Verdict.NOT_SENT
    assert canary.connections == 0


async def test_an_operators_account_and_an_exempted_one_may_lead_inside(canary):
    async with egress(canary.origin) as guard, upstream(guard) as made:
        mine = await submitted(made, own(canary.origin))
        guard.allow(())
        theirs = await submitted(made, own(canary.origin))

    assert (mine.verdict, theirs.verdict) == (Verdict.UNKNOWN, Verdict.NOT_SENT)
    assert canary.connections == 1


async def test_a_proxy_that_refuses_a_tunnel_was_sent_nothing_of_a_submit(canary):
    async with (
        proxying(canary.port, status="403 Forbidden") as proxy,
        egress(proxy=proxy.origin) as guard,
        upstream(guard) as made,
    ):
        outcome = await submitted(made, own("https://veo.example.com"))

    assert outcome.verdict is Verdict.NOT_SENT
    assert (len(proxy.requests), canary.connections) == (1, 0)
