"""What one door can do the others can: a table made from the routes, the schema and the commands, and kept in the docs.

Each row is one thing to do. Whatever a door offers must stand in a row, so a new route, field or command fails here
until it has one; a door that lacks something says why.
"""

from pathlib import Path

import click
import pytest
from graphql import GraphQLObjectType, build_schema

from gateway.cli.program import main
from gateway.graphql.schema import sdl
from gateway.rest.operations import OPERATIONS
from tests.edges.parity import HERE_ALONE, OPERATOR, TENANT, Deed, Lacks

PAGE = Path(__file__).parents[2] / "docs" / "parity.md"
DEEDS = (*TENANT, *OPERATOR)


def routes() -> set[str]:
    return {f"{method.upper()} {path}" for method, path in OPERATIONS}


def fields() -> set[str]:
    schema = build_schema(sdl())
    kinds = {"query": schema.query_type, "mutation": schema.mutation_type, "subscription": schema.subscription_type}
    return {
        f"{kind} {name}"
        for kind, type_ in kinds.items()
        if isinstance(type_, GraphQLObjectType)
        for name in type_.fields
    }


def commands(command: click.Command = main, path: str = "filmgate") -> set[str]:
    if not isinstance(command, click.Group):
        return {path}
    return {leaf for name, inner in command.commands.items() for leaf in commands(inner, f"{path} {name}")}


def named(door: str) -> list[str]:
    """What the table names of a door, without what is not there."""
    return [name for deed in DEEDS for name in getattr(deed, door) if not isinstance(name, Lacks)]


@pytest.mark.parametrize(
    ("door", "offered"), [("rest", routes), ("graphql", fields), ("cli", commands)], ids=["rest", "graphql", "cli"]
)
def test_whatever_a_door_offers_stands_in_the_table_and_nothing_else(door, offered):
    there = offered()
    here_alone = {name for name in HERE_ALONE if name in there}

    assert sorted(there - set(named(door)) - here_alone) == []
    assert sorted(set(named(door)) - there) == []
    assert sorted(here_alone & set(named(door))) == []


def test_what_is_said_to_be_at_one_door_alone_is_there():
    assert sorted(set(HERE_ALONE) - routes() - fields() - commands()) == []


@pytest.mark.parametrize("deed", TENANT, ids=lambda deed: deed.what)
def test_a_tenant_can_do_it_by_all_three_doors_or_the_table_says_why_not(deed: Deed):
    for door in ("rest", "graphql", "cli"):
        names = getattr(deed, door)
        assert names, f"{deed.what}: {door} is empty"
        assert all(name.why for name in names if isinstance(name, Lacks))


def test_the_page_in_the_docs_is_this_table():
    assert PAGE.read_text() == page(), f"write it anew: python -m tests.edges.parity > {PAGE.name}"


def page() -> str:
    from tests.edges.parity import written

    return written()
