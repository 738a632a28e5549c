"""What another policy had changed, as callers ask for it and read it."""

from typing import Annotated, Any, Literal

import msgspec

from gateway.policy.replaying import Choice, Difference, Report, Skip, Totals
from gateway.rest.policy_views import RoutingChanges
from gateway.rest.views import Name, VideoId
from gateway.services.replays import MAX_LAST

_LARGEST = 2**53 - 1
_Count = Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)]
_Sum = Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)]
_Gap = Annotated[int, msgspec.Meta(ge=-_LARGEST, le=_LARGEST)]
_Last = Annotated[int, msgspec.Meta(ge=1, le=MAX_LAST)]
_USUAL_LAST = 100


class ReplayPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another policy to try on what has been.

    Attributes:
        routing: how it differs from the policy in force.
        last: how many of the latest videos to look at.
    """

    routing: RoutingChanges | msgspec.UnsetType = msgspec.UNSET
    last: _Last = _USUAL_LAST


class Proposal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ReplayPolicy as it is read."""

    routing: Any = msgspec.field(default_factory=dict)
    last: _Last = _USUAL_LAST


class ReplaySkippedView(msgspec.Struct, frozen=True, kw_only=True):
    """Videos whose decision can not be made again.

    Attributes:
        no_facts: it was made before facts were kept with decisions.
        account_gone: who made the video is no longer configured.
    """

    no_facts: _Count
    account_gone: _Count


class ReplayedMoveView(msgspec.Struct, frozen=True, kw_only=True):
    """How many videos would have gone from one account to another.

    Attributes:
        before, after: null for nobody.
    """

    before: Name | None
    after: Name | None
    count: _Count


class ReplayTotalsView(msgspec.Struct, frozen=True, kw_only=True):
    """The same figure under both policies; null when no video has it.

    Attributes:
        counted: the videos for which it is known under both.
        difference: what the other policy makes it more.
    """

    counted: _Count
    before: _Sum | None
    after: _Sum | None
    difference: _Gap | None


class ReplayedChoiceView(msgspec.Struct, frozen=True, kw_only=True):
    """Who makes a video, and what is expected of that; all null when nobody could.

    Attributes:
        cost_micros: what it will probably cost; null without a price.
        time_ms: until the video will probably be there.
    """

    account: Name | None
    cost_micros: _Sum | None
    time_ms: _Count | None


class ReplayedVideoView(msgspec.Struct, frozen=True, kw_only=True):
    """A video that would have gone elsewhere."""

    video_id: VideoId
    before: ReplayedChoiceView
    after: ReplayedChoiceView


class PolicyReplayView(msgspec.Struct, frozen=True, kw_only=True):
    """What another policy had changed. Nothing was sent, and nothing is written.

    Attributes:
        considered: videos looked at, the skipped among them.
        same: would have gone to the same account.
        changed: would have gone elsewhere.
        moves: from whom to whom, the most first.
        nobody_before, nobody_after: videos nobody could make.
        cost_micros: sums of what was expected.
        time_ms: means of what was expected.
        differences: every video that would have gone elsewhere, newest first.
    """

    object: Literal["policy_replay"] = "policy_replay"
    considered: _Count
    skipped: ReplaySkippedView
    same: _Count
    changed: _Count
    moves: Annotated[tuple[ReplayedMoveView, ...], msgspec.Meta(max_length=MAX_LAST)]
    nobody_before: _Count
    nobody_after: _Count
    cost_micros: ReplayTotalsView
    time_ms: ReplayTotalsView
    differences: Annotated[tuple[ReplayedVideoView, ...], msgspec.Meta(max_length=MAX_LAST)]


def replay_view(report: Report) -> PolicyReplayView:
    return PolicyReplayView(
        considered=report.considered,
        skipped=ReplaySkippedView(
            no_facts=report.skipped.get(Skip.NO_FACTS, 0), account_gone=report.skipped.get(Skip.ACCOUNT_GONE, 0)
        ),
        same=report.same,
        changed=report.changed,
        moves=tuple([ReplayedMoveView(before=one.before, after=one.after, count=one.count) for one in report.moves]),
        nobody_before=report.nobody_before,
        nobody_after=report.nobody_after,
        cost_micros=_totals(report.cost),
        time_ms=_totals(report.time),
        differences=tuple([_difference(one) for one in report.differences]),
    )


def _totals(totals: Totals) -> ReplayTotalsView:
    return ReplayTotalsView(
        counted=totals.counted, before=totals.before, after=totals.after, difference=totals.difference
    )


def _difference(one: Difference) -> ReplayedVideoView:
    return ReplayedVideoView(video_id=one.video, before=_choice(one.before), after=_choice(one.after))


def _choice(choice: Choice) -> ReplayedChoiceView:
    return ReplayedChoiceView(account=choice.account, cost_micros=choice.cost, time_ms=choice.time)
