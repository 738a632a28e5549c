"""A provider calls us back: verified, remembered, then applied as a hint that can only move things forward."""

import hashlib
from enum import StrEnum

import msgspec
import structlog

from gateway.policy.signing import attempt_of
from gateway.probe import Point, Probe
from gateway.services.hearing import Hearing
from gateway.services.hook_rates import HookRates
from gateway.services.hook_signatures import HookSignatures, Signer
from gateway.services.orphans import Orphans
from gateway.store.database import StoreError
from gateway.store.hooks import ParkedHook
from gateway.store.store import Store, Transaction
from providers.base import Hook, Update
from schema.account import Secret
from schema.attempt import Attempt
from schema.clock import Clock
from schema.errors import InvalidRequest, Overloaded, ProviderFailure, RateLimited, Unauthenticated

log = structlog.get_logger()

MAX_HOOK = 256 * 1024

REFUSED = "The hook is not signed as this provider signs"
"""Whatever is wrong with it: an address that is not ours, no signature, two of them, another's, or one that is none."""

_NOBODY = "att_nobody"


class _Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call to an address of ours, signed by somebody we know."""

    provider: str
    id: str
    attempt: Attempt | None
    body_sha256: str
    signers: list[Signer]
    news: tuple[Update, ...]


class Heard(StrEnum):
    """What became of a hook that was believed."""

    APPLIED = "applied"
    AGAIN = "again"  # it was heard before
    PARKED = "parked"  # its attempt is not known yet


class Hooks:
    def __init__(
        self,
        *,
        store: Store,
        hearing: Hearing,
        orphans: Orphans,
        signatures: HookSignatures,
        rates: HookRates,
        key: Secret,
        clock: Clock,
        probe: Probe,
    ) -> None:
        self._store = store
        self._hearing = hearing
        self._orphans = orphans
        self._signatures = signatures
        self._rates = rates
        self._key = key
        self._clock = clock
        self._probe = probe

    def check(self, token: str, address: str | None) -> None:
        """Before the body is read: raises RateLimited when too much that nobody signed came from there.

        Whoever calls an address of ours is heard all the same: a forger must not silence a provider that he shares a
        proxy with.
        """
        if attempt_of(self._key, token) is None:
            self._rates.check(address)

    async def hear(self, provider: str, token: str, hook: Hook, *, address: str | None = None) -> Heard:
        """Apply what a provider says about the attempt whose token this is.

        Raises:
            Unauthenticated: the address is not ours, or nobody we trust signed the body; one answer for all of it.
            InvalidRequest: it is signed, and tells of no video.
            RateLimited: too many of these, or of the provider's, in a minute.
            Overloaded: it could not be kept; the sender should try again.
        """
        try:
            return await self._hear(provider, token, hook, address)
        except Overloaded:
            raise
        except StoreError as error:  # whatever ails the database, it is ours to mend; what was kept is known next time
            log.warning("hook.not_kept", provider=provider, error=str(error))
            raise Overloaded("This could not be kept; send it again", retry_after_seconds=1) from error

    async def _hear(self, provider: str, token: str, hook: Hook, address: str | None) -> Heard:
        body_sha256 = hashlib.sha256(hook.body).hexdigest()
        id = attempt_of(self._key, token)
        attempt, again = await self._store.read(lambda tx: _known(tx, provider, id or _NOBODY, body_sha256))
        signers = self._signers(provider, id, attempt, hook)
        if id is None or not signers:
            raise self._refusal(provider, id, address)
        self._rates.heard(provider)
        became = Heard.AGAIN
        if not again:
            news = _read(provider, id, signers[0], hook)
            call = _Call(provider=provider, id=id, attempt=attempt, body_sha256=body_sha256, signers=signers, news=news)
            self._probe(Point.BEFORE_NEWS)
            became = await self._keep(call)
        log.info("hook.heard", provider=provider, attempt=id, became=became.value, secret=signers[0].secret)
        return became

    def _signers(self, provider: str, id: str | None, attempt: Attempt | None, hook: Hook) -> list[Signer]:
        if id is None or (attempt is not None and attempt.provider != provider):
            return self._signatures.of_nobody(hook)
        if attempt is None:  # after a restore it may be one that nobody knows any more
            return self._signatures.of_any(provider, hook)
        return self._signatures.of_attempt(attempt, hook)

    def _refusal(self, provider: str, id: str | None, address: str | None) -> Unauthenticated:
        """What everybody is told whom we do not believe. Raises RateLimited when it was told too often lately."""
        try:
            self._rates.failed(address)
        except RateLimited:
            log.info("hook.limited", ours=id is not None)
            raise
        if id is not None:  # a stranger's guess is worth no line; who knows our address signs with a wrong secret
            log.warning("hook.refused", provider=provider, attempt=id)
        return Unauthenticated(REFUSED)

    async def _keep(self, call: _Call) -> Heard:
        now, attempt = self._clock.now(), call.attempt
        if attempt is None:
            await self._orphans.park(
                ParkedHook(
                    provider=call.provider,
                    attempt=call.id,
                    body_sha256=call.body_sha256,
                    accounts=tuple([one.account.id for one in call.signers]),
                    news=call.news,
                    received_at=now,
                )
            )
            return Heard.PARKED
        first = await self._store.write(lambda tx: self._hearing.apply(tx, attempt, call.body_sha256, call.news, now))
        return Heard.APPLIED if first else Heard.AGAIN


def _read(provider: str, attempt: str, signer: Signer, hook: Hook) -> tuple[Update, ...]:
    try:
        return signer.news(hook)
    except ProviderFailure as failure:
        log.exception("hook.unreadable", provider=provider, attempt=attempt, kind=failure.kind)
        raise InvalidRequest("The hook is signed, and tells of no video") from failure


async def _known(tx: Transaction, provider: str, id: str, body_sha256: str) -> tuple[Attempt | None, bool]:
    """The attempt a token names, and whether this hook for it was heard before."""
    attempt = await tx.attempts.get(id)
    if attempt is None or attempt.provider != provider:
        return attempt, False
    return attempt, await tx.hooks.heard(provider=provider, attempt=id, body_sha256=body_sha256)
