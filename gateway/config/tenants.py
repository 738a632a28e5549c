"""One of ``[[tenants]]``, understood: who it is, what its keys may do, how its videos are routed."""

from typing import Any

import msgspec

from gateway.config.places import Place
from gateway.config.reading import Notes, Tables
from gateway.config.settings import LimitsSettings, RetentionSettings, TenantSetup, WebhookSetup
from gateway.config.tables import FundingTable, RoutingTable, RuleTable, TenantLimitsTable, TenantTable, WebhookTable
from schema.tenant import Funding, Retention, RoutingPolicy, Rule, Tenant, TenantLimits, Weights, When


class PlacedTenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant and where the file speaks of it."""

    place: Place
    setup: TenantSetup


class Common(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for tenants that say nothing of their own."""

    limits: LimitsSettings = LimitsSettings()
    retention: RetentionSettings = RetentionSettings()


def read_tenant(raw: Any, tables: Tables, common: Common, place: Place, notes: Notes) -> PlacedTenant | None:
    """The tenant, or None when too little of it could be read; every mistake is noted.

    Args:
        common: what holds for tenants that say nothing.
    """
    table = tables.read(raw, TenantTable, place, notes)
    return PlacedTenant(place=place, setup=_setup(table, common)) if table else None


def _setup(table: TenantTable, common: Common) -> TenantSetup:
    tenant = Tenant(
        id=table.id,
        name=table.name or table.id,
        routing=RoutingPolicy() if table.routing is None else _policy(table.routing),
        funding=_funding(table.funding),
        limits=_limits(table.limits, common.limits),
        retention=Retention(days=table.retention.days or common.retention.videos_days),
        origins=table.origins,
        test=table.test,
    )
    return TenantSetup(
        tenant=tenant,
        keys=table.keys,
        webhooks=tuple([_webhook(each) for each in table.webhooks]),
        routed_by_file=table.routing is not None,
    )


def _webhook(table: WebhookTable) -> WebhookSetup:
    return WebhookSetup(url=table.url, name=table.name.strip(), events=table.events, secret=table.secret)


def _limits(own: TenantLimitsTable, common: LimitsSettings) -> TenantLimits:
    said = {name: value for name, value in msgspec.structs.asdict(own).items() if value is not None}
    return TenantLimits(**{**msgspec.structs.asdict(common), **said})


def _funding(table: FundingTable) -> Funding:
    return Funding(
        mode=table.mode,
        opening=table.opening or 0,
        per_day=table.per_day,
        per_month=table.per_month,
        per_video=table.per_video,
        warn_percent=tuple(sorted(table.warn_percent)),
    )


def _policy(table: RoutingTable) -> RoutingPolicy:
    return RoutingPolicy(
        strategy=table.strategy,
        weights=Weights(**msgspec.structs.asdict(table.weights)),
        order=table.order,
        only=table.only,
        exclude=table.exclude,
        per_video=table.max_cost,
        max_wait_seconds=table.max_wait_seconds,
        on_max_wait=table.on_max_wait,
        on_unsupported=table.on_unsupported,
        on_unknown=table.on_unknown,
        rules=tuple([_rule(rule) for rule in table.rules]),
    )


def _rule(table: RuleTable) -> Rule:
    return Rule(
        when=When(**msgspec.structs.asdict(table.when)),
        prefer=table.prefer,
        only=table.only,
        exclude=table.exclude,
        strategy=table.strategy,
        per_video=table.max_cost,
        max_wait_seconds=table.max_wait_seconds,
    )
