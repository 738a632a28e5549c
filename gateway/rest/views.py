"""What callers see: OpenAI's video object, always with its thirteen keys, and ours beside them under ``gateway``."""

import zlib
from typing import Annotated, Literal

import msgspec

from gateway.services.accounts import Accounts
from gateway.services.shapes import aspect_ratio_of, quality_of, seconds_of
from gateway.services.videos import Page, Seen
from schema.attempt import Attempt, Verdict
from schema.clock import Millis
from schema.errors import FailureKind
from schema.ids import ATTEMPT, VIDEO, pattern
from schema.lifecycle import AttemptState, Substate, VideoStatus
from schema.money import CURRENCY, MAX_MICROS
from schema.output import ExtraOutput
from schema.size import SIZES, UNDECIDED
from schema.video import MAX_METADATA, MAX_PROMPT, Adjustment, AspectRatio, Quality, VideoError

VideoId = Annotated[str, msgspec.Meta(pattern=pattern(VIDEO), max_length=32)]
_AttemptId = Annotated[str, msgspec.Meta(pattern=pattern(ATTEMPT), max_length=30)]
Name = Annotated[str, msgspec.Meta(max_length=64)]
_Word = Annotated[str, msgspec.Meta(max_length=256)]
Text = Annotated[str, msgspec.Meta(max_length=4096)]
Moment = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
Money = Annotated[int, msgspec.Meta(ge=0, le=MAX_MICROS)]
_CreditCount = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
_Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]


class CostView(msgspec.Struct, frozen=True, kw_only=True):
    """What the video costs you, in millionths of the currency; null while it is not known.

    Attributes:
        quoted_micros: the most it may cost at the account it was meant for when it was accepted, or as its quote
            promised.
        quoted_low_micros: the least.
        held_micros: set aside for it now; 0 once it is settled, null when its price was not known.
        charged_micros: what it cost in the end, never more than was set aside; null until then, and when it cost
            nothing.
    """

    currency: Literal["USD"] = CURRENCY
    quoted_micros: Money | None = None
    quoted_low_micros: Money | None = None
    held_micros: Money | None = None
    charged_micros: Money | None = None


class ReasonView(msgspec.Struct, frozen=True):
    """Why an attempt ended as it did: a stable code, and words for people."""

    code: FailureKind
    message: Text


class AttemptCostView(msgspec.Struct, frozen=True, kw_only=True):
    """What the attempt may cost, and what it did, once the provider has said so; who pays for it, the ledger tells.

    Attributes:
        credits_low: the least, in the account's credits.
        credits_high: the most.
        credits: what the provider said it cost.
        micros: the same in millionths of the currency, when the account has a price.
    """

    credits_low: _CreditCount
    credits_high: _CreditCount
    credits: _CreditCount | None
    micros: Money | None = None


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One try at one provider account.

    Attributes:
        verdict: what became of the paid request; null while it is under way.
        provider_ref: the provider's own id for it.
        started_at: seconds since the Unix epoch.
        ended_at: seconds since the Unix epoch.
    """

    id: _AttemptId
    account: Name
    provider: Name
    state: AttemptState
    verdict: Verdict | None
    provider_ref: _Word | None
    started_at: Moment
    ended_at: Moment | None
    reason: ReasonView | None
    cost: AttemptCostView


class ExtraOutputView(msgspec.Struct, frozen=True, kw_only=True):
    """A file that came when the video had ended already: `content?output=` and its attempt's id download it.

    Attributes:
        attempt: the attempt that made it.
        size: bytes.
        sha256: hex digest of the bytes.
        created_at: when it was stored, seconds since the Unix epoch.
    """

    attempt: _AttemptId
    size: Moment
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
    created_at: Moment


class GatewayView(msgspec.Struct, frozen=True, kw_only=True):
    """What OpenAI's shape has no word for.

    Attributes:
        substate: what a video that has not ended is doing.
        provider: who makes it now, or made it.
        account: the provider account that does.
        queue_position: its place among those who wait for the same accounts, from 1; null when it does not wait.
        eta_seconds: until it has probably ended, from observed times; null when nobody can tell.
        provider_may_still_bill: it was canceled, or your own deadline has passed, and what its provider does with it is
            not known yet: until then its hold stays, and it may still be charged, at most that.
        credits: what it cost in the account's credits, once known.
        attempts: first to last.
        adjustments: wishes that were bent to what the provider can do.
        extra_outputs: files that came too late to be the video's own, first to last.
        reused_from: the video whose file it has, for nothing; null when it was made for itself.
        version: grows with every change.
    """

    substate: Substate | None
    provider: Name | None
    account: Name | None
    queue_position: Moment | None = None
    eta_seconds: Moment | None = None
    cost: CostView
    provider_may_still_bill: bool = False
    credits: _CreditCount | None
    attempts: Annotated[tuple[AttemptView, ...], msgspec.Meta(max_length=64)]
    adjustments: Annotated[tuple[Adjustment, ...], msgspec.Meta(max_length=16)]
    extra_outputs: Annotated[tuple[ExtraOutputView, ...], msgspec.Meta(max_length=64)] = ()
    reused_from: VideoId | None = None
    version: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]


class VideoView(msgspec.Struct, frozen=True, kw_only=True):
    """A video, in OpenAI's shape.

    Attributes:
        status: `canceled` is ours; OpenAI has the other four.
        progress: percent; never falls, and is 100 only when completed.
        created_at: seconds since the Unix epoch.
        completed_at: when it ended, seconds since the Unix epoch.
        expires_at: when its file goes, seconds since the Unix epoch.
        model: as asked.
        seconds: its duration as text: as asked or adjusted, else the provider's usual one; `auto` where the provider
            decides and does not say.
        size: stands for its aspect ratio, the providers choose the pixels; `auto` where the provider decides.
        remixed_from_video_id: the video of which it starts from a frame, even when that was deleted since.
        error: why it failed; null unless it did.
        aspect_ratio: as asked or adjusted, else the provider's usual one; null while that is not known.
        metadata: as given.
    """

    id: VideoId
    object: Literal["video"] = "video"
    status: VideoStatus
    progress: _Percent
    created_at: Moment
    completed_at: Moment | None
    expires_at: Moment | None
    model: Name
    prompt: Annotated[str, msgspec.Meta(max_length=MAX_PROMPT)]
    seconds: Annotated[str, msgspec.Meta(pattern="^([0-9]+|auto)$", max_length=4)]
    size: Annotated[str, msgspec.Meta(max_length=11)]
    remixed_from_video_id: VideoId | None = None
    error: VideoError | None
    aspect_ratio: AspectRatio | None
    quality: Quality | None
    metadata: Annotated[dict[_Word, Text], msgspec.Meta(max_length=MAX_METADATA)]
    gateway: GatewayView


class VideoPageView(msgspec.Struct, frozen=True, kw_only=True):
    """Some of your videos, in order.

    Attributes:
        first_id: give it as `before` to see those before this page.
        last_id: give it as `after` to see those behind it.
        has_more: there are others beyond, in the direction of travel.
    """

    object: Literal["list"] = "list"
    data: Annotated[tuple[VideoView, ...], msgspec.Meta(max_length=100)]
    first_id: VideoId | None
    last_id: VideoId | None
    has_more: bool


encode = msgspec.json.Encoder().encode


def video_view(seen: Seen, accounts: Accounts) -> VideoView:
    """A video as its tenant sees it."""
    video, spec = seen.video, seen.video.spec
    seconds = seconds_of(video, accounts)
    shape = aspect_ratio_of(video, accounts)
    return VideoView(
        id=video.id,
        status=video.status,
        progress=video.progress,
        created_at=video.created_at // 1000,
        completed_at=_seconds(video.completed_at),
        expires_at=_seconds(video.expires_at),
        model=spec.model,
        prompt=spec.prompt,
        seconds=UNDECIDED if seconds is None else str(seconds),
        size=UNDECIDED if shape is None else SIZES.get(shape, UNDECIDED),
        remixed_from_video_id=video.remixed_from,
        error=video.error,
        aspect_ratio=shape,
        quality=quality_of(video),
        metadata=video.metadata,
        gateway=GatewayView(
            substate=video.substate,
            provider=video.provider,
            account=video.account,
            queue_position=seen.forecast.position,
            eta_seconds=seen.forecast.eta_seconds,
            cost=CostView(
                quoted_micros=video.quoted_high,
                quoted_low_micros=video.quoted_low,
                held_micros=video.held,
                charged_micros=video.charged,
            ),
            provider_may_still_bill=video.may_still_cost,
            credits=video.credits,
            attempts=tuple([_attempt(attempt) for attempt in seen.attempts]),
            adjustments=video.adjustments,
            extra_outputs=tuple([_output(output) for output in seen.outputs]),
            reused_from=video.reused_from,
            version=video.version,
        ),
    )


def page_view(page: Page, seen: list[Seen], accounts: Accounts) -> VideoPageView:
    data = tuple([video_view(one, accounts) for one in seen])
    return VideoPageView(
        data=data, first_id=data[0].id if data else None, last_id=data[-1].id if data else None, has_more=page.more
    )


def etag(seen: Seen) -> str:
    """Names one state of the view, strongly.

    The version alone would not do: an attempt that outlives its video changes without it, and so does its forecast.
    """
    video, forecast = seen.video, seen.forecast
    told = "".join([f"{one.id}{one.state}{one.verdict}{one.ref}{one.credits}{one.ended_at}" for one in seen.attempts])
    told += f"{forecast.position}{forecast.eta_seconds}"
    return f'"{video.id[len(VIDEO) :]}.{video.version}.{zlib.crc32(told.encode()):x}"'


def _attempt(attempt: Attempt) -> AttemptView:
    return AttemptView(
        id=attempt.id,
        account=attempt.account,
        provider=attempt.provider,
        state=attempt.state,
        verdict=attempt.verdict,
        provider_ref=attempt.ref,
        started_at=attempt.started_at // 1000,
        ended_at=_seconds(attempt.ended_at),
        reason=None if attempt.reason is None else ReasonView(attempt.reason.code, attempt.reason.message),
        cost=AttemptCostView(
            credits_low=attempt.credits_low,
            credits_high=attempt.credits_high,
            credits=attempt.credits,
            micros=attempt.micros,
        ),
    )


def _output(output: ExtraOutput) -> ExtraOutputView:
    return ExtraOutputView(
        attempt=output.attempt, size=output.asset.size, sha256=output.asset.sha256, created_at=output.at // 1000
    )


def _seconds(moment: Millis | None) -> int | None:
    return None if moment is None else moment // 1000
