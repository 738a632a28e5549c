"""Executing faster what is plain.

GraphQL's own executor builds for each field what a resolver may want to know, and looks at each value for what it might
be: some microseconds a field, so that a page of fifty videos costs more than finding them. What is asked of a kind of
object is planned once here, and all objects of the kind are written by the plan. A value that is not exactly as
expected goes the long way, which knows what to say of it.
"""

from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any, NamedTuple

from graphql import GraphQLObjectType
from graphql.execution.collect_fields import CollectedFields, FieldDetailsList, GroupedFieldSet
from graphql.pyutils import AwaitableOrValue, Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.graphql.plain import Plain, plain_fields
from gateway.graphql.planning import Fixed, Inner, Leaf, Plan

_TYPENAME = "__typename"


class Asked(NamedTuple):
    """What is asked of a kind of object: by plan, and the long way. ``fields`` is all of it, kept so that nothing else
    gets its id.
    """

    fields: GroupedFieldSet
    plan: Plan
    others: GroupedFieldSet


class Plans:
    """What was planned for a document; whoever executes it next finds it here.

    Attributes:
        below: what is asked below fields, by the type they are of and the ids of their nodes, which live as long.
        asked: how that is written, by the type and the id of what is asked.
    """

    def __init__(self) -> None:
        self.below: dict[tuple[Any, ...], CollectedFields] = {}
        self.asked: dict[tuple[str, int], Asked] = {}


class Executor(StrawberryGraphQLCoreExecutionContext):
    """Executes operations; what is plain by plan.

    Args:
        plans: those for this document; None when its variables decide what is asked.
    """

    def __init__(self, *args: Any, plans: Plans | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._plans = plans or Plans()
        self._info = SimpleNamespace(context=self.context_value)

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        if path is None:  # whatever is asked at the top has to be found first
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        _, plan, others = self._planned(parent_type, grouped_field_set)
        try:
            [answer] = plan.written([source_value], self._info)
        except Exception:  # noqa: BLE001 - not swallowed: the long way meets it again, and says where
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        if not others:
            return answer
        rest = super().execute_fields(parent_type, source_value, path, others, position_context)
        return answer | rest if isinstance(rest, dict) else _completed(answer, rest)

    def _planned(self, type: GraphQLObjectType, fields: GroupedFieldSet) -> Asked:
        """What is asked of objects of a type, planned once for all of them."""
        key = (type.name, id(fields))
        known = self._plans.asked
        if key not in known:
            known[key] = self._plan(type, fields)
        return known[key]

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: FieldDetailsList
    ) -> CollectedFields:
        key = (return_type.name, *[id(details.node) for details in field_details_list])
        known = self._plans.below
        if key not in known:
            known[key] = super().collect_subfields(return_type, field_details_list)
        return known[key]

    def _plan(self, type: GraphQLObjectType, fields: GroupedFieldSet) -> Asked:
        plain = plain_fields(self.schema, type)
        columns: dict[str, Fixed | Leaf | Inner] = {}
        others: GroupedFieldSet = {}
        for name, details in fields.items():
            asked = details[0].node.name.value
            column = Fixed(type.name) if asked == _TYPENAME else self._column(plain.get(asked), details)
            if column is None:
                others[name] = details
            columns[name] = column or Fixed(None)  # to be replaced in its place
        return Asked(fields, Plan(tuple(columns), tuple(columns.values())), others)

    def _column(self, field: Plain | None, details: FieldDetailsList) -> Leaf | Inner | None:
        if field is None or field.inner is None:
            return None if field is None else Leaf(field)
        below = self._planned(field.inner, self.collect_subfields(field.inner, details).grouped_field_set)
        return None if below.others else Inner(field, below.plan)


async def _completed(answer: dict[str, Any], rest: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return answer | await rest
