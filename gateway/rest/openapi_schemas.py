"""The Structs' schemas for the OpenAPI document, with their docstrings as descriptions, as generators like them."""

import inspect
import re
from collections.abc import Iterable
from typing import Any

import msgspec

_TEMPLATE = "#/components/schemas/{name}"
_TYPES = {bool: "boolean", int: "integer", str: "string"}
_NOTHING = {"type": "null"}


def reference(shape: type) -> dict[str, str]:
    """Where a Struct's schema stands."""
    return {"$ref": _TEMPLATE.format(name=_name(shape.__name__))}


def schemas(shapes: Iterable[type]) -> dict[str, Any]:
    """By outside name, the schemas of Structs and of all within them; docstrings' attributes describe properties."""
    shapes = list(shapes)
    _, found = msgspec.json.schema_components(shapes, ref_template=_TEMPLATE)
    described = _docstrings(shapes)
    for name, schema in found.items():
        says, attributes = described.get(name, ("", {}))
        if says:
            schema["description"] = says
        for field, words in attributes.items():
            _describe(schema["properties"], field, words)
    return {_name(name): _polished(schema) for name, schema in sorted(found.items())}


def in_forms(found: dict[str, Any], shape: type) -> dict[str, Any]:
    """A body's schema and those within it as forms say it: there is no null in a form."""
    name = _name(shape.__name__)
    plain = {one: _without_null(found[one]) for one in {name, *_within(found, name)}}
    others = {one for one in plain if any(plain[inside] != found[inside] for inside in {one, *_within(found, one)})}
    return {form_name(one): _leading(plain[one], others) for one in {name, *others}}


def form_name(name: str) -> str:
    return f"{name}Form"


def _within(found: dict[str, Any], name: str) -> set[str]:
    """Every schema that a schema refers to, itself or by others."""
    near = {place.rpartition("/")[2] for place in re.findall(r"'\$ref': '([^']+)'", repr(found[name]))}
    return near.union(*(_within(found, one) for one in near))


def _without_null(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_null(inside) for inside in value if inside != _NOTHING]
    if not isinstance(value, dict):
        return value
    plain = {key: _without_null(inside) for key, inside in value.items() if (key, inside) != ("default", None)}
    match plain:
        case {"type": [only, "null"]}:
            return {**plain, "type": only}
        case {"anyOf": [only]}:
            return {**{key: inside for key, inside in plain.items() if key != "anyOf"}, **only}
    return plain


def _leading(value: Any, forms: set[str]) -> Any:
    """The same, where references to what is another thing in a form lead to that."""
    if isinstance(value, list):
        return [_leading(inside, forms) for inside in value]
    if not isinstance(value, dict):
        return value
    found = {key: _leading(inside, forms) for key, inside in value.items()}
    if isinstance(found.get("$ref"), str) and found["$ref"].rpartition("/")[2] in forms:
        found["$ref"] = form_name(found["$ref"])
    return found


def _describe(properties: dict[str, Any], field: str, words: str) -> None:
    if "$ref" in properties[field]:  # beside a reference other words are allowed since OpenAPI 3.1
        properties[field] = {**properties[field], "description": words}
    else:
        properties[field]["description"] = words


def _docstrings(shapes: list[type]) -> dict[str, tuple[str, dict[str, str]]]:
    """By name, for every Struct within reach: what it is, and what its attributes are."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    waiting: list[Any] = [msgspec.inspect.type_info(shape) for shape in shapes]
    while waiting:
        info = waiting.pop()
        if isinstance(info, msgspec.inspect.StructType) and info.cls.__name__ not in found:
            found[info.cls.__name__] = _docstring(info.cls)
            waiting.extend(field.type for field in info.fields)
        elif isinstance(info, msgspec.inspect.EnumType):
            found[info.cls.__name__] = _docstring(info.cls)
        for inside in ("types", "item_types"):
            waiting.extend(getattr(info, inside, ()))
        for inside in ("item_type", "value_type", "type"):
            waiting.extend([getattr(info, inside)] if hasattr(info, inside) else [])
    return found


def _docstring(cls: type) -> tuple[str, dict[str, str]]:
    text = inspect.cleandoc(cls.__doc__ or "").replace("``", "`")
    says, _, attributes = text.partition("Attributes:")
    found: dict[str, str] = {}
    for names, words in re.findall(r"^ {4}(\w[\w, ]*): (.+(?:\n {8}.+)*)", attributes, re.MULTILINE):
        for name in names.split(", "):
            found[name] = " ".join(words.split())
    return " ".join(says.split()), found


def _name(name: str) -> str:
    """``VideoView`` is called Video outside: there is no other, seen from there."""
    return name.removesuffix("View")


def _polished(value: Any) -> Any:
    """References to the outside names, no titles that only repeat a name, a type beside every enum and integer."""
    if isinstance(value, list):
        return [_polished(inside) for inside in value]
    if not isinstance(value, dict):
        return value
    found = {key: _polished(inside) for key, inside in value.items() if key != "title" or isinstance(inside, dict)}
    if isinstance(found.get("$ref"), str):
        found["$ref"] = _name(found["$ref"])
    if "enum" in found and "type" not in found:
        found["type"] = _TYPES[type(found["enum"][0])]
    if found.get("type") == "integer":
        found["format"] = "int64"
    return _nullable(found)


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    """A plain value that may be null has two types; only objects, and words of a list, are one of two schemas."""
    several = schema.get("anyOf", [])
    plain = [one for one in several if one != _NOTHING and isinstance(one.get("type"), str) and "enum" not in one]
    if len(several) != 2 or len(plain) != 1 or _NOTHING not in several:
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**plain[0], "type": [plain[0]["type"], "null"], **rest}
