"""Accounts and tenants as the file spells them, before names, plans and money are understood."""

from typing import Annotated, Any

import msgspec

from gateway.config.reading import NAME
from gateway.config.settings import KeySetup, Section
from schema.account import Secret
from schema.tenant import UNLIMITED, FundingMode, Scope, TenantLimits
from schema.video import OnUnknown, OnUnsupported, Strategy

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=NAME)]
Money = Annotated[int, "micros, written as decimal text"]
Percent = Annotated[int, msgspec.Meta(ge=1, le=100)]
Number = Annotated[int, msgspec.Meta(ge=1, le=10**9)]


class LimitsTable(Section, frozen=True, kw_only=True):
    """What replaces the plan's limits, one by one."""

    per_minute: Number | None = None
    concurrent: Number | None = None
    per_day: Number | None = None


class AccountTable(Section, frozen=True, kw_only=True):
    """One of ``[[accounts]]``."""

    id: Name
    provider: str
    credential: Secret
    base_url: str | None = None
    webhook_secrets: tuple[Secret, ...] = ()
    price_per_credit: Money | None = None
    plan: str | None = None
    limits: LimitsTable = LimitsTable()
    options: dict[str, Any] = msgspec.field(default_factory=dict)
    credits_warn_percent: Annotated[tuple[Percent, ...], msgspec.Meta(max_length=8)] = (20, 10, 5)
    sandbox: bool = False


class RoutingTable(Section, frozen=True, kw_only=True):
    """``routing`` of a tenant."""

    strategy: Strategy = Strategy.CHEAPEST
    order: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_cost: Money | None = None
    on_unsupported: OnUnsupported = OnUnsupported.ERROR
    on_unknown: OnUnknown = OnUnknown.FAIL


class FundingTable(Section, frozen=True, kw_only=True):
    """``funding`` of a tenant."""

    mode: FundingMode = FundingMode.POSTPAID
    opening: Money | None = None
    per_day: Money | None = None
    per_month: Money | None = None
    per_video: Money | None = None
    warn_percent: Annotated[tuple[Percent, ...], msgspec.Meta(max_length=8)] = UNLIMITED.warn_percent


class TenantLimitsTable(Section, frozen=True, kw_only=True):
    """``limits`` of a tenant."""

    queued: Number = TenantLimits().queued


class TenantTable(Section, frozen=True, kw_only=True):
    """One of ``[[tenants]]``; its name is its id unless it has one."""

    id: Name
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    test: bool = False
    keys: tuple[KeySetup, ...] = ()
    routing: RoutingTable = RoutingTable()
    funding: FundingTable = FundingTable()
    limits: TenantLimitsTable = TenantLimitsTable()


class ScopesTable(Section, frozen=True, kw_only=True):
    """What stands beside ``env`` or ``file`` in a key."""

    scopes: Annotated[frozenset[Scope], msgspec.Meta(min_length=1)]
