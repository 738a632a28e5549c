"""Query texts, read once: parsed, measured and validated, and remembered while they are in use."""

from collections.abc import Iterator
from functools import lru_cache

import msgspec
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    InlineFragmentNode,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)
from strawberry.extensions import SchemaExtension

from gateway.graphql.cost import check_cost
from gateway.graphql.counts import TooMuch, check_counts, check_repeats, is_fixed
from gateway.graphql.errors import Code, coded
from gateway.graphql.executing import Plans

MAX_LENGTH = 16 * 1024
"""Characters: reading a text takes as long as it is."""
MAX_TOKENS = 1000
MAX_ERRORS = 10
"""That are told of one text; whoever mends those is told the next."""
_CREATE = frozenset({"createVideo", "createVideos"})
"""Mutations that ask for videos."""

_LEAVE_OUT = frozenset({"skip", "include"})
"""Directives that let variables say whether something is asked at all."""

_REMEMBERED = 256
_REMEMBERED_LENGTH = 8192
"""Longer texts are read anew every time: a few of them could fill the memory."""


class Document(msgspec.Struct, frozen=True):
    """What a text means; ``node`` is None when there are errors, for then nothing of it may be executed.

    Attributes:
        plans: how it is executed, unless that depends on variables.
    """

    node: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()
    plans: Plans | None = None

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation a request means; None when that is not clear."""
        return None if self.node is None else get_operation_ast(self.node, name)

    def creates(self, name: str | None) -> bool:
        """Whether the operation a request means asks for videos, and for nothing else whatever its variables say."""
        operation = self.operation(name)
        if self.node is None or operation is None or operation.operation is not OperationType.MUTATION:
            return False
        return all(field in _CREATE for field in _fields(self.node, operation.selection_set))

    def trouble(self, name: str | None) -> list[GraphQLError]:
        """Why nothing is executed for a request that names this operation; empty when all is well."""
        if self.errors or self.operation(name) is not None:
            return list(self.errors)
        said = "Say which operation is meant: operationName" if name is None else f"No operation is named {name[:64]}"
        return [GraphQLError(said, extensions={"code": Code.OPERATION_RESOLUTION_FAILURE})]


def _fields(document: DocumentNode, selections: SelectionSetNode) -> Iterator[str | None]:
    """The fields at the top, those of fragments too; None for what may be left out. No fragment of a valid document
    holds itself.
    """
    for one in selections.selections:
        if any(directive.name.value in _LEAVE_OUT for directive in one.directives or ()):
            yield None
        elif isinstance(one, FieldNode):
            yield one.name.value
        elif isinstance(one, InlineFragmentNode):
            yield from _fields(document, one.selection_set)
        elif isinstance(one, FragmentSpreadNode):
            for other in document.definitions:
                if isinstance(other, FragmentDefinitionNode) and other.name.value == one.name.value:
                    yield from _fields(document, other.selection_set)


class Documents:
    """Reads texts for one schema. Unless ``explorable``, it shows neither the schema nor hints at its names."""

    def __init__(self, schema: GraphQLSchema, *, explorable: bool) -> None:
        self._schema = schema
        self._explorable = explorable
        self._rules = specified_rules if explorable else (*specified_rules, NoSchemaIntrospectionCustomRule)
        self._remember = lru_cache(maxsize=_REMEMBERED)(self._read)

        self._trusted: dict[str, Document] = {}

    def trust(self, text: str) -> Document:
        """What a trusted document means: its depth and cost are bounded, not its length; it may ask for the schema.

        It is read once, and never forgotten.
        """
        if text not in self._trusted:
            self._trusted[text] = self._read(text, trusted=True)
        return self._trusted[text]

    def read(self, text: str) -> Document:
        known = self._trusted.get(text)
        if known is not None:
            return known
        return self._remember(text) if len(text) <= _REMEMBERED_LENGTH else self._read(text)

    def _read(self, text: str, *, trusted: bool = False) -> Document:
        if len(text) > MAX_LENGTH and not trusted:
            said = f"The document is longer than {MAX_LENGTH} characters; send values as variables"
            return Document(None, (GraphQLError(said, extensions={"code": Code.GRAPHQL_PARSE_FAILED}),))
        try:
            node = parse(text, max_tokens=None if trusted else MAX_TOKENS)
        except GraphQLSyntaxError as error:
            return Document(None, (coded(error, Code.GRAPHQL_PARSE_FAILED),))
        try:
            if not trusted:
                check_counts(node)
            check_cost(node)
            if not trusted:
                check_repeats(node)
        except TooMuch as error:
            return Document(None, (coded(error, Code.GRAPHQL_VALIDATION_FAILED),))
        rules = specified_rules if trusted else self._rules
        hide = not (trusted or self._explorable)
        errors = validate(self._schema, node, rules, max_errors=MAX_ERRORS, hide_suggestions=hide)
        if errors:
            return Document(None, tuple(coded(error, Code.GRAPHQL_VALIDATION_FAILED) for error in errors))
        return Document(node, plans=Plans() if is_fixed(node) else None)


class ReadOnce(SchemaExtension):
    """Gives Strawberry our reading of a text in place of its own."""

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        self._document = context.schema.documents.read(context.query)  # type: ignore[attr-defined]  # it is our Schema
        context.graphql_document = self._document.node
        yield

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = list(self._document.errors)
        yield
