"""How webhooks are signed: Standard Webhooks 1.0.0, version ``v1``, HMAC-SHA256 (standards.md, section 3)."""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable

from schema.account import Secret
from schema.ids import Entropy

PREFIX = "whsec_"
SECRET_BYTES = 32


def make_secret(entropy: Entropy) -> Secret:
    """A new signing secret: 32 random bytes in padded base64, which every receiver's library can read (WH-3)."""
    return Secret(PREFIX + b64encode(entropy(SECRET_BYTES)).decode())


def signature(secrets: Iterable[Secret], id: str, timestamp: int, body: bytes) -> str:
    """The header ``webhook-signature``: one ``v1,…`` for each secret, the current one first (WH-4).

    Args:
        timestamp: whole seconds since the epoch, of this try.
    """
    signed = f"{id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{b64encode(hmac.digest(_key(secret), signed, 'sha256')).decode()}" for secret in secrets)


def _key(secret: Secret) -> bytes:
    return b64decode(secret.reveal().removeprefix(PREFIX), validate=True)
