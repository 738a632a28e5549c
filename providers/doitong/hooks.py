"""Doitong's calls to us: are they Doitong's, and what do they say? Facts and row ids: README.md here."""

import base64
import hmac
import re
from typing import Final

from providers.auth import hmac_sha256
from providers.base import Hook, Update
from providers.doitong.reading import told
from schema.account import Secret
from schema.errors import FailureKind, ProviderFailure

SIGNATURE: Final = "x-doitong-signature"
MOST_SIGNATURES: Final = 8
_SIGNED = re.compile(r"sha256=(?:(?P<hex>[0-9a-fA-F]{64})|(?P<base64>[A-Za-z0-9+/]{43}=))", re.ASCII)


class Hooks:
    """Its calls to us: signed over the raw body, we suppose, with a secret of their own (D5)."""

    def __init__(self, *, allow_unsigned: bool) -> None:
        self._allow_unsigned = allow_unsigned

    def verify(self, hook: Hook, secrets: tuple[Secret, ...]) -> int | None:
        expected = [hmac_sha256(hook.body, secret) for secret in secrets]
        if hook.header("content-encoding"):  # what was signed is not what we would read
            raise _distrust()
        if not secrets and self._allow_unsigned:
            return None
        signatures = _signatures(hook)
        pairs = [[hmac.compare_digest(theirs, ours) for theirs in signatures] for ours in expected]
        fits = [any(pair) and bool(secret.reveal()) for pair, secret in zip(pairs, secrets, strict=True)]
        if not any(fits):  # every pair was compared: the time it took says nothing
            raise _distrust()
        return fits.index(True)

    def updates(self, hook: Hook) -> tuple[Update, ...]:
        return (told(hook.body),)


def _signatures(hook: Hook) -> list[bytes]:
    """Every signature of the one header. Anything beside the grammar is distrusted as a whole, without a word why."""
    headers = hook.header(SIGNATURE)
    texts = re.split(r"[,\s]+", headers[0].strip()) if len(headers) == 1 else []
    found = [_SIGNED.fullmatch(text) for text in texts[: MOST_SIGNATURES + 1]]
    if not 0 < len(found) <= MOST_SIGNATURES:
        raise _distrust()
    return [_signature(match) for match in found]


def _signature(match: re.Match[str] | None) -> bytes:
    if match is None:
        raise _distrust()
    return bytes.fromhex(match["hex"]) if match["hex"] else base64.b64decode(match["base64"])


def _distrust() -> ProviderFailure:
    """One sentence for every cause: what is wrong with a forgery is nobody's business."""
    return ProviderFailure(FailureKind.UNAUTHORIZED, "the hook is not signed by Doitong")
