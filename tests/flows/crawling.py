"""Every way in which a caller can name a thing, read off the application itself: its routes and its GraphQL schema.

Each is asked with an id of somebody else's and with that id's twin, which nobody has: the answers must be the same. A
new route, field or argument is crawled without anybody thinking of it.
"""

import asyncio
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_required_argument,
    is_required_input_field,
)

from gateway.graphql.schema import build_schema
from gateway.rest.routes import rest_routes
from schema.ids import ALPHABET

Json = Any
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_REMOVES = re.compile(r"mutation\b[^{]*\{ *(delete|remove|revoke)")
_NAMES_THINGS = {"id", "ids", "attempt", "video", "tenant", "account"}
_CURSORS = {"after", "before"}
_CURSOR = "djE6"
"""How every cursor begins."""
_WORDS = {"prompt": "a barge", "amount": "1.00", "ref": "job-1", "strategy": "FASTEST", "since": "2026-01-01T00:00:00Z"}
_DEEP = (3, 2, 1)
_AT_ONCE = 8


class Ask(NamedTuple):
    """One request; ``names`` is the id that it names."""

    names: str
    method: str
    path: str
    headers: dict[str, str]
    body: Json = None


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str


def twin(id: str) -> str:
    """An id of the same kind at the same place in every list, which nobody has; of a cursor, the cursor of one."""
    if "_" not in id and not id.startswith(_CURSOR):
        return f"{id}-nobody"
    if "_" not in id:
        kind, colon, inside = urlsafe_b64decode(id + "==").decode().partition(":")
        return urlsafe_b64encode(f"{kind}{colon}{twin(inside)}".encode()).rstrip(b"=").decode()
    whole, dot, rest = id.partition(".")
    body = whole.rstrip(ALPHABET[0])  # one less: what is booked at once has ids that follow each other
    less = body[:-1] + ALPHABET[ALPHABET.index(body[-1]) - 1] + ALPHABET[-1] * (len(whole) - len(body))
    return less + dot + rest


def everywhere(ids: list[str], schema: GraphQLSchema) -> list[Ask]:
    """Every place where an id could be named, with each of the ids; what takes a thing away comes last."""
    asks = [ask for id in ids for ask in (*rest_asks(id), *graphql_asks(id, schema))]
    return sorted(asks, key=_takes_away)


def _takes_away(ask: Ask) -> bool:
    return ask.method == "DELETE" or (ask.path == "/graphql" and _REMOVES.match(ask.body["query"]) is not None)


# REST


def rest_asks(id: str) -> Iterator[Ask]:
    """An id in every parameter of every path, in every cursor, and in the headers that name something."""
    for handler in rest_routes():
        for path in sorted(handler.paths):
            for method in sorted(handler.http_methods - {"OPTIONS"}):
                yield from _of_route(id, method, path)


def _of_route(id: str, method: str, path: str) -> Iterator[Ask]:
    named = _PARAMETER.sub(lambda match: "1" if match[1] == "version" else id, path)
    headers = {"last-event-id": id, "prefer": "wait=0"}
    body: Json = {} if method in {"POST", "PATCH"} else None
    if named != path:
        yield Ask(id, method, named, headers, body)
    if method == "POST":
        yield from (Ask(id, method, named, headers, {"prompt": "a barge", **more}) for more in _bodies(id, path))
    if named != path and method == "GET":
        yield Ask(id, method, f"{named}?output={id}", headers)
    if named == path and method == "GET":
        for parameter in sorted(_CURSORS):
            yield Ask(id, method, f"{path}?{parameter}={id}", headers)


def _bodies(id: str, path: str) -> list[Json]:
    """What a wish says beside its prompt, where it can name something."""
    if path in {"/v1/videos", "/v1/quotes"}:
        return [{"input_reference": {name: id}} for name in ("image_id", "video_id")]
    if path in {"/v1/videos/edits", "/v1/videos/extensions"}:
        return [{"video": {"id": id}}]
    return [{}] if path.endswith("/remix") else []


# GraphQL


def graphql_asks(id: str, schema: GraphQLSchema) -> Iterator[Ask]:
    """An id in every argument of every field that could name something, inside inputs too."""
    roots = (
        (schema.query_type, "query"),
        (schema.mutation_type, "mutation"),
        (schema.subscription_type, "subscription"),
    )
    for root, kind in roots:
        for name, field in (root.fields if root is not None else {}).items():
            for places in _places(field):
                yield _operation(id, kind, name, field, places)


def _places(field: GraphQLField) -> list[tuple[str, ...]]:
    """The arguments that could name something, each as a path into the inputs."""
    found: list[tuple[str, ...]] = []
    for name, argument in field.args.items():
        found += _inside((name,), argument.type)
    return found


def _inside(path: tuple[str, ...], kind: GraphQLInputType) -> list[tuple[str, ...]]:
    named = get_named_type(kind)
    if isinstance(named, GraphQLInputObjectType):
        return [one for name, field in named.fields.items() for one in _inside((*path, name), field.type)]
    could = named.name == "ID" or (named.name == "String" and path[-1] in _CURSORS | _NAMES_THINGS)
    return [path] if could else []


def _operation(id: str, kind: str, name: str, field: GraphQLField, place: tuple[str, ...]) -> Ask:
    given = {
        argument: _value(one.type, (argument,), place, id)
        for argument, one in field.args.items()
        if is_required_argument(one) or place[0] == argument
    }
    declared = ", ".join(f"${argument}: {field.args[argument].type}" for argument in given)
    passed = ", ".join(f"{argument}: ${argument}" for argument in given)
    query = _affordable([f"{kind} ({declared}) {{ {name}({passed}) {_selection(field.type, n)} }}" for n in _DEEP])
    accept = "text/event-stream" if kind == "subscription" else "application/json"
    return Ask(id, "POST", "/graphql", {"accept": accept}, {"query": query, "variables": given})


def _affordable(queries: list[str]) -> str:
    """The first that the gateway would answer: one that it refuses as a whole would tell nothing."""
    documents = build_schema().documents
    return next(query for query in queries if not documents.read(query).trouble(None))


def _value(kind: GraphQLInputType, path: tuple[str, ...], place: tuple[str, ...], id: str) -> Json:
    """The id where it belongs, and something that will do where there must be something."""
    if isinstance(kind, GraphQLNonNull):
        return _value(kind.of_type, path, place, id)
    if isinstance(kind, GraphQLList):
        return [_value(kind.of_type, path, place, id)]
    if isinstance(kind, GraphQLInputObjectType):
        return {
            name: _value(field.type, (*path, name), place, id)
            for name, field in kind.fields.items()
            if is_required_input_field(field) or place[: len(path) + 1] == (*path, name)
        }
    if path == place:
        return id
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    return _WORDS.get(path[-1], 1 if kind.name in {"Int", "Float"} else "1")


def _selection(kind: GraphQLOutputType, deep: int) -> str:
    """All that can be read of an answer without naming anything, a few levels deep."""
    named = get_named_type(kind)
    if isinstance(named, (GraphQLScalarType, GraphQLEnumType)):
        return ""
    if isinstance(named, GraphQLUnionType):
        return "{ __typename " + " ".join(f"... on {one.name} {_selection(one, deep)}" for one in named.types) + " }"
    assert hasattr(named, "fields")
    fields = {
        name: field for name, field in named.fields.items() if not any(map(is_required_argument, field.args.values()))
    }
    told = [_told(name, field, deep) for name, field in fields.items()]
    implemented = "... on Video { prompt metadata status }" if not isinstance(named, GraphQLObjectType) else ""
    return "{ __typename " + " ".join([*filter(None, told), implemented]) + " }"


def _told(name: str, field: GraphQLField, deep: int) -> str:
    leaf = isinstance(get_named_type(field.type), (GraphQLScalarType, GraphQLEnumType))
    if leaf:
        return name
    return f"{name} {_selection(field.type, deep - 1)}" if deep > 0 else ""


# asking


async def asked(door: httpx.AsyncClient, asks: list[Ask]) -> list[Answer]:
    """The answers to all of them, a few at once."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(ask: Ask) -> Answer:
        async with turns:
            return await _answer(door, ask)

    return await asyncio.gather(*(one(ask) for ask in asks))


async def _answer(door: httpx.AsyncClient, ask: Ask) -> Answer:
    body = None if ask.body is None else json.dumps(ask.body)
    headers = ask.headers | ({} if body is None else {"content-type": "application/json"})
    async with door.stream(ask.method, ask.path, headers=headers, content=body) as response:
        told = ""
        async for chunk in response.aiter_bytes():
            told += chunk.decode(errors="replace")
            if "text/event-stream" in response.headers["content-type"] and told.count("\n\n") > 1:
                break  # a stream that tells something may never end
        return Answer(response.status_code, dict(response.headers), told)


_OF_THE_REQUEST = re.compile(r"req_[0-9a-z]{26}")
_VOLATILE = {"date", "content-length", "x-request-id"}


def without(answer: Answer, id: str) -> Answer:
    """An answer without what names this request, and with the id it was asked for left open."""
    headers = {name: value for name, value in answer.headers.items() if name not in _VOLATILE}
    body = _OF_THE_REQUEST.sub("request", answer.body).replace(id, "what was asked for")
    return Answer(answer.status, headers, body)
