"""Whose web page asks? An origin as a browser names it, and whether it is ours. Pure."""

import re
from urllib.parse import urlsplit

from gateway.policy import egress

MAX_ORIGIN = 255
_PLAIN = re.compile(r"https?://[A-Za-z0-9._\-\[\]:]+", re.IGNORECASE)


def normal(text: str) -> str | None:
    """``HTTPS://App.Example.com:443`` as ``https://app.example.com``; None for what is no web page's origin.

    ``null`` is none: every sandboxed frame and every local file says it.
    """
    if len(text) > MAX_ORIGIN or _PLAIN.fullmatch(text) is None:
        return None
    try:
        return egress.origin(urlsplit(text))
    except ValueError:
        return None


def stranger(origin: str | None, *, host: str | None, public_url: str | None) -> str | None:
    """The origin of a page that is not ours; None when ours asks, or none at all.

    Ours lies at the host that was asked, whatever the scheme (a proxy may speak TLS for us), or at ``public_url``. What
    can not be understood is given back as it came: nobody's list has it.
    """
    if origin is None:
        return None
    said = normal(origin)
    if said is None:
        return origin
    scheme = said.partition("://")[0]
    ours = (normal(f"{scheme}://{host}"), _origin_of(public_url))
    return None if said in ours else said


def _origin_of(url: str | None) -> str | None:
    return None if url is None else normal("/".join(url.split("/")[:3]))
