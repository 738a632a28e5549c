"""What the gateway answers, as far as the command line reads it. Fields it does not know it leaves alone."""

from typing import Any

import msgspec

from schema.image import ImageType
from schema.money import CreditRange, MicrosRange
from schema.video import Adjustment, VideoErrorCode

_MADE_BY_PROVIDER = frozenset(
    {
        VideoErrorCode.GENERATION_FAILED,
        VideoErrorCode.PROVIDER_INCOMPLETE,
        VideoErrorCode.SUBMISSION_OUTCOME_UNKNOWN,
        VideoErrorCode.DEADLINE_EXCEEDED,
        VideoErrorCode.ASSET_LOST,
    }
)


class Error(msgspec.Struct, frozen=True):
    """Why a video failed."""

    code: str
    message: str = ""


class Cost(msgspec.Struct, frozen=True):
    """What it costs, in micros."""

    quoted_micros: int | None = None
    held_micros: int | None = None
    charged_micros: int | None = None
    currency: str | None = None


class ExtraOutput(msgspec.Struct, frozen=True):
    """A file that came when the video had ended; ``size`` in bytes."""

    attempt: str
    size: int = 0
    created_at: int | None = None


class Progress(msgspec.Struct, frozen=True):
    """``gateway`` of a video: what OpenAI's shape has no word for."""

    substate: str | None = None
    provider: str | None = None
    account: str | None = None
    queue_position: int | None = None
    eta_seconds: float | None = None
    cost: Cost | None = None
    provider_may_still_bill: bool = False
    credits: int | None = None
    adjustments: tuple[Adjustment, ...] = ()
    extra_outputs: tuple[ExtraOutput, ...] = ()


class Video(msgspec.Struct, frozen=True, kw_only=True):
    """A video, as REST shows it."""

    id: str
    status: str
    progress: int = 0
    created_at: int | None = None
    completed_at: int | None = None
    expires_at: int | None = None
    model: str | None = None
    prompt: str | None = None
    seconds: str | None = None
    size: str | None = None
    aspect_ratio: str | None = None
    quality: str | None = None
    error: Error | None = None
    gateway: Progress = Progress()

    @property
    def ended(self) -> bool:
        return self.status in {"completed", "failed", "canceled"}

    @property
    def failed_by_provider(self) -> bool:
        return self.error is not None and self.error.code in _MADE_BY_PROVIDER


class Deleted(msgspec.Struct, frozen=True):
    """What is no more."""

    id: str


class ContentLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link to a file; ``expires_at`` in seconds since the epoch."""

    url: str
    expires_at: int


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """A picture to start videos from."""

    id: str
    bytes: int
    media_type: ImageType
    width: int
    height: int
    sha256: str
    created_at: int
    expires_at: int


class ImagePage(msgspec.Struct, frozen=True):
    """A list of pictures, and whether there are more behind ``last_id``."""

    data: tuple[Image, ...]
    has_more: bool = False
    last_id: str | None = None


class Page(msgspec.Struct, frozen=True):
    """A list of videos, and whether there are more behind ``last_id``."""

    data: tuple[Video, ...]
    has_more: bool = False
    last_id: str | None = None


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Videos that were accepted together, and what the other wishes lacked: micros, and places among those who wait."""

    id: str
    wished: int
    accepted: int
    missing_micros: int = 0
    missing_places: int = 0
    videos: tuple[Video, ...] = ()


class Reason(msgspec.Struct, frozen=True):
    """Why an account was left out, or is not the first; ``until`` in milliseconds since the epoch."""

    code: str
    params: dict[str, Any] = {}
    until: int | None = None


class Change(msgspec.Struct, frozen=True):
    """One thing to change, and who can; ``to`` is None where it is to be left out."""

    field: str
    to: str | int | None = None
    by: str = ""


class Remedy(msgspec.Struct, frozen=True):
    """The smallest change after which ``account`` could make a video."""

    account: str
    changes: tuple[Change, ...] = ()


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An account as a decision saw it; ``expected`` in micros."""

    account: str
    provider: str
    credits: CreditRange
    price: MicrosRange | None = None
    expected: int | None = None
    excluded: tuple[Reason, ...] = ()
    outranked: Reason | None = None
    adjustments: tuple[Adjustment, ...] = ()
    scores: dict[str, float] = {}


class Route(msgspec.Struct, frozen=True):
    """A routing decision; ``at`` in milliseconds since the epoch."""

    at: int
    strategy: str
    candidates: tuple[Candidate, ...]
    policy: int | None = None
    rule: int | None = None
    remedy: Remedy | None = None


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """What a video would cost, in micros; ``expires_at`` in seconds since the epoch."""

    id: str | None
    expires_at: int
    currency: str
    account: str
    provider: str
    low_micros: int | None
    high_micros: int | None
    expected_micros: int | None = None
    missing_micros: int = 0
    decision: Route


class Budget(msgspec.Struct, frozen=True):
    """What may be committed in a period, and what is, in micros."""

    period: str
    limit_micros: int
    used_micros: int


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """How a tenant stands, in micros.

    Attributes:
        balance_micros: what a prepaid tenant has; None for one that pays afterwards.
        available_micros: None without a limit.
    """

    currency: str
    mode: str
    balance_micros: int | None = None
    available_micros: int | None
    held_micros: int
    spent_micros: int
    budgets: tuple[Budget, ...] = ()


class Posting(msgspec.Struct, frozen=True):
    """An amount on one account of the ledger, negative when it went."""

    account: str
    unit: str
    amount: int


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Postings that belong together; ``created_at`` in seconds since the epoch."""

    id: str
    kind: str
    video_id: str | None
    created_at: int
    note: str | None
    postings: tuple[Posting, ...]


class LedgerPage(msgspec.Struct, frozen=True):
    """Some entries, and whether there are more behind ``last_id``."""

    data: tuple[LedgerEntry, ...]
    has_more: bool = False
    last_id: str | None = None


class Difference(msgspec.Struct, frozen=True):
    """A difference as the gateway tells it, as far as it is shown."""

    code: str
    account: str
    day: str
    expected: int
    found: int
    attempts: tuple[str, ...]
    hint: str | None = None
    explained_by: tuple[str, ...] = ()


class Waiting(msgspec.Struct, frozen=True):
    """A submit whose outcome nobody knows."""

    attempt: str
    account: str
    day: str
    credits: int
    hint: str | None = None


class Reconciled(msgspec.Struct, frozen=True):
    """The answer, as far as it is shown."""

    first: str
    last: str
    accounts: tuple[str, ...]
    unexplained: int
    differences: tuple[Difference, ...]
    open_suspense: tuple[Waiting, ...]


class FieldProblem(msgspec.Struct, frozen=True):
    """One field that is wrong, in the body (a JSON pointer), in the query or the path, or in the headers."""

    detail: str = ""
    pointer: str = ""
    parameter: str = ""
    header: str = ""

    @property
    def field(self) -> str:
        """Which one, in words: ``#/gateway/only/0`` is ``gateway.only[0]``."""
        return _words(self.pointer) if self.pointer else self.parameter or self.header


def _words(pointer: str) -> str:
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.removeprefix("#").split("/")[1:]]
    return "".join(f"[{step}]" if step.isdecimal() else f".{step}" for step in steps).lstrip(".") or "body"


class Problem(msgspec.Struct, frozen=True):
    """An error, problem+json."""

    code: str = ""
    detail: str = ""
    title: str = ""
    request_id: str | None = None
    errors: tuple[FieldProblem, ...] = ()
    remedy: Remedy | None = None
