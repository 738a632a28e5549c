"""Who is calling: keys looked up in memory by their keyed hash; a right one costs one hash, a wrong one no more.

No database is asked, and nothing is compared with a key character by character: who sends guesses learns nothing from
how long an answer takes, for what is looked up is a hash that he can not compute.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from gateway.policy.addresses import Network, networks_of, within
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

LOOK_SECONDS = 60.0
"""After which it is looked again whether a key has expired: the machine's clock may have been set."""

_UNKNOWN = "This API key is not known here; check it for typing mistakes, or ask for a new one"
ENDED = "This API key or token was revoked, has expired, or may do less than before"


class Known(msgspec.Struct, frozen=True):
    """A key that works, or did until it expired."""

    key: ApiKey
    networks: tuple[Network, ...]


class Callers:
    """Keys by the keyed hash of their text, so that the time a look-up takes says nothing of any key."""

    def __init__(self, *, root: Secret, tenants: Tenants, tokens: TokenChecks, clock: Clock) -> None:
        self._root = root
        self.tokens = tokens
        self._tenants = tenants
        self._clock = clock
        self._known: Mapping[bytes, Known] = {}
        self._keys: Mapping[str, ApiKey] = {}
        self._used: dict[str, Millis] = {}
        self._adopted = asyncio.Event()

    def adopt(self, directory: Directory) -> None:
        """From now on these keys work; whoever waits for the end of one is told to look."""
        self._known = {
            bytes.fromhex(stored.hash): Known(stored.key, networks_of(stored.key.networks))
            for stored in directory.keys
            if stored.key.revoked_at is None
        }
        self._keys = {known.key.id: known.key for known in self._known.values()}
        adopted, self._adopted = self._adopted, asyncio.Event()
        adopted.set()

    def principal(self, text: str, *, address: str | None = None) -> Principal:
        """Whose key, or client token, this is.

        Args:
            address: where the caller is, when that is known.

        Raises:
            Unauthenticated: nobody has this key, or it works no more.
            Forbidden: it may not be used from there.
        """
        if len(text) > MAX_KEY and text.isascii() and "." in text:
            return self.tokens.principal(text)
        if len(text) > MAX_KEY or not text.isascii() or mistyped(text):
            raise Unauthenticated(_UNKNOWN, presented=True)
        known = self._known.get(key_hash(self._root, text))
        tenant = None if known is None else self._tenants.get(known.key.tenant)
        if known is None or tenant is None:
            raise Unauthenticated(_UNKNOWN, presented=True)
        key, now = known.key, self._clock.now()
        if not key.works(now):
            raise Unauthenticated(f"This API key (…{key.hint}) has expired; ask for a new one", presented=True)
        if known.networks and not within(address, known.networks):
            raise Forbidden(f"This API key (…{key.hint}) may not be used from this address")
        self._used[key.id] = now
        return Principal(
            tenant=tenant,
            key=key.id,
            key_hint=key.hint,
            scopes=key.scopes,
            origins=key.origins,
            networks=key.networks,
        )

    # whether it goes on

    def works(self, principal: Principal) -> bool:
        """Whether somebody who was let in before would still be: the key works, and may do no less; so does a token.

        Whoever came by a key that is for other places since comes again, and is judged by where he is.
        """
        key, now = self._keys.get(principal.key), self._clock.now()
        return (
            key is not None
            and key.works(now)
            and key.tenant == principal.tenant.id
            and principal.scopes <= key.scopes
            and principal.origins == key.origins
            and (principal.grant is not None or principal.networks == key.networks)
            and self._tenants.get(key.tenant) is not None
            and (principal.grant is None or self.tokens.works(principal.grant, now))
        )

    async def ended(self, principal: Principal) -> None:
        """Returns once that is no longer so: soon after it was changed anywhere, and when the key expires."""
        while self.works(principal):
            adopted = self._adopted
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds_left(principal)):
                    await adopted.wait()

    def _seconds_left(self, principal: Principal) -> float | None:
        """Until it is worth looking again although nothing was changed; None for never."""
        key, grant = self._keys[principal.key], principal.grant
        ends = [end for end in (key.expires_at, grant.expires_at if grant else None) if end is not None]
        return min((min(ends) - self._clock.now()) / 1000, LOOK_SECONDS) if ends else None

    # when each was used

    def used(self) -> dict[str, Millis]:
        """Key → when it was last used, since this was last asked."""
        used, self._used = self._used, {}
        return used

    def unwritten(self, used: Mapping[str, Millis]) -> None:
        """What could not be written down is told again the next time, unless it was used since."""
        self._used = {**used, **self._used}
