"""A provider calls us back: verified, remembered, then applied as a hint that can only move things forward."""

import hashlib

import structlog

from gateway.policy.signing import attempt_of
from gateway.probe import Point, Probe
from gateway.services.accounts import Accounts
from gateway.services.orphans import Orphans
from gateway.services.records import Case, Records
from gateway.services.updates import Updates
from gateway.store.store import Store, Transaction
from providers.base import Hook, Update
from schema.account import Secret
from schema.attempt import Attempt
from schema.clock import Clock
from schema.errors import FailureKind, NotFound, ProviderFailure, Unauthenticated

log = structlog.get_logger()

MAX_HOOK = 256 * 1024


class Hooks:
    def __init__(
        self,
        *,
        store: Store,
        accounts: Accounts,
        updates: Updates,
        records: Records,
        orphans: Orphans,
        key: Secret,
        clock: Clock,
        probe: Probe,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._updates = updates
        self._records = records
        self._orphans = orphans
        self._key = key
        self._clock = clock
        self._probe = probe

    async def hear(self, provider: str, token: str, hook: Hook) -> None:
        """Apply what a provider says about the attempt whose token this is.

        Raises:
            NotFound: the token was not made by us, or not for this provider.
            Unauthenticated: nobody we trust signed the body, or it can not be read; one answer for all of it.
            StoreError: it could not be kept; the sender should try again.
        """
        id, attempt = await self._attempt(provider, token)
        if attempt is None:
            await self._orphans.hear(provider, id, hook)
            return
        updates = self._read(attempt, hook)
        body_sha256 = hashlib.sha256(hook.body).hexdigest()
        now = self._clock.now()

        async def apply(tx: Transaction) -> bool:
            case = await self._records.case(tx, attempt.video, attempt.id, now)
            first = await tx.hooks.add(provider=provider, attempt=attempt.id, body_sha256=body_sha256, now=now)
            if case is None or not first:
                return False
            for update in updates:
                await self._apply(case, update)
            return True

        self._probe(Point.BEFORE_NEWS)
        applied = await self._store.write(apply)
        log.info("hook.heard", provider=provider, attempt=attempt.id, applied=applied)

    async def _apply(self, case: Case, update: Update) -> None:
        if case.attempt.ref in (None, update.ref):
            await self._updates.news(case, update)
            return
        second = await case.tx.attempts.by_ref(case.attempt.account, update.ref)
        if second is not None and second.video == case.video.id:  # it was sent with the first one's callback URL
            await self._updates.news_beside(case, second, update)
        elif second is None and case.attempt.replays:  # sent more than once, and begun more than once
            await self._updates.another_job(case, update)
        else:
            log.warning("hook.other_ref", attempt=case.attempt.id, ref=case.attempt.ref, said=update.ref)

    async def _attempt(self, provider: str, token: str) -> tuple[str, Attempt | None]:
        """The attempt a genuine token names, and its id: after a restore it may be one that nobody knows any more."""
        id = attempt_of(self._key, token)
        if id is None:
            raise NotFound
        attempt = await self._store.read(lambda tx: tx.attempts.get(id))
        if attempt is not None and attempt.provider != provider:
            raise NotFound
        return id, attempt

    def _read(self, attempt: Attempt, hook: Hook) -> tuple[Update, ...]:
        configured = self._accounts.once(attempt.account)
        if configured is None or configured[1].webhooks is None:
            raise NotFound
        account, provider = configured
        webhooks = configured[1].webhooks
        try:
            webhooks.verify(hook, account.webhook_secrets)
            return webhooks.updates(hook)
        except ProviderFailure as failure:
            level = log.warning if failure.kind is FailureKind.UNAUTHORIZED else log.error
            level("hook.refused", provider=provider.name, attempt=attempt.id, kind=failure.kind)
            raise Unauthenticated("The hook is not signed as this provider signs") from failure
