"""Tokens and fingerprints: what we sign or hash so that nobody can guess or forge it."""

import hashlib
import hmac

import msgspec

from schema.account import Secret
from schema.video import Metadata, RoutingWish, VideoSpec

_MAC_CHARS = 32


def callback_token(key: Secret, attempt: str) -> str:
    """The unguessable last part of an attempt's callback URL: its id and 128 bits of HMAC-SHA256.

    It is derived, not stored, so that a replay after a restart sends the same bytes.
    """
    return f"{attempt}.{_mac(key, 'callback:' + attempt)}"


def attempt_of(key: Secret, token: str) -> str | None:
    """The attempt a callback token names; None when we did not make it."""
    attempt, _, mac = token.partition(".")
    genuine = hmac.compare_digest(mac.encode(), _mac(key, "callback:" + attempt).encode())
    return attempt if genuine else None


def key_hash(pepper: Secret, api_key: str) -> bytes:
    """How an API key is remembered: HMAC-SHA256; fast on purpose, for keys are long and random."""
    return hmac.digest(pepper.reveal().encode(), b"api-key:" + api_key.encode(), "sha256")


def fingerprint(spec: VideoSpec, routing: RoutingWish, metadata: Metadata) -> str:
    """SHA-256 (hex) over the parsed, defaulted wish: equal wishes are equal however they were written."""
    return hashlib.sha256(msgspec.json.encode((spec, routing, metadata), order="sorted")).hexdigest()


def _mac(key: Secret, text: str) -> str:
    return hmac.digest(key.reveal().encode(), text.encode(), "sha256").hex()[:_MAC_CHARS]
