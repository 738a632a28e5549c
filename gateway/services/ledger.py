"""The ledger for those who read it, and the entries that operators make: top-ups and corrections."""

from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from functools import partial

import msgspec
import structlog
from msgspec.structs import replace

from gateway.policy import bookkeeping
from gateway.policy.bookkeeping import Draft
from gateway.services.books import Books
from gateway.services.pages import check_page, cut
from gateway.services.tenants import Tenants
from gateway.services.trailing import write_down
from gateway.store.database import CommitUnknown, UniqueViolation
from gateway.store.store import Store, Transaction
from schema import ledger
from schema.clock import Clock, Millis
from schema.errors import IdempotencyKeyReused, InvalidRequest, NotFound, Overloaded
from schema.ids import Ids
from schema.ledger import MICROS_UNIT, Balance, Budget, Entry, EntryKind
from schema.money import MAX_MICROS, Micros, format_micros, format_money
from schema.tenant import FundingMode, Tenant

log = structlog.get_logger()

MAX_NOTE = 1000
"""Characters an operator may say about an entry."""
_AT_ONCE = 500


class EntryPage(msgspec.Struct, frozen=True):
    """Some entries in order; ``more`` when there are others beyond, in the direction of travel."""

    entries: list[Entry]
    more: bool


class Own(msgspec.Struct, frozen=True):
    """An operator's entry; ``replayed`` when it was booked before, under the same key."""

    entry: Entry
    replayed: bool = False


class Ledger:
    def __init__(self, *, store: Store, books: Books, tenants: Tenants, clock: Clock, ids: Ids) -> None:
        self._ids = ids
        self._store = store
        self._books = books
        self._tenants = tenants
        self._clock = clock

    async def open(self, tenants: Iterable[Tenant]) -> None:
        """Give prepaid ones of those tenants the money they begin with, once, and count budgets anew."""
        now = self._clock.now()
        for tenant in tenants:
            await self._store.write(partial(self._books.budgets.recount, tenant=tenant.id, moment=now))
            if tenant.funding.mode is FundingMode.PREPAID and tenant.funding.opening:
                await self._open(tenant.id, tenant.funding.opening, now)

    async def _open(self, tenant: str, amount: Micros, now: Millis) -> None:
        """Book a prepaid tenant's opening, unless an earlier start did, or a replica that starts too."""
        draft = bookkeeping.transfer(EntryKind.TOP_UP, amount, out_of=ledger.FUNDING, into=ledger.available(tenant))

        async def book(tx: Transaction) -> None:
            if await tx.ledger.once(f"opening:{tenant}") is None:
                about = {"actor": "configuration", "note": "opening", "once": f"opening:{tenant}"}
                await self._books.own(tx, draft, now, tenant=tenant, **about)

        with suppress(UniqueViolation):
            await self._store.write(book)

    # what a tenant reads

    async def balance(self, tenant: Tenant) -> Balance:
        """How a tenant stands now."""
        now = self._clock.now()
        periods = bookkeeping.periods(tenant.funding, now)

        async def look(tx: Transaction) -> Balance:
            own, held, spent = ledger.available(tenant.id), ledger.held(tenant.id), ledger.spent(tenant.id)
            sums = await tx.ledger.balances([own, held, spent])
            return Balance(
                balance=sums.get((own, MICROS_UNIT), 0) if tenant.funding.mode is FundingMode.PREPAID else None,
                available=await self._books.budgets.left(tx, tenant.id, now),
                held=sums.get((held, MICROS_UNIT), 0),
                spent=sums.get((spent, MICROS_UNIT), 0),
                budgets=tuple([Budget(*one, await tx.spending.of(tenant.id, one[0])) for one in periods]),
            )

        return await self._store.read(look, tenant=tenant.id, snapshot=True)

    async def page(
        self, tenant: str, *, after: str | None, before: str | None, limit: int, newest_first: bool
    ) -> EntryPage:
        """Some of a tenant's entries.

        Raises:
            InvalidRequest: the limit is out of range, or both cursors are given.
        """
        check_page(limit, after, before)
        entries = await self._store.read(
            lambda tx: tx.ledger.of_tenant(
                tenant, after=after, before=before, limit=limit + 1, newest_first=newest_first
            ),
            tenant=tenant,
        )
        return EntryPage(*cut(entries, limit, backward=before is not None))

    async def all(self, tenant: str) -> AsyncIterator[Entry]:
        """Every entry a tenant sees, in the order they were made; in pieces, so that it may be long."""
        after = None
        while True:
            entries = await self._store.read(partial(_some, tenant=tenant, after=after), tenant=tenant)
            for entry in entries:
                yield entry
            if len(entries) < _AT_ONCE:
                return
            after = entries[-1].id

    # what an operator writes

    async def top_up(self, tenant: str, amount: Micros, *, actor: str, note: str, key: str | None) -> Own:
        """Give a prepaid tenant money to spend. The same key, the same top-up: it is booked once.

        Raises:
            NotFound: there is no such tenant.
            InvalidRequest: it pays afterwards, the amount is not positive, or the note is too long.
            IdempotencyKeyReused: the key was used for another amount.
        """
        self._prepaid(tenant)
        if not 0 < amount <= MAX_MICROS:
            raise InvalidRequest.field("amount", "out_of_range", "must be more than nothing; corrections may be less")
        check_note(note)
        done = await self._own(EntryKind.TOP_UP, tenant, amount, actor=actor, note=note, key=key)
        log.info("ledger.topped_up", tenant=tenant, micros=amount, actor=actor, replayed=done.replayed)
        return done

    async def adjust(self, tenant: str, amount: Micros, *, actor: str, note: str, key: str | None) -> Own:
        """Correct a prepaid tenant's balance, up or down, never below zero. The same key, the same correction.

        Raises:
            NotFound: there is no such tenant.
            InvalidRequest: it pays afterwards, or has not so much available; or the note is too long.
            IdempotencyKeyReused: the key was used for another amount.
        """
        self._prepaid(tenant)
        if not amount or abs(amount) > MAX_MICROS:
            raise InvalidRequest.field("amount", "out_of_range", "must be an amount of money, up or down")
        check_note(note)
        done = await self._own(EntryKind.ADJUST, tenant, amount, actor=actor, note=note, key=key)
        log.info("ledger.adjusted", tenant=tenant, micros=amount, actor=actor, replayed=done.replayed)
        return done

    async def _own(
        self, kind: EntryKind, tenant: str, amount: Micros, *, actor: str, note: str, key: str | None
    ) -> Own:
        """Book an operator's entry once, however often it is asked for, and whatever becomes of the commit's answer."""
        now = self._clock.now()
        account = ledger.available(tenant)
        draft = bookkeeping.transfer(kind, amount, out_of=ledger.FUNDING, into=account)
        once = f"{kind}:{tenant}:{key if key is not None else self._books.fresh(now)}"

        async def book(tx: Transaction) -> Own:
            left = await tx.ledger.available(account)
            earlier = await tx.ledger.once(once)
            if earlier is not None:
                return _same(earlier, draft)
            if left + amount < 0:
                detail = f"only {format_money(left)} is available; a correction takes no more than that"
                raise InvalidRequest.field("amount", "too_much", detail)
            entry = await self._books.own(tx, draft, now, tenant=tenant, actor=actor, note=note, once=once)
            facts = {"entry": entry.id, "amount": format_micros(amount), "note": note}
            action = "tenant.topped_up" if kind is EntryKind.TOP_UP else "tenant.adjusted"
            await write_down(tx, self._ids, now, actor=actor, action=action, tenant=tenant, subject=tenant, after=facts)
            return Own(entry)

        try:
            return await self._store.write(book)
        except (UniqueViolation, CommitUnknown) as error:  # an equal one was faster, or this one's answer was lost
            booked = await self._store.read(lambda tx: tx.ledger.once(once))
            if booked is None:
                raise Overloaded("The database did not keep this; try again", retry_after_seconds=1) from error
            return replace(_same(booked, draft), replayed=isinstance(error, UniqueViolation))

    def _prepaid(self, tenant: str) -> None:
        found = self._tenants.get(tenant)
        if found is None:
            raise NotFound(f"There is no tenant {tenant}")
        if found.funding.mode is not FundingMode.PREPAID:
            detail = f"{tenant} pays afterwards; only prepaid tenants have a balance to change"
            raise InvalidRequest.field("tenant", "not_prepaid", detail)


def _same(earlier: Entry, draft: Draft) -> Own:
    """The entry that a key was used for. Raises IdempotencyKeyReused when that was another amount."""
    if earlier.postings != draft.postings:
        raise IdempotencyKeyReused("This key was used for another amount")
    return Own(earlier, replayed=True)


def gained(entry: Entry) -> Micros:
    """What an operator's entry gave its tenant, or took."""
    account = ledger.available(entry.tenant or "")
    return sum([posting.amount for posting in entry.postings if posting.account == account])


def check_note(note: str) -> None:
    """Raises InvalidRequest when a note is a letter."""
    if len(note) > MAX_NOTE:
        raise InvalidRequest.field("note", "too_long", f"takes {MAX_NOTE} characters")


async def _some(tx: Transaction, *, tenant: str, after: str | None) -> list[Entry]:
    return await tx.ledger.of_tenant(tenant, after=after, before=None, limit=_AT_ONCE, newest_first=False)
