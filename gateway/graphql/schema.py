"""The GraphQL schema: what can be asked, done and watched, and how its texts and errors are read."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import cache
from typing import Any, cast

import strawberry
from graphql import ExecutionResult, GraphQLError, OperationType, execute
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext
from strawberry.types.execution import PreExecutionError

from gateway.graphql.context import Context
from gateway.graphql.documents import Document, Documents, ReadOnce
from gateway.graphql.errors import facts, shown
from gateway.graphql.executing import Executor
from gateway.graphql.governing import governed
from gateway.graphql.mutations import Mutation
from gateway.graphql.plain import find_plain
from gateway.graphql.queries import Query
from gateway.graphql.refusals import UserError
from gateway.graphql.requests import Asked
from gateway.graphql.scalars import SCALARS
from gateway.graphql.subscriptions import Subscription
from schema.errors import GatewayError

Results = AsyncGenerator[Any, None]
"""ExecutionResults, Strawberry's or GraphQL's own; nothing of ours is delivered incrementally."""

_BUILT_IN = "directive @oneOf on INPUT_OBJECT\n\n"
"""Printed where it is used, although GraphQL knows it; linters ask us to describe it."""


class Schema(strawberry.Schema):
    def __init__(self, *, explorable: bool) -> None:
        super().__init__(
            Query,
            Mutation,
            Subscription,
            types=[UserError],
            extensions=[ReadOnce],
            execution_context_class=Executor,
            config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=not explorable),
        )
        find_plain(self._schema)
        self.documents = Documents(self._schema, explorable=explorable)
        self._explorable = explorable

    def process_errors(self, errors: list[GraphQLError], _: ExecutionContext | None = None) -> None:
        """Replace errors by what the caller may see, in place: every transport shows this list."""
        errors[:] = [shown(error, explorable=self._explorable) for error in errors]

    async def run(self, document: Document, asked: Asked, context: Context) -> ExecutionResult:
        """One result for one operation: ``execute`` without Strawberry's hooks, which cost as much as six fields."""
        trouble = document.trouble(asked.operation_name)
        if document.node is None or trouble:
            return ExecutionResult(data=None, errors=trouble)
        result = execute(
            self._schema,
            document.node,
            context_value=context,
            variable_values=asked.variables,
            operation_name=asked.operation_name,
            executor_class=self.execution_context_class,
            is_awaitable=cast("Any", optimized_is_awaitable),
            operation_extensions=asked.extensions,
            plans=document.plans,
        )
        if not isinstance(result, ExecutionResult):
            result = await result
        if result.errors:
            self.process_errors(result.errors)
        return result

    async def stream(  # noqa: PLR0917  # as Strawberry calls it
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any = None,
        root_value: Any = None,
        operation_name: str | None = None,
        operation_extensions: dict[str, Any] | None = None,
        allowed_operation_types: Any = None,
    ) -> Results:
        """As Strawberry's, by which sockets execute too; what is no subscription is governed as over plain HTTP."""
        results: Results = await super().stream(
            query,
            variable_values,
            context_value,
            root_value,
            operation_name,
            operation_extensions,
            allowed_operation_types,
        )
        operation = self.documents.read(query or "").operation(operation_name)
        kind = None if operation is None else operation.operation
        return results if kind is OperationType.SUBSCRIPTION else _one(results, context_value, kind)

    async def stream_of(self, document: Document, asked: Asked, context: Context) -> Results:
        """All results of one operation, as they come: any number of a subscription, one of anything else."""
        trouble = document.trouble(asked.operation_name)
        if trouble:
            return _alone(ExecutionResult(data=None, errors=trouble))
        return await self.stream(
            asked.query,
            context_value=context,
            variable_values=asked.variables,
            operation_name=asked.operation_name,
        )

    def as_str(self) -> str:
        return super().as_str().replace(_BUILT_IN, "")


async def _one(results: Results, context: Context, kind: OperationType | None) -> Results:
    """The one result, or why it is not executed."""
    async with aclosing(results):
        try:
            async with governed(context, kind):
                result = await anext(results, None)
        except GatewayError as error:
            result = PreExecutionError(data=None, errors=[GraphQLError(error.detail, extensions=facts(error))])
        if result is not None:
            yield result


async def _alone(result: ExecutionResult) -> Results:
    yield result


@cache
def build_schema(*, explorable: bool = True) -> Schema:
    """The schema; no gateway is needed, resolvers find theirs in the context. It hides unless ``explorable``."""
    return Schema(explorable=explorable)


def sdl() -> str:
    """The schema as text, as it is committed."""
    return build_schema().as_str() + "\n"
