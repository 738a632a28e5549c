"""Settings from beside the file: variables (``FILMGATE_SERVER__LISTEN=…``) and options (``--set server.listen=…``).

Every key of the file has a name in each notation. In variables it is in capitals, its steps are joined by two
underscores, and elements of lists go by their ids, with underscores for dots and dashes. Variables without two
underscores (``FILMGATE_CONFIG``, ``FILMGATE_KEY`` …) are no settings of the file and are left alone.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from gateway.config.inventory import Key, bare_kind, keys_of
from gateway.config.places import Place
from gateway.config.reading import Notes
from gateway.config.settings import DatabaseUrl
from gateway.config.tables import Money
from providers.base import ProviderKind
from schema.account import Secret

PREFIX = "FILMGATE_"
OPTION = "--set"
_STEP = "__"


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """A value, what it is for in one of the notations, and where it came from, to be named to people."""

    name: str
    text: str
    source: str
    flag: bool = False


def from_environment(environ: Mapping[str, str]) -> list[Override]:
    """The variables that are settings of the file."""
    return [
        Override(name=name, text=environ[name], source=name)
        for name in sorted(environ)
        if name.startswith(PREFIX) and _STEP in name.removeprefix(PREFIX)
    ]


def from_options(options: Iterable[str]) -> list[Override]:
    """``server.listen=0.0.0.0:80`` as it follows ``--set``."""
    parts = [option.partition("=") for option in options]
    return [
        Override(name=name.strip(), text=text.strip(), source=f"{OPTION} {name.strip()}", flag=True)
        for name, _, text in parts
    ]


def apply(
    raw: dict[str, Any], overrides: Iterable[Override], kinds: Mapping[str, ProviderKind], notes: Notes
) -> dict[Place, Override]:
    """Put the values into the file's, the later over the earlier; where each of them stands now."""
    overrides, applied = list(overrides), dict[Place, Override]()
    if not overrides:
        return applied
    known = _by_name(keys_of(raw, kinds))
    for override in overrides:
        keys = known.get(override.name, [])
        if len(keys) != 1:
            _not_one(override, keys, known, notes)
        elif _put(raw, keys[0].place, _value(override.text, keys[0].kind)):
            applied[keys[0].place] = override
    return applied


def variable(names: Iterable[str]) -> str:
    """The variable that sets a key: ``FILMGATE_ACCOUNTS__VEO_MAIN__PRICE_PER_CREDIT``."""
    return PREFIX + _STEP.join(re.sub(r"[.-]", "_", name).upper() for name in names)


def _by_name(keys: Iterable[Key]) -> dict[str, list[Key]]:
    """The keys by their names in both notations, which no name shares."""
    known: dict[str, list[Key]] = {}
    for key in keys:
        known.setdefault(variable(key.names), []).append(key)
        known.setdefault(key.path, []).append(key)
    return known


def _not_one(override: Override, keys: list[Key], known: Mapping[str, list[Key]], notes: Notes) -> None:
    if keys:
        paths = " and ".join(key.path for key in keys)
        notes.stray(override.source, f"could be {paths}: their ids differ in dots and dashes only")
        return
    alike = [name for name in known if name.startswith(PREFIX) != override.flag]
    name = override.name if override.flag else override.name.upper()
    near = get_close_matches(name, alike, 1, 0.6)
    hint = f"did you mean {near[0]!r}?" if near else "filmgate config show lists every key"
    notes.stray(override.source, "names no key of the file", hint)


_TEXTUAL = (Secret, Money, DatabaseUrl)


def _value(text: str, kind: Any) -> Any:
    """The text as a TOML value when it is one, and when the key does not hold a text anyway."""
    try:
        read = tomllib.loads(f"x = {text}")
    except (ValueError, RecursionError):
        return text
    value = read["x"]
    textual = kind in _TEXTUAL or bare_kind(kind) is str
    if read.keys() != {"x"} or (textual and not isinstance(value, str | dict)):
        return text
    return value


def _put(raw: dict[str, Any], place: Place, value: Any) -> bool:
    """Whether there was a place for it: where something else than a table stands, that is found out when it is read."""
    inside: Any = raw
    for step in place[:-1]:
        if isinstance(inside, dict):
            inside = inside.setdefault(step, {})
        elif isinstance(inside, list) and isinstance(step, int):
            inside = inside[step]
        else:
            return False
    if not isinstance(inside, dict):
        return False
    inside[place[-1]] = value
    return True
