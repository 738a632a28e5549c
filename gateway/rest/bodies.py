"""Bodies as they are read: of the media types a route takes, into a shape, or as whatever JSON they hold."""

from typing import Any, TypeVar

import msgspec
from litestar.exceptions import HTTPException

from gateway.rest.requests import Call
from schema.errors import MalformedRequest
from schema.video import invalid

T = TypeVar("T")

JSON_TYPE = "application/json"
MERGE_PATCH_TYPE = "application/merge-patch+json"
MERGE_PATCH = (JSON_TYPE, MERGE_PATCH_TYPE)


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
        return msgspec.json.decode(await call.body(), type=shape)
    except msgspec.ValidationError as error:
        raise invalid(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedRequest("The body is not readable as JSON") from error


async def read_document(call: Call, types: tuple[str, ...] = (JSON_TYPE,)) -> Any:
    """Whatever JSON the body holds: who reads it on names each mistake. Raises as ``read_body`` does."""
    return await read_body(call, object, types)
