"""What is wrong in the books: every check of the ledger against videos, attempts and itself. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from gateway.policy import bookkeeping
from schema import ledger
from schema.attempt import Attempt
from schema.clock import Millis
from schema.ids import ENTRY, first_of
from schema.ledger import MICROS_UNIT, Entry, EntryKind
from schema.lifecycle import LIVE
from schema.money import Micros
from schema.video import Video

AHEAD = 600_000
"""Milliseconds an entry may lie in our future: another replica's clock made it."""

Sums = dict[tuple[str, str], int]
"""(account of the ledger, unit) → an amount."""


class FindingCode(StrEnum):
    UNBALANCED = "unbalanced"
    IMPLAUSIBLE_TIME = "implausible_time"
    NO_SUCH_VIDEO = "no_such_video"
    NO_SUCH_ATTEMPT = "no_such_attempt"
    BALANCE_DIFFERS = "balance_differs"
    BELOW_ZERO = "below_zero"
    HOLD_DIFFERS = "hold_differs"
    HELD_AFTER_END = "held_after_end"
    CAPTURED_TWICE = "captured_twice"
    CAPTURED_ABOVE_HOLD = "captured_above_hold"
    CHARGE_DIFFERS = "charge_differs"
    SPENDING_DIFFERS = "spending_differs"
    COST_DIFFERS = "cost_differs"


_SAYS = {
    FindingCode.UNBALANCED: "an entry's postings do not sum to zero",
    FindingCode.IMPLAUSIBLE_TIME: "an entry's time does not fit its id, or lies in the future",
    FindingCode.NO_SUCH_VIDEO: "an entry names a video that is not there",
    FindingCode.NO_SUCH_ATTEMPT: "an entry names an attempt that is not there",
    FindingCode.BALANCE_DIFFERS: "a balance is not the sum of the postings",
    FindingCode.BELOW_ZERO: "a tenant has spent what it did not have",
    FindingCode.HOLD_DIFFERS: "what is held for a video is not what its entries leave",
    FindingCode.HELD_AFTER_END: "a video that ended still holds money",
    FindingCode.CAPTURED_TWICE: "a video was charged more than once",
    FindingCode.CAPTURED_ABOVE_HOLD: "a video was charged more than was held for it",
    FindingCode.CHARGE_DIFFERS: "what a video says it cost is not what was captured",
    FindingCode.SPENDING_DIFFERS: "what counts towards a budget is not what its videos commit",
    FindingCode.COST_DIFFERS: "what is booked for an attempt is not what it stands for",
}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that must not be.

    Attributes:
        where: what it is about: ids by what they name.
        expected, found: amounts in ``where``'s unit (micros unless it names one), or counts, or ids.
    """

    code: FindingCode
    what: str
    where: dict[str, str]
    expected: int | str | None = None
    found: int | str | None = None


def finding(code: FindingCode, *, expected: int | str | None, found: int | str | None, **where: str) -> Finding:
    """A finding with its sentence."""
    return Finding(code=code, what=_SAYS[code], where=where, expected=expected, found=found)


# entries by themselves


def of_entry(entry: Entry, now: Millis) -> list[Finding]:
    """An entry balances, and was made when its id says, which is not in the future."""
    found = [
        finding(FindingCode.UNBALANCED, expected=0, found=amount, entry=entry.id, unit=unit)
        for unit, amount in _by_unit(entry).items()
        if amount
    ]
    if not entry.postings:
        found.append(finding(FindingCode.UNBALANCED, expected="postings", found="none", entry=entry.id))
    latest = now + AHEAD
    if entry.at > latest or not _made_at(entry.id, entry.at):
        found.append(
            finding(FindingCode.IMPLAUSIBLE_TIME, expected=_day(min(entry.at, latest)), found=entry.at, entry=entry.id)
        )
    return found


def _by_unit(entry: Entry) -> dict[str, int]:
    sums: dict[str, int] = {}
    for posting in entry.postings:
        sums[posting.unit] = sums.get(posting.unit, 0) + posting.amount
    return sums


def _made_at(id: str, at: Millis) -> bool:
    return ENTRY + first_of(at) <= id < ENTRY + first_of(at + 1)


def _day(moment: Millis) -> str:
    return f"{datetime.fromtimestamp(moment / 1000, UTC):%Y-%m-%d}"


# sums


def add_up(sums: Sums, entries: Iterable[Entry]) -> None:
    """Add the entries' postings to the sums."""
    for entry in entries:
        for posting in entry.postings:
            key = (posting.account, posting.unit)
            sums[key] = sums.get(key, 0) + posting.amount


def of_balances(sums: Sums, balances: Sums) -> list[Finding]:
    """The balances are the sums of all postings, and nobody has less than nothing available."""
    differing = sorted(key for key in {*sums, *balances} if sums.get(key, 0) != balances.get(key, 0))
    found = [
        finding(
            FindingCode.BALANCE_DIFFERS,
            expected=sums.get(key, 0),
            found=balances.get(key, 0),
            account=key[0],
            unit=key[1],
        )
        for key in differing
    ]
    for (account, unit), amount in sorted(sums.items()):
        if amount < 0 and account == ledger.available(account.removeprefix("tenant:").removesuffix(":available")):
            found.append(finding(FindingCode.BELOW_ZERO, expected=0, found=amount, account=account, unit=unit))
    return found


# videos


def of_video(video: Video, attempts: list[Attempt], entries: list[Entry]) -> list[Finding]:
    """What was held for a video was captured once, released, or is still held; and for the right reason."""
    amounts = [(entry.kind, _into(entry, video)) for entry in entries]
    holds, captures, releases = (
        [amount for kind, amount in amounts if kind is wanted]
        for wanted in (EntryKind.HOLD, EntryKind.CAPTURE, EntryKind.RELEASE)
    )
    left = sum(holds) + sum(captures) + sum(releases)
    captured = -sum(captures)
    checks = [
        (FindingCode.HOLD_DIFFERS, left, video.held or 0, left == (video.held or 0)),
        (FindingCode.CAPTURED_TWICE, 1, len(captures), len(captures) <= 1),
        (FindingCode.CAPTURED_ABOVE_HOLD, sum(holds), captured, captured <= sum(holds)),
        (FindingCode.CHARGE_DIFFERS, captured, video.charged or 0, captured == (video.charged or 0)),
        (FindingCode.HELD_AFTER_END, 0, video.held or 0, not video.held or _may_hold(video, attempts)),
    ]
    return [
        finding(code, expected=expected, found=found, tenant=video.tenant, video=video.id)
        for code, expected, found, fine in checks
        if not fine
    ]


def _into(entry: Entry, video: Video) -> Micros:
    """What an entry adds to what its video holds."""
    held = ledger.held(video.tenant)
    return sum(posting.amount for posting in entry.postings if (posting.account, posting.unit) == (held, MICROS_UNIT))


def _may_hold(video: Video, attempts: list[Attempt]) -> bool:
    """Until it ends; one that its tenant gave up as long as an upstream may be at it."""
    if not video.ended:
        return True
    return video.given_up and any(attempt.state in LIVE for attempt in attempts)


# attempts


def of_attempt(attempt: Attempt, entries: list[Entry]) -> list[Finding]:
    """What its entries sum to is what it stands for, in credits, and in money at its price."""
    standing = bookkeeping.booked(attempt)
    sums: Sums = {}
    add_up(sums, entries)
    cost, suspense, billed = (make(attempt.account) for make in (ledger.cost, ledger.suspense, ledger.billed))
    due = {cost: standing.cost, suspense: standing.suspense, billed: -standing.cost - standing.suspense}
    expected: Sums = {(name, ledger.credits_unit(attempt.account)): amount for name, amount in due.items()}
    if attempt.price:
        expected |= {(name, MICROS_UNIT): amount * attempt.price for name, amount in due.items()}
    return [
        finding(
            FindingCode.COST_DIFFERS,
            expected=expected.get(key, 0),
            found=sums.get(key, 0),
            video=attempt.video,
            attempt=attempt.id,
            account=key[0],
            unit=key[1],
        )
        for key in sorted({*sums, *expected})
        if sums.get(key, 0) != expected.get(key, 0)
    ]
