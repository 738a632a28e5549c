"""May an address that somebody else gave us be called? What can be judged without asking anybody, and the words."""

import re
from enum import StrEnum
from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

import msgspec

MAX_URL = 2048
_PORTS = {"https": 443, "http": 80}


class Kind(StrEnum):
    """Why a call was not made, or came to nothing."""

    REFUSED = "refused"  # by what the URL itself says
    UNREACHABLE = "unreachable"  # its name leads nowhere, or inside; nobody listens; no certificate
    TIMEOUT = "timeout"
    BROKEN = "broken"  # the connection ended before the answer did, or what came is no HTTP
    TOO_LONG = "too_long"
    ENCODED = "encoded"


_TEXTS = {
    Kind.REFUSED: "the address may not be called",
    Kind.UNREACHABLE: "the address can not be reached",
    Kind.TIMEOUT: "there was no whole answer in time",
    Kind.BROKEN: "the connection broke before the answer was whole",
    Kind.TOO_LONG: "the answer is too long",
    Kind.ENCODED: "the answer is encoded though identity was asked for",
}


class EgressFailed(Exception):
    """A call to an address that somebody gave us. Its text is for whoever gave it: it tells nothing of our network.

    Attributes:
        detail: what happened, for our own log alone.
    """

    def __init__(self, kind: Kind, text: str | None = None, *, detail: str = "") -> None:
        super().__init__(text or _TEXTS[kind])
        self.kind = kind
        self.detail = detail or str(self)


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What may be called, beside the origins an operator exempted.

    Attributes:
        allow_http: plain ``http://`` too.
    """

    ports: tuple[int, ...] = (443,)
    allow_http: bool = False


def fault(url: str, rules: Rules, exempt: tuple[str, ...]) -> str | None:
    """What is wrong with a URL, in words that finish "url …"; None when nothing is that can be seen from outside."""
    parts = _split(url)
    if parts is None:
        return f"must be a URL with scheme and host, at most {MAX_URL} plain characters, without user name and password"
    if origin(parts) in exempt:
        return None
    schemes = ("https", "http") if rules.allow_http else ("https",)
    if parts.scheme not in schemes:
        return f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    if port not in rules.ports:
        return f"must not name port {port}; the ports that may be called: {', '.join(map(str, rules.ports))}"
    return None if _outside(parts) else "must lead to a host of the public internet"


def origin(parts: SplitResult) -> str | None:
    """``https://cdn.example.com`` or ``http://127.0.0.1:9101``: what an exemption names."""
    try:
        port = parts.port
    except ValueError:
        return None
    if parts.hostname is None or parts.scheme not in _PORTS:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if port in (None, _PORTS[parts.scheme]) else f":{port}")


def usable(url: str, *, hosts: tuple[str, ...], exempt: tuple[str, ...]) -> bool:
    """A provider's link to a finished video: https on a host it is known to use, or an origin an operator exempted."""
    parts = _split(url)
    if parts is None:
        return False
    if origin(parts) in exempt:
        return True
    return parts.scheme == "https" and parts.port in (None, 443) and _listed(parts.hostname or "", hosts)


def _split(url: str) -> SplitResult | None:
    if len(url) > MAX_URL or any(character <= " " or character > "~" or character == "\\" for character in url):
        return None
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # reading it is what checks it
    except ValueError:
        return None
    plain = parts.hostname and parts.username is None and parts.password is None
    return parts if plain and "%" not in parts.netloc else None  # an escaped host is read differently by everybody


_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_INSIDE = (".localhost", ".local", ".internal")


def _outside(parts: SplitResult) -> bool:
    """Its host is a public address as it is usually written, or a whole name that may lead to one."""
    host = parts.hostname or ""
    if "[" in parts.netloc or _NUMBER.fullmatch(host.rpartition(".")[2]):  # 127.1, 0x7f.1 and 2130706433 are numbers
        return is_public(host) and ("[" in parts.netloc) == (":" in host)
    return _NAME.fullmatch(host) is not None and not host.endswith(_INSIDE)


def _listed(host: str, hosts: tuple[str, ...]) -> bool:
    return any(
        host == known or (known.startswith("*.") and host.endswith(known[1:])) for known in map(str.lower, hosts)
    )


# what the ipaddress module calls global although each can lead inside is here too (6to4, NAT64, translated IPv4 …)
_DENIED = tuple(
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
        *("::/3", "4000::/2", "8000::/1"),  # outside 2000::/3 no IPv6 address is routed
    )
)


def is_public(address: str) -> bool:
    """Whether an IP address (text, as the resolver gives it) is one that the public internet routes."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    inner = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    judged = found if inner is None else inner
    if "%" in address:  # a scope is a network card's, and no card's neighbours are public
        return False
    return judged.is_global and not any(judged.version == net.version and judged in net for net in _DENIED)
