"""CORS: what a browser is told, so that a page of another site may call here and read the answer (Fetch, 3.2).

A page is named by its exact origin, never ``*``; keys travel in a header the page sets, so credentials mode is never
offered. Whether a page is welcome is for the caller's key to say, and before there is one, for any tenant's.
"""

import re

from gateway.rest.answers import Header

MAX_AGE = 600
"""Seconds a browser remembers what it may do; then a page that is no longer welcome is asked about anew."""

EXPOSED = (
    *("Location", "Link", "ETag", "Retry-After", "retry-after-ms", "openai-poll-after-ms", "x-should-retry"),
    *("X-Request-Id", "Idempotent-Replayed", "Preference-Applied", "RateLimit", "RateLimit-Policy"),
    *("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"),
    *("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),  # as OpenAI's SDKs
    *("Content-Disposition", "Content-Range", "Content-Length", "Accept-Ranges", "WWW-Authenticate"),
)
"""What a page may read beside the body; a browser hides every other header."""

_SENDABLE = re.compile(
    r"accept|authorization|cache-control|cancel-after|content-type|idempotency-key|if-match|if-none-match|if-range"
    r"|last-event-id|prefer|range|traceparent|tracestate|x-request-id|x-stainless-[a-z0-9-]+"
    r"|openai-(organization|project|beta)|apollographql-client-(name|version)|apollo-require-preflight",
    re.IGNORECASE,
)
"""What a page may send: what we read, and what the usual SDKs send along."""

_NAMES = ", ".join(EXPOSED).encode()
_MOST = 64
"""Headers one preflight may ask for; the rest are not looked at."""


def preflight(method: bytes, wanted: bytes, allow: bytes | None) -> list[Header]:
    """What a welcome page may do with a path.

    Where there is nothing, it may ask all the same: else the browser would keep the 404 from it.

    Args:
        wanted: ``Access-Control-Request-Headers``; those that may be sent are repeated.
    """
    asked = (name.strip() for name in wanted.decode("latin-1").split(",", _MOST)[:_MOST])
    sendable = ", ".join(name for name in asked if _SENDABLE.fullmatch(name)).encode()
    methods = allow or (method if method.isalpha() and len(method) < 16 else b"GET")
    return [
        (b"access-control-allow-methods", methods),
        *([(b"access-control-allow-headers", sendable)] if sendable else []),
        (b"access-control-max-age", b"%d" % MAX_AGE),
    ]


def readable(page: str) -> list[Header]:
    """A welcome page may read this answer."""
    return [(b"access-control-allow-origin", page.encode()), (b"access-control-expose-headers", _NAMES)]


def varied(headers: list[Header]) -> list[Header]:
    """The same headers, saying that another page might get others: ``Origin`` joins ``Vary``."""
    said = b", ".join([value for name, value in headers if name == b"vary"] + [b"Origin"])
    return [*((name, value) for name, value in headers if name != b"vary"), (b"vary", said)]
