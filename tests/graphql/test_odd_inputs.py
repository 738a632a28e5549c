"""Inputs that nobody sends on purpose: what is odd is the caller's mistake, never an error of ours."""

import json
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    build_schema,
    get_named_type,
    is_leaf_type,
)

from gateway.graphql.schema import sdl
from tests.graphql.asking import CREATE, errors, post
from tests.support.running import ACME_KEY, ADMIN_KEY, OPERATOR_KEY, Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

LITERAL = 'mutation { createVideo(input: {prompt: "x", inputReference: %s}) { __typename } }'


@pytest.mark.parametrize(
    "reference",
    [
        "{}",
        "{imageUrl: null}",
        "{imageUrl: null, imageId: null}",
        '{imageUrl: "https://a.test/b.png", imageId: "img_x"}',
        '{imageUrl: "https://a.test/b.png", imageId: null}',
    ],
)
async def test_of_two_ways_to_name_a_picture_one_is_given(gw: Running, reference: str) -> None:
    (error,) = await errors(gw.client, LITERAL % reference)

    assert error["extensions"]["code"] in ("BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED"), error


@pytest.mark.parametrize(
    "reference",
    [{}, {"imageUrl": None}, {"imageUrl": "https://a.test/b.png", "imageId": None}, {"imageUrl": "x", "imageId": "y"}],
)
async def test_in_variables_too(gw: Running, reference: Any) -> None:
    (error,) = await errors(gw.client, CREATE, input={"prompt": "x", "inputReference": reference})

    assert error["extensions"]["code"] == "BAD_USER_INPUT", error


@pytest.mark.parametrize("odd", ["\x00", "a\x00b", "\ud800", "\U0010ffff", "\u202e", "\x98", "﻿"])
async def test_odd_letters_are_kept_or_refused_and_break_nothing(gw: Running, odd: str) -> None:
    for query, variables in (
        ("query($id: ID!) { video(id: $id) { id } node(id: $id) { id } }", {"id": odd}),
        ("query($a: String) { videos(after: $a) { edges { cursor } } }", {"a": odd}),
        (CREATE, {"input": {"prompt": f"x{odd}", "model": odd, "idempotencyKey": odd}}),
        (CREATE, {"input": {"prompt": f"x{odd}", "metadata": {odd: odd}}}),
    ):
        body = json.dumps({"query": query, "variables": variables})
        response = await gw.client.post("/graphql", content=body, headers={"content-type": "application/json"})
        codes = {error["extensions"]["code"] for error in response.json().get("errors", [])}
        assert codes <= {"BAD_USER_INPUT", "BAD_REQUEST"}, response.text


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 2**53, 10**30, -1, 0, 1e300])
async def test_numbers_out_of_range_are_the_callers_mistake(gw: Running, number: float) -> None:
    for query in (
        "query($n: Int) { videos(first: $n) { edges { cursor } } }",
        "query($n: Int) { eventLog(last: $n) { edges { cursor } } }",
        'mutation($n: Int) { createVideo(input: {prompt: "x", seconds: $n}) { __typename } }',
    ):
        response = await post(gw.client, query, n=number)
        codes = {error["extensions"]["code"] for error in response.json().get("errors", [])}
        assert codes <= {"BAD_USER_INPUT"}, response.text


@pytest.mark.parametrize("query", ["{ clientTokens(first: 0) { hasMore } }", "{ tenants(first: 101) { hasMore } }"])
async def test_a_mistake_is_told_by_the_name_it_has_here(gw: Running, query: str) -> None:
    client = gw.operator if "tenants" in query else gw.client
    (error,) = await errors(client, query)

    assert error["message"] == "first: must be from 1 to 100"
    assert error["extensions"]["errors"][0]["field"] == "first"


SCHEMA = build_schema(sdl())
ROOTS = [(root, name) for root in (SCHEMA.query_type, SCHEMA.mutation_type) if root is not None for name in root.fields]
ODD = ["a\\u0000b", "\\uffff", "x" * 300, "", "..", "%00"]


def value(kind: GraphQLInputType, text: str, *, whole: bool) -> str:
    """What stands for an argument, with an odd text wherever one may be."""
    match kind:
        case GraphQLNonNull():
            return value(kind.of_type, text, whole=whole)
        case GraphQLList():
            return f"[{value(kind.of_type, text, whole=whole)}]"
        case GraphQLEnumType():
            return str(next(iter(kind.values)))
        case GraphQLInputObjectType():
            return "{" + arguments(kind.fields, text, whole=whole and not kind.is_one_of) + "}"
    known = {"Int": "7", "Boolean": "true" if whole else "false", "Float": "0.5", "DateTime": '"2026-01-01T00:00:00Z"'}
    return {**known, "Metadata": f'{{a: "{text}"}}', "Document": f'{{a: "{text}"}}'}.get(str(kind), f'"{text}"')


def arguments(those: dict[str, Any], text: str, *, whole: bool) -> str:
    meant = {name: one for name, one in those.items() if whole or isinstance(one.type, GraphQLNonNull)}
    return " ".join(f"{name}: {value(one.type, text, whole=whole)}" for name, one in meant.items())


@pytest.mark.parametrize(("root", "name"), ROOTS)
async def test_no_field_breaks_on_odd_texts(gw: Running, root: GraphQLObjectType, name: str) -> None:
    field = root.fields[name]
    inner = "" if is_leaf_type(get_named_type(field.type)) else "{ __typename }"
    for text in ODD:
        for whole in (False, True):
            given = arguments(field.args, text, whole=whole)
            query = f"{root.name.lower()} {{ {name}{f'({given})' if given else ''} {inner} }}"
            for key in (ACME_KEY, ADMIN_KEY, OPERATOR_KEY):
                answer = (await post(gw.client, query, {"authorization": f"Bearer {key}"})).json()
                codes = {error["extensions"]["code"] for error in answer.get("errors", [])}
                assert not codes & {"INTERNAL_SERVER_ERROR", "GRAPHQL_PARSE_FAILED"}, (query, answer)
