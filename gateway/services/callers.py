"""Who is calling: keys looked up in memory by their keyed hash; a right one costs one hash, a wrong one no more."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import msgspec

from gateway.policy.api_keys import mistyped
from gateway.policy.signing import key_hash
from gateway.services.tenants import Tenants
from gateway.services.token_checks import TokenChecks
from schema.account import Secret
from schema.api_key import ApiKey
from schema.clock import Clock, Millis
from schema.directory import Directory
from schema.errors import Forbidden, Unauthenticated
from schema.tenant import Principal

MAX_KEY = 256
"""Characters; keys are far shorter, and every client token is longer."""

USED_TO = 60_000
"""Milliseconds to which it is known when a key was last used: so often it is written down."""

_UNKNOWN = "This API key is not known here; check it for typing mistakes, or ask for a new one"


class Known(msgspec.Struct, frozen=True):
    """A key that works, or did until it expired."""

    key: ApiKey
    networks: tuple[IPv4Network | IPv6Network, ...]


class Callers:
    """Keys by the keyed hash of their text, so that the time a look-up takes says nothing of any key."""

    def __init__(self, *, root: Secret, tenants: Tenants, tokens: TokenChecks, clock: Clock) -> None:
        self._root = root
        self._tokens = tokens
        self._tenants = tenants
        self._clock = clock
        self._known: Mapping[bytes, Known] = {}
        self._used: dict[str, Millis] = {}

    def adopt(self, directory: Directory) -> None:
        """From now on these keys work."""
        self._known = {
            bytes.fromhex(stored.hash): Known(stored.key, tuple(ip_network(one) for one in stored.key.networks))
            for stored in directory.keys
            if stored.key.revoked_at is None
        }

    def principal(self, text: str, *, address: str | None = None) -> Principal:
        """Whose key, or client token, this is.

        Args:
            address: where the caller is, when that is known.

        Raises:
            Unauthenticated: nobody has this key, or it works no more.
            Forbidden: it may not be used from there.
        """
        if len(text) > MAX_KEY and text.isascii():
            return self._tokens.principal(text)
        if not text.isascii() or mistyped(text):
            raise Unauthenticated(_UNKNOWN, presented=True)
        known = self._known.get(key_hash(self._root, text))
        tenant = None if known is None else self._tenants.get(known.key.tenant)
        if known is None or tenant is None:
            raise Unauthenticated(_UNKNOWN, presented=True)
        key, now = known.key, self._clock.now()
        if not key.works(now):
            raise Unauthenticated(f"This API key (…{key.hint}) has expired; ask for a new one", presented=True)
        if known.networks and not _within(address, known.networks):
            raise Forbidden(f"This API key (…{key.hint}) may not be used from this address")
        self._used[key.id] = now
        return Principal(tenant=tenant, key=key.id, key_hint=key.hint, scopes=key.scopes)

    def used(self) -> dict[str, Millis]:
        """Key → when it was last used, since this was last asked."""
        used, self._used = self._used, {}
        return used


def _within(address: str | None, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        found = ip_address(address or "")
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in network for network in networks)
