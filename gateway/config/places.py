"""Where a key stands in a TOML file: tomllib keeps no positions, so headers and keys are looked up in the text."""

import re
from collections.abc import Container, Mapping
from typing import Any

Place = tuple[str | int, ...]
"""The way to a value: names of keys and, within lists, positions. ``("accounts", 0, "limits")``."""

_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"{_NAME}(?:[ \t]*\.[ \t]*{_NAME})*"
_HEADER = re.compile(rf"\s*(\[\[|\[)[ \t]*({_DOTTED})[ \t]*\]\]?")
_KEY = re.compile(rf"\s*({_DOTTED})[ \t]*=")
_ANY_NAME = re.compile(_NAME)


def lines_of(text: str) -> dict[Place, int]:
    """The line, from 1, of every header and of every key that begins a line."""
    lines: dict[Place, int] = {}
    counts: dict[Place, int] = {}
    table: Place = ()
    for number, line in enumerate(_outside_long_texts(text), start=1):
        if header := _HEADER.match(line):
            table = _table(_names(header[2]), counts, repeated=header[1] == "[[")
            _remember(lines, table, number)
        elif key := _KEY.match(line):
            _remember(lines, (*table, *_names(key[1])), number)
    return lines


def line_of(place: Place, lines: Mapping[Place, int]) -> int | None:
    """The line of a value, or of the nearest thing around it."""
    known = around(place, lines)
    return None if known is None else lines[known]


def around(place: Place, places: Container[Place]) -> Place | None:
    """The place itself, or the nearest one around it, that is among some places."""
    return next((place[:length] for length in range(len(place), 0, -1) if place[:length] in places), None)


def path_of(place: Place, raw: Any) -> str:
    """The place in words, an element of a list by its id when it has one: ``accounts.veo-main.plan``."""
    words = ""
    for step in place:
        raw = _inside(raw, step)
        name = raw.get("id") if isinstance(raw, dict) and isinstance(step, int) else step
        words += f".{name}" if isinstance(name, str) else f"[{step}]"
    return words.lstrip(".")


def _inside(raw: Any, step: str | int) -> Any:
    try:
        return raw[step]
    except (KeyError, IndexError, TypeError):
        return None


def _outside_long_texts(text: str) -> list[str]:
    """The lines, emptied where they lie inside a text of several lines."""
    kept, within = [], None
    for line in text.split("\n"):
        kept.append("" if within else line)
        for mark in re.findall(r'"""|\'\'\'', line):
            if within is None:
                within = mark
            elif within == mark:
                within = None
    return kept


def _table(names: list[str], counts: dict[Place, int], *, repeated: bool) -> Place:
    """The place a header opens; a repeated one opens the next element of its list."""
    table: Place = ()
    for name in names[:-1]:
        table = _newest((*table, name), counts)
    table = (*table, names[-1])
    if repeated:
        counts[table] = counts.get(table, -1) + 1
    return _newest(table, counts)


def _newest(table: Place, counts: dict[Place, int]) -> Place:
    return (*table, counts[table]) if table in counts else table


def _remember(lines: dict[Place, int], place: Place, number: int) -> None:
    """The line of a place and, when nothing else says, of what it lies in."""
    for length in range(1, len(place) + 1):
        lines.setdefault(place[:length], number)


def _names(dotted: str) -> list[str]:
    return [name.strip("\"'") for name in _ANY_NAME.findall(dotted)]
