"""Inputs that nobody sends on purpose: what is odd is the caller's mistake, never an error of ours."""

import json
from typing import Any

import pytest

from tests.graphql.asking import CREATE, errors, post
from tests.support.running import Running

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
