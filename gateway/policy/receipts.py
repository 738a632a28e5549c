"""Receipts' signatures: canonical JSON, one Ed25519 key that follows from the gateway's secret, and a detached JWS.

The signed bytes are the receipt without its signature, as canonical JSON (RFC 8785). The signature is a JWS with a
detached, unencoded payload (RFC 7515 appendix F, RFC 7797), by the key that the thumbprint (RFC 7638) names.
"""

import hashlib
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from typing import Annotated, Any, Final, Literal, NoReturn

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.api_jws import PyJWS
from jwt.exceptions import InvalidTokenError

from schema.account import Secret
from schema.receipt import LARGEST

WELL_KNOWN = "/.well-known/filmgate-receipts.json"
"""Where a gateway shows the keys its receipts are signed with."""

TYPE = "filmgate-receipt"
"""``typ`` of every signature, so that one made for something else never passes for a receipt's (RFC 8725, 3.11)."""

_ALGORITHM: Final = "EdDSA"
_PURPOSE = b"filmgate receipts, Ed25519, 1"
_SIGNATURE = "signature"
_Hash = Annotated[str, msgspec.Meta(min_length=43, max_length=43)]
"""32 bytes in base64url."""

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.\.[A-Za-z0-9_-]{85}[AQgw]")
"""A detached JWS of 64 bytes in its only spelling: the last character carries two bits, the other four are zero."""
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")

_jws = PyJWS(algorithms=[_ALGORITHM])


class NotCanonical(ValueError):
    """The value has no canonical JSON: it is or holds a fraction, too large a number, or what JSON has no word for."""


class Unverified(Exception):
    """The receipt can not be believed; the text says why."""


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """A public key, as RFC 8037 writes it.

    Attributes:
        x: the key itself, base64url.
        kid: its thumbprint (RFC 7638), which a receipt's signature names.
    """

    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    x: _Hash
    kid: _Hash
    use: Literal["sig"] = "sig"
    alg: Literal["EdDSA"] = _ALGORITHM


class KeySet(msgspec.Struct, frozen=True):
    """Public keys to verify receipts with, a JSON Web Key Set (RFC 7517)."""

    keys: Annotated[tuple[PublicKey, ...], msgspec.Meta(max_length=64)]


# canonical JSON


def canonical(value: Any) -> bytes:
    """A value as the only JSON text it has (RFC 8785).

    Raises:
        NotCanonical: it holds something that has none, or that JSON readers read differently.
    """
    try:
        return json.dumps(_ordered(value), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise NotCanonical("half a character (a lone surrogate) has no UTF-8") from error
    except RecursionError as error:
        raise NotCanonical("it is nested too deep") from error


def _ordered(value: Any) -> Any:
    """The same with names in the order of their UTF-16 code units, as JavaScript sorts them."""
    match value:
        case dict():
            return {name: _ordered(value[name]) for name in sorted(value, key=_utf16)}
        case list() | tuple():
            return [_ordered(item) for item in value]
        case bool() | str() | None:
            return value
        case int() if abs(value) <= LARGEST:
            return value
        case _:
            raise NotCanonical(f"{value!r:.40} has no canonical form")


def _utf16(name: Any) -> bytes:
    if not isinstance(name, str):
        raise NotCanonical(f"{name!r:.40} is no name: only text is")
    return name.encode("utf-16-be", "surrogatepass")


# signing


class Signer:
    """The gateway's key: every replica with the same secret has the same one."""

    def __init__(self, secret: Secret) -> None:
        self._key = signing_key(secret)
        self._public = public_key(self._key.public_key())

    @property
    def keys(self) -> KeySet:
        """What others need to verify."""
        return KeySet((self._public,))

    def signed(self, receipt: Any) -> bytes:
        """A receipt (builtin values) as JSON with its signature: canonical, and ``signature`` behind all the rest.

        Raises:
            NotCanonical: the receipt has no canonical form.
        """
        payload = canonical(receipt)
        signature = _jws.encode(payload, self._key, _ALGORITHM, headers=_header(self._public.kid))
        return b'%s,"%s":"%s"}' % (payload[:-1], _SIGNATURE.encode(), signature.encode())


def signing_key(secret: Secret) -> Ed25519PrivateKey:
    """The private key that follows from a secret by HKDF-SHA256 (RFC 5869); nothing else can be learnt from it."""
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive
    return Ed25519PrivateKey.from_private_bytes(derive(secret.reveal().encode()))


def public_key(key: Ed25519PublicKey) -> PublicKey:
    x = _base64(key.public_bytes(Encoding.Raw, PublicFormat.Raw))
    return PublicKey(x=x, kid=thumbprint(x))


def thumbprint(x: str) -> str:
    """What names an Ed25519 key: a hash of its required members (RFC 7638; RFC 8037, section 2)."""
    return _base64(hashlib.sha256(canonical({"crv": "Ed25519", "kty": "OKP", "x": x})).digest())


def _header(kid: str) -> dict[str, Any]:
    return {"alg": _ALGORITHM, "b64": False, "crit": ["b64"], "kid": kid, "typ": TYPE}


# verifying


def verify(document: bytes, keys: KeySet) -> dict[str, Any]:
    """The receipt in a document, without its signature, once that was found genuine.

    The order of names and the space between them do not matter.

    Raises:
        Unverified: it is no receipt, was changed, or was signed by a key that is not among these.
    """
    receipt = _read(document)
    signature = receipt.pop(_SIGNATURE, None)
    if not isinstance(signature, str) or not _COMPACT.fullmatch(signature):
        raise Unverified("it carries no signature of a receipt")
    key = _named(_kid(signature), keys)
    try:
        _jws.decode_complete(signature, key, [_ALGORITHM], detached_payload=canonical(receipt))
    except (InvalidTokenError, NotCanonical) as error:
        raise Unverified("its signature does not fit: it was changed after it was signed") from error
    return receipt


def known_keys(document: bytes) -> KeySet:
    """The Ed25519 keys of a key set; keys of other kinds are left out, and names are worked out, not believed.

    Raises:
        ValueError: it is no key set, or has no such key.
    """
    try:
        offered = msgspec.json.decode(document, type=_Offered).keys
    except msgspec.DecodeError as error:
        raise ValueError("this is no JSON Web Key Set") from error
    keys = tuple(key for key in map(_ed25519, offered) if key is not None)
    if not keys:
        raise ValueError("this key set has no Ed25519 key")
    return KeySet(keys)


class _Offered(msgspec.Struct, frozen=True):
    """A key set from somewhere: any keys."""

    keys: list[dict[str, Any]]


def _ed25519(key: dict[str, Any]) -> PublicKey | None:
    x = key.get("x")
    if key.get("kty") != "OKP" or key.get("crv") != "Ed25519" or not isinstance(x, str):
        return None
    try:
        return public_key(_loaded(x))
    except ValueError:
        return None


def _loaded(x: str) -> Ed25519PublicKey:
    """Raises ValueError for what are no 32 bytes in base64url."""
    try:
        return Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(x + "=" * (-len(x) % 4)))
    except NotBase64 as error:
        raise ValueError("no base64url") from error


def _named(kid: str, keys: KeySet) -> Ed25519PublicKey:
    for key in keys.keys:
        if key.kid == kid:
            return _loaded(key.x)
    known = ", ".join(key.kid for key in keys.keys)
    raise Unverified(f"it was signed with the key {kid}, which is not among those given ({known})")


def _kid(signature: str) -> str:
    """Which key a signature names. Raises Unverified for one that is not exactly of the kind we make."""
    try:
        header = _jws.get_unverified_header(signature)
    except InvalidTokenError as error:
        raise Unverified(f"its signature can not be read: {error}") from error
    kid = header.get("kid")
    if not isinstance(kid, str) or not _THUMBPRINT.fullmatch(kid) or header != _header(kid):
        raise Unverified("its signature is of another kind than receipts have")
    return kid


def _read(document: bytes) -> dict[str, Any]:
    """A JSON object without anything that two readers may read differently."""
    try:
        value = json.loads(
            document.decode(), object_pairs_hook=_once, parse_float=_no_fraction, parse_constant=_no_fraction
        )
    except (ValueError, RecursionError) as error:
        raise Unverified(f"it can not be read as a receipt: {error}") from error
    if not isinstance(value, dict):
        raise Unverified("it is no receipt: a receipt is a JSON object")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def _no_fraction(text: str) -> NoReturn:
    raise ValueError(f"{text:.40} is no whole number")


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
