"""What people read on a terminal of tenants and accounts as they are set up."""

from collections.abc import Iterable
from typing import Any

from gateway.cli.output import columns
from gateway.cli.setup_wire import AccountSetup, TenantSetup, Tested
from gateway.cli.views import moment


def setups_view(setups: Iterable[AccountSetup]) -> str:
    head = (
        "ACCOUNT",
        "PROVIDER",
        "OWNER",
        "PRICE",
        "LIMITS",
        "SANDBOX",
        "CREDENTIAL",
        "HOOKS",
        "VERSION",
        "MANAGED BY",
    )
    return columns([head, *map(_setup, setups)])


def _setup(one: AccountSetup) -> tuple[str, ...]:
    return (
        one.id,
        one.provider,
        one.owner or "-",
        one.price_per_credit or "-",
        _pairs(one.limits),
        "yes" if one.sandbox else "no",
        f"version {one.credential_version}" + (f", {moment(one.credential_at)}" if one.credential_at else ""),
        str(one.webhook_secrets),
        str(one.version),
        one.file or one.managed_by,
    )


def tested_view(tested: Tested) -> str:
    rows = [
        ("account", tested.account),
        ("reached", "nobody knows: it can not be asked for free" if not tested.asked else _yes(tested.reached)),
        ("credential", tested.credential or "not told"),
        ("answered", " ".join(part for part in (tested.failure, tested.detail) if part)),
        ("limit", _pairs(tested.limit)),
    ]
    return columns((name, value) for name, value in rows if value)


def tenants_view(tenants: Iterable[TenantSetup]) -> str:
    head = ("TENANT", "NAME", "TEST", "FUNDING", "VERSION", "MANAGED BY", "CHANGED")
    return columns([head, *map(_tenant, tenants)])


def _tenant(one: TenantSetup) -> tuple[str, ...]:
    setup = one.setup
    test, by = _yes(setup.test), setup.file or setup.managed_by
    return (
        one.id,
        setup.name,
        test,
        str(setup.funding.get("mode", "")),
        str(setup.version),
        by,
        _when(setup.updated_at),
    )


def tenant_view(one: TenantSetup) -> str:
    setup = one.setup
    rows = [
        ("id", one.id),
        ("name", setup.name),
        ("test", _yes(setup.test)),
        ("origins", ", ".join(setup.origins)),
        ("funding", _pairs(setup.funding)),
        ("limits", _pairs(setup.limits)),
        ("version", str(setup.version)),
        ("policy version", "" if one.policy is None else str(one.policy.version)),
        ("managed by", setup.file or setup.managed_by),
        ("changed", _when(setup.updated_at)),
    ]
    return columns((name, value) for name, value in rows if value)


def _pairs(values: dict[str, Any]) -> str:
    said = {name: ",".join(map(str, one)) if isinstance(one, list) else one for name, one in values.items()}
    return " ".join(f"{name}={one}" for name, one in said.items() if one is not None) or "-"


def _yes(value: object) -> str:
    return "yes" if value else "no"


def _when(seconds: int) -> str:
    return (moment(seconds) or "") if seconds else ""
