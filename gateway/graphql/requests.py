"""What a request asks to be executed: the JSON body of a POST, the query parameters of a GET, a WebSocket message."""

from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import HTTPException
from litestar.types import HTTPScope, WebSocketScope

from gateway.graphql.errors import Code
from schema.video import invalid

Call = Request[Any, Any, Any]


class Refused(Exception):
    """An HTTP request that is not executed, before GraphQL has a say."""

    def __init__(self, status: int, message: str, code: Code = Code.BAD_REQUEST, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers


class IllFormed(Refused):
    """It is JSON, and no request: its status is the edition's to say."""

    def __init__(self, message: str, code: Code = Code.BAD_REQUEST) -> None:
        super().__init__(400, message, code)


PERSISTED = "persistedQuery"
"""Where Apollo's clients send an id, in ``extensions``."""


class Asked(msgspec.Struct, frozen=True, rename="camel"):
    """One operation to execute; properties we do not know are ignored, as the specification asks.

    Attributes:
        document_id, doc_id: a trusted document in place of a text, as GraphQL over HTTP and as Relay call it.
    """

    query: str | None = None
    document_id: str | None = None
    doc_id: str | None = msgspec.field(default=None, name="doc_id")
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    extensions: dict[str, Any] | None = None

    @property
    def names_something(self) -> bool:
        """There is a text, or something that may be the id of one."""
        return bool(self.query or self.document_id or self.doc_id) or PERSISTED in (self.extensions or {})


_JSON_TYPE = "application/json"
_decode = msgspec.json.Decoder(Asked).decode
_decode_object = msgspec.json.Decoder(dict[str, Any] | None).decode


MAX_VARIABLE_VALUES = 5_000
"""In the variables of a request, those in lists and objects too: each is converted, and may be wrong."""
MAX_NAMES = 100
"""Of one object among the variables, and of variables: GraphQL lists them in each complaint. No input of ours has half
as many.
"""


async def read_request(call: Call) -> Asked:
    """The request as GraphQL over HTTP spells it. Raises Refused."""
    body = b"" if call.method == "GET" else await _body(call)
    if body.lstrip()[:1] == b"[":
        raise IllFormed("Requests are not taken in batches: send them one by one, over one connection")
    try:
        asked = _query_parameters(call) if call.method == "GET" else _decode(body)
    except msgspec.ValidationError as error:
        raise IllFormed(invalid(error).detail) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, "The request is not readable as JSON") from error
    check_variables(asked)
    return asked


def check_variables(asked: Asked) -> None:
    """Raises IllFormed when there are too many values in the variables, or too many names in one object."""
    waiting: list[Any] = [asked.variables or {}]
    count = 0
    while waiting:
        value = waiting.pop()
        named = isinstance(value, dict)
        if named and len(value) > MAX_NAMES:
            raise IllFormed(f"variables: an object has {len(value)} names, where {MAX_NAMES} are allowed")
        inner = value.values() if named else value
        count += len(inner)
        if count > MAX_VARIABLE_VALUES:
            raise IllFormed(f"variables: hold more than {MAX_VARIABLE_VALUES} values; send less at a time")
        waiting += [each for each in inner if isinstance(each, dict | list)]


async def _body(call: Call) -> bytes:
    """Only JSON: a browser does not send it to another origin unasked."""
    kind = header(call.scope, b"content-type") or ""
    if kind.partition(";")[0].strip().lower() != _JSON_TYPE:
        raise Refused(415, f"Send {_JSON_TYPE}", accept_post=_JSON_TYPE)
    try:
        return await call.body()
    except HTTPException as error:
        raise Refused(error.status_code, error.detail) from error


def _query_parameters(call: Call) -> Asked:
    parameters = call.query_params
    return Asked(
        query=parameters.get("query"),
        document_id=parameters.get("documentId"),
        doc_id=parameters.get("doc_id"),
        variables=_decode_object(parameters.get("variables") or "null"),
        operation_name=parameters.get("operationName") or None,
        extensions=_decode_object(parameters.get("extensions") or "null"),
    )


def header(scope: HTTPScope | WebSocketScope, name: bytes) -> str | None:
    """A header's first value."""
    return next(iter(headers(scope, name)), None)


def headers(scope: HTTPScope | WebSocketScope, name: bytes) -> list[str]:
    """All values of a header, in order."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
