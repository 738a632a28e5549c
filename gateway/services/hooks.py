"""A provider calls us back: verified, remembered, then applied as a hint that can only move things forward."""

import hashlib

import structlog

from gateway.policy.signing import attempt_of
from gateway.services.accounts import Accounts
from gateway.services.records import Records
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
        self, *, store: Store, accounts: Accounts, updates: Updates, records: Records, key: Secret, clock: Clock
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._updates = updates
        self._records = records
        self._key = key
        self._clock = clock

    async def hear(self, provider: str, token: str, hook: Hook) -> None:
        """Apply what a provider says about the attempt whose token this is.

        Raises:
            NotFound: the token names no attempt of ours at this provider.
            Unauthenticated: nobody we trust signed the body, or it can not be read; one answer for all of it.
            StoreError: it could not be kept; the sender should try again.
        """
        attempt = await self._attempt(provider, token)
        updates = self._read(attempt, hook)
        body_sha256 = hashlib.sha256(hook.body).hexdigest()
        now = self._clock.now()

        async def apply(tx: Transaction) -> bool:
            case = await self._records.case(tx, attempt.video, attempt.id, now)
            first = await tx.hooks.add(provider=provider, attempt=attempt.id, body_sha256=body_sha256, now=now)
            if case is None or not first:
                return False
            for update in updates:
                if case.attempt.ref in (None, update.ref):
                    await self._updates.news(case, update)
                else:
                    log.warning("hook.other_ref", attempt=attempt.id, ref=case.attempt.ref, said=update.ref)
            return True

        applied = await self._store.write(apply)
        log.info("hook.heard", provider=provider, attempt=attempt.id, applied=applied)

    async def _attempt(self, provider: str, token: str) -> Attempt:
        id = attempt_of(self._key, token)
        attempt = None if id is None else await self._store.read(lambda tx: tx.attempts.get(id))
        if attempt is None or attempt.provider != provider:
            raise NotFound
        return attempt

    def _read(self, attempt: Attempt, hook: Hook) -> tuple[Update, ...]:
        configured = self._accounts.get(attempt.account)
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
