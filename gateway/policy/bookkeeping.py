"""Which postings a change means. Pure: what was, what is, and the difference goes into the ledger."""

from datetime import UTC, datetime

import msgspec

from schema import ledger
from schema.attempt import Attempt, Verdict
from schema.clock import Millis
from schema.errors import FailureKind
from schema.ledger import MICROS_UNIT, Booked, EntryKind, Posting
from schema.lifecycle import AttemptState
from schema.money import Credits, Micros
from schema.tenant import Funding, FundingMode
from schema.video import Quality, VideoSpec

NOTHING = Booked()


class Draft(msgspec.Struct, frozen=True):
    """An entry before it has an id: its kind and its postings."""

    kind: EntryKind
    postings: tuple[Posting, ...]


# tenants


def source(tenant: str, funding: Funding) -> str:
    """The account of the ledger a tenant's holds are drawn from."""
    return ledger.available(tenant) if funding.mode is FundingMode.PREPAID else ledger.owed(tenant)


def transfer(kind: EntryKind, amount: Micros, *, out_of: str, into: str) -> Draft:
    """Money from one account of the ledger to another."""
    return Draft(kind, (Posting(out_of, MICROS_UNIT, -amount), Posting(into, MICROS_UNIT, amount)))


def settlement(tenant: str, held_from: str, held: Micros, charge: Micros) -> list[Draft]:
    """A hold resolved: what the video cost is captured, the rest goes back. ``0 <= charge <= held``."""
    drafts: list[Draft] = []
    if charge:
        drafts.append(
            transfer(EntryKind.CAPTURE, charge, out_of=ledger.held(tenant), into=ledger.spent(tenant)),
        )
    if held > charge:
        drafts.append(transfer(EntryKind.RELEASE, held - charge, out_of=ledger.held(tenant), into=held_from))
    return drafts


# what providers bill


def booked(attempt: Attempt) -> Booked:
    """What an attempt stands for in the ledger.

    A provider bills when it accepts (upstreams, rows V16 and D12), so the cost is booked then, at what is expected
    until it reports one. While an outcome is unknown the most it may have billed stands in suspense.
    """
    if attempt.expected is None:
        return NOTHING
    match attempt.state:
        case AttemptState.RUNNING | AttemptState.SUCCEEDED:
            return Booked(cost=_cost(attempt))
        case AttemptState.UNKNOWN:
            return Booked(suspense=max(attempt.credits_high, attempt.credits or 0))
        case AttemptState.FAILED:
            return Booked(cost=_cost_of_failure(attempt))
        case _:
            return NOTHING


def _cost(attempt: Attempt) -> Credits:
    return attempt.credits if attempt.credits is not None else attempt.expected or 0


def _cost_of_failure(attempt: Attempt) -> Credits:
    """What was never accepted costs what an operator says it did; the rest is billed unless the provider refunds it."""
    voided = attempt.reason is not None and attempt.reason.code is FailureKind.LOST
    if voided or attempt.verdict is not Verdict.ACCEPTED:
        return attempt.credits or 0
    return 0 if attempt.refunds else _cost(attempt)


def change(before: Booked, after: Booked, *, account: str, price: Micros | None) -> Draft | None:
    """The entry that takes an attempt from one standing to another; None when nothing changes."""
    cost, suspense = after.cost - before.cost, after.suspense - before.suspense
    if not cost and not suspense:
        return None
    moves = [
        (ledger.cost(account), cost),
        (ledger.suspense(account), suspense),
        (ledger.billed(account), -cost - suspense),
    ]
    postings = [Posting(name, ledger.credits_unit(account), amount) for name, amount in moves if amount]
    if price:
        postings += [Posting(name, MICROS_UNIT, amount * price) for name, amount in moves if amount]
    return Draft(EntryKind.SUSPENSE if suspense else EntryKind.COST, tuple(postings))


def charge(attempt: Attempt, held: Micros) -> Micros | None:
    """What a tenant pays for the video an attempt made; None without a price.

    Its cost, never above the top that was quoted for its account, nor above what is held.
    """
    return None if attempt.price is None else min(min(_cost(attempt), attempt.credits_high) * attempt.price, held)


# estimates


def kind_of(spec: VideoSpec) -> str:
    """Videos of one kind cost about the same: ``8/standard``, ``auto/high``."""
    return f"{spec.seconds or 'auto'}/{spec.quality or Quality.STANDARD}"


# budgets


def periods(funding: Funding, moment: Millis) -> list[tuple[str, Micros]]:
    """The budgets that a video accepted at this moment counts towards: period and limit, the longest first."""
    day = datetime.fromtimestamp(moment / 1000, UTC)
    budgets = ((f"{day:%Y-%m}", funding.per_month), (f"{day:%Y-%m-%d}", funding.per_day))
    return [(period, limit) for period, limit in budgets if limit is not None]


def span(period: str) -> tuple[Millis, Millis]:
    """When a period (``2026-11``, ``2026-11-20``) begins, and when it is over."""
    parts = [int(part) for part in period.split("-")]
    if len(parts) == 3:  # year, month, day
        begin = datetime(parts[0], parts[1], parts[2], tzinfo=UTC)
        return _millis(begin), _millis(begin) + 24 * 3_600_000
    year, month = parts
    begin = datetime(year, month, 1, tzinfo=UTC)
    return _millis(begin), _millis(datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC))


def warning(funding: Funding, limit: Micros, used: Micros, warned: int) -> int | None:
    """The highest share of a budget, in percent, that is reached and has not been told."""
    reached = [share for share in funding.warn_percent if share > warned and used * 100 >= limit * share]
    return max(reached, default=None)


def _millis(moment: datetime) -> Millis:
    return int(moment.timestamp()) * 1000
