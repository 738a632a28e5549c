"""How secrets join a request, and how a hook's signature is made."""

import hashlib
import hmac

from providers.base import WireRequest
from schema.account import Secret


def bearer(request: WireRequest, credential: Secret) -> WireRequest:
    """``Authorization: Bearer …``"""
    return request.with_headers(authorization=f"Bearer {credential.reveal()}")


def header_key(request: WireRequest, name: str, credential: Secret) -> WireRequest:
    """The bare secret in a header of the upstream's choosing; ``name`` in lower case."""
    return request.with_headers(**{name: credential.reveal()})


def hmac_sha256(body: bytes, secret: Secret) -> bytes:
    """The signature as bytes: text forms differ in case and alphabet, bytes do not."""
    return hmac.new(secret.reveal().encode(), body, hashlib.sha256).digest()
