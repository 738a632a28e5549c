"""Fields read at once are read as the long way reads them: the same data in the same order, and the same errors."""

import asyncio
from enum import Enum
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult, execute, parse
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.graphql.counts import is_fixed
from gateway.graphql.executing import Executor, Plans
from gateway.graphql.plain import find_plain


@strawberry.enum
class Mood(Enum):
    CALM = "calm"
    WILD = "wild"


@strawberry.type
class Leaf:
    name: str
    size: int | None = None


@strawberry.type
class Tree:
    name: str
    mood: Mood
    leaf: Leaf
    id: strawberry.ID = strawberry.ID("t")
    size: int = 3
    old: bool = True
    last: Leaf | None = None
    leaves: list[Leaf] = strawberry.field(default_factory=list)
    fallen: list[Leaf] | None = None
    rings: list[int] = strawberry.field(default_factory=lambda: [1, 2])
    holes: list[Leaf | None] = strawberry.field(default_factory=lambda: [None])

    @strawberry.field
    def at_once(self, info: strawberry.Info) -> str:
        return f"{self.name} of {info.context}"

    @strawberry.field
    def failing(self, info: strawberry.Info) -> str | None:
        raise RuntimeError(f"no {self.name} of {info.context}")

    @strawberry.field
    async def later(self) -> Leaf:
        await asyncio.sleep(0)
        return Leaf(name="later")

    @strawberry.field
    def louder(self, by: int) -> str:
        return self.name + "!" * by


def tree(**changes: Any) -> Tree:
    return Tree(**{"name": "oak", "mood": Mood.WILD, "leaf": Leaf(name="green"), **changes})


TREES: dict[str, Any] = {
    "whole": tree(last=Leaf(name="brown", size=1), leaves=[Leaf(name="a"), Leaf(name="b", size=2)]),
    "with some leaves fallen": tree(fallen=[Leaf(name="c")]),
    "with more rings than a number holds": tree(rings=[2**40]),
    "with a tuple of leaves": tree(leaves=(Leaf(name="a"),)),
    "without a name": tree(name=None),
    "with a number for a name": tree(name=5),
    "with a text for a number": tree(size="7"),
    "too large": tree(size=2**31),
    "with a truth for a number": tree(size=True),
    "in no mood": tree(mood="odd"),
    "with no leaf": tree(leaf=None),
    "with a leaf without a name": tree(leaf=Leaf(name=None)),  # type: ignore[arg-type]  # what must not be, and is
    "with a last leaf without a name": tree(last=Leaf(name=None)),  # type: ignore[arg-type]  # the same
    "with something for a leaf": tree(leaf="green"),
    "with leaves without names": tree(leaves=[Leaf(name="a"), Leaf(name=None)]),  # type: ignore[arg-type]  # the same
}
QUERIES = [
    "{ tree { id name mood size old } }",
    "{ tree { z: size later { name } name leaf { size name } a: name last { name } leaves { name } atOnce } }",
    "{ tree { __typename name leaf { __typename } ...F } } fragment F on Tree { mood last { size } }",
    "{ tree { failing name louder(by: 2) } }",
    "query($no: Boolean = false) { tree { name @include(if: $no) size @skip(if: $no) } }",
    "{ tree { fallen { name __typename } leaves { size } rings holes { name } } }",
    "{ trees { leaves { name } fallen { name } mood } }",
    "{ trees { name later { name } leaf { name } last { name } } }",
]


@strawberry.type
class Query:
    tree: Tree | None
    trees: list[Tree | None]


def answered(query: str, found: Any, executor: Any) -> list[ExecutionResult]:
    """What is answered the first time, and what the second, by the plans of the first."""
    schema, document = strawberry.Schema(Query), parse(query)
    find_plain(schema._schema)
    shared: dict[str, Any] = {"plans": Plans()} if executor is Executor and is_fixed(document) else {}

    async def run() -> ExecutionResult:
        result = execute(
            schema._schema,
            document,
            root_value=Query(tree=found, trees=[found, None, found]),
            context_value="woods",
            executor_class=executor,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]  # as our own schema does
            **shared,
        )
        return result if isinstance(result, ExecutionResult) else await result

    return [asyncio.run(run()), asyncio.run(run())]


@pytest.mark.parametrize("kind", TREES)
@pytest.mark.parametrize("query", QUERIES)
def test_what_is_read_at_once_is_what_the_long_way_reads(query: str, kind: str):
    found = zip(
        answered(query, TREES[kind], Executor),
        answered(query, TREES[kind], StrawberryGraphQLCoreExecutionContext),
        strict=True,
    )
    for quick, slow in found:
        assert str(quick.data) == str(slow.data)  # the order of fields too
        assert sorted(map(str, quick.errors or ())) == sorted(map(str, slow.errors or ()))


def test_plans_are_made_once_for_a_document():
    schema, document, plans = strawberry.Schema(Query), parse(QUERIES[1]), Plans()
    find_plain(schema._schema)

    def made() -> tuple[int, int]:
        executed = execute(
            schema._schema,
            document,
            root_value=Query(tree=tree(), trees=[]),
            context_value="woods",
            executor_class=Executor,
            plans=plans,
        )
        asyncio.run(executed)  # type: ignore[arg-type]  # a field of it has to wait
        return len(plans.below), len(plans.asked)

    assert made() == made() != (0, 0)
