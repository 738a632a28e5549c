"""Every effective value with where it came from, secrets masked: what ``filmgate config show`` prints."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, get_args, get_origin

import msgspec

from gateway.config.inventory import Key, as_table, bare_kind, keys_of, plain
from gateway.config.load import Reading
from gateway.config.places import Place
from gateway.config.settings import DatabaseUrl, KeySetup, without_password
from providers.base import ProviderKind
from schema.account import Limits, Secret

MASK = "…"


class Origin(StrEnum):
    """Who said it, the first in the order of precedence."""

    OPTION = "option"
    ENVIRONMENT = "environment"
    FILE = "file"
    DATABASE = "database"
    DEFAULT = "default"


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One key.

    Attributes:
        value: None where there is none, or where the database has it.
        where: the option, the variable, the line of the file, or what a default follows from.
    """

    path: str
    value: Any
    origin: Origin
    where: str | None = None


def shown(reading: Reading, name: str, kinds: Mapping[str, ProviderKind]) -> Iterator[Shown]:
    """Every key of a file that can be used.

    Args:
        name: what the file is called.
    """
    table = _Shower(reading, name, kinds)
    routed_by_file = {
        ("tenants", position): setup.routed_by_file
        for position, setup in enumerate(reading.settings.tenants if reading.settings else ())
    }
    for key in keys_of(reading.raw, kinds):
        if key.place[2:3] != ("routing",) or routed_by_file[key.place[:2]]:
            yield table.show(key)
        elif key.place[3:] == ("strategy",):  # the first of the policy's keys stands for all of them
            path = ".".join(key.names[:3])
            yield Shown(path=path, value=None, origin=Origin.DATABASE, where=f"filmgate tenants policy show {key.names[1]}")


class _Shower:
    def __init__(self, reading: Reading, name: str, kinds: Mapping[str, ProviderKind]) -> None:
        self._reading = reading
        self._name = name
        self._kinds = kinds

    def show(self, key: Key) -> Shown:
        said, value = _at(self._reading.raw, key.place)
        if not said:
            return self._default(key)
        origin, where = self._origin(key.place)
        return Shown(path=key.path, value=masked(value, key.kind), origin=origin, where=where)

    def _origin(self, place: Place) -> tuple[Origin, str | None]:
        override = self._reading.override(place)
        if override is not None:
            return (Origin.OPTION if override.flag else Origin.ENVIRONMENT), override.source
        line = line_of(place, self._reading.lines)
        return Origin.FILE, f"{self._name}:{line}" if line else self._name

    def _default(self, key: Key) -> Shown:
        if key.names[0] == "tenants" and key.names[2:3] == ("limits",) and key.names[3] != "weight":
            common = self.show(_Common(key))
            return msgspec.structs.replace(common, path=key.path)
        value, where = self._derived(key)
        return Shown(path=key.path, value=written(value), origin=Origin.DEFAULT, where=where)
