"""The sandbox's books: what it was asked, what it made, what it billed. Tests compare a gateway's books with these."""

from collections import Counter

from msgspec import Struct

from gateway.sandbox.jobs import Delivery
from gateway.sandbox.settings import Provider
from schema.clock import Millis


class Submission(Struct, frozen=True, kw_only=True):
    """One create call, as it came. Written in the same instant as the bill; the answer may still be lost."""

    provider: Provider
    account: str | None
    at: Millis
    idempotency_key: str | None
    body_sha256: str
    prompt: str | None
    accepted: bool
    replayed: bool = False
    job: str | None = None
    billed: int = 0
    outcome: str
    """`accepted`, or the reason it was refused."""
    fault: str | None = None
    """The marker that spoilt it."""


class JobTruth(Struct, frozen=True, kw_only=True):
    id: str
    provider: Provider
    account: str
    prompt: str
    aspect_ratio: str
    seconds: int
    image_url: str | None
    status: str
    accepted_at: Millis
    ends_at: Millis | None
    billed: int
    refunded: int
    file_reads: int
    deliveries: list[Delivery]


class Refusing(Struct, frozen=True, kw_only=True):
    """A call that went over a limit."""

    at: Millis
    limit: str


class AccountTruth(Struct, frozen=True, kw_only=True):
    name: str
    provider: Provider
    credits: int
    billed: int
    refunded: int
    running: int
    peak_running: int
    uploads: int
    """Pictures it took."""
    violations: dict[str, int]
    """How many calls went over each limit: `per_minute`, `per_day`, `concurrent`."""
    counted: list[Millis]
    """When each call came that was counted against the minute and the day."""
    over: list[Refusing]
    """Each call that went over a limit."""


class Totals(Struct, frozen=True, kw_only=True):
    """The books in a few numbers, cheap to ask for after a hundred thousand jobs."""

    submissions: int
    accepted: int
    replayed: int
    jobs: int
    billed: int
    refunded: int


class Truth(Struct, frozen=True, kw_only=True):
    submissions: list[Submission]
    jobs: list[JobTruth]
    accounts: list[AccountTruth]
    calls: dict[str, int]
    totals: Totals


class Books:
    """What only grows: the submissions, and the calls by route."""

    def __init__(self) -> None:
        self.submissions: list[Submission] = []
        self.calls: Counter[str] = Counter()
