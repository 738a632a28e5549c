"""The way in: ``load`` a file into Settings, or ``check`` a text for every mistake at once."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from gateway.config import checks
from gateway.config.accounts import AccountSetup, Kinds, read_account
from gateway.config.amounts import money
from gateway.config.excerpts import excerpt
from gateway.config.findings import ConfigError, Finding
from gateway.config.places import Place, line_of, lines_of, path_of
from gateway.config.reach import check_reach
from gateway.config.reading import Mistake, Notes, Tables, suggestion
from gateway.config.secret_text import SecretTexts
from gateway.config.settings import (
    AssetsSettings,
    DatabaseSettings,
    DatabaseUrl,
    EgressSettings,
    KeySetup,
    QueueSettings,
    SecretsSettings,
    Section,
    ServerSettings,
    Settings,
    Timing,
    WorkerSettings,
)
from gateway.config.tables import Money
from gateway.config.tenants import KeyReader, PlacedTenant, read_tenant
from providers.base import ProviderKind
from providers.registry import KINDS, by_name
from schema.account import Secret

DEFAULT_PATH = Path("filmgate.toml")
_SECTIONS: dict[str, type[Section]] = {
    "server": ServerSettings,
    "database": DatabaseSettings,
    "secrets": SecretsSettings,
    "assets": AssetsSettings,
    "egress": EgressSettings,
    "timing": Timing,
    "worker": WorkerSettings,
    "queue": QueueSettings,
}
_LISTS = ("accounts", "tenants")


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
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return None, [Finding(path="", problem="there is no such file", hint="start from filmgate.example.toml")]
    except OSError as error:
        return None, [Finding(path="", problem=f"can not be read: {error.strerror}")]
    except UnicodeDecodeError as error:
        return None, [Finding(path="", problem=f"is not UTF-8 text: byte {error.start} can not be read")]
    return parse(text, environ, kinds)


def check(text: str, environ: Mapping[str, str], kinds: Iterable[ProviderKind] = KINDS) -> list[Finding]:
    """Everything wrong or doubtful in the text, in the order of its lines."""
    return parse(text, environ, kinds)[1]


def parse(
    text: str, environ: Mapping[str, str], kinds: Iterable[ProviderKind] = KINDS
) -> tuple[Settings | None, list[Finding]]:
    """The text's settings, None when it can not be used, and everything found in it."""
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        return None, [_unreadable(text, error)]
    notes = Notes()
    settings = _settings(raw, environ, by_name(kinds), notes)
    return (None if notes.wrong else settings), _found(notes, text, raw)


def _settings(raw: dict[str, Any], environ: Mapping[str, str], kinds: Kinds, notes: Notes) -> Settings | None:
    for name in raw:
        if name not in _SECTIONS and name not in _LISTS:
            notes.error((name,), f"unknown section {name!r}", suggestion(name, (*_SECTIONS, *_LISTS)))
    tables = _tables(environ, production=_in_production(raw))
    sections = _sections(raw, tables, notes)
    accounts = [read_account(value, kinds, tables, place, notes) for place, value in _elements(raw, "accounts", notes)]
    tenants = [read_tenant(value, tables, place, notes) for place, value in _elements(raw, "tenants", notes)]
    readable = Readable(
        accounts=tuple(account for account in accounts if account),
        tenants=tuple(tenant for tenant in tenants if tenant),
    )
    _check_sections(sections, notes)
    _check_lists(raw, readable, sections, kinds, notes)
    if notes.wrong:
        return None
    return Settings(
        **sections,
        accounts=tuple(setup.account for setup in readable.accounts),
        tenants=tuple(tenant.setup for tenant in readable.tenants),
    )


class Readable(msgspec.Struct, frozen=True, kw_only=True):
    """The accounts and tenants of which enough could be read to judge them."""

    accounts: tuple[AccountSetup, ...]
    tenants: tuple[PlacedTenant, ...]


def _sections(raw: dict[str, Any], tables: Tables, notes: Notes) -> dict[str, Any]:
    """Every section by name; one that can not be read stands at its defaults, and [secrets], which has none, is out."""
    read = {name: tables.read(raw.get(name, {}), kind, (name,), notes) for name, kind in _SECTIONS.items()}
    defaults = {name: kind() for name, kind in _SECTIONS.items() if name != "secrets"}
    return {**defaults, **{name: section for name, section in read.items() if section is not None}}


def _tables(environ: Mapping[str, str], *, production: bool) -> Tables:
    secrets = SecretTexts(environ, production=production)
    return Tables(
        {
            Secret: secrets.secret,
            KeySetup: KeyReader(secrets),
            DatabaseUrl: secrets.text_or_outside,
            Money: money,
        }
    )


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
        checks.check_secret_key(sections["secrets"].key, notes)
    checks.check_server(sections["server"], notes)
    checks.check_database(sections["database"], notes)
    checks.check_assets(sections["assets"], notes)
    checks.check_egress(sections["egress"], notes)
    checks.check_timing(sections["timing"], notes)


def _check_lists(raw: dict[str, Any], readable: Readable, sections: dict[str, Any], kinds: Kinds, notes: Notes) -> None:
    ids = {name: _ids(raw, name) for name in _LISTS}
    for name in _LISTS:
        checks.check_unique(ids[name], notes)
    for setup in readable.accounts:
        checks.check_account(setup, sections["server"], sections["egress"], kinds, notes)
    checks.check_credentials(readable.accounts, notes)
    checks.check_keys(readable.tenants, notes)
    names = checks.Names(
        accounts=frozenset(value for _, value in ids["accounts"] if isinstance(value, str)),
        providers=frozenset(kinds),
        used=frozenset(setup.account.provider for setup in readable.accounts),
    )
    for tenant in readable.tenants:
        checks.check_routing(tenant, names, notes)
        checks.check_origins(tenant, notes)
    if len(readable.accounts) == len(ids["accounts"]):  # of an account that can not be read nobody knows whom it serves
        check_reach(readable.tenants, readable.accounts, notes)
    checks.check_somebody(ids["accounts"], ids["tenants"], notes)


def _ids(raw: dict[str, Any], name: str) -> list[tuple[Place, object]]:
    """What stands as the id of every account, or tenant, readable or not."""
    return [
        (place, value.get("id") if isinstance(value, dict) else None) for place, value in _elements(raw, name, Notes())
    ]


_MISSING_KEY = f'write [secrets] key = {{ env = "FILMGATE_SECRET_KEY" }}; {checks.MAKE_A_KEY}'


def _found(notes: Notes, text: str, raw: dict[str, Any]) -> list[Finding]:
    lines = lines_of(text)
    found = [_finding(mistake, lines, text, raw) for mistake in notes.mistakes]
    return sorted(dict.fromkeys(found), key=lambda finding: finding.line or 0)


def _finding(mistake: Mistake, lines: dict[Place, int], text: str, raw: dict[str, Any]) -> Finding:
    line = line_of(mistake.place, lines)
    return Finding(
        path=path_of(mistake.place, raw),
        problem=mistake.problem,
        hint=mistake.hint or (_MISSING_KEY if mistake.place == ("secrets", "key") else None),
        line=line,
        excerpt=excerpt(text, line),
        warning=mistake.warning,
    )


_POSITION = re.compile(r"\s*\(at line (\d+), column \d+\)$|\s*\(at end of document\)$")


def _unreadable(text: str, error: Exception) -> Finding:
    """The one finding of a text that is no TOML."""
    position = _POSITION.search(str(error))
    line = int(position[1]) if position and position[1] else None
    problem = _POSITION.sub("", str(error)) if isinstance(error, tomllib.TOMLDecodeError) else "can not be read"
    if isinstance(error, RecursionError):
        problem = "is nested too deeply"
    return Finding(path="", problem=f"is not TOML: {problem}", line=line, excerpt=excerpt(text, line))
