"""The accounts as configured, and what we have learned about them: the facts that decisions are made from."""

import msgspec

from gateway.config.settings import Timing
from gateway.policy import metering, retries
from gateway.policy.breaker import open_until
from gateway.policy.metering import Meter, Purpose
from gateway.policy.routing import AccountFacts, Snapshot, snapshot
from gateway.policy.standing import Lesson, learned, standing
from gateway.services.limits import spans
from gateway.store.store import Store, Transaction
from providers.base import Provider, ProviderKind
from schema.account import Account, AccountState, CredentialState
from schema.clock import Clock, Millis, millis
from schema.quote import Exclusion, Facts

FACTS_LAST = 500
"""Milliseconds for which a snapshot serves further decisions; the intent transaction checks what must be exact."""


class Accounts:
    """Configured accounts by id, each with its provider set up, and their states."""

    def __init__(
        self, store: Store, clock: Clock, timing: Timing, accounts: tuple[Account, ...], kinds: dict[str, ProviderKind]
    ) -> None:
        self._store = store
        self._clock = clock
        self._timing = timing
        self._retry_every = millis(timing.retry_every_seconds)
        self._accounts = {account.id: account for account in accounts}
        self._providers = {account.id: kinds[account.provider].of(account) for account in accounts}
        self._slot_spans = {id: slot_span(provider) for id, provider in self._providers.items()}
        self._spans = spans(timing)
        self._states: dict[str, AccountState] = {}
        self._meters: dict[str, Meter] = {}
        self._loads: dict[str, int] = {}
        self._snapshots: dict[bool, Snapshot] = {}
        self._read_at: Millis | None = None

    async def prepare(self) -> None:
        """Give every configured account its row."""
        ids = sorted(self._accounts)
        await self._store.write(lambda tx: tx.accounts.ensure(ids))

    def all(self) -> list[tuple[Account, Provider]]:
        return [(account, self._providers[id]) for id, account in self._accounts.items()]

    def get(self, id: str) -> tuple[Account, Provider] | None:
        """An account and its provider; None when it is no longer configured."""
        account = self._accounts.get(id)
        return None if account is None else (account, self._providers[id])

    def named(self, provider: str) -> list[tuple[Account, Provider]]:
        """All accounts at one provider."""
        return [(account, built) for account, built in self.all() if account.provider == provider]

    async def snapshot(self, tenant_tests: bool, *, fresh: bool = False) -> Snapshot:
        """What is known about every account this tenant may reach; the same for half a second unless it must be fresh.

        Args:
            tenant_tests: the tenant is a test tenant: it reaches sandbox accounts only, and live ones never do.
        """
        now = self._clock.now()
        if fresh or self._read_at is None or now - self._read_at > FACTS_LAST:
            await self._read(now)
        return self._snapshots[tenant_tests]

    async def _read(self, now: Millis) -> None:
        since = now - max(self._slot_spans.values(), default=0)

        async def ask(tx: Transaction) -> None:
            self._states = await tx.accounts.all()
            self._meters = await tx.meters.all()
            self._loads = await tx.attempts.loads(since)
            for account in self._accounts.values():
                state = self._states.get(account.id)
                if state is not None and self._opened(state) is not None:
                    self._loads[account.id] = await self._load(tx, account, state, now)

        await self._store.read(ask)
        self._snapshots = {tests: self._seen(tests, now) for tests in (False, True)}
        self._read_at = now

    def _seen(self, tests: bool, now: Millis) -> Snapshot:
        reached = [pair for pair in self.all() if pair[0].sandbox == tests]
        return snapshot(now, tuple(self._fact(account, provider, now) for account, provider in reached))

    def _fact(self, account: Account, provider: Provider, now: Millis) -> AccountFacts:
        load = self._loads.get(account.id, 0)
        state = self._states.get(account.id) or AccountState(id=account.id)
        return AccountFacts(
            account=account.id,
            provider=account.provider,
            capabilities=provider.capabilities,
            rates=provider.rates,
            known=Facts(price_per_credit=account.price_per_credit, load=load),
            standing=self._standing(account, state, load, now, self._meters.get(account.id)),
            retry_at=self._blocked_until(state, now),
        )

    def _standing(
        self, account: Account, state: AccountState, load: int, now: Millis, meter: Meter | None = None
    ) -> tuple[Exclusion, ...]:
        counted = (meter or Meter(), account.limits, now, Purpose.CREATE, self._spans)
        return standing(
            account,
            state,
            load=load,
            now=now,
            failures=self._timing.breaker_failures,
            reset=millis(self._timing.breaker_reset_seconds),
            minute=metering.minute_full(*counted),
            day=metering.day_full(*counted),
        )

    def _opened(self, state: AccountState) -> Millis | None:
        reset = millis(self._timing.breaker_reset_seconds)
        return open_until(state, failures=self._timing.breaker_failures, reset=reset)

    async def _load(self, tx: Transaction, account: Account, state: AccountState, now: Millis) -> int:
        """Videos it may have in the making. The lost ones that opened its circuit leave room for the probe to close it,
        unless its own limit says otherwise.
        """
        load = await tx.attempts.load(account.id, now - self._slot_spans[account.id])
        full = account.limits.concurrent is not None and load >= account.limits.concurrent
        if full or state.failed_at is None or self._opened(state) is None:
            return load
        return await tx.attempts.load(account.id, state.failed_at)

    async def admits(self, tx: Transaction, account: Account, now: Millis, *, again: bool) -> AccountState | None:
        """The account's state when it may take one more video now, exactly; its row stays held by the transaction.

        Args:
            again: the video has tried it before, so that it counts towards the account's retry budget.
        """
        state = await tx.accounts.lock(account.id)
        load = await self._load(tx, account, state, now)
        if self._standing(account, state, load, now):
            return None
        return await self._retried(tx, state, now) if again else state

    async def retry(self, tx: Transaction, account: str, now: Millis) -> Millis | None:
        """Take one retry from an account's budget; when there is none, the moment at which there is one again."""
        state = await tx.accounts.lock(account)
        until = self._blocked_until(state, now)
        if until is None:
            await self._retried(tx, state, now)
        return until

    def _blocked_until(self, state: AccountState, now: Millis) -> Millis | None:
        return retries.blocked_until(state.retries_full_at, now, every=self._retry_every)

    async def _retried(self, tx: Transaction, state: AccountState, now: Millis) -> AccountState | None:
        if self._blocked_until(state, now) is not None:
            return None
        full_at = retries.spent(state.retries_full_at, now, every=self._retry_every)
        after = msgspec.structs.replace(state, retries_full_at=full_at)
        await tx.accounts.update(after)
        return after

    async def learn(self, tx: Transaction, account: Account, lesson: Lesson, now: Millis) -> None:
        """Remember what a refusal or a failure says about the account."""
        state = await tx.accounts.lock(account.id)
        if lesson.credits is not None:
            await tx.estimates.saw(account.id, lesson.credits, now)
        after = learned(state, lesson, credential_version=account.credential_version, now=now)
        if after != state:
            await tx.accounts.update(after)
            self._read_at = None

    async def answered(self, tx: Transaction, account: Account) -> None:
        """It answered as it should: the breaker closes, the credential works."""
        known = self._states.get(account.id)
        healthy = known is not None and known.failures == 0 and known.rests == 0 and known.retries_full_at is None
        if healthy and known is not None and known.credential is CredentialState.WORKS:
            return
        state = await tx.accounts.lock(account.id)
        works = msgspec.structs.replace(
            state,
            failures=0,
            failed_at=None,
            rests=0,
            credential=CredentialState.WORKS,
            retries_full_at=retries.earned(state.retries_full_at, self._clock.now(), every=self._retry_every),
        )
        if works != state:
            await tx.accounts.update(works)
            self._read_at = None


def slot_span(provider: Provider) -> Millis:
    """How long an attempt whose outcome is unknown still counts against the account's concurrency."""
    return 3 * millis(provider.capabilities.typical_seconds[1])
