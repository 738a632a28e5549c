"""A tenant, its routing policy's versions, and what another policy had changed, as callers write and read them."""

from typing import Annotated, Any, Literal

import msgspec

from gateway.policy.replaying import Choice, Difference, Report, Skip, Totals
from gateway.rest.views import Moment, Money, Name, Text, VideoId
from gateway.services.policies import PolicyPage
from gateway.services.replays import MAX_LAST
from schema.money import CURRENCY
from schema.policy import (
    MAX_NOTE,
    MAX_RULES,
    Amount,
    ManagedBy,
    Names,
    PolicyVersion,
    Wait,
    WrittenRouting,
    WrittenRule,
    WrittenWeights,
)
from schema.tenant import Funding, FundingMode, Tenant
from schema.video import OnMaxWait, OnUnknown, OnUnsupported, Strategy

_LARGEST = 2**53 - 1
Version = Annotated[int, msgspec.Meta(ge=1, le=_LARGEST)]
PolicyNote = Annotated[str, msgspec.Meta(max_length=MAX_NOTE)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)]
_Sum = Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)]
_Gap = Annotated[int, msgspec.Meta(ge=-_LARGEST, le=_LARGEST)]
_Percent = Annotated[int, msgspec.Meta(ge=1, le=100)]
Last = Annotated[int, msgspec.Meta(ge=1, le=MAX_LAST)]
DEFAULT_LAST = 100


class RoutingChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes of a routing policy, a JSON merge patch: what is left out stays, null gives a field its default, and a
    list is replaced whole. The fields are those of the policy.
    """

    strategy: Strategy | msgspec.UnsetType | None = msgspec.UNSET
    weights: WrittenWeights | msgspec.UnsetType | None = msgspec.UNSET
    order: Names | msgspec.UnsetType | None = msgspec.UNSET
    only: Names | msgspec.UnsetType | None = msgspec.UNSET
    exclude: Names | msgspec.UnsetType | None = msgspec.UNSET
    max_cost: Amount | msgspec.UnsetType | None = msgspec.UNSET
    max_wait_seconds: Wait | msgspec.UnsetType | None = msgspec.UNSET
    on_max_wait: OnMaxWait | msgspec.UnsetType | None = msgspec.UNSET
    on_unsupported: OnUnsupported | msgspec.UnsetType | None = msgspec.UNSET
    on_unknown: OnUnknown | msgspec.UnsetType | None = msgspec.UNSET
    rules: Annotated[tuple[WrittenRule, ...], msgspec.Meta(max_length=MAX_RULES)] | msgspec.UnsetType | None = (
        msgspec.UNSET
    )


class ChangeTenant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change of a tenant.

    Attributes:
        routing: of its routing policy.
        note: why; kept with the new version.
    """

    routing: RoutingChanges | msgspec.UnsetType = msgspec.UNSET
    note: PolicyNote = ""


class RestorePolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why an old version comes back; kept with the new one."""

    note: PolicyNote = ""


class ReplayPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another policy to try on what has been.

    Attributes:
        routing: how it differs from the policy in force.
        last: how many of the latest videos to look at.
    """

    routing: RoutingChanges | msgspec.UnsetType = msgspec.UNSET
    last: Last = DEFAULT_LAST


class Changes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ChangeTenant as it is read: each field of ``routing`` is judged by itself, so that all mistakes are told."""

    routing: Any = msgspec.field(default_factory=dict)
    note: PolicyNote = ""


class Proposal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ReplayPolicy as it is read."""

    routing: Any = msgspec.field(default_factory=dict)
    last: Last = DEFAULT_LAST


class PolicyVersionView(msgspec.Struct, frozen=True, kw_only=True):
    """A routing policy as it was from one change to the next; it is never changed itself.

    Attributes:
        created_at: seconds since the Unix epoch.
        author: whose key it was, its tenant and the key's end; `file` for the configuration file, `default` for what
            every tenant begins with.
        note: why.
    """

    object: Literal["policy_version"] = "policy_version"
    version: Version
    created_at: Moment
    author: Text
    note: Text
    routing: WrittenRouting


class PolicyPageView(msgspec.Struct, frozen=True, kw_only=True):
    """Some versions, newest first.

    Attributes:
        last_id: the last one's number: give it as `after` to see older ones.
    """

    object: Literal["list"] = "list"
    data: Annotated[tuple[PolicyVersionView, ...], msgspec.Meta(max_length=100)]
    last_id: Annotated[str, msgspec.Meta(max_length=16)] | None
    has_more: bool


class PolicyStampView(msgspec.Struct, frozen=True, kw_only=True):
    """Which version of the policy it is, since when, by whom and why.

    Attributes:
        version: also the ETag.
        created_at: seconds since the Unix epoch.
    """

    version: Version
    created_at: Moment
    author: Text
    note: Text


class TenantLimitsView(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant may take of what all share.

    Attributes:
        queued: accepted videos that have not started, at most.
        weight: its share when several wait for one account.
    """

    queued: _Count
    weight: _Count


class FundingView(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant may spend, in millionths of the currency; null is no limit. The configuration says it.

    Attributes:
        mode: `prepaid` spends what was topped up, `postpaid` pays afterwards.
        per_day_micros, per_month_micros: budgets, by the UTC day and month in which a video is accepted.
        per_video_micros: the most one video may cost.
        warn_percent: shares of a budget that are told when they are reached.
    """

    currency: Literal["USD"] = CURRENCY
    mode: FundingMode
    per_day_micros: Money | None
    per_month_micros: Money | None
    per_video_micros: Money | None
    warn_percent: Annotated[tuple[_Percent, ...], msgspec.Meta(max_length=8)]


class TenantView(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant: who owns videos.

    Attributes:
        test: it reaches sandbox accounts only.
        routing: how its videos are routed when a video says nothing else.
        managed_by: where that is changed: in the configuration `file` alone, or by `api`.
    """

    object: Literal["tenant"] = "tenant"
    id: Name
    name: Text
    test: bool
    routing: WrittenRouting
    policy: PolicyStampView
    managed_by: ManagedBy
    limits: TenantLimitsView
    funding: FundingView


class SkippedView(msgspec.Struct, frozen=True, kw_only=True):
    """Videos whose decision can not be made again.

    Attributes:
        no_facts: it was made before facts were kept with decisions.
        account_gone: who made the video is no longer configured.
    """

    no_facts: _Count
    account_gone: _Count


class MoveView(msgspec.Struct, frozen=True, kw_only=True):
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


class ChoiceView(msgspec.Struct, frozen=True, kw_only=True):
    """Who makes a video, and what is expected of that; all null when nobody could.

    Attributes:
        cost_micros: what it will probably cost; null without a price.
        time_ms: until the video will probably be there.
    """

    account: Name | None
    cost_micros: _Sum | None
    time_ms: _Count | None


class DifferenceView(msgspec.Struct, frozen=True, kw_only=True):
    """A video that would have gone elsewhere."""

    video_id: VideoId
    before: ChoiceView
    after: ChoiceView


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
    skipped: SkippedView
    same: _Count
    changed: _Count
    moves: Annotated[tuple[MoveView, ...], msgspec.Meta(max_length=MAX_LAST)]
    nobody_before: _Count
    nobody_after: _Count
    cost_micros: ReplayTotalsView
    time_ms: ReplayTotalsView
    differences: Annotated[tuple[DifferenceView, ...], msgspec.Meta(max_length=MAX_LAST)]


def tenant_view(tenant: Tenant, version: PolicyVersion, managed_by: ManagedBy) -> TenantView:
    return TenantView(
        id=tenant.id,
        name=tenant.name,
        test=tenant.test,
        routing=WrittenRouting.of(version.policy),
        policy=PolicyStampView(
            version=version.version, created_at=version.at // 1000, author=version.author, note=version.note
        ),
        managed_by=managed_by,
        limits=TenantLimitsView(queued=tenant.limits.queued, weight=tenant.limits.weight),
        funding=_funding(tenant.funding),
    )


def _funding(funding: Funding) -> FundingView:
    return FundingView(
        mode=funding.mode,
        per_day_micros=funding.per_day,
        per_month_micros=funding.per_month,
        per_video_micros=funding.per_video,
        warn_percent=funding.warn_percent,
    )


def version_view(version: PolicyVersion) -> PolicyVersionView:
    return PolicyVersionView(
        version=version.version,
        created_at=version.at // 1000,
        author=version.author,
        note=version.note,
        routing=WrittenRouting.of(version.policy),
    )


def version_page(page: PolicyPage) -> PolicyPageView:
    data = tuple([version_view(version) for version in page.versions])
    return PolicyPageView(data=data, last_id=str(data[-1].version) if data else None, has_more=page.more)


def replay_view(report: Report) -> PolicyReplayView:
    return PolicyReplayView(
        considered=report.considered,
        skipped=SkippedView(
            no_facts=report.skipped.get(Skip.NO_FACTS, 0), account_gone=report.skipped.get(Skip.ACCOUNT_GONE, 0)
        ),
        same=report.same,
        changed=report.changed,
        moves=tuple([MoveView(before=one.before, after=one.after, count=one.count) for one in report.moves]),
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


def _difference(one: Difference) -> DifferenceView:
    return DifferenceView(video_id=one.video, before=_choice(one.before), after=_choice(one.after))


def _choice(choice: Choice) -> ChoiceView:
    return ChoiceView(account=choice.account, cost_micros=choice.cost, time_ms=choice.time)
