"""Forms as nested fields: ``gateway[only][]=a`` says what JSON says as ``{"gateway": {"only": ["a"]}}``. Pure."""

import re
from collections.abc import Iterable
from typing import Any, NoReturn

from schema.errors import MalformedRequest

MAX_FIELDS = 128
_NAME = re.compile(r"[^\[\]]+(?:\[[^\[\]]*\])*")
_PART = re.compile(r"[^\[\]]+|\[\]")
_DEEPEST = 3


def nested(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The fields of a form. ``name[]`` collects a list, ``name[key]`` an object.

    Raises:
        MalformedRequest: a name can not be read, or a field is given twice, or both as a value and as an object.
    """
    fields: dict[str, Any] = {}
    for number, (name, value) in enumerate(pairs):
        parts = _PART.findall(name)
        if number >= MAX_FIELDS or not _NAME.fullmatch(name) or len(parts) > _DEEPEST or "[]" in parts[:-1]:
            _refuse(name, "unreadable", "is no field name of ours")
        _put(fields, parts, name, value)
    return fields


def _put(fields: dict[str, Any], parts: list[str], name: str, value: Any) -> None:
    is_list = parts[-1] == "[]"
    keys = parts[:-1] if is_list else parts
    for key in keys[:-1]:
        fields = fields.setdefault(key, {})
        if not isinstance(fields, dict):
            _refuse(name, "conflict", "is given as a value and as an object")
    key = keys[-1]
    if is_list:
        values = fields.setdefault(key, [])
        if not isinstance(values, list):
            _refuse(name, "conflict", "is given as a value and as a list")
        values.append(value)
    elif key in fields:
        _refuse(name, "repeated", "is given more than once")
    else:
        fields[key] = value


def _refuse(name: str, code: str, detail: str) -> NoReturn:
    raise MalformedRequest.field(name[:64].replace("[]", "").replace("[", ".").replace("]", ""), code, detail)
