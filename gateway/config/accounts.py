"""One of ``[[accounts]]``, understood: its provider, its plan's limits, its price, its provider's own options."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.config.places import Place
from gateway.config.reading import Notes, Tables, suggestion
from gateway.config.tables import AccountTable, LimitsTable
from providers.base import Provider, ProviderKind
from schema.account import Account, Limits

Kinds = Mapping[str, ProviderKind]


class AccountSetup(msgspec.Struct, frozen=True, kw_only=True):
    """An account as far as it could be read; ``provider`` is None when its options are wrong."""

    place: Place
    account: Account
    provider: Provider | None


def read_account(raw: Any, kinds: Kinds, tables: Tables, place: Place, notes: Notes) -> AccountSetup | None:
    """The account, or None when too little of it could be read; every mistake is noted."""
    table = tables.read(raw, AccountTable, place, notes)
    kind = _kind(raw, kinds, place, notes)
    if kind is None:
        return None
    _plan_is_known(raw, kind, place, notes)
    options, provider = _options(raw, kind, tables, place, notes)
    if table is None:
        return None
    return AccountSetup(place=place, account=_account(table, kind, options), provider=provider)


def _kind(raw: Any, kinds: Kinds, place: Place, notes: Notes) -> ProviderKind | None:
    name = raw.get("provider") if isinstance(raw, dict) else None
    if isinstance(name, str) and name not in kinds:
        notes.error((*place, "provider"), f"{name!r} is not a known provider", suggestion(name, kinds))
    return kinds.get(name) if isinstance(name, str) else None


def _plan_is_known(raw: Any, kind: ProviderKind, place: Place, notes: Notes) -> None:
    plan = raw.get("plan", kind.default_plan)
    if isinstance(plan, str) and plan not in kind.plans:
        notes.error((*place, "plan"), f"{plan!r} is not a plan of {kind.name}", suggestion(plan, kind.plans))


def _options(raw: Any, kind: ProviderKind, tables: Tables, place: Place, notes: Notes) -> tuple[Any, Provider | None]:
    """The provider's own settings, and the provider set up with them."""
    place = (*place, "options")
    given = raw.get("options", {})
    if not isinstance(given, dict):
        return None, None  # the account's table has said so
    known = Notes()
    options = tables.read(given, kind.options, place, known)
    notes.mistakes += known.mistakes
    if options is None or known.wrong:
        return options, None
    try:
        return options, kind.build(options)
    except ValueError as error:
        notes.error(place, str(error))
        return options, None


def _account(table: AccountTable, kind: ProviderKind, options: Any) -> Account:
    return Account(
        id=table.id,
        provider=table.provider,
        base_url=(table.base_url or kind.base_url).rstrip("/"),
        credential=table.credential,
        price_per_credit=table.price_per_credit,
        limits=_limits(table.limits, kind.plans.get(table.plan or kind.default_plan, Limits())),
        webhook_secrets=table.webhook_secrets,
        options=options,
        sandbox=table.sandbox,
        credits_warn_percent=table.credits_warn_percent,
        owner=table.owner,
    )


def _limits(given: LimitsTable, plan: Limits) -> Limits:
    return Limits(
        per_minute=given.per_minute or plan.per_minute,
        concurrent=given.concurrent or plan.concurrent,
        per_day=given.per_day or plan.per_day,
    )
