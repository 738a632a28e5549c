"""Results as HTTP answers: statuses and media types after GraphQL over HTTP, in the edition a profile says."""

from typing import Any

import msgspec
from graphql import ExecutionResult
from litestar.types import Receive, Scope, Send

from gateway.graphql.errors import Code, facts, worded
from gateway.graphql.negotiation import Media
from gateway.graphql.profiles import UNREADABLE, Profile
from gateway.graphql.requests import IllFormed, Refused
from schema.errors import GatewayError, Unauthenticated

encode = msgspec.json.Encoder().encode

_VARY = (b"vary", b"Accept, Authorization")
_PRIVATE = (b"cache-control", b"private, no-cache")


class Answer:
    """A whole answer, sent with nothing in between."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, content: dict[str, Any], media: Media, status: int = 200, **headers: str) -> None:
        self.body = encode(content)
        self.status = status
        self.headers = [
            (b"content-type", f"{media}; charset=utf-8".encode()),
            (b"content-length", b"%d" % len(self.body)),
            _VARY,
            _PRIVATE,
            *((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()),
        ]

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


class Elsewhere:
    """What is looked for is at another address."""

    __slots__ = ("headers",)

    def __init__(self, location: str) -> None:
        self.headers = [(b"location", location.encode()), (b"content-length", b"0"), (b"vary", b"Accept")]

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 303, "headers": self.headers})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def payload(result: ExecutionResult) -> dict[str, Any]:
    """A result as JSON: without ``data`` when nothing was executed."""
    errors = result.errors
    if not errors:
        return {"data": result.data}
    said = [error.formatted for error in errors]
    return {"errors": said} if unexecuted(result) else {"data": result.data, "errors": said}


def unexecuted(result: ExecutionResult) -> bool:
    """Whether the request itself was wrong: its errors stand nowhere in an answer."""
    return result.data is None and all(error.path is None for error in result.errors or ())


def result_answer(result: ExecutionResult, media: Media, profile: Profile) -> Answer:
    """A request error is a 4xx, except to clients that speak plain JSON only and expect 200."""
    if not unexecuted(result):
        return Answer(payload(result), media, profile.partial if result.errors else 200)
    lenient = profile.lenient and media is Media.JSON
    status = 200 if lenient else _status(result, profile)
    return Answer(payload(result), profile.type_of(status, media), status)


def _status(result: ExecutionResult, profile: Profile) -> int:
    codes = {(error.extensions or {}).get("code") for error in result.errors or ()}
    if Code.INTERNAL_SERVER_ERROR in codes:
        return 500
    return UNREADABLE if Code.GRAPHQL_PARSE_FAILED in codes else profile.invalid


def refused_answer(refused: Refused, media: Media, profile: Profile) -> Answer:
    content = {"errors": [{"message": refused.message, "extensions": {"code": refused.code}}]}
    status = profile.ill_formed if isinstance(refused, IllFormed) else refused.status
    return Answer(content, profile.type_of(status, media), status, **refused.headers)


def failed_answer(error: GatewayError, media: Media, profile: Profile) -> Answer:
    """What stands in the way of the whole request: no key, no room."""
    headers = {"www_authenticate": error.challenge} if isinstance(error, Unauthenticated) else {}
    if error.retry_after_seconds is not None:
        headers["retry_after"] = str(error.retry_after_seconds)
    content = {"errors": [{"message": worded(error), "extensions": facts(error)}]}
    return Answer(content, profile.type_of(error.status, media), error.status, **headers)
