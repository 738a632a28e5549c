"""Looking after accounts: a free probe of an open circuit, and a warning when credits run low. It spends nothing.

A task is leased by one replica, so that one probes, and one warns.
"""

import structlog
from msgspec.structs import replace

from gateway.config.settings import Timing
from gateway.policy import breaker, credit
from gateway.policy.metering import Purpose
from gateway.services.accounts import Accounts, spendings, tended
from gateway.services.happenings import change, tell, tell_owner
from gateway.services.limits import Limits
from gateway.store.store import Store, Transaction
from gateway.store.tasks import Task
from gateway.upstream import Upstream
from providers.base import Provider
from schema.account import Account, AccountState, Circuit
from schema.account_event import AccountEventType
from schema.clock import Clock, Millis, millis
from schema.errors import FailureKind, ProviderFailure
from schema.event import EventType
from schema.ids import Ids
from schema.luck import Luck

log = structlog.get_logger()

UNANSWERED = frozenset({FailureKind.UNREACHABLE, FailureKind.UNAVAILABLE, FailureKind.LOST, FailureKind.PROTOCOL})
"""What a question that only reads meets when nobody understands it there: no answer, or a server's error."""


class Tending:
    def __init__(
        self,
        *,
        store: Store,
        accounts: Accounts,
        upstream: Upstream,
        limits: Limits,
        clock: Clock,
        ids: Ids,
        luck: Luck,
        timing: Timing,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._upstream = upstream
        self._limits = limits
        self._clock = clock
        self._ids = ids
        self._luck = luck
        self._every = millis(timing.tend_seconds)

    async def handle(self, task: Task) -> None:
        """Look after one account, and say when to look again."""
        configured = self._accounts.get(task.subject)
        if configured is None:
            await self._store.write(lambda tx: tx.tasks.finish(task))
            return
        account, provider = configured
        state = (await self._store.read(lambda tx: tx.accounts.all())).get(account.id)
        due = state is not None and state.circuit is Circuit.OPEN and (state.circuit_until or 0) <= self._clock.now()
        well = await self._probe(account, provider) if due else None
        now = self._clock.now()

        async def tend(tx: Transaction) -> None:
            before = after = await tx.accounts.lock(account.id)
            if well is not None:
                after = breaker.probed(after, well=well, breaker=self._accounts.breaker, now=now, luck=self._luck)
            after = await self._warned(tx, account, after, now)
            if after != before:
                await change(tx, self._ids, before, after, now, owner=account.owner)
                self._accounts.forget(after)
            await self._again(tx, task, after, now)

        await self._store.write(tend)

    async def _again(self, tx: Transaction, task: Task, state: AccountState, now: Millis) -> None:
        if not tended(state):
            await tx.tasks.finish(task)
            return
        times = [now + self._every] if state.credits is not None else []
        if state.circuit is Circuit.OPEN:
            times.append(max(state.circuit_until or now, now))
        await tx.tasks.snooze(task, min(times))

    async def _probe(self, account: Account, provider: Provider) -> bool:
        """Ask how some job is doing, which costs nothing: any answer that names its reason will do."""
        ref = await self._store.read(lambda tx: tx.attempts.latest_ref(account.id))
        if ref is None or provider.polls is None:
            return True
        if await self._limits.take_for_poll(account) is not None:
            return False  # it counts like any other request; without room nobody can tell
        kind, taken_at = None, self._clock.now()
        try:
            headers = (await self._upstream.ask(provider.polls.poll(ref), account, provider.adapter)).headers
        except ProviderFailure as failure:
            kind, headers = failure.kind, failure.headers
        log.info("account.probed", account=account.id, kind=kind)
        await self._store.write(lambda tx: self._limits.settle(tx, account, Purpose.POLL, headers, taken_at=taken_at))
        return kind not in UNANSWERED

    async def _warned(self, tx: Transaction, account: Account, state: AccountState, now: Millis) -> AccountState:
        """Tell each step that its credits have come down to, once."""
        if state.credits is None:
            return state
        left = credit.left(state, (await spendings(tx, [account.id]))[account.id])
        if left is None:
            return state
        steps = credit.steps(state, left, account.credits_warn_percent)
        for step in steps:
            low, full = AccountEventType.CREDITS_LOW, state.credits_full
            await tell(tx, self._ids, account.id, low, now, percent=step, left=left, full=full)
            if account.owner is not None:
                low_too, facts = EventType.CREDITS_LOW, {"percent": step, "left": left, "full": full}
                tell_owner(tx, self._ids, account.id, low_too, now, owner=account.owner, **facts)
        return replace(state, credits_warned=steps[-1]) if steps else state
