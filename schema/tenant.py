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


class TenantLimits(msgspec.Struct, frozen=True, kw_only=True):
    """``queued``: accepted videos that have not started, at most; more are refused with 429."""

    queued: int = 1000


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    routing: RoutingPolicy = RoutingPolicy()
    limits: TenantLimits = TenantLimits()
    test: bool = False


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who is calling: the tenant, which of its keys, and what that key may do."""

    tenant: Tenant
    key_hint: str
    scopes: frozenset[Scope]
