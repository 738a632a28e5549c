"""Both doors, asked the same: a wish goes in as REST spells it, and what comes out is spelled as GraphQL does.

The translations are written here by hand once more, so that a field that one door lacks or tells otherwise shows.
"""

from datetime import UTC, datetime
from typing import Any, Protocol

import httpx

REASON = "{ code params until }"
DECISION = f"""
at strategy snapshot policy rule remedy {{ account changes {{ field to by }} }}
candidates {{
  account provider able credits {{ low high }} price {{ lowMicros highMicros }} expectedMicros
  excluded {REASON} outranked {REASON} adjustments {{ field asked given }}
  scores {{ tries preference place expectedMs failureRate price score }}
  facts {{ pricePerCreditMicros load waitMs makeMs fastMs made failed learned }}
}}
"""
QUOTE = f"query ($input: CreateVideoInput!) {{ quote(input: $input) {{ decision {{ {DECISION} }} }} }}"
CREATE = """
mutation ($input: CreateVideoInput!) {
  createVideo(input: $input) {
    __typename
    ... on CreateVideoSuccess { video { id } }
    ... on UserError { code message }
    ... on NoRouteError { errors { field code detail } remedy { account changes { field to by } } }
  }
}
"""
ROUTE = f"query ($id: ID!) {{ video(id: $id) {{ route {{ {DECISION} }} adjustments {{ field asked given }} }} }}"
RATIOS = {"auto": "AUTO", "16:9": "WIDE_16_9", "9:16": "TALL_9_16", "1:1": "SQUARE_1_1"}

Json = dict[str, Any]


class Refused(Exception):
    """Nobody can make it: what the door said, as GraphQL spells it."""

    def __init__(self, told: Json) -> None:
        super().__init__(told)
        self.told = told


class Door(Protocol):
    """What a caller can do with decisions, at either door."""

    async def quote(self, wish: Json) -> Json: ...

    async def create(self, wish: Json) -> str: ...

    async def route(self, id: str) -> tuple[Json, list[Json]]:
        """The decision stored with a video, and the video's adjustments."""
        ...


class RestDoor:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def quote(self, wish: Json) -> Json:
        return decision_of((await self._post("/v1/quotes", wish))["decision"])

    async def create(self, wish: Json) -> str:
        id: str = (await self._post("/v1/videos", wish))["id"]
        return id

    async def route(self, id: str) -> tuple[Json, list[Json]]:
        route = (await self._client.get(f"/v1/videos/{id}/route")).json()
        video = (await self._client.get(f"/v1/videos/{id}")).json()
        return decision_of(route), video["gateway"]["adjustments"]

    async def _post(self, path: str, wish: Json) -> Json:
        response = await self._client.post(path, json=wish)
        told: Json = response.json()
        if response.status_code == 422:
            raise Refused(refusal_of(told))
        assert response.is_success, told
        return told


class GraphQLDoor:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def quote(self, wish: Json) -> Json:
        answer = await self._ask(QUOTE, input=input_of(wish))
        if "errors" in answer:
            (error,) = answer["errors"]
            more = error["extensions"]
            told = {"code": more["code"].lower(), "message": error["message"], "errors": more["errors"]}
            raise Refused({**told, "remedy": more.get("remedy")})
        decision: Json = answer["data"]["quote"]["decision"]
        return decision

    async def create(self, wish: Json) -> str:
        payload: Json = (await self._ask(CREATE, input=input_of(wish)))["data"]["createVideo"]
        if payload.pop("__typename") == "NoRouteError":
            raise Refused(payload)
        id: str = payload["video"]["id"]
        return id

    async def route(self, id: str) -> tuple[Json, list[Json]]:
        video = (await self._ask(ROUTE, id=id))["data"]["video"]
        return video["route"], video["adjustments"]

    async def _ask(self, query: str, **variables: Any) -> Json:
        response = await self._client.post("/graphql", json={"query": query, "variables": variables})
        answer: Json = response.json()
        return answer


def input_of(wish: Json) -> Json:
    """A wish as GraphQL's input."""
    fields = {_camel(name): value for name, value in wish.items() if name not in ("gateway", "aspect_ratio")}
    if "aspect_ratio" in wish:
        fields["aspectRatio"] = RATIOS[wish["aspect_ratio"]]
    if "quality" in wish:
        fields["quality"] = wish["quality"].upper()
    if "input_reference" in wish:
        fields["inputReference"] = {_camel(name): value for name, value in wish["input_reference"].items()}
    words = ("strategy", "on_unsupported", "on_unknown", "on_max_wait", "priority")
    routing = {
        _camel(name): value.upper() if name in words else value for name, value in wish.get("gateway", {}).items()
    }
    return {**fields, "routing": routing}


def decision_of(rest: Json) -> Json:
    """A decision of REST's as GraphQL tells it."""
    return {
        "at": _rfc3339(rest["at"]),
        "strategy": rest["strategy"].upper(),
        "snapshot": rest["snapshot"],
        "policy": rest["policy"],
        "rule": rest["rule"],
        "remedy": rest["remedy"] and remedy_of(rest["remedy"]),
        "candidates": [_candidate(candidate) for candidate in rest["candidates"]],
    }


def refusal_of(problem: Json) -> Json:
    return {
        "code": problem["code"],
        "message": problem["detail"],
        "errors": [
            {"field": _field(error["pointer"].removeprefix("#/").replace("/", ".")), **_rest_of(error)}
            for error in problem["errors"]
        ],
        "remedy": remedy_of(problem["remedy"]) if "remedy" in problem else None,
    }


def remedy_of(rest: Json) -> Json:
    changes = [
        {
            "field": _field(change["field"]) if change["by"] == "caller" else change["field"],
            "to": None if change["to"] is None else str(change["to"]),
            "by": change["by"].upper(),
        }
        for change in rest["changes"]
    ]
    return {"account": rest["account"], "changes": changes}


def _candidate(rest: Json) -> Json:
    price, scores, facts = rest["price"], rest["scores"], rest["facts"]
    return {
        "account": rest["account"],
        "provider": rest["provider"],
        "able": rest["excluded"] == [],
        "credits": rest["credits"],
        "price": price and {"lowMicros": price["low"], "highMicros": price["high"]},
        "expectedMicros": rest["expected"],
        "excluded": [_reason(reason) for reason in rest["excluded"]],
        "outranked": rest["outranked"] and _reason(rest["outranked"]),
        "adjustments": rest["adjustments"],
        "scores": {
            "tries": scores["tries"],
            "preference": scores["preference"],
            "place": scores["place"],
            "expectedMs": scores["expected_ms"],
            "failureRate": scores["failure_rate"],
            "price": scores.get("price"),
            "score": scores.get("score"),
        },
        "facts": {
            "pricePerCreditMicros": facts.get("price_per_credit"),
            "load": facts.get("load", 0),
            "waitMs": facts.get("wait_ms", 0),
            "makeMs": facts.get("make_ms"),
            "fastMs": facts.get("fast_ms"),
            "made": facts.get("made", 0),
            "failed": facts.get("failed", 0),
            "learned": facts.get("learned", {}),
        },
    }


def _reason(rest: Json) -> Json:
    until = rest.get("until")
    return {
        "code": rest["code"],
        "params": rest.get("params", {}),
        "until": None if until is None else _rfc3339(until),
    }


def _rest_of(error: Json) -> Json:
    return {"code": error["code"], "detail": error["detail"]}


def _rfc3339(moment: int) -> str:
    whole = datetime.fromtimestamp(moment // 1000, UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{moment % 1000:03d}Z"


def _field(name: str) -> str:
    return _camel(name.replace("gateway.", "routing.", 1))


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
