"""What a document asks for, measured before it is validated.

Fragments are measured once and remembered, so that sixty fragments which each spread the next one twice are counted,
not walked: a sum of 2^60 takes as long as a sum of 2.
"""

from typing import NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
)

from gateway.graphql.connections import DEFAULT_PAGE
from gateway.graphql.counts import TooMuch, fragments_of
from gateway.services.pages import MAX_PAGE
from schema.batch import MAX_BATCH

MAX_DEPTH = 10
MAX_INTROSPECTION_DEPTH = 20
"""Tools unwrap lists and non-nulls of types nine deep."""
MAX_ALIASES = 15
MAX_COST = 10_000
"""Fields in the answer, at most: about 50 ms of work."""

_WIDTHS = {
    "videos": DEFAULT_PAGE,
    "ledger": DEFAULT_PAGE,
    "attempts": 3,
    "candidates": 5,
    "extraOutputs": 2,
    "postings": 2,
    "budgets": 2,
    "models": 10,
    "makers": 3,
    "prices": 2,
    "unknownAttempts": DEFAULT_PAGE,
    "resolutions": DEFAULT_PAGE,
    "eventLog": DEFAULT_PAGE,
    "incidents": DEFAULT_PAGE,
    "clientTokens": DEFAULT_PAGE,
    "webhookDeliveries": DEFAULT_PAGE,
    "log": 3,
    "signingKeys": 2,
    "suspense": 10,
    "reconciliation": 30,
    "differences": 5,
    "openSuspense": 5,
    "receipt": 50,
    "policyHistory": DEFAULT_PAGE,
    "rules": 5,
    "policyReplay": 10,
    "moves": 5,
    "replayedVideos": 50,
    "batch": MAX_BATCH // DEFAULT_PAGE,
}
"""How many things a list holds when no argument says so; a receipt is signed, a replay decided, in as long as fifty.
The `videos` of a batch are no page: they may be so many times as many."""

_WORK = {"createVideos": MAX_COST // 2 + 1}
"""What a field does takes as long as so many fields of an answer: a hundred creates, once in a request."""


_PAGE_DIGITS = len(str(MAX_PAGE)) - 1
"""Of a number that is less than the most."""


class Measure(NamedTuple):
    """Levels of nesting, aliases, and fields in the answer."""

    depth: int
    aliases: int
    cost: int


def check_cost(document: DocumentNode) -> None:
    """Raises TooMuch when any operation of the document asks for too much."""
    meter = _Meter(document)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            depth, aliases, cost = meter.measure(definition.selection_set)
            for what, found, most in (
                ("levels deep", depth, MAX_DEPTH),
                ("aliases", aliases, MAX_ALIASES),
                ("fields in the answer", cost, MAX_COST),
            ):
                if found > most:
                    raise TooMuch.of(_count(found), what, most)


class _Meter:
    def __init__(self, document: DocumentNode) -> None:
        self._fragments = fragments_of(document)
        self._measured: dict[str, Measure | None] = {}

    def measure(self, selections: SelectionSetNode | None) -> Measure:
        depth = aliases = cost = 0
        for selection in () if selections is None else selections.selections:
            one = self._selection(selection)
            depth, aliases, cost = max(depth, one.depth), aliases + one.aliases, cost + one.cost
        return Measure(depth, aliases, cost)

    def _selection(self, selection: SelectionNode) -> Measure:
        if isinstance(selection, FieldNode):
            return self._field(selection)
        if isinstance(selection, FragmentSpreadNode):
            return self._fragment(selection.name.value)
        return self.measure(selection.selection_set)  # type: ignore[attr-defined]  # an inline fragment

    def _field(self, field: FieldNode) -> Measure:
        depth, aliases, cost = self.measure(field.selection_set)
        if field.name.value.startswith("__"):
            if depth > MAX_INTROSPECTION_DEPTH:
                raise TooMuch(f"This asks for too much: {depth} levels of introspection")
            depth = 0
        work = _WORK.get(field.name.value, 1)
        return Measure(depth + 1, aliases + (field.alias is not None), work + cost * _width(field))

    def _fragment(self, name: str) -> Measure:
        if name not in self._measured:
            self._measured[name] = None  # being measured: meeting it again is a cycle
            self._measured[name] = self.measure(self._fragments.get(name))
        measured = self._measured[name]
        if measured is None:
            raise TooMuch(f"Fragment {name} spreads itself")
        return measured


def _width(field: FieldNode) -> int:
    """How many things a field may hold, as its arguments bound them; a variable may say the most."""
    for argument in field.arguments or ():
        if argument.name.value in ("first", "last"):
            return _page(argument.value)
        if argument.name.value == "ids":
            return len(argument.value.values) if isinstance(argument.value, ListValueNode) else MAX_PAGE
    return _WIDTHS.get(field.name.value, 1)


def _page(size: ValueNode) -> int:
    """Elements of a page; of one whose size is not ours to give it will be said that it is wrong."""
    digits = size.value if isinstance(size, IntValueNode) else ""
    return int(digits) if digits.isdecimal() and len(digits) <= _PAGE_DIGITS else MAX_PAGE


def _count(number: int) -> str:
    return f"{number}" if number < 10 * MAX_COST else f"more than {10 * MAX_COST}"
