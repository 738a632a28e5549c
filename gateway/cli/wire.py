"""What the gateway answers, as far as the command line reads it. Fields it does not know it leaves alone."""

from typing import Any

import msgspec

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


class Progress(msgspec.Struct, frozen=True):
    """``gateway`` of a video: what OpenAI's shape has no word for."""

    substate: str | None = None
    provider: str | None = None
    account: str | None = None
    queue_position: int | None = None
    eta_seconds: float | None = None
    cost: Cost | None = None
    credits: int | None = None
    adjustments: tuple[Adjustment, ...] = ()


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


class Page(msgspec.Struct, frozen=True):
    """A list of videos, and whether there are more behind ``last_id``."""

    data: tuple[Video, ...]
    has_more: bool = False
    last_id: str | None = None


class Reason(msgspec.Struct, frozen=True):
    """Why an account was not a candidate; ``until`` in milliseconds since the epoch."""

    code: str
    params: dict[str, Any] = {}
    until: int | None = None


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An account as a decision saw it."""

    account: str
    provider: str
    credits: CreditRange
    price: MicrosRange | None = None
    excluded: tuple[Reason, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    scores: dict[str, float] = {}


class Route(msgspec.Struct, frozen=True):
    """A routing decision; ``at`` in milliseconds since the epoch."""

    at: int
    strategy: str
    candidates: tuple[Candidate, ...]


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
