"""Whom tests trust over TLS, loaded once: that takes longer than a start of a gateway's database."""

import ssl
from functools import cache

import httpx


@cache
def certificates() -> ssl.SSLContext:
    """For every client and gateway of a test that is not about certificates."""
    return httpx.create_ssl_context()
