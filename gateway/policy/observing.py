"""What the latest attempts at an account say: how long they waited, how long they took, how many gave a video."""

import math
from collections.abc import Iterable, Sequence

import msgspec

from gateway.policy.bookkeeping import kind_of
from schema.attempt import Attempt
from schema.clock import Millis
from schema.errors import FailureKind
from schema.lifecycle import AttemptState
from schema.video import Video

KEPT = 100
"""Samples of one account and kind of video; older ones say little about today."""

ENOUGH_FOR_FASTEST = 5
ENOUGH_FOR_SPAN = 20
"""So many samples make the fastest tenth, and the slowest twentieth, worth believing."""

_SAYS_NOTHING = frozenset({FailureKind.CONTENT_REJECTED, FailureKind.INVALID_REQUEST})


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """How one attempt ended.

    Attributes:
        kind: of video, as ``kind_of`` names it.
        queue_ms: from the video's acceptance until the attempt began.
        make_ms: from then until the video was made; None when none was.
    """

    account: str
    kind: str
    queue_ms: Millis
    make_ms: Millis | None = None
    made: bool


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Of some times: the fastest tenth, the median, and what one of twenty exceeds (milliseconds); how many."""

    p10: Millis
    p50: Millis
    p95: Millis
    count: int


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What some attempts showed; a spread is None when there are no times."""

    made: int = 0
    failed: int = 0
    queue: Spread | None = None
    make: Spread | None = None

    @property
    def success_rate(self) -> float | None:
        """The share that gave a video, from 0 to 1; None when nothing was observed."""
        tried = self.made + self.failed
        return self.made / tried if tried else None

    @property
    def fast_ms(self) -> Millis | None:
        """What only the fastest tenth took no longer than; None while there are too few to say."""
        return self.make.p10 if self.make is not None and self.make.count >= ENOUGH_FOR_FASTEST else None


NOTHING = Observed()


def sample_of(attempt: Attempt, video: Video, now: Millis) -> Sample | None:
    """What the end of an attempt says; None when it says nothing about its account.

    One that was refused was never begun, one whose content was rejected or that an operator voided tells no time.
    """
    reason = None if attempt.reason is None else attempt.reason.code
    voided = attempt.state is AttemptState.FAILED and reason is FailureKind.LOST
    begun = attempt.state in (AttemptState.SUCCEEDED, AttemptState.UNKNOWN) or attempt.ref is not None
    if not begun or voided or reason in _SAYS_NOTHING:
        return None
    made = attempt.state is AttemptState.SUCCEEDED
    return Sample(
        account=attempt.account,
        kind=kind_of(video.spec),
        queue_ms=max(attempt.started_at - video.created_at, 0),
        make_ms=max(now - attempt.started_at, 0) if made else None,
        made=made,
    )


def percentile(in_order: Sequence[Millis], share: float) -> Millis:
    """The smallest of some times, in order, that so large a share does not exceed; there is one at least."""
    return in_order[max(math.ceil(share * len(in_order)) - 1, 0)]


def spread(times: Iterable[Millis]) -> Spread | None:
    """The percentiles of some times."""
    in_order = sorted(times)
    if not in_order:
        return None
    p10, p50, p95 = (percentile(in_order, share) for share in (0.1, 0.5, 0.95))
    return Spread(p10=p10, p50=p50, p95=p95, count=len(in_order))


def observed(samples: Sequence[Sample]) -> Observed:
    """What some samples show together."""
    made = sum(one.made for one in samples)
    return Observed(
        made=made,
        failed=len(samples) - made,
        queue=spread(one.queue_ms for one in samples),
        make=spread(one.make_ms for one in samples if one.make_ms is not None),
    )


class Observations(msgspec.Struct, frozen=True, kw_only=True):
    """What is observed of one account, in all and by kind of video."""

    all: Observed = NOTHING
    kinds: dict[str, Observed] = {}


UNSEEN = Observations()


def by_account(samples: Sequence[Sample]) -> dict[str, Observations]:
    """What was observed of every account."""
    grouped: dict[str, list[Sample]] = {}
    for one in samples:
        grouped.setdefault(one.account, []).append(one)
    return {account: _observations(some) for account, some in grouped.items()}


def _observations(samples: list[Sample]) -> Observations:
    kinds = sorted({one.kind for one in samples})
    return Observations(
        all=observed(samples), kinds={kind: observed([one for one in samples if one.kind == kind]) for kind in kinds}
    )


def slot_span(worst: int, make: Spread | None) -> Millis:
    """How long an attempt whose outcome is unknown still counts against its account's concurrency.

    Args:
        worst: how long its provider's videos take at worst, as it says (seconds).
        make: how long they took.
    """
    said = 3 * worst * 1000
    if make is None or make.count < ENOUGH_FOR_SPAN:
        return said
    return min(said, 2 * make.p95)
