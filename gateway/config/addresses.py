"""Addresses and networks as a file writes them: what is wrong with one, and whether it leaves this machine."""

import ipaddress
from urllib.parse import urlsplit

from gateway.config.settings import without_password
from gateway.policy import egress


def web_address(url: str, schemes: tuple[str, ...] = ("http", "https")) -> str | None:
    """What is wrong with an address that should begin a URL; None when nothing is."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in schemes or not host or url != url.strip():
        shown, begin = without_password(url), " or ".join(f"{scheme}://" for scheme in schemes)
        return f"{shown!r} is not an address that begins with {begin}"
    if parts.query or parts.fragment or "?" in url or "#" in url:
        return "must end before any ? or #"
    if parts.username is not None or parts.password is not None:
        return "must not hold a user name or a password"
    return None


def proxy_address(url: str) -> str | None:
    """What is wrong with the address of a proxy, which may hold a user name and a password; None when nothing is."""
    scheme, between, rest = url.partition("://")
    if problem := web_address(f"{scheme}{between}{rest.rpartition('@')[2]}", ("http",)):
        return problem
    return None if urlsplit(url).path in ("", "/") else "must end behind its port"


def origin_of(url: str) -> str:
    """``https://host:port``, as it stands in ``egress.allow``: lower case, without the scheme's own port."""
    parts = urlsplit(url)
    return egress.origin(parts) or f"{parts.scheme}://{parts.netloc}"


def port_of(url: str) -> int:
    """The port that is called, said or not."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def is_private(url: str) -> bool:
    """Its host is an address, or a name, that never leaves this machine or network."""
    host = urlsplit(url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".internal", ".local"))
    return not (address.is_global and egress.is_public(host))


def network(text: str) -> str:
    """A network, or one address, as we compare them: ``10.0.0.0/8``, ``192.0.2.7/32``.

    Raises:
        ValueError: it is none; the message says what to write.
    """
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f'{text!r} is not a network; write one such as "10.0.0.0/8" or "192.0.2.7"') from None
    if not _strict(text):
        raise ValueError(f'{text!r} is an address within a network; write "{found}" for all of it')
    return str(found)


def _strict(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
