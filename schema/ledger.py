"""The ledger's words: entries of postings that sum to zero per unit, and the accounts they name.

An entry is never changed. What a tenant or a provider account stands at is the sum of its postings (DESIGN, section 3).
"""

from enum import StrEnum

import msgspec

from schema.clock import Millis
from schema.money import CURRENCY, Credits, Micros


class EntryKind(StrEnum):
    TOP_UP = "top_up"  # an operator gives a prepaid tenant money to spend
    HOLD = "hold"  # set aside for a video: the most it may cost
    CAPTURE = "capture"  # what it cost, out of its hold
    RELEASE = "release"  # the rest of its hold, given back
    ADJUST = "adjust"  # an operator's correction
    COST = "cost"  # what a provider bills us for an attempt
    SUSPENSE = "suspense"  # what it may have billed us, while nobody knows; and the end of that


TENANTS_KINDS = (EntryKind.TOP_UP, EntryKind.HOLD, EntryKind.CAPTURE, EntryKind.RELEASE, EntryKind.ADJUST)
"""What a tenant sees of the ledger: what providers cost us is ours."""

MICROS_UNIT = "micros"
FUNDING = "funding"
"""Where tenants' money comes from, and goes back to."""


def credits_unit(account: str) -> str:
    """The unit of one provider account's credits: those of two accounts do not compare."""
    return f"credits:{account}"


def available(tenant: str) -> str:
    """What a prepaid tenant can still spend; never below zero."""
    return f"tenant:{tenant}:available"


def owed(tenant: str) -> str:
    """What a postpaid tenant has drawn; its negative is what it owes, or will."""
    return f"tenant:{tenant}:owed"


def held(tenant: str) -> str:
    """Set aside for videos that have not ended."""
    return f"tenant:{tenant}:held"


def spent(tenant: str) -> str:
    """What its videos have cost it."""
    return f"tenant:{tenant}:spent"


def cost(account: str) -> str:
    """What a provider account has billed us for, as it says or as we estimate."""
    return f"cost:{account}"


def suspense(account: str) -> str:
    """What it may have billed us for: submits whose outcome nobody knows."""
    return f"suspense:{account}"


def billed(account: str) -> str:
    """The other side of both."""
    return f"provider:{account}"


def short_name(account: str, tenant: str) -> str:
    """An account as its tenant knows it: ``tenant:acme:held`` is ``held`` to acme."""
    return account.removeprefix(f"tenant:{tenant}:")


class Posting(msgspec.Struct, frozen=True):
    """An amount, which may be negative, in one unit on one account of the ledger."""

    account: str
    unit: str
    amount: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Postings that belong together.

    Attributes:
        tenant, video, attempt: whom and what it is about.
        account: the provider account, for costs and suspense.
        actor, note: who asked for it and why, when a person did.
        once: what must not be booked twice.
    """

    id: str
    kind: EntryKind
    at: Millis
    postings: tuple[Posting, ...]
    tenant: str | None = None
    video: str | None = None
    attempt: str | None = None
    account: str | None = None
    actor: str | None = None
    note: str | None = None
    once: str | None = None


class Unbalanced(Exception):
    """A bug: somebody asked for an entry whose postings do not sum to zero. It is refused, with its transaction."""


def check_balanced(postings: tuple[Posting, ...]) -> None:
    """Raises Unbalanced unless there are postings and they sum to zero in every unit."""
    sums: dict[str, int] = {}
    for posting in postings:
        sums[posting.unit] = sums.get(posting.unit, 0) + posting.amount
    if not postings or any(sums.values()):
        raise Unbalanced(f"postings must sum to zero in every unit, and give {sums}")


class Budget(msgspec.Struct, frozen=True):
    """What a tenant may commit in a period (``2026-11-20``, ``2026-11``, UTC), and what it has, micros."""

    period: str
    limit: Micros
    used: Micros


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """How a tenant stands, micros.

    Attributes:
        balance: what a prepaid tenant has, without what is held; None for one that pays afterwards.
        available: what it can still spend now, on its balance and of its budgets; None without a limit.
        held: set aside for videos that have not ended.
        spent: what its videos have cost so far.
        budgets: those of now, the longest first.
    """

    currency: str = CURRENCY
    balance: Micros | None
    available: Micros | None
    held: Micros
    spent: Micros
    budgets: tuple[Budget, ...] = ()


class Booked(msgspec.Struct, frozen=True):
    """What an attempt stands for in the ledger, in its account's credits."""

    cost: Credits = 0
    suspense: Credits = 0
