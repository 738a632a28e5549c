"""Reconciliation: what the accounts say they billed in a span of days, against what the ledger says they did."""

import asyncio
import re
from functools import partial
from itertools import pairwise

from gateway.config.settings import Timing
from gateway.policy import bookkeeping, reconciling
from gateway.policy.reconciling import (
    DAY,
    Booking,
    Difference,
    Hint,
    Interval,
    OpenSuspense,
    Report,
    Sighting,
    booking,
    compare,
    day_of,
    of_attempt,
    of_strays,
    pieces,
    suspense_of,
)
from gateway.services.accounts import Accounts
from gateway.store.store import Store, Transaction
from schema.attempt import Attempt
from schema.clock import Clock, Millis, millis
from schema.errors import InvalidRequest
from schema.ids import ATTEMPT, first_of
from schema.ledger import Entry
from schema.money import Credits, Micros

LONGEST = 31 * DAY
PIECE = 3_600_000
"""Milliseconds of an account's life that are read at once: a server goes on serving between them."""

LATE = 2 * DAY
"""So long after it was sent an attempt may still be booked: a video's longest deadline, and the late watch."""

_AT_ONCE = 500
_DAY = re.compile(r"(?:19[7-9][0-9]|[2-9][0-9]{3})-[0-9]{2}-[0-9]{2}", re.ASCII)
_Found = tuple[Difference, Attempt | None]


class Reconciliation:
    def __init__(self, *, store: Store, accounts: Accounts, clock: Clock, timing: Timing) -> None:
        self._store = store
        self._accounts = accounts
        self._clock = clock
        self._slack = millis(timing.submit_deadline_seconds)

    async def of_days(self, first: str | None, last: str | None, account: str | None) -> Report:
        """Compare days such as ``2026-11-20``, both included: from yesterday and to today unless said.

        Raises:
            InvalidRequest: a day is none, or what ``run`` says.
        """
        today = self._clock.now() // DAY * DAY
        since = today - DAY if first is None else _begin("from", first)
        until = max(today, since) if last is None else _begin("to", last)
        return await self.run(since, until + DAY, account)

    async def run(self, since: Millis, until: Millis, account: str | None = None) -> Report:
        """Compare a span, 31 days at most; of one account, or of all there ever were.

        Raises:
            InvalidRequest: the span is empty or too long, or nobody has heard of the account.
        """
        if not since < until <= since + LONGEST:
            raise InvalidRequest.field(
                "to", "out_of_range", "must not be before from, and not 31 days or more after it"
            )
        names = await self._names(account)
        differences: list[Difference] = []
        waiting: list[OpenSuspense] = []
        for name in names:
            found, still_open = await self._account(name, since, until)
            differences += found
            waiting += still_open
        return reconciling.report(since, until, names, differences, waiting)

    async def _names(self, account: str | None) -> tuple[str, ...]:
        known = sorted(await self._store.read(lambda tx: tx.accounts.all()))
        if account is None:
            return tuple(known)
        if account not in known:
            raise InvalidRequest.field("account", "unknown_account", "is no account of this gateway's")
        return (account,)

    async def _account(self, account: str, since: Millis, until: Millis) -> tuple[list[Difference], list[OpenSuspense]]:
        told = await self._store.read(lambda tx: tx.estimates.sightings(account, since, until))
        sightings = [Sighting(at, credits) for at, credits in told]
        begin = min(since, sightings[0].at) if len(sightings) > 1 else since
        lost = await self._lost(account, until)
        records = await self._records(account, begin, until)
        differences = [difference for difference, _ in records if difference.day >= day_of(since)]
        hints: dict[str, Hint] = {}
        for before, after in pairwise(sightings):
            compared = compare(await self._interval(account, before, after, records, lost))
            differences += [] if compared.difference is None else [compared.difference]
            hints |= compared.hints
        now = self._clock.now()
        waiting = [suspense_of(attempt, hints.get(attempt.id), now) for attempt in lost]
        return differences, [one for one in waiting if one is not None]

    async def _lost(self, account: str, until: Millis) -> list[Attempt]:
        """Everything in suspense that was sent before the span's end."""
        found: list[Attempt] = []
        after: str | None = None
        while page := await self._store.read(partial(_unknown, account=account, after=after)):
            found += [attempt for attempt in page if attempt.started_at < until]
            after = page[-1].id
        return found

    # attempts

    async def _records(self, account: str, since: Millis, until: Millis) -> list[_Found]:
        found: list[_Found] = []
        price = self._price(account)
        for begin, end in pieces(since, min(until, self._clock.now() + 1), PIECE):
            found += await self._store.read(
                partial(_recorded, account=account, begin=begin, end=end, price=price), snapshot=True
            )
            await asyncio.sleep(0)
        return found

    # balances

    async def _interval(
        self, account: str, before: Sighting, after: Sighting, records: list[_Found], lost: list[Attempt]
    ) -> Interval:
        bookings = await self._bookings(account, before.at - self._slack, after.at)
        unbooked = [(difference, attempt) for difference, attempt in records if attempt is not None]
        return Interval(
            account=account,
            before=before,
            after=after,
            slack=self._slack,
            bookings=tuple(bookings),
            open=tuple(attempt for attempt in lost if attempt.started_at <= after.at),
            unbooked={
                attempt.id: _lacking(difference)
                for difference, attempt in unbooked
                if _touches(attempt, before.at - self._slack, after.at)
            },
            price=self._price(account),
        )

    async def _bookings(self, account: str, since: Millis, until: Millis) -> list[Booking]:
        """What was booked after a moment about attempts that were sent before another."""
        found: list[Booking] = []
        for begin, end in pieces(since, min(until + LATE, self._clock.now() + 1), PIECE):
            some = await self._store.read(partial(_booked, account=account, begin=begin, end=end))
            found += [one for one in some if one.since <= until]
            await asyncio.sleep(0)
        return found

    def _price(self, account: str) -> Micros | None:
        configured = self._accounts.get(account)
        return None if configured is None else configured[0].price_per_credit


def _begin(field: str, day: str) -> Millis:
    try:
        return bookkeeping.span(day if _DAY.fullmatch(day) else "no day")[0]
    except ValueError as error:
        raise InvalidRequest.field(field, "invalid_value", "must be a day such as 2026-11-20") from error


def _lacking(difference: Difference) -> Credits:
    """What an attempt cost beyond what is booked for it."""
    return difference.expected - difference.found


def _touches(attempt: Attempt, since: Millis, until: Millis) -> bool:
    """Whether it may have been billed in a span."""
    return attempt.started_at <= until and (attempt.ended_at is None or attempt.ended_at > since)


async def _unknown(tx: Transaction, *, account: str, after: str | None) -> list[Attempt]:
    return await tx.attempts.unknown(account=account, tenant=None, after=after, limit=_AT_ONCE)


async def _recorded(tx: Transaction, *, account: str, begin: Millis, end: Millis, price: Micros | None) -> list[_Found]:
    """What attempts that were made in a span, and entries of it, say against each other."""
    attempts = await tx.attempts.at_account(account, first=ATTEMPT + first_of(begin), last=ATTEMPT + first_of(end))
    about: dict[str | None, list[Entry]] = {}
    for entry in await tx.ledger.of_videos(sorted({attempt.video for attempt in attempts})):
        about.setdefault(entry.attempt, []).append(entry)
    compared = [(of_attempt(attempt, about.get(attempt.id, []), price), attempt) for attempt in attempts]
    found: list[_Found] = [(difference, attempt) for difference, attempt in compared if difference is not None]
    entries = await tx.ledger.of_account(account, begin, end)
    missing = {entry.attempt for entry in entries if entry.attempt} - {one.id for one in await _about(tx, entries)}
    return found + [(stray, None) for stray in of_strays(account, entries, frozenset(missing), price)]


async def _booked(tx: Transaction, *, account: str, begin: Millis, end: Millis) -> list[Booking]:
    entries = await tx.ledger.of_account(account, begin, end)
    sent = {attempt.id: attempt.started_at for attempt in await _about(tx, entries)}
    return [booking(entry, sent[entry.attempt]) for entry in entries if entry.attempt in sent]


async def _about(tx: Transaction, entries: list[Entry]) -> list[Attempt]:
    return await tx.attempts.named(sorted({entry.attempt for entry in entries if entry.attempt is not None}))
