"""May a link that somebody else gave us be followed? What can be judged without resolving it."""

from ipaddress import IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

MAX_URL = 2048
_PORTS = {"https": 443, "http": 80}


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
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    judged = found if inner is None else inner
    return judged.is_global and not any(judged.version == net.version and judged in net for net in _DENIED)
