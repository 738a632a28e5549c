"""The OpenAPI document: made of operations.py and of the Structs that routes decode into and encode from.

Litestar could draw it from the handlers, but not with several body types, headers of a 202, closed input objects or
stable examples; and its routes for showing it answer other paths with HTML.
"""

import re
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import get

from gateway import __version__
from gateway.rest.answers import JSON, Answer
from gateway.rest.key_views import ApiKeyPageView, ApiKeyView, CreateApiKey, MadeApiKeyView, RotateApiKey, UpdateApiKey
from gateway.rest.openapi_headers import LASTING, headers, of_refusal, of_reply
from gateway.rest.openapi_schemas import form_name, in_forms, reference, schemas
from gateway.rest.operations import OPERATIONS, Body, Operation, Parameter, Reply
from gateway.rest.operations.words import ENDLESS
from gateway.rest.problems import PROBLEM_TYPE, Problem
from gateway.rest.requests import Call
from gateway.rest.samples import (
    CREATE_KEY_SAMPLE,
    CREATE_SAMPLE,
    KEY_PAGE_SAMPLE,
    KEY_SAMPLE,
    MADE_KEY_SAMPLE,
    PROBLEM_SAMPLE,
    ROTATE_KEY_SAMPLE,
    UPDATE_KEY_SAMPLE,
    VIDEO_SAMPLE,
)
from gateway.rest.views import VideoView
from gateway.rest.wishes import FORM_TYPES, MULTIPART_TYPE, CreateVideo
from schema.tenant import Scope

PATH = "/openapi.json"
_HOUR: tuple[bytes, bytes] = (b"cache-control", b"public, max-age=3600")

_TAGS = {
    "videos": "Ask for videos, follow them, fetch them.",
    "images": "Pictures to start videos from.",
    "money": "What videos cost, and what your money did.",
    "models": "What can be asked for.",
    "tenant": "Who you are, and how your videos are routed.",
    "keys": "Your API keys: make, change, rotate and revoke them.",
    "webhooks": "Your webhook endpoints: addresses that are told of your events, and what they were told.",
    "operator": "For operators: unknown outcomes, tenants' money and routing, incidents, quarantine after a restore.",
    "hooks": "Where providers call us back.",
    "health": "For whoever runs this.",
}
_NESTED = ("input_reference", "metadata", "gateway", "video")
"""Objects, which a form writes with brackets."""

_KEY, _OPERATORS_KEY = "key", "operator"
_EVERY_REFUSAL = (400, 431, 500, 503)
_KEY_REFUSALS = (401, 403, 429)
_SAMPLES: dict[type, Any] = {
    VideoView: VIDEO_SAMPLE,
    CreateVideo: CREATE_SAMPLE,
    CreateApiKey: CREATE_KEY_SAMPLE,
    ApiKeyView: KEY_SAMPLE,
    MadeApiKeyView: MADE_KEY_SAMPLE,
    ApiKeyPageView: KEY_PAGE_SAMPLE,
    UpdateApiKey: UPDATE_KEY_SAMPLE,
    RotateApiKey: ROTATE_KEY_SAMPLE,
}


@get(PATH)
async def serve(request: Call) -> Answer:  # noqa: ARG001  # it is the same for everybody
    return Answer(_encoded(), headers=(JSON, _HOUR))


@cache
def _encoded() -> bytes:
    return document().encode()


@cache
def document() -> str:
    """The whole OpenAPI document as JSON, the same text for the same code."""
    return msgspec.json.format(msgspec.json.encode(_document()), indent=2).decode() + "\n"


def _document() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method] = _operation(path, operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "filmgate",
            "version": __version__,
            "summary": "One door to several providers of AI video.",
            "description": "Shaped like OpenAI's Videos API, so that its SDKs work unchanged with this server's "
            "`/v1` as base URL. What that API has no word for stands under `gateway`. HEAD works wherever GET does. "
            "Every refusal is a `Problem`. Where your limits bound what you may ask for in a minute, every answer says "
            "what is left, in `RateLimit` and `X-RateLimit-Remaining`.",
            "contact": {"name": "Whoever runs this gateway"},
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [
            {
                "url": "/",
                "description": "The gateway that serves this document, be it local, staging or production.",
                "x-internal": False,
            }
        ],
        "tags": [{"name": name, "description": says} for name, says in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "responses": {_refusal_name(status): _refusal(status) for status in _refusals()},
            "headers": headers(unused=() if any(one.deprecated for one in OPERATIONS.values()) else LASTING),
            "securitySchemes": {
                _KEY: {"type": "http", "scheme": "bearer", "description": "An API key of your tenant."},
                _OPERATORS_KEY: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key of whoever runs this, with the scope `operator`.",
                },
            },
        },
    }


def _operation(path: str, operation: Operation) -> dict[str, Any]:
    keyed = operation.scope is not None
    refusals = sorted({*operation.refusals, *_EVERY_REFUSAL, *(_KEY_REFUSALS if keyed else ())})
    found: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": " ".join(filter(None, (operation.says, _scope(operation)))),
        "security": _security(operation),
        "parameters": [_parameter(parameter) for parameter in operation.parameters],
        "responses": {
            **{str(status): _reply(path, operation, reply) for status, reply in operation.replies.items()},
            **{str(status): {"$ref": f"#/components/responses/{_refusal_name(status)}"} for status in refusals},
        },
    }
    if operation.body is not None:
        found["requestBody"] = _body(operation.body)
    if operation.deprecated is not None:
        found["deprecated"] = True
    return found


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    if operation.scope is None:
        return []
    return [{_OPERATORS_KEY if operation.scope is Scope.OPERATOR else _KEY: []}]


def _scope(operation: Operation) -> str:
    return f"Needs the scope `{operation.scope.value}`." if operation.scope else "Needs no key."


def _parameter(parameter: Parameter) -> dict[str, Any]:
    found = {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.says,
        "required": parameter.required or parameter.where == "path",
        "schema": parameter.schema,
    }
    return {**found, "style": "form", "explode": False} if parameter.schema["type"] == "array" else found


def _body(body: Body) -> dict[str, Any]:
    content: dict[str, Any] = {kind: {"schema": _content(body, kind)} for kind in body.types}
    for kind, form in content.items():
        if body.shape in _SAMPLES:
            form["examples"] = {"plain": {"value": _SAMPLES[body.shape]}}
        if kind in FORM_TYPES and body.shape is not None:
            fields = {field.encode_name for field in msgspec.structs.fields(body.shape)}
            nested = [name for name in _NESTED if name in fields]
            form["encoding"] = {name: {"style": "deepObject", "explode": True} for name in nested}
    return {"required": body.required, "content": content}


def _content(body: Body, kind: str) -> dict[str, Any]:
    """What a body is in one spelling; only forms of parts carry files."""
    says = f"{body.says}, {body.max_bytes} bytes at most."
    file = {**_shape(None, body.max_bytes or ENDLESS), "description": says}
    whole: dict[str, Any] = file if body.shape is None else _shape(body.shape)
    if body.shape is not None and kind in FORM_TYPES:
        whole = {"$ref": form_name(whole["$ref"])}
    if kind != MULTIPART_TYPE or body.file is None:
        return whole
    form = {
        "type": "object",
        "required": [body.file],
        "properties": {body.file: file},
    }
    if body.shape is None:
        return form
    return {"anyOf": [whole, {"description": f"The same with `{body.file}` as a file.", **form}]}


def _reply(path: str, operation: Operation, reply: Reply) -> dict[str, Any]:
    lasting = () if operation.deprecated is None else (*LASTING, "Link")
    found: dict[str, Any] = {
        "description": reply.says,
        "headers": of_reply((*reply.headers, *lasting), keyed=operation.scope is not None),
    }
    if reply.media is not None:
        content: dict[str, Any] = {"schema": _shape(reply.shape, reply.max_bytes)}
        if reply.shape in _SAMPLES:
            content["examples"] = {"plain": {"value": _SAMPLES[reply.shape]}}
        found["content"] = {reply.media: content}
    if reply.also is not None:
        found["content"][reply.also] = {"schema": _shape(None, reply.max_bytes)}
    if links := _links(path, reply):
        found["links"] = links
    return found


def _links(path: str, reply: Reply) -> dict[str, Any]:
    """What can be done next with what was made: every operation on it that takes its id, and none of a thing below."""
    if (
        "Location" not in reply.headers
        or reply.shape is None
        or "id" not in getattr(reply.shape, "__struct_fields__", ())
    ):
        return {}
    one = re.compile(re.escape(path) + r"/{(\w+)}(/\w+)*")
    above = {name: f"$request.path.{name}" for name in re.findall(r"{(\w+)}", path)}
    return {
        operation.id: {
            "operationId": operation.id,
            "parameters": {**above, match[1]: "$response.body#/id"},
            "description": operation.summary,
        }
        for (_, there), operation in OPERATIONS.items()
        if (match := one.fullmatch(there)) is not None
    }


def _shape(shape: type | None, max_bytes: int = ENDLESS) -> dict[str, Any]:
    if shape is None:
        return {"type": "string", "format": "binary", "maxLength": max_bytes}
    return {"type": "object"} if shape is dict else dict(reference(shape))


def _refusals() -> list[int]:
    found = {status for operation in OPERATIONS.values() for status in operation.refusals}
    return sorted({*found, *_EVERY_REFUSAL, *_KEY_REFUSALS})


def _refusal_name(status: int) -> str:
    return HTTPStatus(status).phrase.title().replace(" ", "").replace("-", "")


def _refusal(status: int) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": _shape(Problem)}
    if status == PROBLEM_SAMPLE["status"]:
        content["examples"] = {"plain": {"value": PROBLEM_SAMPLE}}
    return {
        "description": HTTPStatus(status).phrase,
        "headers": of_refusal(status),
        "content": {PROBLEM_TYPE: content},
    }


def _schemas() -> dict[str, Any]:
    found = schemas(_shapes())
    bodies = [operation.body for operation in OPERATIONS.values() if operation.body is not None]
    for body in bodies:
        if body.shape is not None and set(body.types) & set(FORM_TYPES):
            found |= in_forms(found, body.shape)
    return dict(sorted(found.items()))


def _shapes() -> list[type]:
    bodies = [operation.body.shape for operation in OPERATIONS.values() if operation.body is not None]
    replies = [reply.shape for operation in OPERATIONS.values() for reply in operation.replies.values()]
    return [shape for shape in (*bodies, *replies, Problem) if shape is not None and shape is not dict]
