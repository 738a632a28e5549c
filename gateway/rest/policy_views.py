"""A tenant and its routing policy's versions, as callers write and read them."""

from typing import Annotated, Any, Literal

import msgspec

from gateway.rest.views import Moment, Money, Name, Text
from gateway.services.policies import PolicyPage
from schema.money import CURRENCY
from schema.ownership import ManagedBy
from schema.policy import (
    MAX_NOTE,
    MAX_RULES,
    Amount,
    Names,
    PolicyVersion,
    Share,
    Wait,
    WrittenRouting,
    WrittenRule,
    WrittenWeights,
    WrittenWhen,
)
from schema.tenant import Funding, FundingMode, LimitsUse, Tenant, TenantLimits, Weights
from schema.video import OnMaxWait, OnUnknown, OnUnsupported, Strategy

LARGEST = 2**53 - 1
Version = Annotated[int, msgspec.Meta(ge=1, le=LARGEST)]
PolicyNote = Annotated[str, msgspec.Meta(max_length=MAX_NOTE)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=LARGEST)]
_Percent = Annotated[int, msgspec.Meta(ge=1, le=100)]


class RuleGiven(WrittenRule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule as it is written; null is as good as nothing."""

    when: WrittenWhen | None = None  # type: ignore[assignment]  # wider here: a rule that is read has no nulls
    prefer: Names | None = ()  # type: ignore[assignment]  # as above
    only: Names | None = ()  # type: ignore[assignment]  # as above
    exclude: Names | None = ()  # type: ignore[assignment]  # as above


class WeightsGiven(WrittenWeights, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Weights as they are changed; null gives one its default."""

    price: Share | None = Weights().price  # type: ignore[assignment]  # as above
    speed: Share | None = Weights().speed  # type: ignore[assignment]  # as above
    reliability: Share | None = Weights().reliability  # type: ignore[assignment]  # as above


class RoutingChanges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes of a routing policy, a JSON merge patch: what is left out stays, null gives a field its default, and a
    list is replaced whole. The fields are those of the policy.
    """

    strategy: Strategy | msgspec.UnsetType | None = msgspec.UNSET
    weights: WeightsGiven | msgspec.UnsetType | None = msgspec.UNSET
    order: Names | msgspec.UnsetType | None = msgspec.UNSET
    only: Names | msgspec.UnsetType | None = msgspec.UNSET
    exclude: Names | msgspec.UnsetType | None = msgspec.UNSET
    max_cost: Amount | msgspec.UnsetType | None = msgspec.UNSET
    max_wait_seconds: Wait | msgspec.UnsetType | None = msgspec.UNSET
    on_max_wait: OnMaxWait | msgspec.UnsetType | None = msgspec.UNSET
    on_unsupported: OnUnsupported | msgspec.UnsetType | None = msgspec.UNSET
    on_unknown: OnUnknown | msgspec.UnsetType | None = msgspec.UNSET
    rules: Annotated[tuple[RuleGiven, ...], msgspec.Meta(max_length=MAX_RULES)] | msgspec.UnsetType | None = (
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


class Changes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ChangeTenant as it is read: each field of ``routing`` is judged by itself, so that all mistakes are told."""

    routing: Any = msgspec.field(default_factory=dict)
    note: PolicyNote = ""


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


class LimitsUseView(msgspec.Struct, frozen=True, kw_only=True):
    """How much of its limits a tenant uses now; null where there is no limit, so that nobody counts.

    Attributes:
        queued: videos that wait to start.
        concurrent: videos in the making.
        per_minute: videos created in the last minute.
        reads_per_minute: other requests in the last minute, at the replica that answers.
    """

    queued: _Count
    concurrent: _Count
    per_minute: _Count | None
    reads_per_minute: _Count | None


class TenantLimitsView(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant may take of what all share; null is no limit. The configuration says it.

    Attributes:
        queued: accepted videos that have not started, at most.
        weight: its share when several wait for one account.
        concurrent: videos in the making at once, at most; the others wait in the queue.
        per_minute: videos created in a minute, at most.
        reads_per_minute: other requests in a minute, at most, at each replica.
        used: how much of it is used now.
    """

    queued: _Count
    weight: _Count
    concurrent: _Count | None
    per_minute: _Count | None
    reads_per_minute: _Count | None
    used: LimitsUseView


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


def tenant_view(tenant: Tenant, version: PolicyVersion, managed_by: ManagedBy, used: LimitsUse) -> TenantView:
    return TenantView(
        id=tenant.id,
        name=tenant.name,
        test=tenant.test,
        routing=WrittenRouting.of(version.policy),
        policy=PolicyStampView(
            version=version.version, created_at=version.at // 1000, author=version.author, note=version.note
        ),
        managed_by=managed_by,
        limits=_limits(tenant.limits, used),
        funding=_funding(tenant.funding),
    )


def _limits(limits: TenantLimits, used: LimitsUse) -> TenantLimitsView:
    return TenantLimitsView(
        queued=limits.queued,
        weight=limits.weight,
        concurrent=limits.concurrent,
        per_minute=limits.per_minute,
        reads_per_minute=limits.reads_per_minute,
        used=LimitsUseView(**msgspec.structs.asdict(used)),
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
