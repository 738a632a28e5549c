"""Bodies as they are read: of the media types a route takes, into a shape, or as whatever JSON they hold."""

from functools import cache
from typing import Any, TypeVar, cast

import msgspec
from litestar.exceptions import HTTPException

from gateway.rest.requests import Call
from schema.errors import MalformedRequest
from schema.video import invalid

T = TypeVar("T")

JSON_TYPE = "application/json"
MERGE_PATCH_TYPE = "application/merge-patch+json"
MERGE_PATCH = (JSON_TYPE, MERGE_PATCH_TYPE)

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What is raised for bytes that are no JSON, or are nested too deeply."""


async def read_body(call: Call, shape: type[T], types: tuple[str, ...] = (JSON_TYPE,)) -> T:
    """The request's body.

    Raises:
        MalformedRequest: it can not be read.
        InvalidRequest: a field is missing, unknown, of a wrong type or out of range; it names the field.
        HTTPException: 415 when it is of no type that is taken.
    """
    kind, _ = call.content_type
    if kind not in types:
        accept = "accept-patch" if call.method == "PATCH" else "accept-post"
        said = ", ".join(types)
        raise HTTPException(status_code=415, detail=f"Send {said}", headers={accept: said})
    try:
        return decoded(await call.body(), shape)
    except msgspec.ValidationError as error:
        raise invalid(error) from error
    except UNREADABLE as error:
        raise MalformedRequest("The body is not readable as JSON") from error


async def read_document(call: Call, types: tuple[str, ...] = (JSON_TYPE,)) -> Any:
    """Whatever JSON the body holds: who reads it on names each mistake. Raises as ``read_body`` does."""
    return _whole(await read_body(call, object, types))


def decoded(raw: bytes, shape: type[T]) -> T:
    """JSON as a shape. It knows one kind of number, so that ``5.0`` is a whole one (JSON Schema, 4.2.3).

    Raises:
        msgspec.ValidationError: it is not of that shape.
        msgspec.DecodeError, UnicodeDecodeError, RecursionError: it can not be read.
    """
    try:
        return cast("T", _decoder(cast("Any", shape)).decode(raw))
    except msgspec.ValidationError:
        return msgspec.convert(_whole(msgspec.json.decode(raw)), shape)


@cache
def _decoder(shape: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape)


def _whole(value: Any) -> Any:
    """The same JSON with whole numbers as such."""
    if isinstance(value, dict):
        return {key: _whole(inside) for key, inside in value.items()}
    if isinstance(value, list):
        return [_whole(inside) for inside in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
