"""How objects are written of which plain fields are asked: by columns, each field of all objects at once."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from gateway.graphql.plain import Plain


class Plan(msgspec.Struct, frozen=True):
    """How objects of one type are written.

    Attributes:
        names: what is asked, in its order.
        columns: how each is found.
    """

    names: tuple[str, ...]
    columns: tuple["Fixed | Leaf | Inner", ...]

    def written(self, sources: list[Any], asked: Any) -> list[dict[str, Any]]:
        """Objects as they are answered. Raises anything when a value is not exactly as expected, or not known yet."""
        if not sources:
            return []
        columns = [column.of(sources, asked) for column in self.columns]
        return [dict(zip(self.names, row, strict=True)) for row in zip(*columns, strict=True)]


class Fixed(msgspec.Struct, frozen=True):
    """What is the same for all objects of a type."""

    value: Any

    def of(self, sources: list[Any], _: Any) -> list[Any]:
        return [self.value] * len(sources)


class Leaf(msgspec.Struct, frozen=True):
    """A field that is no object."""

    field: Plain

    def of(self, sources: list[Any], asked: Any) -> list[Any]:
        values, write = self.field.values(sources, asked), self.field.write
        if write is None:
            return values
        if self.field.nullable:
            return [None if value is None else write(value) for value in values]
        return list(map(write, values))


class Inner(msgspec.Struct, frozen=True):
    """A field that is an object, or a list of objects."""

    field: Plain
    plan: Plan

    def of(self, sources: list[Any], asked: Any) -> list[Any]:
        values = self.field.values(sources, asked)
        found = [value for value in values if value is not None]
        written = self._lists(found, asked) if self.field.many else iter(self._written(found, asked))
        return [None if value is None else next(written) for value in values]

    def _lists(self, lists: list[list[Any]], asked: Any) -> Iterator[list[Any]]:
        written = iter(self._written([one for some in lists for one in some], asked))
        return (list(islice(written, len(some))) for some in lists)

    def _written(self, found: list[Any], asked: Any) -> list[dict[str, Any]]:
        if any(one.__class__ is not self.field.made for one in found):
            raise TypeError(self.field.made)
        return self.plan.written(found, asked)
