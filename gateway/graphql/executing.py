"""Executing faster what is plain: fields that are attributes of what was found, and need neither luck nor a database.

GraphQL's own executor builds for each field what a resolver may want to know, and looks at each value for what it might
be: some microseconds a field, so that a page of fifty videos costs more than finding them. A field that is an attribute
is read and written here at once; whatever is not exactly as expected goes the long way, which knows what to say of it.
"""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import msgspec
from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLID,
    GraphQLInt,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    get_named_type,
    is_list_type,
    is_non_null_type,
)
from graphql.pyutils import Path, gather_with_cancel
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.field import StrawberryField

_STRAWBERRY = "strawberry-definition"
_PLAIN = "filmgate-plain"
_AT_ONCE = "filmgate-at-once"
_LARGEST = 2**31
_SAME: dict[Any, type] = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}
"""Scalars that are written as they are."""


_UNUSUAL = object()
"""A value that goes the long way."""


class Plain(msgspec.Struct, frozen=True):
    """How a field is read of its object, and written.

    Attributes:
        read: takes the object, and what a resolver is given.
        write: makes JSON of a value; None for an object, whose type ``inner`` is, and its class ``made``.
        many: it is a list of such objects, of which every field is plain.
    """

    read: Callable[[Any, Any], Any]
    nullable: bool
    write: Callable[[Any], Any] | None = None
    inner: GraphQLObjectType | None = None
    made: type = object
    many: bool = False


def at_once(read: Callable[[Any, Any], Any]) -> dict[str, Any]:
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


def _plain(field: GraphQLField) -> Plain | None:
    origin, inner = field.extensions.get(_STRAWBERRY), get_named_type(field.type)
    nullable = not is_non_null_type(field.type)
    if not isinstance(origin, StrawberryField) or field.args or origin.extensions:
        return None
    read = _reader(origin)
    if read is None or (_is_list(field) and not _has_simple_items(field, origin, inner)):
        return None
    if isinstance(inner, GraphQLScalarType | GraphQLEnumType):
        return Plain(read, nullable, _writer(inner))
    if isinstance(inner, GraphQLObjectType) and _STRAWBERRY in inner.extensions and _given(origin):
        return Plain(read, nullable, None, inner, inner.extensions[_STRAWBERRY].origin, _is_list(field))
    return None


def _given(origin: StrawberryField) -> bool:
    return origin.is_basic_field or _AT_ONCE in origin.metadata


def _has_simple_items(field: GraphQLField, origin: StrawberryField, inner: Any) -> bool:
    """Whether a list holds objects alone, none missing, of which nothing has to be waited for."""
    items: Any = field.type.of_type if is_non_null_type(field.type) else field.type
    whole = is_non_null_type(items.of_type) and not is_list_type(items.of_type.of_type)
    return whole and _given(origin) and isinstance(inner, GraphQLObjectType) and _simple(inner, frozenset())


def _simple(type: GraphQLObjectType, above: frozenset[str]) -> bool:
    """Whether an object is attributes all through, and does not hold its own kind."""
    for field in type.fields.values():
        origin, inner = field.extensions.get(_STRAWBERRY), get_named_type(field.type)
        if not isinstance(origin, StrawberryField) or not origin.is_basic_field or type.name in above:
            return False
        if not isinstance(inner, GraphQLScalarType | GraphQLEnumType) and not (
            isinstance(inner, GraphQLObjectType) and _simple(inner, above | {type.name})
        ):
            return False
    return True


def _is_list(field: GraphQLField) -> bool:
    return is_list_type(field.type.of_type if is_non_null_type(field.type) else field.type)


def _reader(field: StrawberryField) -> Callable[[Any, Any], Any] | None:
    """Reads an attribute, or asks a resolver that answers at once."""
    if _AT_ONCE in field.metadata:
        known: Callable[[Any, Any], Any] = field.metadata[_AT_ONCE]
        return lambda source, asked: known(source, asked.context)
    if field.is_basic_field:
        return _attribute(field.python_name)
    resolver = field.base_resolver
    if resolver is None or field.is_async or resolver.info_parameter is None or resolver.self_parameter is None:
        return None
    return cast("Callable[[Any, Any], Any]", resolver.wrapped_func)


def _attribute(name: str) -> Callable[[Any, Any], Any]:
    return lambda source, _: getattr(source, name)


def _writer(type: GraphQLScalarType | GraphQLEnumType) -> Callable[[Any], Any]:
    if type in _SAME:
        kind = _SAME[type]
        return lambda value: value if value.__class__ is kind else _unusual()
    if type is GraphQLInt:
        return lambda value: value if value.__class__ is int and -_LARGEST <= value < _LARGEST else _unusual()
    if isinstance(type, GraphQLEnumType):
        words = {it.value: name for name, it in type.values.items()}
        return words.__getitem__
    return type.coerce_output_value


def _unusual() -> Any:
    raise ValueError


def _value(field: Plain, source: Any, asked: Any) -> Any:
    """A field's value as it is written, or the object it is; ``_UNUSUAL`` for the long way."""
    try:
        value = field.read(source, asked)
        if value is None and field.nullable:
            return None
        if field.write is not None:
            return field.write(value)
    except Exception:  # noqa: BLE001 - the long way meets it again, and says where
        return _UNUSUAL
    if field.many:
        return value if value.__class__ is list and all(one.__class__ is field.made for one in value) else _UNUSUAL
    return value if value.__class__ is field.made else _UNUSUAL


class Executor(StrawberryGraphQLCoreExecutionContext):
    """Executes operations; of each object the plain fields first."""

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Any,
        grouped_field_set: Any,
        position_context: Any,
    ) -> Any:
        plain: dict[str, Plain] | None = self.schema.extensions[_PLAIN].get(parent_type.name)
        if not plain or source_value is None:
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        asked = SimpleNamespace(context=self.context_value)
        results: dict[str, Any] = {}
        waiting: dict[str, Awaitable[Any]] = {}
        others: dict[str, Any] = {}
        rest: Any = None
        try:
            for name, details in grouped_field_set.items():
                results[name] = None  # keeps its place
                field = plain.get(details[0].node.name.value)
                value = _UNUSUAL if field is None else _value(field, source_value, asked)
                if field is None or value is _UNUSUAL:
                    others[name] = details
                elif field.write is not None or value is None:
                    results[name] = value
                else:
                    at = Path(path, name, parent_type.name)
                    results[name] = inner = self._object(field, details, at, value, position_context)
                    if self.is_awaitable(inner):
                        waiting[name] = inner
            if others:
                rest = super().execute_fields(parent_type, source_value, path, others, position_context)
        except Exception:
            self.settle_in_background(list(waiting.values()))
            raise
        if not others or not self.is_awaitable(rest):
            results.update(rest or {})
            return self._all(results, waiting, None) if waiting else results
        return self._all(results, waiting, rest)

    def _object(self, field: Plain, details: Any, path: Path, value: Any, position: Any) -> Any:
        inner: Any = field.inner
        try:
            if field.many:
                return [
                    self.collect_and_execute_subfields(inner, details, path.add_key(place, None), one, position)
                    for place, one in enumerate(value)
                ]
            found = self.collect_and_execute_subfields(inner, details, path, value, position)
        except Exception as error:  # noqa: BLE001 - it becomes the answer's
            return self._failed(field, details, path, error)
        return self._settled(field, details, path, found) if self.is_awaitable(found) else found

    async def _settled(self, field: Plain, details: Any, path: Path, found: Awaitable[Any]) -> Any:
        try:
            return await found
        except Exception as error:  # noqa: BLE001 - it becomes the answer's
            return self._failed(field, details, path, error)

    def _failed(self, field: Plain, details: Any, path: Path, error: Exception) -> None:
        inner: Any = field.inner
        self.handle_field_error(error, inner if field.nullable else GraphQLNonNull(inner), details, path)

    async def _all(self, results: dict[str, Any], waiting: dict[str, Awaitable[Any]], rest: Any) -> dict[str, Any]:
        if rest is None and len(waiting) == 1:
            (name,) = waiting
            results[name] = await waiting[name]
        elif not waiting:
            results.update(await rest)
        else:
            found = await gather_with_cancel(*waiting.values(), *(() if rest is None else (rest,)))
            results.update(zip(waiting, found, strict=False))
            results.update({} if rest is None else found[-1])
        return results
