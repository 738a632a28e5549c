"""Every effective value with where it came from, secrets masked: what ``filmgate config show`` prints."""

import re
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any, get_args

import msgspec

from gateway.config.inventory import Key, as_table, bare_kind, keys_of, plain
from gateway.config.load import Reading
from gateway.config.places import Place, line_of
from gateway.config.reading import fields_of
from gateway.config.settings import DatabaseUrl, KeySetup, without_password
from providers.base import ProviderKind
from schema.account import Limits, Secret

MASK = "…"
_QUERY = re.compile(r"(?<=\?).+")


class Origin(StrEnum):
    """Who said it; the first goes before the next."""

    OPTION = "option"
    ENVIRONMENT = "environment"
    FILE = "file"
    DATABASE = "database"
    DEFAULT = "default"


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One key.

    Attributes:
        value: as a file would write it; None where there is none, or where the database has it.
        where: the option, the variable, the line of the file, or what a default follows from.
    """

    path: str
    value: Any
    origin: Origin
    where: str | None = None


class Showing:
    """A file that can be used, key by key.

    Args:
        name: what the file is called.
    """

    def __init__(self, reading: Reading, name: str, kinds: Mapping[str, ProviderKind]) -> None:
        self._reading = reading
        self._name = name
        self._kinds = kinds

    def keys(self) -> Iterator[Shown]:
        for key in keys_of(self._reading.raw, self._kinds):
            _, tenant, *rest = key.place if key.names[0] == "tenants" else (None, None)
            if rest[:1] != ["routing"] or "routing" in self._reading.raw["tenants"][tenant]:
                yield self._key(key)
            elif rest == ["routing", "strategy"]:  # the first of the policy's keys stands for all of them
                yield _managed_by_api(key)

    def _key(self, key: Key) -> Shown:
        said, value = _at(self._reading.raw, key.place)
        if not said:
            return self._unsaid(key)
        origin, where = self._origin(key.place)
        return Shown(path=key.path, value=masked(value, key.kind), origin=origin, where=where)

    def _origin(self, place: Place) -> tuple[Origin, str]:
        override = self._reading.override(place)
        if override is not None:
            return (Origin.OPTION if override.flag else Origin.ENVIRONMENT), override.source
        line = line_of(place, self._reading.lines)
        return Origin.FILE, f"{self._name}:{line}" if line else self._name

    def _unsaid(self, key: Key) -> Shown:
        """A default: its own, or one that follows from another key."""
        if key.names[0] == "tenants" and key.names[2] == "limits" and key.names[3] != "weight":
            return self._common_limit(key)
        value, where = key.default, None
        if key.names[0] == "accounts":
            value, where = self._of_provider(key)
        elif key.names[0] == "tenants" and key.names[2] == "name":
            value, where = key.names[1], "its id"
        elif key.place == ("server", "docs") and self._reading.settings is not None:
            value, where = self._reading.settings.server.explorable, "server.production"
        return Shown(path=key.path, value=written(value), origin=Origin.DEFAULT, where=where)

    def _common_limit(self, key: Key) -> Shown:
        place = ("limits", key.names[3])
        said, value = _at(self._reading.raw, place)
        if said:
            origin, where = self._origin(place)
            return Shown(path=key.path, value=value, origin=origin, where=where)
        limits = self._reading.settings.limits if self._reading.settings is not None else None
        return Shown(path=key.path, value=getattr(limits, key.names[3], None), origin=Origin.DEFAULT, where="[limits]")

    def _of_provider(self, key: Key) -> tuple[Any, str | None]:
        raw = self._reading.raw["accounts"][key.place[1]]
        kind = self._kinds[raw["provider"]]
        plan = raw.get("plan", kind.default_plan)
        derived: dict[str, Callable[[], tuple[Any, str]]] = {
            "base_url": lambda: (kind.base_url, "the provider's own"),
            "plan": lambda: (kind.default_plan, "the provider's first"),
            "limits": lambda: (getattr(kind.plans.get(plan, Limits()), key.names[-1]), f"the plan {plan}"),
        }
        found = derived.get(key.names[2])
        return (key.default, None) if found is None else found()


def masked(value: Any, kind: Any) -> Any:
    """A value as the file writes it, without secrets; a table that says where a secret is kept is none."""
    kind = plain(kind)
    if kind in (Secret, KeySetup):
        return MASK if isinstance(value, str) else value
    table = as_table(kind)
    if table is not None and isinstance(value, dict):
        kinds = {field.encode_name: field.type for field in fields_of(table)}
        return {name: masked(inner, kinds[name]) for name, inner in value.items()}
    if isinstance(value, list):
        item = get_args(bare_kind(kind))[0]
        return [masked(inner, item) for inner in value]
    if not isinstance(value, str):
        return value
    if kind != DatabaseUrl and "://" in value:
        value = _QUERY.sub(MASK, value)
    return without_password(value)


def written(value: Any) -> Any:
    """A default as a file would write it."""
    return None if value is msgspec.NODEFAULT else msgspec.to_builtins(value)


def _managed_by_api(key: Key) -> Shown:
    path = ".".join(key.names[:3])
    return Shown(path=path, value=None, origin=Origin.DATABASE, where=f"filmgate tenants policy show {key.names[1]}")


def _at(raw: Any, place: Place) -> tuple[bool, Any]:
    """Whether something stands at a place, and what."""
    for step in place:
        if isinstance(raw, dict) and step not in raw:
            return False, None
        raw = raw[step]
    return True, raw
