"""Who comes with a client token: a signature is checked once, the rest each time; wrong ones cost no database."""

from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec.structs import replace

from gateway.policy.client_tokens import NotGenuine, Signer, could_be_ours, signer, verified
from gateway.services.tenants import Tenants
from schema.api_key import ApiKey
from schema.clock import Clock, Millis
from schema.directory import Directory
from schema.errors import Unauthenticated
from schema.tenant import Grant, Principal

REMEMBERED = 4096
"""Tokens whose signature need not be checked again."""

LATE_MILLIS = 60_000
"""A replica that has not heard of a new key yet signs with the one before; after that long, nobody of ours does."""

_HINT = 4
_REFUSED = "This token is not valid here, or has expired; ask for a new one"


class TokenChecks:
    """Signing keys by the headers of what they sign, and tokens once verified by the digests of their texts."""

    def __init__(self, *, tenants: Tenants, clock: Clock, issuer: str) -> None:
        self._tenants = tenants
        self._clock = clock
        self.issuer = issuer
        self._signers: tuple[Signer, ...] = ()
        self._headers: Mapping[str, Ed25519PublicKey] = {}
        self._retired: Mapping[str, Millis | None] = {}
        self._keys: Mapping[str, ApiKey] = {}
        self._revoked: frozenset[str] = frozenset()
        self._known: OrderedDict[bytes, Principal] = OrderedDict()

    def adopt(self, directory: Directory) -> None:
        """From now on these keys sign, and those tokens work no more."""
        self._signers = tuple([signer(key.secret) for key in directory.signing])
        headers = {one.header: one.public for one in self._signers}
        self._retired = {
            one.header: key.facts.retired_at for one, key in zip(self._signers, directory.signing, strict=True)
        }
        if headers.keys() != self._headers.keys():
            self._known.clear()
            self._headers = headers
        self._keys = {stored.key.id: stored.key for stored in directory.keys if stored.key.revoked_at is None}
        self._revoked = directory.revoked_tokens

    @property
    def newest(self) -> Signer | None:
        """The key that signs; None before the first one was made."""
        return self._signers[-1] if self._signers else None

    def principal(self, text: str) -> Principal:
        """Who holds a token.

        Raises:
            Unauthenticated: it is not genuine, or has ended, or the key that made it has.
        """
        digest = sha256(text.encode()).digest()
        principal = self._known.get(digest)
        if principal is None:
            principal = self._verified(text)
            self._known[digest] = principal
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(digest)
        self.check(principal)
        tenant, origins = self._tenants.get(principal.tenant.id), self._keys[principal.key].origins
        if tenant is None:
            raise Unauthenticated(_REFUSED, presented=True)
        if tenant is principal.tenant and origins == principal.origins:
            return principal
        return replace(principal, tenant=tenant, origins=origins)

    def check(self, principal: Principal) -> None:
        """Raises Unauthenticated when a token that was genuine has ended since, or the key that made it has.

        A key that may do less than when it made the token has ended for it.
        """
        grant, key, now = principal.grant, self._keys.get(principal.key), self._clock.now()
        whole = key is not None and key.tenant == principal.tenant.id and principal.scopes <= key.scopes
        if grant is not None and (key is None or not whole or not key.works(now) or not self.works(grant, now)):
            raise Unauthenticated(_REFUSED, presented=True)

    def works(self, grant: Grant, now: Millis) -> bool:
        """Whether a token itself has not ended: by its time, by being revoked, or with the key that signed it."""
        return now < grant.expires_at and grant.token not in self._revoked and grant.header in self._headers

    def stranger(self, text: str) -> bool:
        """Whether a token may be signed with a key that another replica has made a moment ago."""
        return text.partition(".")[0] not in self._headers and could_be_ours(text)

    def _verified(self, text: str) -> Principal:
        """Whoever a signature speaks for."""
        try:
            claims = verified(text, self._headers, issuer=self.issuer, now=self._clock.now())
        except NotGenuine as error:
            raise Unauthenticated(_REFUSED, presented=True) from error
        header = text.partition(".")[0]
        retired, tenant = self._retired[header], self._tenants.get(claims.sub)
        signed_late = retired is not None and claims.iat * 1000 > retired + LATE_MILLIS
        if tenant is None or signed_late:
            raise Unauthenticated(_REFUSED, presented=True)
        return Principal(
            tenant=tenant,
            key=claims.client_id,
            key_hint=claims.jti[-_HINT:],
            scopes=claims.scopes,
            grant=replace(claims.grant, header=header),
        )
