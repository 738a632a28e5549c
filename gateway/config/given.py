"""Tenants and accounts as callers of the API write them: read by what reads the file, every mistake told."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec.structs import replace

from gateway.config import checks
from gateway.config.accounts import AccountSetup, read_account
from gateway.config.addresses import is_private, origin_of
from gateway.config.places import Place
from gateway.config.reading import WRONG, Mistake, Notes, Tables
from gateway.config.settings import EgressSettings, Section, ServerSettings
from gateway.config.spellings import read_money, read_web_origin
from gateway.config.tables import Money, WebOrigin
from gateway.config.tenants import Common, read_tenant
from gateway.policy.patching import merged
from providers.base import ProviderKind
from schema.account import Account, Limits, Secret, own_id
from schema.errors import FieldError, InvalidRequest
from schema.money import format_micros
from schema.tenant import Tenant

T = TypeVar("T", bound=Section)

MAX_SECRET = 4096
MAX_ID = 64

OVERLAP = 24 * 3600
"""Seconds for which a webhook secret that was replaced is believed, unless something else is said."""

Overlap = Annotated[int, msgspec.Meta(ge=0, le=7 * 24 * 3600)]
_WORDS = frozenset({"events", "setups"})
"""What stands in our addresses where an account's id would."""

_KEPT = "kept"
"""Stands where an account's secret would: it is changed elsewhere, and never told."""


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What an account is judged by beside itself."""

    kinds: Mapping[str, ProviderKind]
    server: ServerSettings
    egress: EgressSettings


class CredentialTable(Section, frozen=True, kw_only=True):
    """A new credential."""

    credential: Secret


class WebhookSecretsTable(Section, frozen=True, kw_only=True):
    """New webhook secrets, the current one first; those they replace work so long still."""

    webhook_secrets: tuple[Secret, ...]
    overlap_seconds: Overlap = OVERLAP


# accounts


def new_account(document: Any, owner: Tenant | None, around: Surroundings) -> Account:
    """An account as it was written; a tenant's own is called after it.

    Raises:
        InvalidRequest: every field that is missing, unknown, of a wrong type, out of range, or not allowed.
    """
    return _account(_without_nulls(document), owner, around)


def changed_account(known: Account, changes: Any, owner: Tenant | None, around: Surroundings) -> Account:
    """An account after a JSON merge patch; its secrets stay. Raises InvalidRequest."""
    notes = Notes()
    written = written_account(known)
    if not isinstance(changes, dict):
        raise InvalidRequest.field("body", "invalid_value", "must be an object")
    for name in ("id", "provider"):
        if name in changes and changes[name] != written[name]:
            notes.error((name,), "can not be changed", "remove the account, and make another")
    for name in ("credential", "webhook_secrets"):
        if name in changes:
            notes.error((name,), "is not changed here", f"set it by the account's own {name}")
    kept = {"credential": _KEPT, "webhook_secrets": [_KEPT] * len(known.webhook_secrets)}
    own = {name: value for name, value in changes.items() if name not in ("id", "provider", *kept)}
    plain = {name: value for name, value in written.items() if name != "limits"}
    read = _account({**merged(plain, own), **kept}, owner, around, notes, known=known)
    if origin_of(read.base_url) != origin_of(known.base_url):
        notes.error(("base_url",), "another host needs its credential anew", "set up another account there")
    refuse(notes)
    return replace(
        read,
        id=known.id,
        credential=known.credential,
        credential_version=known.credential_version,
        webhook_secrets=known.webhook_secrets,
        former_secrets=known.former_secrets,
        limits=_limits(known.limits, read.limits, own),
    )


def check_renewed(account: Account, former: Account) -> None:
    """An account that is set up again under the name of one that was removed: what that one sent is asked about with
    the credential it was sent with, so it goes on to where that belongs. Raises InvalidRequest.
    """
    notes = Notes()
    if account.provider != former.provider:
        notes.error(("provider",), f"was {former.provider} for an account of this name", "choose another id")
    elif origin_of(account.base_url) != origin_of(former.base_url):
        notes.error(("base_url",), "is not where an account of this name was", "choose another id")
    refuse(notes)


def written_account(account: Account) -> dict[str, Any]:
    """An account as callers write it, without its secrets."""
    price = account.price_per_credit
    return {
        "id": account.id,
        "provider": account.provider,
        "base_url": account.base_url,
        **({} if price is None else {"price_per_credit": format_micros(price)}),
        "limits": {name: value for name, value in msgspec.structs.asdict(account.limits).items() if value is not None},
        "options": msgspec.to_builtins(account.options),
        "credits_warn_percent": list(account.credits_warn_percent),
        "sandbox": account.sandbox,
    }


def given_secrets(document: Any, table: type[T]) -> T:
    """Secrets alone. Raises InvalidRequest."""
    notes = Notes()
    read = _tables().read(document, table, (), notes)
    refuse(notes)
    if read is None:
        raise AssertionError("what can not be read was noted")
    return read


def _account(
    document: Any, owner: Tenant | None, around: Surroundings, notes: Notes | None = None, known: Account | None = None
) -> Account:
    notes = notes or Notes()
    if owner is not None and known is not None:  # the file's own spelling of ids knows no tenant in front
        document = {**document, "id": known.id.removeprefix(own_id(owner.id, ""))}
    document = _without(document, {"owner": "it is whose door it came by"}, notes)
    setup = read_account(document, around.kinds, _tables(), (), notes)
    if setup is None and not notes.wrong:
        notes.error((), "must be an object that names a provider")
    if setup is not None:
        setup = _owned(setup, owner, notes)
        if owner is None and setup.account.id in _WORDS:
            notes.error(("id",), f"{setup.account.id!r} means something else in our addresses", "choose another name")
        checks.check_account(setup, around.server, around.egress, around.kinds, notes)
        if owner is not None:
            _check_own(setup.account, owner, around.egress, notes)
    refuse(notes)
    if setup is None:
        raise AssertionError("what can not be read was noted")
    return setup.account


def _owned(setup: AccountSetup, owner: Tenant | None, notes: Notes) -> AccountSetup:
    if owner is None:
        return setup
    whole = own_id(owner.id, setup.account.id)
    if len(whole) > MAX_ID:
        notes.error(("id",), f"is too long: {whole!r}, as it is called in full, has more than {MAX_ID} characters")
    return replace(setup, account=replace(setup.account, id=whole, owner=owner.id))


def _check_own(account: Account, owner: Tenant, egress: EgressSettings, notes: Notes) -> None:
    """We carry a tenant's words there, so it must not lead inside; and what it makes must count as what it is."""
    allowed = origin_of(account.base_url) in egress.allow
    if is_private(account.base_url) and not allowed:
        notes.error(("base_url",), "is a private address", "give one that the internet knows")
    elif not account.base_url.startswith("https://") and not allowed:
        notes.error(("base_url",), "is not https://: the credential would travel in the clear")
    if account.sandbox and not owner.test:
        notes.error(("sandbox",), "is for test tenants alone")
    elif owner.test and not account.sandbox:
        notes.error(("sandbox",), "must be true: a test tenant reaches sandbox accounts alone")


def _limits(known: Limits, read: Limits, changes: Mapping[str, Any]) -> Limits:
    """Those that were changed, one by one; with another plan all the others are that plan's."""
    given = changes.get("limits", {})
    every = "plan" in changes or ("limits" in changes and given is None)
    pairs = {name: (getattr(known, name), getattr(read, name)) for name in ("per_minute", "concurrent", "per_day")}
    return Limits(**{name: new if every or name in given else old for name, (old, new) in pairs.items()})


# tenants


_ELSEWHERE = {"keys": "make keys for it", "webhooks": "make webhook endpoints for it"}
"""What a file says of a tenant, and the API elsewhere."""


def _without(document: Any, names: Mapping[str, str], notes: Notes) -> Any:
    """The document without what is given elsewhere, which is noted."""
    if not isinstance(document, dict):
        return document
    for name, hint in names.items():
        if name in document:
            notes.error((name,), "is not given here", hint)
    return {name: value for name, value in document.items() if name not in names}


def new_tenant(document: Any, names: checks.Names, common: Common) -> Tenant:
    """A tenant as it was written.

    Args:
        names: those its routing may name.
        common: what holds for tenants that say nothing.

    Raises:
        InvalidRequest: every field that is missing, unknown, of a wrong type or out of range.
    """
    notes = Notes()
    document = _without_nulls(document)
    document = _without(document, _ELSEWHERE, notes)
    placed = read_tenant(document, _tables(), common, (), notes)
    if placed is not None:
        checks.check_routing(placed, names, notes)
    refuse(notes)
    if placed is None:
        raise AssertionError("what can not be read was noted")
    return placed.setup.tenant


def changed_tenant(known: Tenant, changes: Any, common: Common) -> Tenant:
    """A tenant after a JSON merge patch; its routing is changed elsewhere. Raises InvalidRequest."""
    if not isinstance(changes, dict):
        raise InvalidRequest.field("body", "invalid_value", "must be an object")
    notes = Notes()
    for name, mine in (("id", known.id), ("test", known.test)):
        if name in changes and changes[name] != mine:
            notes.error((name,), "can not be changed", "make another tenant")
    own = _without(changes, {**_ELSEWHERE, "routing": "change its routing policy"}, notes)
    own = {name: value for name, value in own.items() if name not in ("id", "test")}
    placed = read_tenant(merged(written_tenant(known), own), _tables(), common, (), notes)
    refuse(notes)
    if placed is None:
        raise AssertionError("what can not be read was noted")
    return replace(placed.setup.tenant, routing=known.routing, policy_version=None)


def written_tenant(tenant: Tenant) -> dict[str, Any]:
    """A tenant as callers write it, without its routing."""
    funding, limits = tenant.funding, msgspec.structs.asdict(tenant.limits)
    amounts = {
        "opening": funding.opening or None,
        "per_day": funding.per_day,
        "per_month": funding.per_month,
        "per_video": funding.per_video,
    }
    return {
        "id": tenant.id,
        "name": tenant.name,
        "test": tenant.test,
        "origins": list(tenant.origins),
        "funding": {
            "mode": funding.mode.value,
            "warn_percent": list(funding.warn_percent),
            **{name: format_micros(amount) for name, amount in amounts.items() if amount is not None},
        },
        "limits": {name: value for name, value in limits.items() if value is not None},
        "retention": {} if tenant.retention.days is None else {"days": tenant.retention.days},
    }


# all alike


def refuse(notes: Notes) -> None:
    """Raises InvalidRequest with every mistake that is no mere warning."""
    errors = tuple(_error(mistake) for mistake in notes.mistakes if not mistake.warning)
    if errors:
        raise InvalidRequest(f"{errors[0].field}: {errors[0].detail}", errors=errors[:100])


def _error(mistake: Mistake) -> FieldError:
    detail = mistake.problem if mistake.hint is None else f"{mistake.problem}; {mistake.hint}"
    return FieldError(_path(mistake.place), _code(mistake.problem), detail)


def _code(problem: str) -> str:
    if problem == "is required":
        return "required"
    return "unknown_field" if problem.startswith("unknown key") else "invalid_value"


def _path(place: Place) -> str:
    words = "".join(f"[{step}]" if isinstance(step, int) else f".{step[:MAX_ID]}" for step in place)
    return words.lstrip(".") or "body"


def _without_nulls(document: Any) -> Any:
    """Null is a field's default, as in a merge patch."""
    return merged({}, document) if isinstance(document, dict) else document


def _tables() -> Tables:
    return Tables({Secret: _secret, Money: read_money, WebOrigin: read_web_origin})


def _secret(raw: Any, place: Place, notes: Notes) -> Any:
    """A secret itself: who calls has no business in our environment and files."""
    if not isinstance(raw, str):
        notes.error(place, "expected text in quotes")
    elif not raw.strip():
        notes.error(place, "is empty")
    elif len(raw) > MAX_SECRET or not (raw.isascii() and raw.isprintable()):
        notes.error(place, f"must be {MAX_SECRET} printable ASCII characters at most")
    else:
        return Secret(raw.strip())
    return WRONG
