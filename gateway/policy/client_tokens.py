"""Client tokens as texts: JWTs that we sign for browsers and that only we read (RFC 7519, RFC 8725).

One algorithm, EdDSA over Ed25519, and one shape. A token's header is never read: it is compared, whole, with the
headers we write, one for each key of ours. So no header chooses an algorithm, a key, or a place to fetch one from. The
claims are read only once the signature was found genuine, and must be written exactly as we write them: what another
reader might read differently is refused.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec.structs import replace

from gateway.policy.receipts import public_key
from schema.account import Secret
from schema.client_token import GRANTABLE, LONGEST_SECONDS, ClientToken
from schema.clock import Millis
from schema.ids import GRANT, could_be
from schema.tenant import Grant, Scope
from schema.video import Order

TYPE = "filmgate-client+jwt"
"""``typ`` of every client token and of nothing else: a receipt, signed with the same algorithm, never passes for one,
nor does any other issuer's ``at+jwt`` (RFC 8725, 3.11)."""

AUDIENCE = "filmgate-client"
ISSUER = "urn:filmgate"
"""Who made a token, where the gateway has no public address."""

MAX_TOKEN = 8192
LEEWAY_SECONDS = 60
"""How far clocks of replicas may stand apart: a token may seem to be from the future. Its end is exact."""

SEED_BYTES = 32

_TOKEN = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{85}[AQgw])")
"""Three parts, the last one 64 bytes in their only spelling: its last character carries two bits, the rest is zero."""

KID_LENGTH = 43
"""Characters of a thumbprint."""

_encode = msgspec.json.Encoder().encode


class NotGenuine(Exception):
    """The token can not be believed; the text says why, to logs and tests, never to whoever sent it."""


class Claims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a token says, in the order in which it is written.

    Attributes:
        iss, aud: this gateway, and that it is for browsers.
        sub: the tenant.
        jti: the client token's id.
        client_id: the id of the API key that made it.
        iat, nbf, exp: seconds since the epoch, whole.
        scope: with spaces between (RFC 9068).
        allowance: micros.
    """

    iss: str
    aud: str
    sub: str
    jti: str
    client_id: str
    iat: int
    nbf: int
    exp: int
    scope: str
    end_user: str | None = None
    video: str | None = None
    allowance: int | None = None
    creates: int | None = None

    @property
    def scopes(self) -> frozenset[Scope]:
        return frozenset(Scope(one) for one in self.scope.split(" "))

    @property
    def grant(self) -> Grant:
        return Grant(
            token=self.jti,
            end_user=self.end_user,
            video=self.video,
            allowance=self.allowance,
            creates=self.creates,
            expires_at=self.exp * 1000,
        )


_decode = msgspec.json.Decoder(Claims).decode


class Signer(msgspec.Struct, frozen=True):
    """A key of ours, and the header of what it signs."""

    kid: str
    header: str
    private: Ed25519PrivateKey

    @property
    def public(self) -> Ed25519PublicKey:
        return self.private.public_key()


def signer(seed: Secret) -> Signer:
    """The key that a sealed seed (base64) is. It is named by its thumbprint (RFC 7638)."""
    private = Ed25519PrivateKey.from_private_bytes(urlsafe_b64decode(seed.reveal()))
    kid = public_key(private.public_key()).kid
    return Signer(kid, header_of(kid), private)


def seed_of(random: bytes) -> Secret:
    """Random bytes as a key is sealed."""
    return Secret(urlsafe_b64encode(random).decode())


def header_of(kid: str) -> str:
    """The only header a token signed with a key can have."""
    return _base64(_encode({"alg": "EdDSA", "kid": kid, "typ": TYPE}))


def could_be_ours(text: str) -> bool:
    """Whether a token might be signed with a key of ours that we have not seen yet."""
    return (
        len(text) <= MAX_TOKEN
        and text.find(".") == len(header_of("-" * KID_LENGTH))
        and _TOKEN.fullmatch(text) is not None
    )


def claims_of(token: ClientToken, issuer: str) -> Claims:
    return Claims(
        iss=issuer,
        aud=AUDIENCE,
        sub=token.tenant,
        jti=token.id,
        client_id=token.api_key,
        iat=token.created_at // 1000,
        nbf=token.created_at // 1000,
        exp=token.expires_at // 1000,
        scope=" ".join(sorted(token.scopes)),
        end_user=token.end_user,
        video=token.video,
        allowance=token.allowance,
        creates=token.creates,
    )


def signed(claims: Claims, by: Signer) -> str:
    """The claims as a token."""
    said = f"{by.header}.{_base64(_encode(claims))}"
    return f"{said}.{_base64(by.private.sign(said.encode()))}"


def verified(text: str, keys: Mapping[str, Ed25519PublicKey], *, issuer: str, now: Millis) -> Claims:
    """What a genuine token says.

    Args:
        keys: by the headers of what they sign.

    Raises:
        NotGenuine: it is not ours, was changed, is not for here, or its time is not now.
    """
    parts = _TOKEN.fullmatch(text) if len(text) <= MAX_TOKEN else None
    if parts is None:
        raise NotGenuine("it has not the shape of a token of ours")
    header, payload, signature = parts.groups()
    key = keys.get(header)
    if key is None:
        raise NotGenuine("its header is none that we write")
    try:
        key.verify(_bytes(signature), f"{header}.{payload}".encode())
    except InvalidSignature as error:
        raise NotGenuine("its signature does not fit") from error
    return _checked(_claims(payload), issuer, now)


def _claims(payload: str) -> Claims:
    body = _bytes(payload)
    try:
        claims = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotGenuine("its claims are not what we write") from error
    if _base64(_encode(claims)) != payload:
        raise NotGenuine("its claims are not written as we write them")
    return claims


def _checked(claims: Claims, issuer: str, now: Millis) -> Claims:
    if claims.iss != issuer or claims.aud != AUDIENCE:
        raise NotGenuine("it is of another issuer, or for another audience")
    if not could_be(GRANT, claims.jti) or not {*claims.scope.split(" ")} <= GRANTABLE:
        raise NotGenuine("it grants what no client token can")
    if not 0 < claims.exp - claims.iat <= LONGEST_SECONDS or not claims.iat <= claims.nbf <= claims.exp:
        raise NotGenuine("its life is longer than a client token's, or upside down")
    if max(claims.iat, claims.nbf) * 1000 > now + LEEWAY_SECONDS * 1000:
        raise NotGenuine("its time has not come")
    if now >= claims.exp * 1000:
        raise NotGenuine("it has expired")
    return claims


# what a token's holder asks for


def granted(order: Order, grant: Grant | None) -> Order:
    """An order as a client token's holder gives it: for whom, by which token, and with a key that is theirs alone.

    An end user's wishes are equal to nobody else's, whichever token they come with: so nobody is answered with another
    user's video because he knows, or guesses, a key or a wish.
    """
    if grant is None:
        return order
    return replace(
        order,
        key=own_key(order.key, grant),
        fingerprint=sha256(f"{holder(grant)} {order.fingerprint}".encode()).hexdigest(),
        end_user=grant.end_user,
        client_token=grant.token,
    )


def own_key(key: str | None, grant: Grant | None) -> str | None:
    """An idempotency key among its holder's own. No other key has a space in it."""
    return key if key is None or grant is None else f"{holder(grant)} {key}"


def holder(grant: Grant) -> str:
    """Who asks: an end user, whichever token he has just now, or a token for nobody in particular."""
    return f"token {grant.token}" if grant.end_user is None else f"user {grant.end_user}"


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Only of characters that base64url has."""
    if len(text) % 4 == 1:
        raise NotGenuine("a part of it is no base64url")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
