"""Client tokens through GraphQL: every field with a token, sockets that outlive it, and the doors that make it."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    Undefined,
    build_schema,
    get_named_type,
    is_leaf_type,
)
from websockets.exceptions import ConnectionClosed

from gateway.graphql.schema import sdl
from tests.graphql.asking import CREATE, EVENTS, ask, created, post, socket
from tests.support.browsers import BOTH, browser, held, minted
from tests.support.running import ADMIN_KEY, Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCHEMA = build_schema(sdl())
OPEN = {
    "Query": {"video", "videos", "node", "nodes", "batch", "quote", "models"},
    "Mutation": {"createVideo", "createVideos", "cancelVideo"},
    "Subscription": {"videoEvents"},
}
"""All that a client token reaches."""

SHUT_OF_A_VIDEO = {"route", "receipt"}

MINT = """
mutation Mint($input: CreateClientTokenInput!) {
  createClientToken(input: $input) {
    __typename
    ... on CreateClientTokenSuccess { token clientToken { id endUser scopes allowanceMicros creates expiresAt } }
    ... on UserError { code message }
    ... on InvalidInputError { errors { field code } }
  }
}
"""
REVOKE = """
mutation Revoke($id: ID!) {
  revokeClientToken(input: {id: $id}) {
    __typename
    ... on RevokeClientTokenSuccess { clientToken { id revokedAt } }
    ... on UserError { code }
  }
}
"""


def value(kind: GraphQLInputType) -> str:
    """The least that a required argument can be given."""
    match kind:
        case GraphQLNonNull():
            return value(kind.of_type)
        case GraphQLList():
            return f"[{value(kind.of_type)}]"
        case GraphQLEnumType():
            return str(next(iter(kind.values)))
        case GraphQLInputObjectType():
            return "{" + arguments(kind.fields) + "}"
    return {"Int": "1", "Boolean": "true", "DateTime": '"2026-01-01T00:00:00Z"'}.get(str(kind), '"0"')


def arguments(those: dict[str, Any]) -> str:
    needed = {name: one for name, one in those.items() if isinstance(one.type, GraphQLNonNull)}
    return " ".join(f"{name}: {value(one.type)}" for name, one in needed.items() if _without_default(one))


def _without_default(one: GraphQLArgument) -> bool:
    return one.default_value is Undefined


def question(root: GraphQLObjectType, name: str) -> str:
    """A document that asks for one root field."""
    field = root.fields[name]
    given = arguments(field.args)
    leaf = is_leaf_type(get_named_type(field.type))
    return f"{root.name.lower()} {{ {name}{f'({given})' if given else ''} {'' if leaf else '{ __typename }'} }}"


ROOTS = [
    (root.name, name) for root in (SCHEMA.query_type, SCHEMA.mutation_type) if root is not None for name in root.fields
]


def codes(answer: dict[str, Any]) -> set[str]:
    return {error["extensions"]["code"] for error in answer.get("errors", [])}


@pytest.mark.parametrize(("root", "name"), ROOTS, ids=[name for _, name in ROOTS])
async def test_a_token_reaches_what_is_listed_and_nothing_else(gw: Running, root: str, name: str) -> None:
    kind = SCHEMA.type_map[root]
    assert isinstance(kind, GraphQLObjectType)
    async with await held(gw.client, gw.url, scopes=BOTH, end_user="nosy") as page:
        answer = (await post(page, question(kind, name))).json()

    if name in OPEN[root]:
        assert "FORBIDDEN" not in codes(answer)
        assert "GRAPHQL_VALIDATION_FAILED" not in codes(answer)
    else:
        assert codes(answer) == {"FORBIDDEN"}, answer


async def test_nothing_can_be_watched_but_what_is_listed(gw: Running) -> None:
    assert SCHEMA.subscription_type is not None
    shut = set(SCHEMA.subscription_type.fields) - OPEN["Subscription"]
    assert shut
    async with await held(gw.client, gw.url, scopes=BOTH, end_user="ann") as ann:
        for name in shut:
            answer = await post(ann, f"subscription {{ {name} {{ __typename }} }}", {"accept": "text/event-stream"})
            assert '"FORBIDDEN"' in answer.text, answer.text


async def test_of_a_video_a_token_sees_all_but_its_route_and_receipt(gw: Running) -> None:
    kind = SCHEMA.type_map["Video"]
    assert isinstance(kind, GraphQLObjectType)
    async with await held(gw.client, gw.url, scopes=BOTH, end_user="ann") as ann:
        id = await created(ann)
        for name, field in kind.fields.items():
            leaf = is_leaf_type(get_named_type(field.type))
            query = f"query V($id: ID!) {{ video(id: $id) {{ {name} {'' if leaf else '{ __typename }'} }} }}"
            answer = (await post(ann, query, id=id)).json()
            assert codes(answer) == ({"FORBIDDEN"} if name in SHUT_OF_A_VIDEO else set()), name


async def test_other_users_videos_are_null_as_unknown_ones(gw: Running) -> None:
    nodes = "query N($ids: [ID!]!) { nodes(ids: $ids) { id } videos { edges { node { id } } } }"
    async with (
        await held(gw.client, gw.url, scopes=BOTH, end_user="ann-2") as ann,
        await held(gw.client, gw.url, scopes=BOTH, end_user="bob-2") as bob,
    ):
        hers, his, mine = await created(ann), await created(bob), await created(gw.client)
        seen = await ask(bob, nodes, ids=[hers, his, mine, "video_" + "0" * 26])
        cancel = "mutation C($id: ID!) { cancelVideo(input: {id: $id}) { __typename } }"
        refused = await ask(bob, cancel, id=hers)
        one = await ask(bob, "query V($id: ID!) { video(id: $id) { id } node(id: $id) { id } }", id=hers)

    assert seen == {"nodes": [None, {"id": his}, None, None], "videos": {"edges": [{"node": {"id": his}}]}}
    assert refused == {"cancelVideo": {"__typename": "NotFoundError"}}
    assert one == {"video": None, "node": None}


async def test_tokens_are_made_listed_and_ended(gw: Running) -> None:
    wish = {"scopes": ["VIDEOS_READ", "VIDEOS_WRITE"], "endUser": "ann", "allowance": "1.50", "creates": 2}
    made = (await ask(gw.client, MINT, input=wish))["createClientToken"]
    id = made["clientToken"]["id"]
    listed = await ask(gw.client, "{ clientTokens(first: 1) { nodes { id created } hasMore } }")
    async with browser(gw.url, made["token"]) as page:
        assert (await ask(page, CREATE, input={"prompt": "a fox"}))["createVideo"]["__typename"] == "CreateVideoSuccess"
        ended = (await ask(gw.client, REVOKE, id=id))["revokeClientToken"]
        response = await post(page, "{ videos { edges { cursor } } }")

    assert made["__typename"] == "CreateClientTokenSuccess"
    assert listed["clientTokens"]["nodes"] == [{"id": id, "created": 0}]
    assert ended["clientToken"]["revokedAt"]
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="filmgate", error="invalid_token"'
    assert (await ask(gw.client, REVOKE, id="nonsense"))["revokeClientToken"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"scopes": ["OPERATOR"]}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"endUser": "a b"}, "endUser"),
        ({"lifetimeSeconds": 3601}, "lifetimeSeconds"),
        ({"allowance": "much", "scopes": ["VIDEOS_WRITE"]}, "allowance"),
        ({"creates": 0, "scopes": ["VIDEOS_WRITE"]}, "creates"),
        ({"video": "nonsense"}, "video"),
    ],
)
async def test_a_wish_that_is_wrong_names_its_field(gw: Running, wish: dict[str, Any], field: str) -> None:
    refused = (await ask(gw.client, MINT, input=wish))["createClientToken"]

    assert [error["field"] for error in refused["errors"]] == [field]


async def test_a_key_grants_no_more_than_it_has(gw: Running) -> None:
    async with browser(gw.url, ADMIN_KEY) as reader:
        answer = (await post(reader, MINT, input={"scopes": ["VIDEOS_WRITE"]})).json()

    assert codes(answer) == {"FORBIDDEN"}


async def test_operators_sign_with_a_new_key(gw: Running) -> None:
    rotate = """mutation {
      rotateSigningKey(input: {note: "yearly"}) { ... on RotateSigningKeySuccess { signingKey { id } } }
    }"""
    made = (await ask(gw.operator, rotate))["rotateSigningKey"]["signingKey"]["id"]
    keys = (await ask(gw.operator, "{ signingKeys { id retiredAt } }"))["signingKeys"]

    assert (keys[-1]["id"], keys[-1]["retiredAt"]) == (made, None)


async def test_a_socket_takes_a_token_and_watches_only_what_it_may(gw: Running) -> None:
    mine = await created(gw.client)
    token = await minted(gw.client, video=mine)
    other = await created(gw.client)
    async with socket(gw.url, token["token"]) as ws:
        await ws.subscribe("1", EVENTS, id=mine)
        told = await ws.results("1")
        await ws.subscribe("2", EVENTS, id=other)
        refused = await ws.next()

    assert told[-1]["data"]["videoEvents"]["type"] == "COMPLETED"
    assert refused["payload"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_a_socket_of_an_ended_token_is_told_nothing_more(gw: Running) -> None:
    stuck = await created(gw.client, prompt="[sim:stuck] a fox")
    token = await minted(gw.client, video=stuck)
    async with socket(gw.url, token["token"]) as ws:
        await ws.subscribe("1", EVENTS, id=stuck)
        assert (await ws.next())["type"] == "next"
        await ask(gw.client, REVOKE, id=token["id"])
        await ask(gw.client, "mutation C($id: ID!) { cancelVideo(input: {id: $id}) { __typename } }", id=stuck)
        told = []
        async with asyncio.timeout(10):
            with suppress(ConnectionClosed):
                while True:
                    told.append(await ws.next())

    assert ws.connection.close_code == 4403
    assert "CANCELED" not in str(told)


async def test_a_wrong_token_is_turned_away_with_4403(gw: Running) -> None:
    token = (await minted(gw.client))["token"]
    async with socket(gw.url, None, init=False) as ws:
        await ws.send(type="connection_init", payload={"authorization": f"Bearer {token}A"})

        assert await ws.closed() == 4403
