"""What accounts say they billed against what the ledger says they did: every difference, and who explains it. Pure.

Three things are compared, and all of them are incomplete. Some answers report a cost; a few errors mention the balance
that is left; the ledger knows what was booked, and when. A balance is of a moment nobody knows exactly, and what was
being sent at that moment may or may not be in it: such costs widen what is believed, and are never a difference.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from gateway.policy import bookkeeping
from schema import ledger
from schema.attempt import Attempt
from schema.clock import Millis
from schema.ledger import Booked, Entry
from schema.lifecycle import AttemptState
from schema.money import Credits, Micros

DAY = 24 * 3_600_000
MAX_SUMS = 4_096
"""Sums that are looked at when costs or suspense may explain a difference; beyond it bounds must do."""


class Code(StrEnum):
    REPORTED_NOT_BOOKED = "reported_not_booked"  # the provider reported another cost than is booked
    ESTIMATE_NOT_BOOKED = "estimate_not_booked"  # it reported none, and what is booked is not what was expected
    UNBOOKED = "unbooked"  # the provider took it, and no cost is booked
    BOOKED_WITHOUT_ATTEMPT = "booked_without_attempt"  # a cost is booked for what is not there, or cost nothing
    BALANCE_FELL = "balance_fell"  # the account has less left than the booked costs say
    BALANCE_ROSE = "balance_rose"  # it has more left


class Hint(StrEnum):
    LIKELY_BILLED = "likely_billed"  # lost submits, billed after all, are exactly the difference
    LIKELY_NOT_BILLED = "likely_not_billed"  # balances before and after leave no room for it
    MAYBE_TOPPED_UP = "maybe_topped_up"  # somebody bought credits at the provider, or it gave some back


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Something the account says and the ledger does not, in the account's credits.

    Attributes:
        day: UTC; that of the attempt, or of the later balance.
        expected: what it should be: as reported by the account, or a balance as booked costs leave it.
        found: what is booked, or the balance told.
        micros: the size of the difference as money; None without a price.
        attempts: all that are involved, by id.
        explained_by: attempts in suspense whose being billed explains it.
        hint: why it may be in order; None is unexplained.
    """

    code: Code
    account: str
    day: str
    expected: Credits
    found: Credits
    micros: Micros | None
    attempts: tuple[str, ...]
    explained_by: tuple[str, ...] = ()
    hint: Hint | None = None


class OpenSuspense(msgspec.Struct, frozen=True, kw_only=True):
    """A submit whose outcome nobody knows: not reconciled, and no difference.

    Attributes:
        day: UTC, when it was sent.
        credits: the most it may have been billed.
    """

    attempt: str
    video: str
    account: str
    day: str
    credits: Credits
    hint: Hint | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was compared, and what came of it.

    Attributes:
        first, last: the days, UTC, both included.
        unexplained: how many differences have no hint.
    """

    first: str
    last: str
    accounts: tuple[str, ...]
    unexplained: int
    differences: tuple[Difference, ...]
    open_suspense: tuple[OpenSuspense, ...]


class Sighting(msgspec.Struct, frozen=True):
    """A balance the account told: written down at ``at``, read at most ``slack`` before."""

    at: Millis
    credits: Credits


class Booking(msgspec.Struct, frozen=True, kw_only=True):
    """One entry about an attempt: the account was billed between ``since`` and ``at``."""

    attempt: str
    since: Millis
    at: Millis
    cost: Credits
    suspense: Credits


def day_of(moment: Millis) -> str:
    """The UTC day of a moment."""
    return f"{datetime.fromtimestamp(moment / 1000, UTC):%Y-%m-%d}"


def pieces(since: Millis, until: Millis, length: Millis) -> Iterable[tuple[Millis, Millis]]:
    """A span in pieces, each from its first to before its last moment."""
    while since < until:
        following = min(since + length, until)
        yield since, following
        since = following


# attempts


def standing(attempt: Attempt) -> Booked:
    """What an attempt stands for: what should be booked."""
    return bookkeeping.booked(attempt)


def total(account: str, entries: Iterable[Entry]) -> Booked:
    """What entries book for an account, in its credits."""
    cost = suspense = 0
    for entry in entries:
        cost += _amount(entry, ledger.cost(account), ledger.credits_unit(account))
        suspense += _amount(entry, ledger.suspense(account), ledger.credits_unit(account))
    return Booked(cost=cost, suspense=suspense)


def _amount(entry: Entry, account: str, unit: str) -> int:
    return sum(posting.amount for posting in entry.postings if (posting.account, posting.unit) == (account, unit))


def of_attempt(attempt: Attempt, entries: Sequence[Entry], price: Micros | None) -> Difference | None:
    """What an attempt cost, as far as anybody knows, against what is booked for it."""
    if attempt.expected is None:  # made before there was a ledger
        return None
    due, booked = standing(attempt).cost, total(attempt.account, entries).cost
    if due == booked:
        return None
    return Difference(
        code=_code(attempt, due, booked),
        account=attempt.account,
        day=day_of(attempt.started_at),
        expected=due,
        found=booked,
        micros=_money(booked - due, price),
        attempts=(attempt.id,),
    )


def _code(attempt: Attempt, due: Credits, booked: Credits) -> Code:
    if not due:
        return Code.BOOKED_WITHOUT_ATTEMPT
    if not booked:
        return Code.UNBOOKED
    return Code.ESTIMATE_NOT_BOOKED if attempt.credits is None else Code.REPORTED_NOT_BOOKED


def of_strays(
    account: str, entries: Iterable[Entry], missing: frozenset[str], price: Micros | None
) -> list[Difference]:
    """Costs that are booked for attempts nobody knows."""
    strays: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.attempt is None or entry.attempt in missing:
            strays.setdefault(entry.attempt or entry.id, []).append(entry)
    found = [(id, some[0].at, total(account, some).cost) for id, some in strays.items()]
    return [
        Difference(
            code=Code.BOOKED_WITHOUT_ATTEMPT,
            account=account,
            day=day_of(at),
            expected=0,
            found=booked,
            micros=_money(booked, price),
            attempts=(id,),
        )
        for id, at, booked in found
        if booked
    ]


def _money(credits: Credits, price: Micros | None) -> Micros | None:
    return None if price is None else abs(credits) * price


# balances


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """Two balances an account told, one after the other, and everything that may lie between.

    Attributes:
        slack: a balance may have been read so long before it was written down, milliseconds.
        bookings: every entry of the account whose billing may lie between.
        open: attempts still in suspense that were sent before the second.
        unbooked: attempt → credits that it cost and that are not booked, as ``of_attempt`` found.
    """

    account: str
    before: Sighting
    after: Sighting
    slack: Millis
    bookings: tuple[Booking, ...]
    open: tuple[Attempt, ...] = ()
    unbooked: dict[str, Credits] = {}
    price: Micros | None = None


class Compared(msgspec.Struct, frozen=True):
    """What two balances tell: a difference, if there is one, and what they say of lost submits."""

    difference: Difference | None = None
    hints: dict[str, Hint] = {}


def booking(entry: Entry, since: Millis) -> Booking:
    """An entry about an attempt that was sent at ``since``."""
    account = entry.account or ""
    booked = total(account, [entry])
    return Booking(attempt=entry.attempt or "", since=since, at=entry.at, cost=booked.cost, suspense=booked.suspense)


def compare(interval: Interval) -> Compared:
    """Whether what the account lost between two balances is what was booked between them."""
    sure, doubtful = _sorted_out(interval)
    expected = interval.before.credits - sum(sure.values())
    gap = expected - interval.after.credits
    suspects = _suspects(interval)
    optional = [*doubtful, *interval.unbooked.items()]
    if _reachable([amount for _, amount in optional], gap):
        hints = {} if doubtful or gap else _acquitted(interval, suspects, frozenset())
        return Compared(hints=hints)
    found = _explanation(suspects, [amount for _, amount in optional], gap)
    return _told(interval, expected, found, [*sure, *dict(optional), *suspects])


def _sorted_out(interval: Interval) -> tuple[dict[str, Credits], list[tuple[str, Credits]]]:
    """Costs that were surely billed between the balances, by attempt, and those that may have been."""
    sure: dict[str, Credits] = {}
    doubtful: list[tuple[str, Credits]] = []
    for one in interval.bookings:
        if not one.cost or _outside(interval, one.since, one.at):
            continue
        if _inside(interval, one.since, one.at):
            sure[one.attempt] = sure.get(one.attempt, 0) + one.cost
        else:
            doubtful.append((one.attempt, one.cost))
    return sure, doubtful


def _inside(interval: Interval, since: Millis, at: Millis) -> bool:
    return since > interval.before.at and at <= interval.after.at - interval.slack


def _outside(interval: Interval, since: Millis, at: Millis) -> bool:
    return at <= interval.before.at - interval.slack or since > interval.after.at


def _suspects(interval: Interval) -> dict[str, frozenset[Credits]]:
    """Lost submits that may have been billed between the balances, each with what it may have been billed."""
    lost_at = {one.attempt: one.at for one in interval.bookings if one.suspense > 0}
    return {
        attempt.id: frozenset({attempt.credits_low, attempt.expected or 0, standing(attempt).suspense} - {0})
        for attempt in interval.open
        if attempt.id in lost_at and not _outside(interval, attempt.started_at, lost_at[attempt.id])
    }


def _acquitted(interval: Interval, suspects: Iterable[str], billed: frozenset[str]) -> dict[str, Hint]:
    """Lost submits that lie wholly between two balances which leave no room for them."""
    started = {attempt.id: attempt.started_at for attempt in interval.open}
    ended = {one.attempt: one.at for one in interval.bookings if one.suspense > 0}
    return {
        id: Hint.LIKELY_NOT_BILLED for id in suspects if id not in billed and _inside(interval, started[id], ended[id])
    }


def _told(
    interval: Interval, expected: Credits, found: tuple[frozenset[str], frozenset[str]] | None, involved: list[str]
) -> Compared:
    gap = expected - interval.after.credits
    surely, maybe = (frozenset[str](), frozenset[str]()) if found is None else found
    rose = Hint.MAYBE_TOPPED_UP if gap < 0 else None
    difference = Difference(
        code=Code.BALANCE_FELL if gap > 0 else Code.BALANCE_ROSE,
        account=interval.account,
        day=day_of(interval.after.at),
        expected=expected,
        found=interval.after.credits,
        micros=_money(gap, interval.price),
        attempts=tuple(sorted({*involved})),
        explained_by=tuple(sorted(maybe)),
        hint=Hint.LIKELY_BILLED if maybe else rose,
    )
    return Compared(difference, dict.fromkeys(surely, Hint.LIKELY_BILLED))


# which of them add up


def _reachable(amounts: list[Credits], goal: int) -> bool:
    """Whether some of the amounts, or none, add up to the goal; by their bounds when they are too many."""
    sums = {0}
    for amount in amounts:
        sums |= {one + amount for one in sums}
        if len(sums) > MAX_SUMS:
            return sum(min(one, 0) for one in amounts) <= goal <= sum(max(one, 0) for one in amounts)
    return goal in sums


def _explanation(
    suspects: dict[str, frozenset[Credits]], doubtful: list[Credits], goal: int
) -> tuple[frozenset[str], frozenset[str]] | None:
    """The lost submits in every set that explains the goal, and those in any; None when no set does."""
    ways: dict[int, tuple[frozenset[str], frozenset[str]]] = {0: (frozenset(), frozenset())}
    for id, amounts in suspects.items():
        for total_so_far, (surely, maybe) in list(ways.items()):
            for amount in amounts:
                _join(ways, total_so_far + amount, surely | {id}, maybe | {id})
        if len(ways) > MAX_SUMS:
            return None
    found = [way for reached, way in ways.items() if reached and _reachable(doubtful, goal - reached)]
    if not found:
        return None
    return frozenset.intersection(*(surely for surely, _ in found)), frozenset.union(*(maybe for _, maybe in found))


def _join(
    ways: dict[int, tuple[frozenset[str], frozenset[str]]], reached: int, surely: frozenset[str], maybe: frozenset[str]
) -> None:
    """One more way to reach a sum: in all ways is what was in all before and is in this one."""
    if reached in ways:
        surely, maybe = surely & ways[reached][0], maybe | ways[reached][1]
    ways[reached] = (surely, maybe)


# the report


def report(
    since: Millis,
    until: Millis,
    accounts: tuple[str, ...],
    differences: Iterable[Difference],
    open_suspense: Iterable[OpenSuspense],
) -> Report:
    """All that was found, in order: by account, then by day."""
    ordered = tuple(sorted(differences, key=lambda one: (one.account, one.day, one.code, one.attempts)))
    return Report(
        first=day_of(since),
        last=day_of(until - 1),
        accounts=accounts,
        unexplained=sum(one.hint is None for one in ordered),
        differences=ordered,
        open_suspense=tuple(open_suspense),
    )


def suspense_of(attempt: Attempt, hint: Hint | None, now: Millis) -> OpenSuspense | None:
    """An attempt that stands in suspense, once that is older than a day or a balance says something about it."""
    credits = standing(attempt).suspense
    if attempt.state is not AttemptState.UNKNOWN or not credits or (hint is None and now - attempt.started_at < DAY):
        return None
    return OpenSuspense(
        attempt=attempt.id,
        video=attempt.video,
        account=attempt.account,
        day=day_of(attempt.started_at),
        credits=credits,
        hint=hint,
    )
