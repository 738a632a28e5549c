"""The accounts as configured, and what we have learned about them: the facts that decisions are made from."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping

import structlog
from msgspec.structs import replace

from gateway.config.settings import Timing
from gateway.policy import breaker, credit, metering, retries
from gateway.policy.breaker import Breaker
from gateway.policy.failover import AccountStep
from gateway.policy.forecasting import Desk, closed_for, crowding
from gateway.policy.metering import Meter, Purpose
from gateway.policy.ranking import usual_ms
from gateway.policy.routing import AccountFacts, Snapshot, snapshot
from gateway.policy.standing import Lesson, learned, standing
from gateway.services.experience import Experience
from gateway.services.happenings import change
from gateway.services.limits import spans
from gateway.services.places import ALONE, Places
from gateway.store.store import Store, Transaction
from gateway.store.tasks import TaskKind
from providers.base import Provider, ProviderKind
from schema import ledger
from schema.account import Account, AccountState, Circuit, CredentialState, CreditsSource, Secret
from schema.clock import Clock, Millis, millis
from schema.directory import Directory
from schema.ids import Ids
from schema.luck import Luck
from schema.money import Credits
from schema.quote import Exclusion, ReasonCode
from schema.tenant import Tenant

log = structlog.get_logger()

FACTS_LAST = 500
"""Milliseconds for which a snapshot serves further decisions; the intent transaction checks what must be exact."""


COUNT_EVERY = 1_000
"""Milliseconds for which a count of those who wait serves."""

_EMPTY = Meter()


class Accounts:
    """Configured accounts by id, each with its provider set up, and their states."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        timing: Timing,
        kinds: Mapping[str, ProviderKind],
        *,
        ids: Ids | None = None,
        luck: Luck = random.random,
        places: Places = ALONE,
    ) -> None:
        self._store = store
        self._clock = clock
        self._timing = timing
        self._retry_every = millis(timing.retry_every_seconds)
        self._kinds = kinds
        self._accounts: dict[str, Account] = {}
        self._providers: dict[str, Provider] = {}
        self._credentials: dict[str, Mapping[int, Secret]] = {}
        self._removed: dict[str, tuple[Account, Provider]] = {}
        self._dropped: set[tuple[str, int]] = set()
        self._ids = ids or Ids()
        self._luck = luck
        self._places = places
        self.breaker = Breaker(failures=timing.breaker_failures, reset=millis(timing.breaker_reset_seconds))
        self.experience = Experience()
        self._spans = spans(timing)
        self._states: dict[str, AccountState] = {}
        self._meters: dict[str, Meter] = {}
        self._loads: dict[str, int] = {}
        self._waiting: Counter[str] = Counter()
        self._counted_at: Millis = 0
        self._left: dict[str, Credits] = {}
        self._facts: dict[str, AccountFacts] = {}
        self._snapshots: dict[tuple[bool, str | None], Snapshot] = {}
        self._facts_at: Millis = 0
        self._read_at: Millis | None = None

    def adopt(self, directory: Directory) -> None:
        """From now on these are the accounts. Those removed get no more and are watched to their ends."""
        order = {kind: position for position, kind in enumerate(self._kinds)}
        records = sorted(directory.accounts, key=lambda record: (order[record.account.provider], record.account.id))
        built = {record.account.id: (record, self._built(record.account)) for record in records}
        known = {id: (record, provider) for id, (record, provider) in built.items() if provider is not None}
        there = {id: pair for id, pair in known.items() if pair[0].ownership.removed_at is None}
        self._accounts = {id: record.account for id, (record, _) in there.items()}
        self._providers = {id: provider for id, (_, provider) in there.items()}
        self._credentials = {id: record.credentials for id, (record, _) in known.items()}
        self._removed = {id: (record.account, provider) for id, (record, provider) in known.items() if id not in there}
        self._places.share(self._accounts.values(), (account for account, _ in self._removed.values()))
        self.forget()

    def _built(self, account: Account) -> Provider | None:
        try:
            return self._kinds[account.provider].of(account)
        except ValueError as error:  # this version refuses options that an earlier one took
            log.warning("account.refused_options", account=account.id, problem=str(error))
            return None

    async def prepare(self, accounts: Iterable[str]) -> None:
        """Give accounts their rows, and somebody to look after them where that is needed."""
        ids, now = sorted(id for id in accounts if id in self._accounts), self._clock.now()

        async def ensure(tx: Transaction) -> None:
            await tx.accounts.ensure(ids)
            states = await tx.accounts.all()
            for id in ids:
                if tended(states[id]) and not await tx.tasks.exists(TaskKind.TEND, id):
                    await tx.tasks.add(TaskKind.TEND, id, now)

        await self._store.write(ensure)

    def all(self) -> list[tuple[Account, Provider]]:
        return [(account, self._providers[id]) for id, account in self._accounts.items()]

    def get(self, id: str) -> tuple[Account, Provider] | None:
        """An account and its provider; None when it is no longer configured."""
        account = self._accounts.get(id)
        return None if account is None else (account, self._providers[id])

    def once(self, id: str) -> tuple[Account, Provider] | None:
        """The same, and of one that was removed too: what it was sent is brought to its end."""
        return self.get(id) or self._removed.get(id)

    def owner(self, id: str) -> str | None:
        """The tenant whose own an account is; None for the operator's, and for one that is not there any more."""
        configured = self.get(id)
        return None if configured is None else configured[0].owner

    def as_sent(self, account: Account, version: int) -> Account:
        """An account with the credential that an attempt was sent with, while that is kept and still taken."""
        former = self._credentials.get(account.id, {}).get(version)
        if former is None or version == account.credential_version or (account.id, version) in self._dropped:
            return account
        return replace(account, credential=former, credential_version=version)

    def drop(self, account: str, version: int) -> None:
        """A former credential is taken no more: the one of today is used for what was sent with it."""
        self._dropped.add((account, version))

    def reachable(self, tenant: Tenant) -> list[tuple[Account, Provider]]:
        """The accounts that may serve a tenant: sandbox accounts for a test tenant, live ones for any other; of those
        the operator's, and its own.
        """
        return [pair for pair in self.all() if reaches(pair[0], tests=tenant.test, tenant=tenant.id)]

    def those(self, ids: list[str]) -> list[tuple[Account, Provider]]:
        """Some accounts by their ids, without those that are no longer configured."""
        return [configured for id in ids if (configured := self.get(id)) is not None]

    def named(self, provider: str) -> list[tuple[Account, Provider]]:
        """All accounts at one provider."""
        return [(account, built) for account, built in self.all() if account.provider == provider]

    # what is known

    async def snapshot(self, tenant: str, *, tests: bool, fresh: bool = False) -> Snapshot:
        """What is known about every account a tenant may reach; the same for half a second unless it must be fresh.

        Args:
            tests: it is a test tenant: it reaches sandbox accounts only, and live ones never do.
        """
        await self._look(fresh=fresh)
        owner = tenant if any(account.owner == tenant for account in self._accounts.values()) else None
        if (tests, owner) not in self._snapshots:
            self._snapshots[tests, owner] = self._seen(tests, owner)
        return self._snapshots[tests, owner]

    async def everything(self, *, fresh: bool = False) -> list[AccountFacts]:
        """What is known about every account, for the engine: at most half a second old unless it must be fresh."""
        await self._look(fresh=fresh)
        return list(self._facts.values())

    async def _look(self, *, fresh: bool) -> None:
        now = self._clock.now()
        if fresh or self._read_at is None or now - self._read_at > FACTS_LAST:
            await self._read(now)

    def known(self, id: str) -> AccountFacts | None:
        """What was known about an account when it was last looked at; None for one that is not configured."""
        return self._facts.get(id)

    def every(self, id: str) -> Millis:
        """How often a video can begin at an account by its requests a minute; 0 for at any time."""
        per_minute = metering.per_minute(self.meter(id), self._accounts[id].limits)
        return 0 if per_minute is None else self._spans.minute // per_minute

    def meter(self, id: str) -> Meter:
        """What an account was asked lately, as of when it was last looked at."""
        return self._meters.get(id, _EMPTY)

    def active(self, id: str) -> int:
        """Videos an account had in the making when it was last looked at."""
        return self._loads.get(id, 0)

    def calls_back(self, id: str) -> bool:
        """Whether an account takes the addresses we want to be called at, as far as we know."""
        state = self._states.get(id)
        return state is None or not state.callbacks_refused

    async def _read(self, now: Millis) -> None:
        async def ask(tx: Transaction) -> None:
            await self.experience.refresh(tx, now)
            spans = {id: self.slot_span(id) for id in self._accounts}
            longest = max(spans.values(), default=0)
            self._states = await tx.accounts.all()
            self._loads = await tx.attempts.loads(now - longest)
            for id, account in self._accounts.items():
                state = self._states.get(id) or AccountState(id=id)
                if spans[id] != longest or state.circuit is not Circuit.CLOSED:
                    self._loads[id] = await self.load(tx, account, state, now)
            self._left = await self._lefts(tx, now)
            self._meters = await tx.meters.all()
            await self._count(tx, now)

        await self._store.read(ask)
        self._facts = {account.id: self._fact(account, provider, now) for account, provider in self.all()}
        self._snapshots, self._facts_at = {}, now
        self._read_at = now

    async def _count(self, tx: Transaction, now: Millis) -> None:
        """Who waits for whom: now and then, for it counts them all."""
        if now - self._counted_at >= COUNT_EVERY:
            self._counted_at = now
            self._waiting = Counter()
            for line, count in (await tx.queue.counts()).items():
                self._waiting.update(dict.fromkeys(line.accounts, count))

    async def _lefts(self, tx: Transaction, now: Millis) -> dict[str, Credits]:
        """Account → its credits, less what its videos in the making may still cost."""
        told = [id for id, state in self._states.items() if state.credits is not None and id in self._accounts]
        if not told:
            return {}
        spent, committed = await spendings(tx, told), await tx.attempts.committed()
        believed = [id for id in told if credit.believed(self._states[id], now)]
        remaining = {id: credit.left(self._states[id], spent.get(id, 0)) for id in believed}
        return {id: max(left - committed.get(id, 0), 0) for id, left in remaining.items() if left is not None}

    def _seen(self, tests: bool, tenant: str | None) -> Snapshot:
        reached = [facts for id, facts in self._facts.items() if self._reached(id, tests, tenant)]
        return snapshot(self._facts_at, tuple(reached))

    def _reached(self, id: str, tests: bool, tenant: str | None) -> bool:
        account = self._accounts.get(id)
        return account is not None and reaches(account, tests=tests, tenant=tenant)

    def _fact(self, account: Account, provider: Provider, now: Millis) -> AccountFacts:
        load = self._loads.get(account.id, 0)
        state = self._states.get(account.id) or AccountState(id=account.id)
        against = (*self._standing(account, state, load, now), *self._placeless(account.id))
        seen = self.experience.facts(account.id)
        make = usual_ms(seen, provider.capabilities.typical_seconds)
        desk = Desk(make=make, every=self.every(account.id), closed_for=closed_for(against, now))
        return AccountFacts(
            account=account.id,
            provider=account.provider,
            capabilities=provider.capabilities,
            rates=provider.rates,
            known=replace(
                seen,
                price_per_credit=account.price_per_credit,
                load=load,
                wait_ms=crowding(self._waiting[account.id], load, desk, account.limits.concurrent),
                credits_left=self._left.get(account.id),
            ),
            standing=against,
            room=0 if against else self._room(account, provider, state, load, now),
            retry_at=self._blocked_until(state, now),
        )

    def _placeless(self, account: str) -> tuple[Exclusion, ...]:
        """This process sends it as much at once as it may; another may have room."""
        if not self._places.full(account):
            return ()
        params: dict[str, str | int] = {"running": self._places.sends(account), "limit": self._places.sends_each or 0}
        return (Exclusion(ReasonCode.AT_CAPACITY, params),)

    def _standing(self, account: Account, state: AccountState, load: int, now: Millis) -> tuple[Exclusion, ...]:
        counted = (self.meter(account.id), account.limits, now, Purpose.CREATE, self._spans)
        minute, day = metering.minute_full(*counted), metering.day_full(*counted)
        return standing(account, state, load=load, now=now, minute=minute, day=day)

    def _room(self, account: Account, provider: Provider, state: AccountState, load: int, now: Millis) -> int | None:
        """How many more videos it may begin, by jobs, requests and credits; a half-open circuit takes one."""
        limit, left = account.limits.concurrent, self._left.get(account.id)
        jobs = None if limit is None else max(limit - load, 0)
        trial = None if state.circuit is Circuit.CLOSED else 1  # beside those it had before its circuit opened
        requests = metering.room(self.meter(account.id), account.limits, now, self._spans)
        paid = None if left is None else credit.pays_for(left, provider)
        return min((room for room in (jobs, trial, requests, paid) if room is not None), default=None)

    def slot_span(self, account: str) -> Millis:
        """How long an attempt there whose outcome is unknown may still be in the making."""
        return self.experience.slot_span(account, self._providers[account])

    async def load(self, tx: Transaction, account: Account, state: AccountState, now: Millis) -> int:
        """Videos it may have in the making. The lost ones that opened its circuit leave room for the trial to close it,
        unless its own limit says otherwise.
        """
        load = await tx.attempts.load(account.id, now - self.slot_span(account.id))
        full = account.limits.concurrent is not None and load >= account.limits.concurrent
        if full or state.failed_at is None or state.circuit is Circuit.CLOSED:
            return load
        return await tx.attempts.load(account.id, state.failed_at)

    # taking a place

    async def admits(
        self, tx: Transaction, account: Account, now: Millis, *, again: bool, needed: Credits = 0
    ) -> AccountState | None:
        """The account's state when it may take one more video now, exactly; its row stays held by the transaction.

        Args:
            again: the video has tried it before, so that the account's retry budget must have one left for it.
            needed: the most that the video may cost, in the account's credits.
        """
        state = await tx.accounts.lock(account.id)
        load = await self.load(tx, account, state, now)
        if standing(account, state, load=load, now=now) or self._places.full(account.id):
            return None
        if not await pays(tx, state, needed, now):
            return None
        return None if again and self._blocked_until(state, now) is not None else state

    async def enter(self, tx: Transaction, state: AccountState, attempt: str, now: Millis, *, again: bool) -> None:
        """An admitted attempt is about to be made: through a half-open circuit it goes on trial, alone.

        Args:
            again: the video has tried it before: that takes one of the account's retry budget.
        """
        lease = millis(self._timing.submit_deadline_seconds + self._timing.lease_seconds)
        after = breaker.tried(state, attempt, now + lease)
        if again:
            after = self._retried(after, now)
        if after != state:
            await self._keep(tx, state, after, now)

    async def retry(self, tx: Transaction, account: str, now: Millis) -> Millis | None:
        """Take one retry from an account's budget; when there is none, the moment at which there is one again."""
        state = await tx.accounts.lock(account)
        until = self._blocked_until(state, now)
        if until is None:
            await tx.accounts.update(self._retried(state, now))
        return until

    def _blocked_until(self, state: AccountState, now: Millis) -> Millis | None:
        return retries.blocked_until(state.retries_full_at, now, every=self._retry_every)

    def _retried(self, state: AccountState, now: Millis) -> AccountState:
        return replace(state, retries_full_at=retries.spent(state.retries_full_at, now, every=self._retry_every))

    # learning

    async def learn(self, tx: Transaction, account: Account, lesson: Lesson, now: Millis) -> None:
        """Remember what a refusal or a failure says about the account."""
        state = after = await tx.accounts.lock(account.id)
        if lesson.credits is not None:
            await tx.estimates.saw(account.id, lesson.credits, now)
            spent = (await spendings(tx, [account.id])).get(account.id, 0)
            after, _ = credit.told(after, lesson.credits, CreditsSource.PROVIDER, spent=spent, now=now)
        if lesson.step is AccountStep.COUNT:
            after = await self._failed(tx, after, lesson, now)
        else:
            after = learned(after, lesson, credential_version=account.credential_version, now=now)
            after = breaker.polled(after) if lesson.polled else breaker.answered(after, now)
        await self._keep(tx, state, after, now)

    async def _failed(self, tx: Transaction, state: AccountState, lesson: Lesson, now: Millis) -> AccountState:
        """Nobody answered. A submit that fails is looked at with its fellows; it does not stand among them yet."""
        if lesson.polled:
            return breaker.unpolled(state, self.breaker, now, self._luck)
        after = breaker.failed(state, self.breaker, now, self._luck)
        if after.circuit is not Circuit.CLOSED:
            return after
        submits, failures = await tx.attempts.failing(state.id, breaker.window(state, now))
        return breaker.failed_mostly(after, (submits + 1, failures + 1), self.breaker, now, self._luck)

    async def answered(self, tx: Transaction, account: Account) -> None:
        """It answered as it should: the breaker closes, the credential works."""
        known, now = self._states.get(account.id), self._clock.now()
        if known is not None and _healthy(known):
            return
        state = await tx.accounts.lock(account.id)
        works = replace(
            breaker.answered(state, now),
            rests=0,
            credential=CredentialState.WORKS,
            retries_full_at=retries.earned(state.retries_full_at, now, every=self._retry_every),
        )
        await self._keep(tx, state, works, now)

    async def polled(self, tx: Transaction, account: Account, now: Millis) -> None:
        """A poll was answered."""
        known = self._states.get(account.id)
        if known is None or known.poll_failures:
            state = await tx.accounts.lock(account.id)
            await self._keep(tx, state, breaker.polled(state), now)

    async def _keep(self, tx: Transaction, before: AccountState, after: AccountState, now: Millis) -> None:
        if after != before:
            await change(tx, self._ids, before, after, now, owner=self.owner(after.id))
            self.forget(after)

    def forget(self, state: AccountState | None = None) -> None:
        """The next decision reads everything again: something has changed."""
        self._read_at = None
        if state is not None:
            self._states = {**self._states, state.id: state}


def reaches(account: Account, *, tests: bool, tenant: str | None) -> bool:
    """Whether a tenant's videos may go to an account. Test tenants and sandbox accounts are for each other alone."""
    return account.sandbox == tests and account.owner in (None, tenant)


def _healthy(state: AccountState) -> bool:
    quiet = state.circuit is Circuit.CLOSED and state.failures == 0
    return quiet and state.rests == 0 and state.retries_full_at is None and state.credential is CredentialState.WORKS


def tended(state: AccountState) -> bool:
    """Somebody looks after it: its open circuit is to be probed, or its credits are counted."""
    return state.circuit is Circuit.OPEN or state.credits is not None


async def pays(tx: Transaction, state: AccountState, needed: Credits, now: Millis) -> bool:
    """Whether an account, whose row is held, has so many credits beyond what its videos in the making may cost."""
    if state.credits is None or not credit.believed(state, now):
        return True
    spent, committed = await tx.attempts.claims(state.id)
    left = credit.left(state, spent)
    return left is None or left - committed >= needed


async def spendings(tx: Transaction, accounts: list[str]) -> dict[str, Credits]:
    """Account → what the ledger says it has billed or may have, in all: its own credits."""
    sums = await tx.ledger.balances([ledger.billed(account) for account in accounts])
    return {account: -sums.get((ledger.billed(account), ledger.credits_unit(account)), 0) for account in accounts}
