"""A hook for an attempt this database has never heard of: a job that was paid for in a life that a restore has lost."""

import hashlib

import structlog

from gateway.services.accounts import Accounts
from gateway.store.store import Store, Transaction
from providers.base import Hook, Update
from schema.account import Account
from schema.clock import Clock
from schema.errors import FailureKind, NotFound, ProviderFailure, Unauthenticated
from schema.ids import INCIDENT, Ids
from schema.incident import Incident, IncidentKind

log = structlog.get_logger()


class Orphans:
    def __init__(self, *, store: Store, accounts: Accounts, ids: Ids, clock: Clock) -> None:
        self._store = store
        self._accounts = accounts
        self._ids = ids
        self._clock = clock

    async def hear(self, provider: str, attempt: str, hook: Hook) -> None:
        """Write an incident down, once for a body; the address was ours, so it is no stranger's.

        Raises:
            NotFound: no account at this provider takes hooks.
            Unauthenticated: none of them signed the body, or it can not be read.
        """
        account, updates = self._read(provider, hook)
        body_sha256 = hashlib.sha256(hook.body).hexdigest()
        now = self._clock.now()
        incident = Incident(
            id=self._ids.make(INCIDENT, now),
            at=now,
            kind=IncidentKind.ORPHAN_HOOK,
            attempt=attempt,
            account=account.id,
            data={
                "provider": provider,
                "body_sha256": body_sha256,
                "news": [{"ref": update.ref, "phase": update.phase} for update in updates],
            },
        )

        async def keep(tx: Transaction) -> bool:
            first = await tx.hooks.add(provider=provider, attempt=attempt, body_sha256=body_sha256, now=now)
            if first:
                await tx.incidents.add(incident)
            return first

        first = await self._store.write(keep)
        log.warning("hook.orphan", provider=provider, account=account.id, attempt=attempt, first=first)

    def _read(self, provider: str, hook: Hook) -> tuple[Account, tuple[Update, ...]]:
        """The account whose secret signed it, and what it says: with no attempt, nobody knows whose it is."""
        heard: ProviderFailure | None = None
        for account, built in self._accounts.named(provider):
            if built.webhooks is None:
                continue
            try:
                built.webhooks.verify(hook, account.webhook_secrets)
                return account, built.webhooks.updates(hook)
            except ProviderFailure as failure:
                heard = failure
        if heard is None:
            raise NotFound
        level = log.warning if heard.kind is FailureKind.UNAUTHORIZED else log.error
        level("hook.refused", provider=provider, kind=heard.kind)
        raise Unauthenticated("The hook is not signed as this provider signs") from heard
