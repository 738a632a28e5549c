"""The way in: ``load`` a file into Settings, or ``check`` a text for every mistake at once."""

import tomllib
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.config import checks, overrides
from gateway.config.accounts import AccountSetup, Kinds, read_account
from gateway.config.findings import ConfigError, Finding
from gateway.config.keys import KeyReader
from gateway.config.manifests import read_manifests
from gateway.config.master_key import check_key_is_nobodys, check_secrets
from gateway.config.overrides import Override
from gateway.config.places import Place, around, lines_of
from gateway.config.reach import check_reach
from gateway.config.reading import Notes, Tables, suggestion
from gateway.config.secret_text import SecretTexts
from gateway.config.settings import SECTIONS, DatabaseUrl, KeySetup, Network, Settings
from gateway.config.spellings import read_moment, read_money, read_network, read_web_origin
from gateway.config.tables import Moment, Money, WebOrigin
from gateway.config.telling import findings_of, unreadable
from gateway.config.tenants import Common, PlacedTenant, read_tenant
from gateway.config.webhooks import Reachable, check_webhooks
from providers.base import ProviderKind
from providers.registry import KINDS, by_name
from schema.account import Secret

DEFAULT_PATH = Path("filmgate.toml")
_LISTS = ("accounts", "tenants")


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A file, read: what it means, what was found in it, and where every value came from.

    Attributes:
        settings: None when something forbids using it.
        raw: the file's values with the overrides in them.
        lines: where what stands in the file stands.
        overridden: what came from the environment or from options instead, by place.
    """

    settings: Settings | None
    findings: tuple[Finding, ...]
    raw: dict[str, Any] = {}
    lines: dict[Place, int] = {}
    overridden: dict[Place, Override] = {}

    def override(self, place: Place) -> Override | None:
        """What gave a value, when it was not the file."""
        found = around(place, self.overridden)
        return None if found is None else self.overridden[found]


def load(path: Path | str, environ: Mapping[str, str], kinds: Iterable[ProviderKind] = KINDS) -> Settings:
    """The file's settings.

    Raises:
        ConfigError: with everything found in it, when anything forbids using it.
    """
    settings, findings = examine(path, environ, kinds)
    if settings is None:
        raise ConfigError(findings, str(path))
    return settings


def examine(
    path: Path | str, environ: Mapping[str, str], kinds: Iterable[ProviderKind] = KINDS
) -> tuple[Settings | None, list[Finding]]:
    """The file's settings, None when it can not be used, and everything found in it."""
    reading = read_file(path, environ, kinds=kinds)
    return reading.settings, list(reading.findings)


def check(text: str, environ: Mapping[str, str], kinds: Iterable[ProviderKind] = KINDS) -> list[Finding]:
    """Everything wrong or doubtful in the text, in the order of its lines."""
    return parse(text, environ, kinds)[1]


def parse(
    text: str, environ: Mapping[str, str], kinds: Iterable[ProviderKind] = KINDS
) -> tuple[Settings | None, list[Finding]]:
    """The text's settings, None when it can not be used, and everything found in it."""
    reading = read_text(text, environ, kinds=kinds)
    return reading.settings, list(reading.findings)


def read_file(
    path: Path | str, environ: Mapping[str, str], *, options: Sequence[str] = (), kinds: Iterable[ProviderKind] = KINDS
) -> Reading:
    """A file with what the environment and ``--set`` options say in its place."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        hint = "filmgate init writes one; filmgate.example.toml has every key"
        return _nothing(Finding(path="", problem="there is no such file", hint=hint))
    except OSError as error:
        return _nothing(Finding(path="", problem=f"can not be read: {error.strerror}"))
    except UnicodeDecodeError as error:
        return _nothing(Finding(path="", problem=f"is not UTF-8 text: byte {error.start} can not be read"))
    reading = read_text(text, environ, options=options, kinds=kinds)
    settings = reading.settings
    return reading if settings is None else replace(reading, settings=replace(settings, source=Path(path).name))


def read_text(
    text: str, environ: Mapping[str, str], *, options: Sequence[str] = (), kinds: Iterable[ProviderKind] = KINDS
) -> Reading:
    """The same for a file's text."""
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        return _nothing(unreadable(text, error))
    notes, known = Notes(), by_name(kinds)
    given = [*overrides.from_environment(environ), *overrides.from_options(options)]
    overridden = overrides.apply(raw, given, known, notes)
    settings, lines = _settings(raw, environ, overridden, known, notes), lines_of(text)
    return Reading(
        settings=None if notes.wrong else settings,
        findings=findings_of(notes, text, lines, raw, {place: each.source for place, each in overridden.items()}),
        raw=raw,
        lines=lines,
        overridden=overridden,
    )


def _nothing(finding: Finding) -> Reading:
    return Reading(settings=None, findings=(finding,))


def _settings(
    raw: dict[str, Any], environ: Mapping[str, str], elsewhere: Container[Place], kinds: Kinds, notes: Notes
) -> Settings | None:
    for name in raw:
        if name not in SECTIONS and name not in _LISTS:
            notes.error((name,), f"unknown section {name!r}", suggestion(name, (*SECTIONS, *_LISTS)))
    tables = _tables(SecretTexts(environ, production=_in_production(raw), elsewhere=elsewhere))
    sections = _sections(raw, tables, notes)
    accounts = [read_account(value, kinds, tables, place, notes) for place, value in _elements(raw, "accounts", notes)]
    common = Common(limits=sections["limits"], retention=sections["retention"])
    tenants = [read_tenant(value, tables, common, place, notes) for place, value in _elements(raw, "tenants", notes)]
    readable = Readable(
        accounts=tuple(account for account in accounts if account),
        tenants=tuple(tenant for tenant in tenants if tenant),
    )
    trusted = read_manifests(sections["graphql"].documents, ("graphql", "documents"), notes)
    _check_sections(sections, notes)
    _check_lists(raw, readable, sections, kinds, notes)
    if notes.wrong:
        return None
    return Settings(
        **sections,
        accounts=tuple(setup.account for setup in readable.accounts),
        tenants=tuple(tenant.setup for tenant in readable.tenants),
        trusted=trusted,
    )


class Readable(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts and tenants of which enough could be read to judge them."""

    accounts: tuple[AccountSetup, ...]
    tenants: tuple[PlacedTenant, ...]


def _sections(raw: dict[str, Any], tables: Tables, notes: Notes) -> dict[str, Any]:
    """Every section by name; one that can not be read stands at its defaults, and [secrets], which has none, is out."""
    read = {name: tables.read(raw.get(name, {}), kind, (name,), notes) for name, kind in SECTIONS.items()}
    defaults = {name: kind() for name, kind in SECTIONS.items() if name != "secrets"}
    return {**defaults, **{name: section for name, section in read.items() if section is not None}}


def _tables(secrets: SecretTexts) -> Tables:
    readers = {
        Secret: secrets.secret,
        DatabaseUrl: secrets.text_or_outside,
        Money: read_money,
        Moment: read_moment,
        Network: read_network,
        WebOrigin: read_web_origin,
    }
    return Tables({**readers, KeySetup: KeyReader(secrets, Tables(readers))})


def _in_production(raw: dict[str, Any]) -> bool:
    server = raw.get("server")
    return isinstance(server, dict) and server.get("production") is True


def _elements(raw: dict[str, Any], name: str, notes: Notes) -> list[tuple[Place, Any]]:
    values = raw.get(name, [])
    if not isinstance(values, list):
        notes.error((name,), "expected a list of tables", f"write [[{name}]], with two brackets")
        return []
    return [((name, position), value) for position, value in enumerate(values)]


def _check_sections(sections: dict[str, Any], notes: Notes) -> None:
    if "secrets" in sections:
        check_secrets(sections["secrets"], notes)
    checks.check_server(sections["server"], notes)
    checks.check_database(sections["database"], notes)
    checks.check_assets(sections["assets"], notes)
    checks.check_egress(sections["egress"], notes)
    checks.check_timing(sections["timing"], notes)
    checks.check_graphql(sections["graphql"], notes)


def _check_lists(raw: dict[str, Any], readable: Readable, sections: dict[str, Any], kinds: Kinds, notes: Notes) -> None:
    ids = {name: _ids(raw, name) for name in _LISTS}
    for name in _LISTS:
        checks.check_unique(ids[name], notes)
    for setup in readable.accounts:
        checks.check_account(setup, sections["server"], sections["egress"], kinds, notes)
    checks.check_credentials(readable.accounts, notes)
    tenants = {name for _, name in ids["tenants"] if isinstance(name, str)}
    checks.check_owners(readable.accounts, tenants, readable.tenants, notes)
    checks.check_keys(readable.tenants, notes)
    if "secrets" in sections:
        check_key_is_nobodys(sections["secrets"], _others(readable), notes)
    check_webhooks(readable.tenants, Reachable(sections["server"], sections["webhooks"], sections["egress"]), notes)
    names = checks.Names(
        accounts=frozenset(value for _, value in ids["accounts"] if isinstance(value, str)),
        providers=frozenset(kinds),
        used=frozenset(setup.account.provider for setup in readable.accounts),
        owners={setup.account.id: setup.account.owner for setup in readable.accounts if setup.account.owner},
    )
    for tenant in readable.tenants:
        checks.check_routing(tenant, names, notes)
    if len(readable.accounts) == len(ids["accounts"]):  # of an account that can not be read nobody knows whom it serves
        check_reach(readable.tenants, readable.accounts, notes)
    checks.check_somebody(ids["accounts"], ids["tenants"], notes)


def _ids(raw: dict[str, Any], name: str) -> list[tuple[Place, object]]:
    """What stands as the id of every account, or tenant, readable or not."""
    return [
        (place, value.get("id") if isinstance(value, dict) else None) for place, value in _elements(raw, name, Notes())
    ]


def _others(readable: Readable) -> Iterator[Secret]:
    """The secrets that somebody else knows."""
    for setup in readable.accounts:
        yield from (setup.account.credential, *setup.account.webhook_secrets)
    for tenant in readable.tenants:
        yield from (key.secret for key in tenant.setup.keys)
