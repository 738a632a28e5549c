"""JSON Schema of the file, for editors: made of the Structs that files are read into, so that both say the same."""

from collections.abc import Iterable
from enum import Enum
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

from gateway.config.descriptions import about, keys_said
from gateway.config.inventory import LISTS, as_table, bare_kind, default_of, plain
from gateway.config.reading import fields_of
from gateway.config.settings import SECTIONS, DatabaseUrl, KeySetup, Network
from gateway.config.tables import AccountTable, BesideTable, Moment, Money, WebOrigin
from providers.base import ProviderKind
from schema.account import Secret

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_TEXT = {"type": "string", "minLength": 1}
_PLACES = {"env": "A variable of the environment.", "file": "A file that holds it and nothing else."}


def schema_of(kinds: Iterable[ProviderKind]) -> dict[str, Any]:
    """The whole schema, the same for the same code."""
    kinds = tuple(kinds)
    lists = {name: _list_of(table, kinds) for name, table in LISTS.items()}
    return {
        "$schema": DIALECT,
        "title": "filmgate.toml",
        "description": "The configuration of filmgate.",
        "type": "object",
        "properties": {**{name: _table(section) for name, section in SECTIONS.items()}, **lists},
        "required": ["secrets"],
        "additionalProperties": False,
        "$defs": _DEFINED,
    }


def _list_of(table: type[msgspec.Struct], kinds: tuple[ProviderKind, ...]) -> dict[str, Any]:
    one = _table(table)
    if table is AccountTable:
        one["properties"]["provider"] = {**one["properties"]["provider"], "enum": [kind.name for kind in kinds]}
        one["allOf"] = [_of_provider(kind) for kind in kinds]
    return {"type": "array", "items": one}


def _of_provider(kind: ProviderKind) -> dict[str, Any]:
    """What holds for accounts at one provider alone: its plans and its own options."""
    plan = {"enum": list(kind.plans), "default": kind.default_plan}
    return {
        "if": {"properties": {"provider": {"const": kind.name}}, "required": ["provider"]},
        "then": {"properties": {"plan": plan, "options": _table(kind.options)}},
    }


def _table(table: type[msgspec.Struct]) -> dict[str, Any]:
    said, fields = keys_said(table), fields_of(table)
    found: dict[str, Any] = {
        "type": "object",
        "description": about(table),
        "properties": {field.encode_name: _property(field, said.get(field.name)) for field in fields},
        "additionalProperties": False,
    }
    required = [field.encode_name for field in fields if field.required]
    return {**found, "required": required} if required else found


def _property(field: msgspec.structs.FieldInfo, says: str | None) -> dict[str, Any]:
    found = _value(field.type)
    if says:
        found["description"] = says
    default = default_of(field)
    if default not in (msgspec.NODEFAULT, None) and as_table(field.type) is None:
        found["default"] = msgspec.to_builtins(default, order="deterministic")
    return found


def _value(kind: Any) -> dict[str, Any]:
    kind = plain(kind)
    if kind in _BY_KIND:
        return {"$ref": f"#/$defs/{_BY_KIND[kind]}"}
    table, bare = as_table(kind), bare_kind(kind)
    if table is not None:
        return _table(table)
    if get_origin(bare) in (tuple, frozenset):
        return {"type": "array", "items": _value(get_args(bare)[0]), **_length(kind)}
    if isinstance(bare, type) and issubclass(bare, Enum):
        return {"enum": [member.value for member in bare]}
    if get_origin(bare) is Literal:
        return {"enum": list(get_args(bare))}
    return {"type": "object"} if get_origin(bare) is dict else msgspec.json.schema(kind)


def _length(kind: Any) -> dict[str, int]:
    """How many elements a list may have."""
    constraints = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
    named = {"min_length": "minItems", "max_length": "maxItems"}
    lengths = [(named[name], getattr(each, name, None)) for each in constraints for name in named]
    return {name: length for name, length in lengths if length is not None}


def _outside(**beside: Any) -> list[dict[str, Any]]:
    """The two tables that say where a text is kept, with what else may stand in them."""
    return [
        {
            "type": "object",
            "properties": {name: {**_TEXT, "description": says}, **beside},
            "required": [name],
            "additionalProperties": False,
        }
        for name, says in _PLACES.items()
    ]


_BY_KIND: dict[Any, str] = {
    Secret: "secret",
    KeySetup: "key",
    DatabaseUrl: "database",
    Money: "money",
    Moment: "moment",
    Network: "network",
    WebOrigin: "origin",
}
_DEFINED: dict[str, Any] = {
    "secret": {
        "description": "A secret, kept in the environment or in a file; as a text, for trying things out.",
        "anyOf": [*_outside(), _TEXT],
    },
    "key": {
        "description": "An API key, and what it may do.",
        "anyOf": [*_outside(**_table(BesideTable)["properties"]), _TEXT],
    },
    "database": {
        "description": "The address of a database; it may be kept outside the file, for it may hold a password.",
        "anyOf": [*_outside(), {"type": "string", "pattern": "^(sqlite:///.|postgres(ql)?://)"}],
    },
    "money": {
        "description": "An amount of money, as text, so that no cent is rounded.",
        "type": "string",
        "pattern": r"^\+?[0-9]*\.?[0-9]+([eE][+-]?[0-9]+)?$",
    },
    "moment": {"description": "A time with its offset.", "type": "string", "format": "date-time"},
    "network": {
        "description": "A network in CIDR notation, or one address.",
        "type": "string",
        "pattern": "^[0-9a-fA-F:.]+(/[0-9]+)?$",
    },
    "origin": {"description": "A web origin, as browsers send it.", "type": "string", "pattern": "^https?://[^/?#]+$"},
}
