"""Tokens and fingerprints: what we sign or hash so that nobody can guess or forge it."""

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from schema.account import Secret
from schema.batch import BatchMode
from schema.clock import Millis
from schema.image import ImageRef
from schema.link import Disposition, Variant
from schema.money import Micros
from schema.video import Metadata, RoutingWish, VideoSpec

_MAC_CHARS = 32
_QUOTE = "quote_"
_QUOTE_MAC = 16
_LINK_MAC = 24


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
    return hashlib.sha256(msgspec.json.encode((_by_content(spec), routing, metadata), order="sorted")).hexdigest()


def _by_content(spec: VideoSpec) -> VideoSpec:
    """A picture that was sent is what its bytes are: it may be kept under another id by the time it is sent again.

    A frame is what it is a frame of, whether it was looked at or not: so its video may be gone when it is asked again.
    """
    if spec.video is not None:
        return replace(spec, image=None)
    if spec.image is None or spec.image.sha256 is None:
        return spec
    return replace(spec, image=ImageRef(id="", sha256=spec.image.sha256))


def spec_digest(spec: VideoSpec) -> str:
    """SHA-256 (hex) over what is wanted alone: how it is routed and what is noted with it makes no other film of it."""
    return hashlib.sha256(msgspec.json.encode(_by_content(spec), order="sorted")).hexdigest()


def batch_fingerprint(wishes: Sequence[str], mode: BatchMode) -> str:
    """The same for a batch, over its wishes' fingerprints, in order."""
    return hashlib.sha256(msgspec.json.encode((mode, wishes))).hexdigest()


class Promise(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a quote's id says: that this tenant pays at most ``top`` micros for this wish, accepted in time."""

    tenant: str
    wish: bytes
    top: Micros
    expires_at: Millis


def wish_digest(spec: VideoSpec, routing: RoutingWish) -> bytes:
    """What a quote speaks of: the wish, without the quote's own id, and whoever is told of it."""
    wish = (_by_content(spec), replace(routing, quote_id=None, webhook_url=None))
    return hashlib.sha256(msgspec.json.encode(wish, order="sorted")).digest()[:16]


def promise_of(key: Secret, promise: Promise) -> str:
    """The id of a quote: its promise and an HMAC over it."""
    said = msgspec.msgpack.encode(promise)
    return _QUOTE + urlsafe_b64encode(said + _quote_mac(key, said)).rstrip(b"=").decode()


def promise_in(key: Secret, id: str) -> Promise | None:
    """The promise in a quote's id; None when we did not make it."""
    try:
        whole = urlsafe_b64decode(id.removeprefix(_QUOTE).encode() + b"==")
        said, mac = whole[:-_QUOTE_MAC], whole[-_QUOTE_MAC:]
        genuine = hmac.compare_digest(mac, _quote_mac(key, said))
        return msgspec.msgpack.decode(said, type=Promise) if genuine else None
    except (binascii.Error, UnicodeEncodeError, msgspec.DecodeError):
        return None


class Link(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What a content link says: this file of this tenant, until then, to be shown or saved."""

    tenant: str
    video: str
    output: str | None
    variant: Variant
    expires_at: Millis
    disposition: Disposition


def link_of(key: Secret, link: Link) -> str:
    """The last part of a content link's address: what it says, and an HMAC over it."""
    said = msgspec.msgpack.encode(link)
    return urlsafe_b64encode(said + _link_mac(key, said)).rstrip(b"=").decode()


def link_in(key: Secret, token: str) -> Link | None:
    """What a content link says; None when we did not make it, letter for letter."""
    try:
        whole = urlsafe_b64decode(token.encode() + b"==")
        said, mac = whole[:-_LINK_MAC], whole[-_LINK_MAC:]
        if not hmac.compare_digest(mac, _link_mac(key, said)):
            return None
        link = msgspec.msgpack.decode(said, type=Link)
    except (binascii.Error, UnicodeEncodeError, msgspec.DecodeError):
        return None
    return link if hmac.compare_digest(link_of(key, link).encode(), token.encode()) else None


def _link_mac(key: Secret, said: bytes) -> bytes:
    """By a key of its own, which follows from the gateway's."""
    own = hmac.digest(key.reveal().encode(), b"content-link key", "sha256")
    return hmac.digest(own, said, "sha256")[:_LINK_MAC]


def _quote_mac(key: Secret, said: bytes) -> bytes:
    return hmac.digest(key.reveal().encode(), b"quote:" + said, "sha256")[:_QUOTE_MAC]


def _mac(key: Secret, text: str) -> str:
    return hmac.digest(key.reveal().encode(), text.encode(), "sha256").hex()[:_MAC_CHARS]
