"""How much of everything a document holds, counted in one walk over its nodes before any of it is validated.

Validation looks at some things in pairs, and repeats whole values in what it complains of; here that is bounded.
"""

from collections import Counter
from collections.abc import Iterator
from functools import cache

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableDefinitionNode,
)

MAX_DIRECTIVES = 50
MAX_VARIABLES = 50
MAX_OPERATIONS = 20
MAX_FRAGMENTS = 50
MAX_FIELDS = 500
"""As they are written; how many they are in the answer is bounded elsewhere."""
MAX_VALUES = 400
"""Literal values, those in lists and objects too; more go into variables."""
MAX_ARGUMENTS = 32
"""Of one field; of one literal object twice as many fields. None of ours has more."""
MAX_COMPARISONS = 1000
"""Pairs of fields that stand for one field of the answer, and of fragments that are spread in one place."""

_MOST: dict[type[Node], tuple[str, int]] = {
    DirectiveNode: ("directives", MAX_DIRECTIVES),
    VariableDefinitionNode: ("variables", MAX_VARIABLES),
    OperationDefinitionNode: ("operations", MAX_OPERATIONS),
    FragmentDefinitionNode: ("fragments", MAX_FRAGMENTS),
    FieldNode: ("fields", MAX_FIELDS),
    ValueNode: ("values", MAX_VALUES),
}

Fragments = dict[str, SelectionSetNode]


class TooMuch(GraphQLError):
    """The document asks for more than one request may have."""

    @classmethod
    def of(cls, found: str, what: str, most: int) -> "TooMuch":
        return cls(f"This asks for too much: {found} {what}, where {most} are allowed")


def check_counts(document: DocumentNode) -> None:
    """Raises TooMuch when the document holds too much of something."""
    counted: Counter[type[Node]] = Counter()
    for node in _nodes(document):
        counted[ValueNode if isinstance(node, ValueNode) else type(node)] += 1
        if isinstance(node, FieldNode) and len(node.arguments or ()) > MAX_ARGUMENTS:
            raise TooMuch.of(str(len(node.arguments or ())), "arguments of one field", MAX_ARGUMENTS)
        if isinstance(node, ObjectValueNode) and len(node.fields) > 2 * MAX_ARGUMENTS:
            raise TooMuch.of(str(len(node.fields)), "fields of one object", 2 * MAX_ARGUMENTS)
    for kind, (what, most) in _MOST.items():
        if counted[kind] > most:
            raise TooMuch.of(str(counted[kind]), what, most)


def is_fixed(document: DocumentNode) -> bool:
    """Whether the same is asked whatever the variables say: no directive leaves anything out."""
    return not any(isinstance(node, DirectiveNode) for node in _nodes(document))


def _nodes(document: DocumentNode) -> Iterator[Node]:
    waiting: list[Node] = [document]
    while waiting:
        node = waiting.pop()
        yield node
        for key in _keys(type(node)):  # type: ignore[arg-type]  # its instances hash as values, the class as any class
            inner = getattr(node, key, None)
            if isinstance(inner, Node):
                waiting.append(inner)
            elif isinstance(inner, list | tuple):
                waiting.extend(inner)


@cache
def _keys(kind: type[Node]) -> tuple[str, ...]:
    """Where nodes of a kind have others; they tell only after looking through all their fields."""
    return tuple(kind.keys)


def check_repeats(document: DocumentNode) -> None:
    """Raises TooMuch when fields or fragments are asked for so often that comparing them would take long.

    To be called once the document's cost is known to be bounded, and so the fields it has with its fragments written
    out, which is how they are walked.
    """
    fragments = fragments_of(document)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            found = _comparisons([definition.selection_set], fragments)
            if found > MAX_COMPARISONS:
                raise TooMuch.of(str(found), "repetitions of fields and fragments", MAX_COMPARISONS)


def fragments_of(document: DocumentNode) -> Fragments:
    return {
        definition.name.value: definition.selection_set
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }


def _comparisons(merged: list[SelectionSetNode], fragments: Fragments) -> int:
    """Pairs among selections that are answered as one, and among what stands within their fields."""
    fields: dict[str, list[SelectionSetNode | None]] = {}
    spreads = 0
    for selections in merged:
        spreads += _gather(selections, fragments, fields)
    total = _pairs(spreads)
    for inner in fields.values():
        within = [each for each in inner if each is not None]
        total += _pairs(len(inner)) + (_comparisons(within, fragments) if within else 0)
    return total


def _gather(
    selections: SelectionSetNode, fragments: Fragments, fields: dict[str, list[SelectionSetNode | None]]
) -> int:
    """Put fields beside those of the same name in the answer; how many fragments were spread."""
    spreads = 0
    for one in selections.selections:
        if isinstance(one, FieldNode):
            name = one.name if one.alias is None else one.alias
            fields.setdefault(name.value, []).append(one.selection_set)
        elif isinstance(one, FragmentSpreadNode):
            inner = fragments.get(one.name.value)
            spreads += 1 if inner is None else 1 + _gather(inner, fragments, fields)
        else:
            spreads += _gather(one.selection_set, fragments, fields)  # type: ignore[attr-defined]  # inline fragments
    return spreads


def _pairs(number: int) -> int:
    return number * (number - 1) // 2
