"""A receipt: what became of a video, and why, and at what price; plain enough to be signed, so without fractions."""

from itertools import pairwise
from typing import Annotated, Final, Literal

import msgspec

from schema.attempt import Verdict
from schema.clock import Millis
from schema.errors import FailureKind
from schema.frame import FrameEnd
from schema.ids import ATTEMPT, VIDEO, pattern
from schema.lifecycle import AttemptState, VideoStatus
from schema.money import CURRENCY
from schema.quote import ReasonCode
from schema.video import (
    MAX_PROMPT,
    Adjustment,
    AspectRatio,
    OnMaxWait,
    OnUnknown,
    OnUnsupported,
    Priority,
    Quality,
    Strategy,
)

VERSION: Final = 1
LARGEST = 2**53 - 1
"""The largest whole number every JSON reader keeps: canonical JSON has none beyond it (RFC 8785, 3.2.2.3)."""

_Name = Annotated[str, msgspec.Meta(max_length=64)]
_Word = Annotated[str, msgspec.Meta(max_length=512)]
_Url = Annotated[str, msgspec.Meta(max_length=2048)]
_Names = Annotated[tuple[_Name, ...], msgspec.Meta(max_length=32)]
_AttemptId = Annotated[str, msgspec.Meta(pattern=pattern(ATTEMPT), max_length=30)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=LARGEST)]
_Money = _Count
Moment = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", max_length=24)]
"""ISO 8601, UTC, milliseconds."""


class AskedReuse(msgspec.Struct, frozen=True, kw_only=True):
    """The file of an equal wish would do, if it was completed no longer ago than that."""

    within_seconds: _Count


class AskedRouting(msgspec.Struct, frozen=True, kw_only=True):
    """How the video was to be routed, as asked; null leaves it to the tenant's policy.

    Attributes:
        only, exclude: account ids or provider names.
    """

    only: _Names
    exclude: _Names
    strategy: Strategy | None
    max_cost_micros: _Money | None
    deadline_seconds: _Count | None
    cancel_after_seconds: _Count | None
    on_unsupported: OnUnsupported | None
    on_unknown: OnUnknown | None
    quote_id: _Word | None
    max_wait_seconds: _Count | None
    on_max_wait: OnMaxWait | None
    priority: Priority | None
    reuse: AskedReuse | None = None


class AskedFrame(msgspec.Struct, frozen=True, kw_only=True):
    """The video it started from, and which frame of it."""

    video_id: Annotated[str, msgspec.Meta(pattern=pattern(VIDEO), max_length=32)]
    frame: FrameEnd


class AskedImage(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of the tenant's own, to start from.

    Attributes:
        sha256: of its bytes; null when the wish named it by its id.
    """

    id: _Name
    sha256: _Name | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The wish, before anything was bent."""

    prompt: Annotated[str, msgspec.Meta(max_length=MAX_PROMPT)]
    model: _Name
    aspect_ratio: AspectRatio | None
    seconds: _Count | None
    quality: Quality | None
    image_url: _Url | None
    image: AskedImage | None = None
    video: AskedFrame | msgspec.UnsetType = msgspec.UNSET
    routing: AskedRouting


class ReceiptCandidate(msgspec.Struct, frozen=True, kw_only=True):
    """One account as the last decision saw it.

    Attributes:
        able: it could make the video at once.
        reasons: what stood against it; empty when able.
        outranked: why it was not the first, although able; null for the first, and for those excluded.
        price_low_micros, price_high_micros: what it would have cost; null when the account has no price.
    """

    account: _Name
    provider: _Name
    able: bool
    reasons: Annotated[tuple[ReasonCode, ...], msgspec.Meta(max_length=32)]
    outranked: ReasonCode | None
    price_low_micros: _Money | None
    price_high_micros: _Money | None


class Routed(msgspec.Struct, frozen=True, kw_only=True):
    """Where the video went, and why.

    Attributes:
        account, provider: who had it last; null when nobody did.
        strategy: how the candidates were ranked.
        decided_at: when, for the last time.
        candidates: every account, best first.
    """

    account: _Name | None
    provider: _Name | None
    strategy: Strategy
    decided_at: Moment
    candidates: Annotated[tuple[ReceiptCandidate, ...], msgspec.Meta(max_length=1000)]


class ReceiptAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try at one account.

    Attributes:
        n: 1 for the first.
        verdict: what became of its one paid request.
        ref: the provider's own id for it.
        reason: why it failed, or is unknown.
        credits: what the provider said it cost, in the account's credits.
    """

    n: _Count
    id: _AttemptId
    account: _Name
    provider: _Name
    verdict: Verdict | None
    state: AttemptState
    ref: _Word | None
    started_at: Moment
    ended_at: Moment | None
    reason: FailureKind | None
    credits: _Count | None


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """Where the time went, in milliseconds: the four parts add up to the whole.

    Attributes:
        queued_ms: from accepted until the first paid request was written down to be sent; all of it when none was.
        sending_ms: from then until a provider had it, or may have: refused tries and the pauses between are in it.
        making_ms: from then until the provider had made it.
        copying_ms: from then until its file was kept here.
        total_ms: from accepted to ended.
    """

    queued_ms: _Count
    sending_ms: _Count
    making_ms: _Count
    copying_ms: _Count
    total_ms: _Count


class ReceiptMoney(msgspec.Struct, frozen=True, kw_only=True):
    """What it cost the tenant, in millionths of the currency; null where there was no price.

    Attributes:
        quoted_low_micros, quoted_high_micros: the range at the account it went to.
        held_micros: what was set aside for it, over its whole life.
        charged_micros: what was taken.
        released_micros: what was given back of what was held.
        entries: the ledger's entries that say so, as they were booked.
    """

    currency: Literal["USD"] = CURRENCY
    quoted_low_micros: _Money | None
    quoted_high_micros: _Money | None
    held_micros: _Money | None
    charged_micros: _Money | None
    released_micros: _Money | None
    entries: Annotated[tuple[_Name, ...], msgspec.Meta(max_length=1000)]


class ReceiptFile(msgspec.Struct, frozen=True, kw_only=True):
    """The finished file.

    Attributes:
        sha256: hex digest of its bytes.
        size: bytes.
    """

    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
    size: _Count
    media_type: _Name


class ReceiptOutput(ReceiptFile, frozen=True, kw_only=True):
    """A file beside the video's own, which came when the video had ended.

    Attributes:
        attempt: the id of the attempt that made it.
        at: when it was stored here.
        sha256: hex digest of its bytes.
        size: bytes.
    """

    attempt: _AttemptId
    at: Moment


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a video that has ended.

    Attributes:
        version: of this format.
        issuer: the public address of the gateway that made it, when it is configured.
        video: its id.
        revision: the video's version: of two receipts of one video, the higher knows more.
        error: why it failed, a stable word; null unless it did.
        adjusted: what was bent to suit the account it went to.
        file: null unless it completed.
        extra_outputs: files that attempts gave later; they are not charged.
        reused_from: the video whose file this one has, for nothing; left out when it has its own.
    """

    version: Annotated[int, msgspec.Meta(ge=VERSION, le=VERSION)] = VERSION
    issuer: _Url | None
    video: Annotated[str, msgspec.Meta(pattern=pattern(VIDEO), max_length=32)]
    tenant: _Name
    revision: _Count
    created_at: Moment
    ended_at: Moment
    status: VideoStatus
    error: _Name | None
    asked: Asked
    adjusted: Annotated[tuple[Adjustment, ...], msgspec.Meta(max_length=16)]
    routed: Routed
    attempts: Annotated[tuple[ReceiptAttempt, ...], msgspec.Meta(max_length=1000)]
    waits: Waits
    money: ReceiptMoney
    file: ReceiptFile | None
    extra_outputs: Annotated[tuple[ReceiptOutput, ...], msgspec.Meta(max_length=1000)]
    reused_from: Annotated[str, msgspec.Meta(pattern=pattern(VIDEO), max_length=32)] | msgspec.UnsetType = msgspec.UNSET


class SignedReceipt(Receipt, frozen=True, kw_only=True):
    """What became of a video that has ended, signed.

    Attributes:
        signature: a detached JWS over the canonical JSON (RFC 8785) of all the other members.
    """

    signature: Annotated[str, msgspec.Meta(max_length=512)]


def waits(accepted: Millis, sent: Millis | None, taken: Millis | None, made: Millis | None, ended: Millis) -> Waits:
    """The parts of a video's life; what never came takes no time, and clocks that disagree take none either.

    Args:
        accepted, ended: both ends of it.
        sent, taken, made: the first paid request, a provider having it, and the provider being done with it.
    """
    ended = max(accepted, ended)
    marks = [accepted]
    for mark in (sent, taken, made, ended):
        marks.append(ended if mark is None else min(max(mark, marks[-1]), ended))
    queued, sending, making, copying = (later - earlier for earlier, later in pairwise(marks))
    return Waits(queued_ms=queued, sending_ms=sending, making_ms=making, copying_ms=copying, total_ms=ended - accepted)
