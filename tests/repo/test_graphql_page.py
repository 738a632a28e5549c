"""docs/graphql.md: every limit with its number, every code, and the statuses that answers really have."""

import re

from gateway.config.settings import GraphQLProfile, GraphQLSettings
from gateway.graphql import cost, counts, documents, governing, requests, sockets
from gateway.graphql.errors import Code
from gateway.graphql.profiles import PROFILES, UNREADABLE
from schema.errors import GatewayError, InvalidRequest
from tests.repo.sources import ROOT

PAGE = (ROOT / "docs" / "graphql.md").read_text()

LIMITS = {
    "length": documents.MAX_LENGTH,
    "tokens": documents.MAX_TOKENS,
    "depth": cost.MAX_DEPTH,
    "introspection": cost.MAX_INTROSPECTION_DEPTH,
    "aliases": cost.MAX_ALIASES,
    "cost": cost.MAX_COST,
    "fields": counts.MAX_FIELDS,
    "repetitions": counts.MAX_COMPARISONS,
    "fragments": counts.MAX_FRAGMENTS,
    "operations": counts.MAX_OPERATIONS,
    "directives": counts.MAX_DIRECTIVES,
    "variables": counts.MAX_VARIABLES,
    "values": counts.MAX_VALUES,
    "arguments": counts.MAX_ARGUMENTS,
    "variable values": requests.MAX_VARIABLE_VALUES,
    "variable names": requests.MAX_NAMES,
    "errors": documents.MAX_ERRORS,
    "seconds": int(governing.QUERY_SECONDS),
    "on a socket": sockets.MAX_OPERATIONS,
    "concurrent": GraphQLSettings().concurrent,
}


def rows(begin: str) -> list[list[str]]:
    """The table that follows: its rows, without the head."""
    behind = PAGE[PAGE.index(begin) :].splitlines()
    table = re.search(r"(?:^\|.*\n)+", "\n".join(behind) + "\n", re.MULTILINE)
    assert table is not None
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()[2:]]


def kinds(kind: type[GatewayError]) -> set[type[GatewayError]]:
    return set(kind.__subclasses__()).union(*(kinds(each) for each in kind.__subclasses__()))


def test_every_limit_stands_there_with_its_number():
    assert {row[0].strip("`"): int(row[1]) for row in rows("## Limits")} == LIMITS


def test_no_limit_of_the_code_is_left_out():
    modules = (cost, counts, documents, requests, sockets)
    others = {"MAX_BATCH", "MAX_PAGE"}
    ours = [name for module in modules for name in vars(module) if name.startswith("MAX_") and name not in others]

    assert len(ours) == len(LIMITS) - 2  # beside them the seconds, and a setting


def test_every_code_of_this_door_is_explained():
    assert {row[0].strip("`") for row in rows("## Codes")} == set(Code)
    assert all(row[1] for row in rows("## Codes"))


def test_every_code_of_both_doors_stands_there_with_its_status():
    """But those of wrong input, which is BAD_USER_INPUT here."""
    found = {(row[0].strip("`"), int(row[1]), row[2]) for row in rows("All others are REST's codes")}

    assert found == {
        (kind.code.upper(), kind.status, kind.title)
        for kind in kinds(GatewayError)
        if not issubclass(kind, InvalidRequest)
    }


def test_the_statuses_are_those_of_the_editions():
    said = {row[0]: row[1:] for row in rows("## Statuses and types")}
    audit, edition = PROFILES[GraphQLProfile.AUDIT], PROFILES[GraphQLProfile.SEPTEMBER_2026]

    def of(profile_field: str) -> list[str]:
        return [str(getattr(audit, profile_field)), str(getattr(edition, profile_field))]

    def ends(row: str) -> list[str]:
        return [said[row][0], said[row][2]]

    assert ends("executed, with errors in fields") == of("partial")
    assert ends("JSON that is no request") == of("ill_formed")
    assert ends("a document that is not valid, an unclear operation, variables that do not fit") == of("invalid")
    assert ends("JSON or GraphQL that can not be parsed") == [str(UNREADABLE)] * 2
    assert edition.usual in said["no `Accept`, or `*/*`"][2]
