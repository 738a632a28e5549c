"""Accounts and tenants as the file spells them, before names, plans and money are understood."""

from typing import Annotated, Any

import msgspec

from gateway.config.reading import NAME
from gateway.config.settings import KeySetup, Section
from schema.account import Secret
from schema.policy import MAX_RULES, Names, Seconds, Share, Wait
from schema.tenant import UNLIMITED, FundingMode, Scope, TenantLimits, Weights
from schema.video import AspectRatio, OnMaxWait, OnUnknown, OnUnsupported, Quality, Strategy

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=NAME)]
Money = Annotated[int, "micros, written as decimal text"]
Percent = Annotated[int, msgspec.Meta(ge=1, le=100)]
WebOrigin = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
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


class WeightsTable(Section, frozen=True, kw_only=True):
    """``weights`` of a routing policy; not all of them nothing."""

    price: Share = Weights().price
    speed: Share = Weights().speed
    reliability: Share = Weights().reliability

    def __post_init__(self) -> None:
        if not (self.price or self.speed or self.reliability):
            raise ValueError("are all 0, so nothing would count: give one of them more")


class WhenTable(Section, frozen=True, kw_only=True):
    """``when`` of a rule."""

    model: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    aspect_ratio: AspectRatio | None = None
    quality: Quality | None = None
    image: bool | None = None
    min_seconds: Seconds | None = None
    max_seconds: Seconds | None = None


class RuleTable(Section, frozen=True, kw_only=True):
    """One of a routing policy's ``rules``."""

    when: WhenTable = WhenTable()
    prefer: Names = ()
    only: Names = ()
    exclude: Names = ()
    strategy: Strategy | None = None
    max_cost: Money | None = None
    max_wait_seconds: Wait | None = None


class RoutingTable(Section, frozen=True, kw_only=True):
    """``routing`` of a tenant."""

    strategy: Strategy = Strategy.CHEAPEST
    weights: WeightsTable = WeightsTable()
    order: Names = ()
    only: Names = ()
    exclude: Names = ()
    max_cost: Money | None = None
    max_wait_seconds: Wait | None = None
    on_max_wait: OnMaxWait = OnMaxWait.SPILL
    on_unsupported: OnUnsupported = OnUnsupported.ERROR
    on_unknown: OnUnknown = OnUnknown.FAIL
    rules: Annotated[tuple[RuleTable, ...], msgspec.Meta(max_length=MAX_RULES)] = ()


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
    weight: Annotated[int, msgspec.Meta(ge=1, le=1000)] = TenantLimits().weight
    concurrent: Number | None = None
    per_minute: Number | None = None
    reads_per_minute: Number | None = None


class TenantTable(Section, frozen=True, kw_only=True):
    """One of ``[[tenants]]``; its name is its id unless it has one, and without ``routing`` the API manages that."""

    id: Name
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    test: bool = False
    keys: tuple[KeySetup, ...] = ()
    routing: RoutingTable | None = None
    funding: FundingTable = FundingTable()
    limits: TenantLimitsTable = TenantLimitsTable()
    origins: Annotated[tuple[WebOrigin, ...], msgspec.Meta(max_length=64)] = ()


class ScopesTable(Section, frozen=True, kw_only=True):
    """What stands beside ``env`` or ``file`` in a key."""

    scopes: Annotated[frozenset[Scope], msgspec.Meta(min_length=1)]
