"""Tables into Structs: each key is converted by itself, so that one mistake does not hide the next."""

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from enum import Enum
from functools import cache
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import msgspec

from gateway.config.places import Place

T = TypeVar("T", bound=msgspec.Struct)


NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z"
"""What accounts and tenants may be called: it stands in logs, in URLs and on command lines."""


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that does not know its line yet.

    Attributes:
        source: the variable or option it is about, when that is no value of any place.
    """

    place: Place
    problem: str
    hint: str | None = None
    warning: bool = False
    source: str | None = None


class Notes:
    """What was found so far."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []

    def error(self, place: Place, problem: str, hint: str | None = None) -> None:
        self.mistakes.append(Mistake(place=place, problem=problem, hint=hint))

    def stray(self, source: str, problem: str, hint: str | None = None) -> None:
        """An error in a variable or an option that names no place in the file."""
        self.mistakes.append(Mistake(place=(), problem=problem, hint=hint, source=source))

    def warning(self, place: Place, problem: str, hint: str | None = None) -> None:
        self.mistakes.append(Mistake(place=place, problem=problem, hint=hint, warning=True))

    def spoke_of(self, place: Place) -> bool:
        """Something within a place is known to be wrong: whatever follows from it need not be said."""
        return any(each.place[: len(place)] == place and not each.warning for each in self.mistakes)

    @property
    def wrong(self) -> bool:
        """Something found forbids using the file."""
        return any(not mistake.warning for mistake in self.mistakes)


class _Wrong:
    """Stands where a value would, once its mistake is noted."""


WRONG = _Wrong()

fields_of = cache(msgspec.structs.fields)
"""The fields of a Struct; looking them up takes longer than reading one."""

Reader = Callable[[Any, Place, Notes], Any]


class Tables:
    """Reads tables. ``readers`` are for types the file spells in a way of its own, such as secrets."""

    def __init__(self, readers: Mapping[Any, Reader]) -> None:
        self._readers = readers

    def read(self, raw: Any, into: type[T], place: Place, notes: Notes) -> T | None:
        """The table as a Struct: what is wrong is noted and left at its default; None when there is none to leave."""
        value = self._value(raw, into, place, notes)
        return value if isinstance(value, into) else None

    def _value(self, raw: Any, kind: Any, place: Place, notes: Notes) -> Any:
        kind = _without_none(kind)
        if kind in self._readers:
            return self._readers[kind](raw, place, notes)
        bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
        if isinstance(bare, type) and issubclass(bare, msgspec.Struct):
            return self._struct(raw, bare, place, notes)
        if isinstance(raw, list) and get_origin(bare) in (tuple, frozenset):
            return self._list(raw, kind, place, notes)
        return _scalar(raw, kind, place, notes)

    def _struct(self, raw: Any, kind: type[msgspec.Struct], place: Place, notes: Notes) -> Any:
        if not isinstance(raw, dict):
            notes.error(place, f"expected a table, got {_word(raw)}")
            return WRONG
        fields = {field.encode_name: field for field in fields_of(kind)}
        for name in raw:
            if name not in fields:
                notes.error((*place, name), f"unknown key {name!r}", suggestion(name, fields))
        values = {}
        for name, field in fields.items():
            if name in raw:
                values[field.name] = self._value(raw[name], field.type, (*place, name), notes)
            elif field.required:
                notes.error((*place, name), "is required")
                values[field.name] = WRONG
        return _made(kind, {name: value for name, value in values.items() if value is not WRONG}, place, notes)

    def _list(self, raw: list[Any], kind: Any, place: Place, notes: Notes) -> Any:
        """The elements that can be read; constraints on the whole (its length) are judged by msgspec."""
        bare = get_args(kind)[0] if get_origin(kind) is Annotated else kind
        many, item = get_origin(bare), get_args(bare)[0]
        read = [self._value(value, item, (*place, position), notes) for position, value in enumerate(raw)]
        good = [value for value in read if value is not WRONG]
        if len(good) == len(raw) and get_origin(kind) is Annotated and not _fits(raw, kind, place, notes):
            return WRONG
        return many(good)


def _made(kind: type[msgspec.Struct], values: dict[str, Any], place: Place, notes: Notes) -> Any:
    required = {field.name for field in fields_of(kind) if field.required}
    if not required <= values.keys():
        return WRONG
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:  # its __post_init__ refuses the combination
        notes.error(place, str(error))
        return WRONG


def _scalar(raw: Any, kind: Any, place: Place, notes: Notes) -> Any:
    words = _words(kind)
    if isinstance(raw, str) and words and raw not in words:
        notes.error(place, f"{raw!r} is not a known word here", suggestion(raw, words))
        return WRONG
    try:
        return msgspec.convert(raw, kind, strict=True)
    except msgspec.ValidationError as error:
        notes.error(place, said(str(error)))
        return WRONG


def _words(kind: Any) -> list[str]:
    """The words a closed set knows; none for anything else."""
    members = list(kind) if isinstance(kind, type) and issubclass(kind, Enum) else []
    literals = get_args(kind) if get_origin(kind) is Literal else ()
    return [word for word in (*(member.value for member in members), *literals) if isinstance(word, str)]


def _fits(raw: list[Any], kind: Any, place: Place, notes: Notes) -> bool:
    """Whether the whole may be as it is; its elements were judged one by one."""
    _, *constraints = get_args(kind)
    return _scalar(raw, Annotated[(list[Any], *constraints)], place, notes) is not WRONG


def _without_none(kind: Any) -> Any:
    """TOML has no null: what is there is never None."""
    kinds = [each for each in get_args(kind) if each is not NoneType]
    return kinds[0] if NoneType in get_args(kind) and len(kinds) == 1 else kind


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """The nearest known names, and all of them while they are few."""
    known = sorted(known)
    near = get_close_matches(name, known, 1, 0.6)
    parts = [f"did you mean {near[0]!r}?"] if near else []
    if known and len(", ".join(known)) <= 200:
        parts.append(f"allowed: {', '.join(known)}")
    return " ".join(parts) or None


_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "text in quotes",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
    "datetime": "a time",
    "date": "a date",
    "time": "a time of day",
}
_PYTHON_WORDS = {int: "int", float: "float", str: "str", bool: "bool", list: "array", dict: "object"}
_PATTERNS = {
    f" matching regex {NAME!r}": " made of letters, digits, dots, dashes and underscores, a letter or digit first",
}
_QUOTED = re.compile(r"`([^`]*)`")


def said(message: str) -> str:
    """msgspec's complaint in the words of the file's author: ``expected a whole number <= 1000``."""
    problem = message.partition(" - at `$")[0]
    for pattern, meaning in _PATTERNS.items():
        problem = problem.replace(pattern, meaning)
    problem = _QUOTED.sub(lambda quoted: " or ".join(_WORDS.get(w, w) for w in quoted[1].split(" | ")), problem)
    return problem[:1].lower() + problem[1:]


def _word(raw: Any) -> str:
    return _WORDS[_PYTHON_WORDS.get(type(raw), "datetime")]
