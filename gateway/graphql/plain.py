"""Which fields are plain: attributes of what was found, and what resolvers tell without luck and without a database."""

from collections.abc import Callable
from operator import attrgetter
from types import NoneType
from typing import Any, cast

import msgspec
from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLID,
    GraphQLInt,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    get_named_type,
    is_list_type,
    is_non_null_type,
)
from strawberry.types.field import StrawberryField

_STRAWBERRY = "strawberry-definition"
_PLAIN = "filmgate-plain"
_AT_ONCE = "filmgate-at-once"
_LARGEST = 2**31
_SAME: dict[Any, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}
"""Scalars that are written as they are."""

Read = Callable[[Any, Any], Any]
"""Takes an object, and what a resolver is given; raises anything when it cannot tell at once."""
Column = Callable[[list[Any], Any], list[Any]]
"""The same for many objects."""


class Plain(msgspec.Struct, frozen=True):
    """A field that is read of its objects, and written, at once.

    Attributes:
        kind: the class of its values, where they have to be of one and nothing else would find out.
        write: makes JSON of a value, unless it is already; raises anything when the value is not as expected.
        inner: the type of its value, or of each item of the list it is, if that is an object; ``made`` its class.
    """

    column: Column
    nullable: bool
    kind: type | None
    write: Callable[[Any], Any] | None = None
    inner: GraphQLObjectType | None = None
    made: type = object
    many: bool = False

    def values(self, sources: list[Any], asked: Any) -> list[Any]:
        """Its value in each object. Raises anything when one is not as expected, or not known yet."""
        values = self.column(sources, asked)
        kinds = set(map(type, values))
        if self.nullable:
            kinds.discard(NoneType)
        if NoneType in kinds or (self.kind is not None and not kinds <= {self.kind}):
            raise TypeError(self.kind)
        return values


def at_once(read: Read) -> dict[str, Any]:
    """For a field that has to wait, as a rule: how it is read of its object and the context when it need not. What it
    raises then is as if it had to.
    """
    return {_AT_ONCE: read}


def find_plain(schema: GraphQLSchema) -> None:
    """Note in a schema which fields are plain, once."""
    found: dict[str, dict[str, Plain]] = {}
    for type in schema.type_map.values():
        if isinstance(type, GraphQLObjectType) and _STRAWBERRY in type.extensions:
            fields = {name: _plain(field) for name, field in type.fields.items()}
            found[type.name] = {name: plain for name, plain in fields.items() if plain is not None}
    schema.extensions[_PLAIN] = found


def plain_fields(schema: GraphQLSchema, type: GraphQLObjectType) -> dict[str, Plain]:
    """The plain ones among a type's fields, by name."""
    found: dict[str, dict[str, Plain]] = schema.extensions[_PLAIN]
    return found.get(type.name, {})


def _plain(field: GraphQLField) -> Plain | None:
    origin, inner = field.extensions.get(_STRAWBERRY), get_named_type(field.type)
    if not isinstance(origin, StrawberryField) or field.args or origin.extensions:
        return None
    nullable = not is_non_null_type(field.type)
    type: Any = field.type if nullable else field.type.of_type  # type: ignore[union-attr]  # it is non-null
    column = _column(origin)
    if column is None:
        return None
    if isinstance(type, GraphQLScalarType | GraphQLEnumType):
        return Plain(column, nullable, *_written(type))
    many = is_list_type(type)
    if isinstance(inner, GraphQLObjectType) and _STRAWBERRY in inner.extensions and (not many or _all_there(type)):
        made = inner.extensions[_STRAWBERRY].origin
        return Plain(column, nullable, list if many else made, inner=inner, made=made, many=many)
    return None


def _all_there(type: Any) -> bool:
    """Whether a list holds objects alone, none missing."""
    return is_non_null_type(type.of_type) and isinstance(type.of_type.of_type, GraphQLObjectType)


def _column(field: StrawberryField) -> Column | None:
    """Reads an attribute, or asks a resolver that answers at once."""
    if _AT_ONCE in field.metadata:
        known: Read = field.metadata[_AT_ONCE]
        return lambda sources, asked: [known(source, asked.context) for source in sources]
    if field.is_basic_field:
        attribute = attrgetter(field.python_name)
        return lambda sources, _: list(map(attribute, sources))
    resolver = field.base_resolver
    if resolver is None or field.is_async or resolver.info_parameter is None or resolver.self_parameter is None:
        return None
    told = cast("Read", resolver.wrapped_func)
    return lambda sources, asked: [told(source, asked) for source in sources]


def _written(type: GraphQLScalarType | GraphQLEnumType) -> tuple[Any, Callable[[Any], Any] | None]:
    """The class that values have to be of, and what makes JSON of one."""
    if type in _SAME:
        return _SAME[type], None
    if type is GraphQLInt:
        return int, _small
    if isinstance(type, GraphQLEnumType):
        words = {it.value: name for name, it in type.values.items()}
        return None, words.__getitem__
    return None, type.coerce_output_value


def _small(value: int) -> int:
    if not -_LARGEST <= value < _LARGEST:
        raise OverflowError(value)
    return value
