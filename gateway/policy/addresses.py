"""Where a caller is: the connection's other end, or what proxies that are trusted say of it."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@lru_cache(maxsize=10_000)
def networks_of(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Networks as they are configured, understood once. Raises ValueError for what is none."""
    return tuple(ip_network(text) for text in texts)


def caller_address(peer: str | None, forwarded: Sequence[str], trusted: tuple[Network, ...]) -> str | None:
    """The caller's address; None when it can not be known.

    Args:
        peer: the connection's other end.
        forwarded: the values of ``X-Forwarded-For``, in order. Anybody may send one, and each proxy adds whom it heard
            on the right: so the right-most that is no trusted proxy's counts, and nothing on the left of it.
        trusted: networks whose proxies tell the truth.
    """
    if not trusted or not within(peer, trusted):
        return peer
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    for hop in reversed(hops):
        found = address_in(hop)
        if found is None:
            return None
        if not _inside(found, trusted):
            return str(found)
    return str(address_in(hops[0])) if hops else peer


def within(address: str | None, networks: tuple[Network, ...]) -> bool:
    """Whether an address lies in one of the networks; what is no address lies nowhere."""
    found = address_in(address or "")
    return found is not None and _inside(found, networks)


def address_in(text: str) -> Address | None:
    """An address as proxies write it: bare, with a port, or in brackets. IPv4 within IPv6 is IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def block_of(address: str | None) -> str:
    """What one caller may have many addresses of: an IPv4 address, or the /64 an IPv6 address lies in."""
    found = address_in(address or "")
    if found is None:
        return "unknown"
    return str(IPv6Network((found, 64), strict=False)) if isinstance(found, IPv6Address) else str(found)


def _inside(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
