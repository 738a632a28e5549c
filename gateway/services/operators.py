"""The operator's hand on accounts: pause, resume, reset, tell a balance. Every act is kept with who did it."""

from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from msgspec.structs import replace

from gateway.policy import breaker, credit
from gateway.services.accounts import Accounts, spendings
from gateway.services.happenings import change, tell
from gateway.services.ledger import check_note
from gateway.services.pages import check_limit, cut
from gateway.services.trailing import write_down
from gateway.store.store import Store, Transaction
from schema.account import AccountState, CredentialState, CreditsSource
from schema.account_event import AccountEvent, AccountEventType
from schema.clock import Clock, Millis
from schema.errors import FailureKind, InvalidRequest, NotFound
from schema.ids import Ids
from schema.money import Credits

log = structlog.get_logger()

MAX_CREDITS = 10**12
"""More than any account holds."""


class AccountEventPage(msgspec.Struct, frozen=True):
    """Some events, newest first; ``more`` when there are others behind."""

    events: list[AccountEvent]
    more: bool


class Operators:
    def __init__(self, *, store: Store, accounts: Accounts, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._accounts = accounts
        self._clock = clock
        self._ids = ids

    async def pause(self, account: str, *, actor: str, note: str = "") -> None:
        """It gets no more videos until it is resumed; those it has are watched to their ends.

        Raises:
            NotFound: it is not configured.
            InvalidRequest: the note is too long.
        """
        now = self._clock.now()

        def paused(state: AccountState) -> AccountState:
            return replace(state, paused_at=now, paused_by=actor, pause_note=note)

        await self._do(account, AccountEventType.PAUSED, paused, actor=actor, note=note)

    async def resume(self, account: str, *, actor: str, note: str = "") -> None:
        """It gets videos again. Raises as ``pause`` does."""

        def resumed(state: AccountState) -> AccountState:
            return replace(state, paused_at=None, paused_by=None, pause_note=None)

        await self._do(account, AccountEventType.RESUMED, resumed, actor=actor, note=note)

    async def reset(self, account: str, *, actor: str, note: str = "") -> None:
        """Its circuit closes, its rest ends, its credential is trusted again. Raises as ``pause`` does."""
        now = self._clock.now()

        def fresh(state: AccountState) -> AccountState:
            trusted = replace(state, credential=CredentialState.WORKS, resting_until=None, resting_reason=None)
            return breaker.closed(trusted, now)

        await self._do(account, AccountEventType.RESET, fresh, actor=actor, note=note)

    async def credits(self, account: str, credits: Credits, *, actor: str, note: str = "") -> None:
        """Its balance is so much, as its provider's own pages say.

        A greater balance than was thought is a top-up: warnings begin anew, and a rest for want of credits ends.

        Raises:
            NotFound: it is not configured.
            InvalidRequest: the balance is out of range, or the note too long.
        """
        if not 0 <= credits <= MAX_CREDITS:
            raise InvalidRequest.field("credits", "out_of_range", f"must be from 0 to {MAX_CREDITS}")
        self._check(account, note)
        now = self._clock.now()

        async def tell_it(tx: Transaction) -> None:
            state = await tx.accounts.lock(account)
            spent = (await spendings(tx, [account]))[account]
            before = credit.left(state, spent)
            after, topped_up = credit.told(state, credits, CreditsSource.OPERATOR, spent=spent, now=now)
            if after.resting_reason == FailureKind.OUT_OF_CREDITS.value and (topped_up or credits > 0):
                after = replace(after, resting_until=None, resting_reason=None)
            await tx.estimates.saw(account, credits, now)
            type = AccountEventType.CREDITS_TOPPED_UP if topped_up else AccountEventType.CREDITS_TOLD
            facts = {"credits": credits, "before": before, "note": note}
            await tell(tx, self._ids, account, type, now, actor=actor, **facts)
            await self._write_down(tx, account, type, now, actor=actor, **facts)
            await change(tx, self._ids, state, after, now, owner=self._accounts.owner(account), actor=actor)

        await self._store.write(tell_it)
        self._accounts.forget()
        log.info("account.credits_told", account=account, credits=credits, actor=actor)

    async def events(
        self, *, account: str | None = None, after: str | None = None, limit: int = 20
    ) -> AccountEventPage:
        """What happened to accounts, newest first. Raises InvalidRequest when the limit is out of range."""
        check_limit(limit)
        found = await self._store.read(lambda tx: tx.account_events.page(account, after, limit + 1))
        return AccountEventPage(*cut(found, limit))

    async def _do(
        self,
        account: str,
        type: AccountEventType,
        changed: Callable[[AccountState], AccountState],
        *,
        actor: str,
        note: str,
    ) -> None:
        self._check(account, note)
        now = self._clock.now()

        async def do(tx: Transaction) -> None:
            state = await tx.accounts.lock(account)
            facts: dict[str, Any] = {"note": note}
            await tell(tx, self._ids, account, type, now, actor=actor, **facts)
            await self._write_down(tx, account, type, now, actor=actor, **facts)
            await change(tx, self._ids, state, changed(state), now, owner=self._accounts.owner(account), actor=actor)

        await self._store.write(do)
        self._accounts.forget()
        log.info(type.value, account=account, actor=actor)

    async def _write_down(
        self, tx: Transaction, account: str, type: AccountEventType, now: Millis, *, actor: str, **facts: Any
    ) -> None:
        configured = self._accounts.get(account)
        owner = None if configured is None else configured[0].owner
        action = type.value if type.value.startswith("account.") else f"account.{type.value.replace('.', '_')}"
        await write_down(tx, self._ids, now, actor=actor, action=action, tenant=owner, subject=account, after=facts)

    def _check(self, account: str, note: str) -> None:
        if self._accounts.get(account) is None:
            raise NotFound
        check_note(note)
