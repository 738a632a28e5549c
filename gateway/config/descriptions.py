"""What operators are told of a table and its keys: the docstrings of its Struct, so that it is said once."""

import inspect
import re
from functools import cache

import msgspec

_BEGIN = re.compile(r"^ {4}(?P<names>[a-z_]+(?:, [a-z_]+)*): (?P<says>.*)$")


def about(table: type[msgspec.Struct]) -> str:
    """What the table is, in plain text."""
    return _plain(_halves(table)[0])


@cache
def keys_said(table: type[msgspec.Struct]) -> dict[str, str]:
    """What each key of a table means, by its name."""
    said: dict[str, str] = {}
    names: list[str] = []
    for line in _halves(table)[1].split("\n"):
        begin = _BEGIN.match(line)
        if begin:
            names = begin["names"].split(", ")
            said.update(dict.fromkeys(names, begin["says"]))
        elif line.strip():
            said.update({name: f"{said[name]} {line.strip()}" for name in names})
    return {name: _plain(text) for name, text in said.items()}


def _halves(table: type[msgspec.Struct]) -> tuple[str, str]:
    text = inspect.getdoc(table) or ""
    head, _, keys = text.partition("\nAttributes:\n")
    return " ".join(head.split()), keys


def _plain(text: str) -> str:
    return text.replace("``", "`")
