"""A job, and what can be seen of it at a moment: everything follows from when it began and when it ends."""

from enum import StrEnum

from msgspec import Struct, field

from gateway.sandbox.pace import NEVER
from gateway.sandbox.settings import Provider
from schema.clock import Millis

PENDING_UNTIL = 0.1
"""The share of its time that a job waits before it is worked on."""
FAILS_AT = 0.6
STRANGE = (0.3, 0.7)
"""Between these shares of its time a scripted job shows a status word nobody documented."""
SLUMP = (0.5, 0.7)
REASON = "Generation failed: the scene could not be rendered."


class Status(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


class Order(Struct, frozen=True, kw_only=True):
    """What was asked for, whoever the provider."""

    prompt: str
    aspect: str
    seconds: int
    quality: str = ""
    image_url: str | None = None
    webhook_url: str | None = None


class Delivery(Struct, frozen=True, kw_only=True):
    """One try to deliver one webhook; `answer` is the receiver's HTTP status, None if there was none."""

    at: Millis
    status: Status
    number: int
    answer: int | None
    error: str | None = None


class Job(Struct, kw_only=True, eq=False):
    id: str
    provider: Provider
    account: str
    order: Order
    script: frozenset[str]
    cost: int
    accepted_at: Millis
    began: float
    ends: float
    span: float
    """What its length would be if nothing went wrong; `ends` may be earlier, or never."""
    polls: int = 0
    urls_asked: int = 0
    file_reads: int = 0
    refunded: int = 0
    deliveries: list[Delivery] = field(default_factory=list)

    @property
    def fails(self) -> bool:
        return "fail" in self.script


class Look(Struct, frozen=True):
    """A job at a moment, in the provider's words."""

    status: str
    progress: int
    left: float
    """Simulated milliseconds to the end."""

    @property
    def is_completed(self) -> bool:
        return self.status == Status.COMPLETED


def end_of(script: frozenset[str], began: float, span: float) -> float:
    if "stuck" in script:
        return NEVER
    if "instant" in script or "early-webhook" in script:
        return began
    return began + span * (FAILS_AT if "fail" in script else 1.0)


def look(job: Job, moment: float) -> Look:
    share = _share(job, moment)
    if moment >= job.ends:
        return Look(Status.FAILED, _progress(job, FAILS_AT), 0.0) if job.fails else Look(Status.COMPLETED, 100, 0.0)
    return Look(_word(job, share), _progress(job, share), max(0.0, job.began + job.span - moment))


def _share(job: Job, moment: float) -> float:
    return min(0.99, (moment - job.began) / job.span) if job.span else 0.99


def _word(job: Job, share: float) -> str:
    if "unknown-status" in job.script and STRANGE[0] <= share < STRANGE[1]:
        return "rendering"
    return Status.PENDING if share < PENDING_UNTIL else Status.PROCESSING


def _progress(job: Job, share: float) -> int:
    slump = 40 if "regress" in job.script and SLUMP[0] <= share < SLUMP[1] else 0
    return int(share * 100) - slump
