"""One of ``[[tenants]]``, understood: who it is, what its keys may do, how its videos are routed."""

from typing import Any

import msgspec

from gateway.config.places import Place
from gateway.config.reading import WRONG, Notes, Tables
from gateway.config.secret_text import SecretTexts
from gateway.config.settings import DEFAULT_SCOPES, KeySetup, TenantSetup
from gateway.config.tables import FundingTable, RoutingTable, RuleTable, ScopesTable, TenantTable
from gateway.policy.origins import normal
from schema.tenant import Funding, RoutingPolicy, Rule, Tenant, TenantLimits, Weights, When


class PlacedTenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant and where the file speaks of it."""

    place: Place
    setup: TenantSetup


def read_tenant(raw: Any, tables: Tables, place: Place, notes: Notes) -> PlacedTenant | None:
    """The tenant, or None when too little of it could be read; every mistake is noted."""
    table = tables.read(raw, TenantTable, place, notes)
    return PlacedTenant(place=place, setup=_setup(table)) if table else None


def _setup(table: TenantTable) -> TenantSetup:
    tenant = Tenant(
        id=table.id,
        name=table.name or table.id,
        routing=RoutingPolicy() if table.routing is None else _policy(table.routing),
        funding=_funding(table.funding),
        limits=TenantLimits(**msgspec.structs.asdict(table.limits)),
        origins=tuple(normal(origin) or origin for origin in table.origins),
        test=table.test,
    )
    return TenantSetup(tenant=tenant, keys=table.keys, routed_by_file=table.routing is not None)


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


class KeyReader:
    """Keys: a secret in any spelling, and beside it, if it should do more or less than most, ``scopes``."""

    def __init__(self, secrets: SecretTexts) -> None:
        self._secrets = secrets
        self._tables = Tables({})

    def __call__(self, raw: Any, place: Place, notes: Notes) -> Any:
        scopes = DEFAULT_SCOPES
        if isinstance(raw, dict) and "scopes" in raw:
            beside = self._tables.read({"scopes": raw["scopes"]}, ScopesTable, place, notes)
            scopes = beside.scopes if beside else scopes
            raw = {name: value for name, value in raw.items() if name != "scopes"}
        secret = self._secrets.secret(raw, place, notes)
        return secret if secret is WRONG else KeySetup(secret=secret, scopes=scopes)
