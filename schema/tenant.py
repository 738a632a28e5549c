"""A tenant owns videos; a principal is whoever is calling now: a tenant and what its key may do."""

from enum import StrEnum

import msgspec

from schema.money import Micros
from schema.video import OnUnknown, OnUnsupported, Strategy


class Scope(StrEnum):
    VIDEOS_READ = "videos:read"
    VIDEOS_WRITE = "videos:write"
    TENANT_ADMIN = "tenant:admin"
    OPERATOR = "operator"


class RoutingPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How a tenant's videos are routed when a video says nothing else.

    Attributes:
        order: account ids or provider names, best first; the rest follow by price.
        only: when not empty, no other account or provider serves this tenant.
        per_video: the most one video may cost, micros.
    """

    strategy: Strategy = Strategy.CHEAPEST
    order: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    per_video: Micros | None = None
    on_unsupported: OnUnsupported = OnUnsupported.ERROR
    on_unknown: OnUnknown = OnUnknown.FAIL


class FundingMode(StrEnum):
    PREPAID = "prepaid"  # spends what was topped up, and no more
    POSTPAID = "postpaid"  # pays afterwards


class Funding(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant may spend, micros; None is no limit.

    Attributes:
        opening: a prepaid tenant's first top-up, made once.
        per_day, per_month: budgets, by the UTC day and month in which a video is accepted.
        per_video: the most one video may cost.
        warn_percent: shares of a budget that are told when they are reached, once each.
    """

    mode: FundingMode = FundingMode.POSTPAID
    opening: Micros = 0
    per_day: Micros | None = None
    per_month: Micros | None = None
    per_video: Micros | None = None
    warn_percent: tuple[int, ...] = (80, 100)

    @property
    def limited(self) -> bool:
        """Whether a video without a known price must be refused."""
        return self.mode is FundingMode.PREPAID or self.per_day is not None or self.per_month is not None


UNLIMITED = Funding()


class TenantLimits(msgspec.Struct, frozen=True, kw_only=True):
    """``queued``: accepted videos that have not started, at most; more are refused with 429."""

    queued: int = 1000


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    routing: RoutingPolicy = RoutingPolicy()
    funding: Funding = UNLIMITED
    limits: TenantLimits = TenantLimits()
    test: bool = False


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who is calling: the tenant, which of its keys, and what that key may do."""

    tenant: Tenant
    key_hint: str
    scopes: frozenset[Scope]
