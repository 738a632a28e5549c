"""Where a key stands in a TOML file: tomllib keeps no positions, so headers and keys are looked up in the text."""

import re
from collections.abc import Container, Iterable, Mapping
from typing import Any

from gateway.config.elements import Elements

Place = tuple[str | int, ...]
"""The way to a value: names of keys and, within lists, positions. ``("accounts", 0, "limits")``."""

_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_DOTTED = rf"{_NAME}(?:[ \t]*\.[ \t]*{_NAME})*"
_HEADER = re.compile(rf"\s*(\[\[|\[)[ \t]*({_DOTTED})[ \t]*\]\]?")
_KEY = re.compile(rf"\s*({_DOTTED})[ \t]*=")
_ANY_NAME = re.compile(_NAME)
_LONG_TEXT = re.compile(r'"""|\'\'\'')


def lines_of(text: str) -> dict[Place, int]:
    """The line, from 1, of every header, of every key that begins a line and of every element of a list."""
    lines: dict[Place, int] = {}
    counts: dict[Place, int] = {}
    table: Place = ()
    within: Place = ()
    elements = Elements()
    for number, line in enumerate(_outside_long_texts(text), start=1):
        if elements.open:
            _remember_all(lines, within, elements.read(line), number)
        elif header := _HEADER.match(line):
            table = _table(_names(header[2]), counts, repeated=header[1] == "[[")
            _remember(lines, table, number)
        elif key := _KEY.match(line):
            within = (*table, *_names(key[1]))
            _remember(lines, within, number)
            _remember_all(lines, within, elements.begin(line[key.end() :]), number)
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
        left = line if within is None else ""
        for mark in _LONG_TEXT.finditer(line):
            if within is None:
                within = mark[0]
            elif within == mark[0]:
                within, left = None, left or line[mark.end() :]
        kept.append(left)
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


def _remember_all(lines: dict[Place, int], place: Place, positions: Iterable[int], number: int) -> None:
    for position in positions:
        _remember(lines, (*place, position), number)


def _names(dotted: str) -> list[str]:
    return [name.strip("\"'") for name in _ANY_NAME.findall(dotted)]
