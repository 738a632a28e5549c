"""Secrets at rest: each under a key of its own, and those keys under the master key (envelope encryption).

AES-256-GCM throughout. What a secret is for (its kind, its owner, its version) is authenticated with it, so a row that
is moved to another place does not open. A new master key wraps the small keys anew and leaves the texts alone.
"""

from collections.abc import Sequence
from functools import lru_cache

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from schema.account import Secret
from schema.ids import Entropy

_KEY_BYTES = 32
_NONCE_BYTES = 12  # NIST SP 800-38D, 8.2: 96 bits, random
_WRAPPING = b"filmgate master key, AES-256-GCM, 1"
_NAMING = b"filmgate master key, id, 1"
_ID_BYTES = 6


class CanNotOpen(Exception):
    """No master key at hand opens this secret, or it was changed, or moved from where it was put."""


class Place(msgspec.Struct, frozen=True):
    """Where a secret belongs, and so what it may be used for."""

    kind: str
    owner: str
    version: int

    @property
    def aad(self) -> bytes:
        """What is authenticated with the secret."""
        return msgspec.msgpack.encode((self.kind, self.owner, self.version))


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A secret as it lies in the database.

    Attributes:
        key_id: the master key that wraps its key.
        wrapped: its own key, under the master key; a nonce first.
        body: the text, under its own key; a nonce first.
    """

    key_id: str
    wrapped: bytes
    body: bytes


class Master(msgspec.Struct, frozen=True):
    """A master key: what it wraps with, and the id that says so and nothing else about it."""

    key: bytes
    id: str

    def __repr__(self) -> str:
        """Never with the key."""
        return f"Master({self.id})"


class Ring(msgspec.Struct, frozen=True):
    """The master keys at hand: the current one seals, all of them open."""

    current: Master
    former: tuple[Master, ...] = ()

    def named(self, id: str) -> Master | None:
        return next((master for master in (self.current, *self.former) if master.id == id), None)


def ring(current: Secret, former: Sequence[Secret] = ()) -> Ring:
    """The master keys that texts from the configuration stand for."""
    return Ring(master(current), tuple(master(secret) for secret in former))


@lru_cache(16)
def master(secret: Secret) -> Master:
    """A text's master key, by HKDF-SHA256 (RFC 5869): its strength is the text's."""
    text = secret.reveal().encode()
    return Master(_derived(text, _WRAPPING, _KEY_BYTES), _derived(text, _NAMING, _ID_BYTES).hex())


def seal(master: Master, text: str, place: Place, entropy: Entropy) -> Sealed:
    """A secret for one place, under a fresh key."""
    key = entropy(_KEY_BYTES)
    return Sealed(
        key_id=master.id,
        wrapped=_encrypted(master.key, key, place.aad, entropy),
        body=_encrypted(key, text.encode(), place.aad, entropy),
    )


def opened(ring: Ring, sealed: Sealed, place: Place) -> Secret:
    """The secret. Raises CanNotOpen."""
    return Secret(_decrypted(_own_key(ring, sealed, place), sealed.body, place.aad).decode())


def rewrapped(ring: Ring, sealed: Sealed, place: Place, entropy: Entropy) -> Sealed:
    """The same secret under the current master key. Raises CanNotOpen."""
    key = _own_key(ring, sealed, place)
    return Sealed(
        key_id=ring.current.id, wrapped=_encrypted(ring.current.key, key, place.aad, entropy), body=sealed.body
    )


def _own_key(ring: Ring, sealed: Sealed, place: Place) -> bytes:
    found = ring.named(sealed.key_id)
    if found is None:
        raise CanNotOpen(f"the master key {sealed.key_id} is not at hand")
    return _decrypted(found.key, sealed.wrapped, place.aad)


def _encrypted(key: bytes, text: bytes, aad: bytes, entropy: Entropy) -> bytes:
    nonce = entropy(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, text, aad)


def _decrypted(key: bytes, text: bytes, aad: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(text[:_NONCE_BYTES], text[_NONCE_BYTES:], aad)
    except (InvalidTag, ValueError) as error:
        raise CanNotOpen("a sealed secret was changed, or is not where it was put") from error


def _derived(text: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose).derive(text)
