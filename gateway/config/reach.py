"""Whom a tenant's videos can be made by, and whether its money is enough for any: what no single key shows."""

from collections.abc import Iterator, Sequence

import msgspec

from gateway.config.accounts import AccountSetup
from gateway.config.places import Place
from gateway.config.reading import Notes
from gateway.config.rules import check_makers
from gateway.config.tenants import PlacedTenant
from schema.money import Micros, format_micros, format_money
from schema.tenant import FundingMode, Scope, Tenant
from schema.video import VideoSpec

_PLAIN = VideoSpec(prompt="a video")
_NOBODY = "no account may serve this tenant"
_WRITE_A_PRICE = 'write what a credit costs you: price_per_credit = "…"'


class Bound(msgspec.Struct, frozen=True):
    """Something a tenant's videos are held to: where it stands, and how much it is; None for its balance."""

    place: Place
    amount: Micros | None


def check_reach(tenants: Sequence[PlacedTenant], accounts: Sequence[AccountSetup], notes: Notes) -> None:
    """Warn of tenants that can have no video, and of accounts that can not serve those whose money is counted."""
    unpriced: dict[Place, list[str]] = {}
    for tenant in tenants:
        _check_opening(tenant, notes)
        if not _makes_videos(tenant):
            continue
        reached = _reached(tenant, accounts, notes)
        if reached:
            check_makers(tenant.setup.tenant.routing, reached, (*tenant.place, "routing", "rules"), notes)
        for place in _useless(tenant, reached, notes):
            unpriced.setdefault(place, []).append(tenant.setup.tenant.id)
    for place, names in unpriced.items():
        problem = f"has no price_per_credit, so it does not serve who is prepaid or held to a cost: {', '.join(names)}"
        notes.warning(place, problem, _WRITE_A_PRICE)


def _useless(tenant: PlacedTenant, reached: Sequence[AccountSetup], notes: Notes) -> list[Place]:
    """The accounts that do not serve a tenant for want of a price; of a tenant for whom that is all, it warns."""
    bounds = list(_bounds(tenant))
    without = [setup.place for setup in reached if setup.account.price_per_credit is None]
    if not bounds or not reached:
        return []
    if len(without) == len(reached):
        problem = f"no account has a price_per_credit, so none can be held to a cost: {_NOBODY}"
        notes.warning(bounds[0].place, problem, _WRITE_A_PRICE)
        return []
    _check_enough(bounds, reached, notes)
    return without


def _makes_videos(tenant: PlacedTenant) -> bool:
    """An operator's tenant need not reach anybody; one without keys is warned about by itself."""
    return any(Scope.VIDEOS_WRITE in key.scopes for key in tenant.setup.keys)


def _check_opening(tenant: PlacedTenant, notes: Notes) -> None:
    funding = tenant.setup.tenant.funding
    if funding.opening and funding.mode is FundingMode.POSTPAID:
        problem = "is the first top-up of a prepaid tenant, and this one pays afterwards: nothing is topped up"
        notes.warning((*tenant.place, "funding", "opening"), problem, 'write mode = "prepaid", or leave it out')


def _reached(tenant: PlacedTenant, accounts: Sequence[AccountSetup], notes: Notes) -> list[AccountSetup]:
    """The accounts that may serve a tenant; when there is none, that is noted, unless there is no account at all."""
    who = tenant.setup.tenant
    open_to = [setup for setup in accounts if setup.account.owner in (None, who.id)]
    alike = [setup for setup in open_to if setup.account.sandbox == who.test]
    if accounts and not open_to:
        notes.warning(tenant.place, f"every account is some other tenant's own: {_NOBODY}")
    elif accounts and not alike:
        _warn_of_kind(tenant, notes)
    reached = [setup for setup in alike if _allows(who, setup)]
    if alike and not reached:
        _warn_of_lists(tenant, notes)
    return reached


def _allows(tenant: Tenant, setup: AccountSetup) -> bool:
    names, routing = {setup.account.id, setup.account.provider}, tenant.routing
    return (not routing.only or not names.isdisjoint(routing.only)) and names.isdisjoint(routing.exclude)


def _warn_of_kind(tenant: PlacedTenant, notes: Notes) -> None:
    if tenant.setup.tenant.test:
        problem, hint = "reaches sandbox accounts only, and there is none", "write sandbox = true at an account for it"
        notes.warning((*tenant.place, "test"), f"{problem}: {_NOBODY}", hint)
    else:
        problem = f"every account is a sandbox account, which only test tenants reach: {_NOBODY}"
        notes.warning(tenant.place, problem, "write test = true, or add an account that is no sandbox")


def _warn_of_lists(tenant: PlacedTenant, notes: Notes) -> None:
    routing = tenant.setup.tenant.routing
    if not routing.only:
        notes.warning((*tenant.place, "routing", "exclude"), f"leaves nobody: {_NOBODY}")
    elif not set(routing.only) <= set(routing.exclude):  # that is noted where the lists are read
        kind = "sandbox" if tenant.setup.tenant.test else "live"
        notes.warning((*tenant.place, "routing", "only"), f"names no {kind} account that is not excluded: {_NOBODY}")


def _bounds(tenant: PlacedTenant) -> Iterator[Bound]:
    """Everything because of which an account without a price can not serve it."""
    funding, place = tenant.setup.tenant.funding, (*tenant.place, "funding")
    if funding.mode is FundingMode.PREPAID:
        yield Bound((*place, "mode"), None)
    per_video = tenant.setup.tenant.routing.per_video
    if per_video is not None:
        yield Bound((*tenant.place, "routing", "max_cost"), per_video)
    for name in ("per_video", "per_day", "per_month"):
        amount = getattr(funding, name)
        if amount is not None:
            yield Bound((*place, name), amount)


def _check_enough(bounds: Sequence[Bound], reached: Sequence[AccountSetup], notes: Notes) -> None:
    """What is set aside for a video is the most it may cost, so that is what a budget must allow."""
    tops = [top for setup in reached if (top := _top(setup)) is not None]
    if not tops:
        return
    least = min(tops)
    for bound in bounds:
        if bound.amount is not None and bound.amount < least:
            problem = f"is less than {format_money(least)}, which is set aside for the cheapest video: none can be made"
            notes.warning(bound.place, problem, f'write "{format_micros(least)}" or more')


def _top(setup: AccountSetup) -> Micros | None:
    """The most a plain video may cost at an account; None when nobody knows."""
    if setup.provider is None or setup.account.price_per_credit is None:
        return None
    return setup.provider.rates.quote(_PLAIN).at(setup.account.price_per_credit).high
