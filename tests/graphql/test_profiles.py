"""The editions of GraphQL over HTTP: what every sort of request is answered with, status and type."""

import json
from typing import Any

import httpx
import pytest

from gateway.config.settings import GraphQLProfile
from gateway.graphql.controller import PATH
from gateway.graphql.profiles import PROFILES
from tests.graphql.asking import CREATE, EVENTS, speaking
from tests.support.running import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

GRAPHQL, JSON = "application/graphql-response+json", "application/json"
AUDIT, EDITION = GraphQLProfile.AUDIT, GraphQLProfile.SEPTEMBER_2026

PARTIAL = "query($n: Int) { viewer { tenant { id } } videos(first: $n) { edges { cursor } } }"
REQUESTS: dict[str, dict[str, Any] | str] = {
    "whole": {"query": "{ __typename }"},
    "an error in a field": {"query": PARTIAL, "variables": {"n": 0}},
    "unparsable": {"query": "{"},
    "invalid": {"query": "{ nope }"},
    "no such operation": {"query": "query A { __typename }", "operationName": "B"},
    "variables that do not fit": {"query": PARTIAL, "variables": {"n": "many"}},
    "no query": {"qeury": "{ __typename }"},
    "variables in a list": {"query": "{ __typename }", "variables": [7]},
    "a batch": "[]",
    "no JSON": "NONSENSE",
}
EXECUTED = {"whole", "an error in a field"}


@pytest.mark.parametrize(
    ("asked", "accept", "audit", "edition"),
    [
        ("whole", GRAPHQL, (200, GRAPHQL), (200, GRAPHQL)),
        ("whole", JSON, (200, JSON), (200, JSON)),
        ("whole", "*/*", (200, JSON), (200, GRAPHQL)),
        ("whole", None, (200, JSON), (200, GRAPHQL)),
        ("whole", "text/html", (406, JSON), (406, GRAPHQL)),
        ("an error in a field", GRAPHQL, (200, GRAPHQL), (294, GRAPHQL)),
        ("an error in a field", JSON, (200, JSON), (294, JSON)),
        ("unparsable", GRAPHQL, (400, GRAPHQL), (400, GRAPHQL)),
        ("unparsable", JSON, (200, JSON), (400, GRAPHQL)),
        ("invalid", GRAPHQL, (400, GRAPHQL), (422, GRAPHQL)),
        ("invalid", JSON, (200, JSON), (422, GRAPHQL)),
        ("no such operation", GRAPHQL, (400, GRAPHQL), (422, GRAPHQL)),
        ("variables that do not fit", GRAPHQL, (400, GRAPHQL), (422, GRAPHQL)),
        ("variables that do not fit", JSON, (200, JSON), (422, GRAPHQL)),
        ("no query", GRAPHQL, (400, GRAPHQL), (422, GRAPHQL)),
        ("no query", JSON, (400, JSON), (422, GRAPHQL)),
        ("variables in a list", GRAPHQL, (400, GRAPHQL), (422, GRAPHQL)),
        ("a batch", GRAPHQL, (400, GRAPHQL), (422, GRAPHQL)),
        ("no JSON", GRAPHQL, (400, GRAPHQL), (400, GRAPHQL)),
        ("no JSON", JSON, (400, JSON), (400, GRAPHQL)),
    ],
)
async def test_a_post_is_answered_as_the_edition_says(
    gw: Running, asked: str, accept: str | None, audit: tuple[int, str], edition: tuple[int, str]
) -> None:
    body = REQUESTS[asked]
    content = body if isinstance(body, str) else json.dumps(body)
    headers = {"content-type": JSON, "accept": accept or ""}

    for profile, (status, kind) in {AUDIT: audit, EDITION: edition}.items():
        async with speaking(gw.gateway, profile=profile):
            response = await gw.client.post(PATH, content=content, headers=headers)
        assert (response.status_code, response.headers["content-type"]) == (status, f"{kind}; charset=utf-8")
        assert ("data" in response.json()) == (asked in EXECUTED and status != 406), response.json()


@pytest.mark.parametrize("profile", PROFILES)
async def test_what_comes_before_graphql_has_the_same_status_in_every_edition(
    gw: Running, profile: GraphQLProfile
) -> None:
    too_long = json.dumps({"query": "#" * gw.gateway.settings.server.max_body_bytes})
    create = {"query": CREATE, "variables": json.dumps({"input": {"prompt": "boat"}})}
    async with speaking(gw.gateway, profile=profile), httpx.AsyncClient(base_url=gw.url, trust_env=False) as nobody:
        answers = [
            await nobody.post(PATH, json={"query": "{ __typename }"}),
            await gw.client.post(PATH, content="{ __typename }", headers={"content-type": "application/graphql"}),
            await gw.client.post(PATH, content=too_long, headers={"content-type": JSON}),
            await gw.client.get(PATH, params=create),
            await gw.client.post(PATH, json={"query": EVENTS, "variables": {"id": "x"}}),
        ]

    assert [answer.status_code for answer in answers] == [401, 415, 413, 405, 400]
    assert answers[3].headers["allow"] == "POST"
    assert {answer.headers["content-type"] for answer in answers} == {
        f"{JSON if profile is AUDIT else GRAPHQL}; charset=utf-8"
    }
    assert all(answer.json()["errors"][0]["extensions"]["code"] for answer in answers)


async def test_streams_are_the_same_in_every_edition(gw: Running) -> None:
    said = set()
    for profile in PROFILES:
        async with speaking(gw.gateway, profile=profile):
            for query in ("{ __typename }", "{ nope }"):
                response = await gw.client.post(PATH, json={"query": query}, headers={"accept": "text/event-stream"})
                said.add((response.status_code, response.text))

    assert len(said) == 2
