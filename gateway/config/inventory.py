"""Every key that a file could have, as it is now: of each section, and of each account and tenant that is there."""

from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

import msgspec

from gateway.config.places import Place
from gateway.config.reading import fields_of
from gateway.config.settings import SECTIONS
from gateway.config.tables import AccountTable, TenantTable
from providers.base import ProviderKind

LISTS: dict[str, type[msgspec.Struct]] = {"accounts": AccountTable, "tenants": TenantTable}


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key that holds a value, not a table.

    Attributes:
        names: its place in words, elements of lists by their ids.
        kind: the type of its value, None left out.
        default: what it is when nobody says; ``msgspec.NODEFAULT`` when somebody must.
    """

    place: Place
    names: tuple[str, ...]
    kind: Any
    default: Any

    @property
    def path(self) -> str:
        return ".".join(self.names)


def keys_of(raw: Mapping[str, Any], kinds: Mapping[str, ProviderKind]) -> Iterator[Key]:
    """Every key of every section, and of the accounts and tenants that have an id."""
    for name, section in SECTIONS.items():
        yield from _table(section, (name,), (name,))
    for name, table in LISTS.items():
        for position, element in enumerate(_list(raw.get(name))):
            if isinstance(element, dict) and isinstance(element.get("id"), str):
                yield from _element(element, table, (name, position), (name, element["id"]), kinds)


def _element(
    raw: dict[str, Any],
    table: type[msgspec.Struct],
    place: Place,
    names: tuple[str, ...],
    kinds: Mapping[str, ProviderKind],
) -> Iterator[Key]:
    for key in _table(table, place, names):
        if key.names[-1] == "options" and table is AccountTable:
            kind = kinds.get(raw["provider"]) if isinstance(raw.get("provider"), str) else None
            if kind is not None:
                yield from _table(kind.options, key.place, key.names)
        elif key.names[-1] != "id":  # by it we know whose the others are
            yield key


def _table(table: type[msgspec.Struct], place: Place, names: tuple[str, ...]) -> Iterator[Key]:
    for field in fields_of(table):
        here, called = (*place, field.encode_name), (*names, field.encode_name)
        inner = as_table(field.type)
        if inner is not None:
            yield from _table(inner, here, called)
        else:
            yield Key(place=here, names=called, kind=plain(field.type), default=default_of(field))


def as_table(kind: Any) -> type[msgspec.Struct] | None:
    """The Struct that a field is, if it is one."""
    bare = bare_kind(kind)
    return bare if isinstance(bare, type) and issubclass(bare, msgspec.Struct) else None


def plain(kind: Any) -> Any:
    """The type without None: TOML has none."""
    kinds = [each for each in get_args(kind) if each is not NoneType]
    return kinds[0] if NoneType in get_args(kind) and len(kinds) == 1 else kind


def bare_kind(kind: Any) -> Any:
    """The type without None and without what is said about it."""
    kind = plain(kind)
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
