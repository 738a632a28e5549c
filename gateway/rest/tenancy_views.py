"""Tenants as they are set up: how operators write them, and how they are shown."""

from typing import Annotated, Literal

import msgspec

from gateway.rest.policy_views import RoutingChanges, TenantView, Version
from gateway.rest.setup_views import Count, Id, Number, Percents, owned
from gateway.rest.views import Moment, Name, Text
from schema.directory import TenantRecord
from schema.money import format_micros
from schema.ownership import ManagedBy
from schema.policy import Amount
from schema.tenant import Funding, FundingMode, Tenant, TenantLimits

_Weight = Annotated[int, msgspec.Meta(ge=1, le=1000)]
_Days = Annotated[int, msgspec.Meta(ge=1, le=36_500)]
_Origin = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Origins = Annotated[tuple[_Origin, ...], msgspec.Meta(max_length=64)]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_UNSET = msgspec.UNSET
_Unset = msgspec.UnsetType


class FundingGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a tenant may spend: amounts as decimal text; null is no limit.

    Attributes:
        opening: a prepaid tenant's first top-up, made once.
    """

    mode: FundingMode | _Unset | None = _UNSET
    opening: Amount | _Unset | None = _UNSET
    per_day: Amount | _Unset | None = _UNSET
    per_month: Amount | _Unset | None = _UNSET
    per_video: Amount | _Unset | None = _UNSET
    warn_percent: Percents | _Unset | None = _UNSET


class TenantLimitsGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a tenant may take of what all share; null is the default."""

    queued: Number | _Unset | None = _UNSET
    weight: _Weight | _Unset | None = _UNSET
    concurrent: Number | _Unset | None = _UNSET
    per_minute: Number | _Unset | None = _UNSET
    reads_per_minute: Number | _Unset | None = _UNSET


class RetentionGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a tenant's finished files are kept.

    Attributes:
        days: null is the gateway's own default.
    """

    days: _Days | _Unset | None = _UNSET


class NewTenant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tenant to be; it has no keys yet.

    Attributes:
        name: for people; the id unless said.
        test: it reaches sandbox accounts only; this can not be changed later.
        origins: web origins whose pages may call for it.
        routing: what its routing policy begins with.
    """

    id: Id
    name: Label | _Unset | None = _UNSET
    test: bool | _Unset | None = _UNSET
    origins: Origins | _Unset | None = _UNSET
    funding: FundingGiven | _Unset | None = _UNSET
    limits: TenantLimitsGiven | _Unset | None = _UNSET
    retention: RetentionGiven | _Unset | None = _UNSET
    routing: RoutingChanges | _Unset | None = _UNSET


class TermsView(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant may spend and take, as it is written; null is no limit."""

    mode: FundingMode
    opening: Text
    per_day: Text | None
    per_month: Text | None
    per_video: Text | None
    warn_percent: Percents


class AllLimitsView(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant may take of what all share; null is no limit."""

    queued: Count
    weight: Count
    concurrent: Count | None
    per_minute: Count | None
    reads_per_minute: Count | None


class RetentionView(msgspec.Struct, frozen=True, kw_only=True):
    """How long a tenant's finished files are kept.

    Attributes:
        days: from when a video completes; null is for ever.
    """

    days: Count | None


class SetupView(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant as it is set up, in the words it is changed with.

    Attributes:
        version: moved by every change of it; its routing policy has versions of its own.
        managed_by: where it is changed: in the configuration `file` alone, or by `api`.
        file: the file's name, where one manages it.
        removed_at: null while it is there.
    """

    name: Text
    test: bool
    origins: Origins
    funding: TermsView
    limits: AllLimitsView
    retention: RetentionView
    version: Version
    managed_by: ManagedBy
    file: Text | None
    created_at: Moment
    updated_at: Moment
    removed_at: Moment | None


class TenantSetupView(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant as it is set up."""

    object: Literal["tenant_setup"] = "tenant_setup"
    id: Name
    setup: SetupView


class TenantSetupPageView(msgspec.Struct, frozen=True, kw_only=True):
    """Some tenants, by id.

    Attributes:
        last_id: give it as `after` to see those behind it.
    """

    object: Literal["list"] = "list"
    data: Annotated[tuple[TenantSetupView, ...], msgspec.Meta(max_length=100)]
    last_id: Name | None
    has_more: bool


class AnyTenantView(TenantView, frozen=True, kw_only=True):
    """A tenant, as its operator sees it.

    Attributes:
        setup: everything but its routing, in the words it is changed with.
    """

    setup: SetupView


def tenant_setup_view(record: TenantRecord) -> TenantSetupView:
    return TenantSetupView(id=record.tenant.id, setup=setup_view(record))


def setup_view(record: TenantRecord) -> SetupView:
    tenant: Tenant = record.tenant
    return SetupView(
        name=tenant.name,
        test=tenant.test,
        origins=tenant.origins,
        funding=_terms(tenant.funding),
        limits=_all_limits(tenant.limits),
        retention=RetentionView(days=tenant.retention.days),
        **owned(record.ownership),
    )


def _terms(funding: Funding) -> TermsView:
    return TermsView(
        mode=funding.mode,
        opening=format_micros(funding.opening),
        per_day=_amount(funding.per_day),
        per_month=_amount(funding.per_month),
        per_video=_amount(funding.per_video),
        warn_percent=funding.warn_percent,
    )


def _all_limits(limits: TenantLimits) -> AllLimitsView:
    return AllLimitsView(**msgspec.structs.asdict(limits))


def _amount(micros: int | None) -> str | None:
    return None if micros is None else format_micros(micros)
