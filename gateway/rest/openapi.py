"""The OpenAPI document: made of operations.py and of the Structs that routes decode into and encode from.

Litestar could draw it from the handlers, but not with several body types, headers of a 202, closed input objects or
stable examples; and its routes for showing it answer other paths with HTML.
"""

import inspect
import re
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import get

from gateway import __version__
from gateway.rest.answers import JSON, Answer
from gateway.rest.key_views import ApiKeyPageView, ApiKeyView, CreateApiKey, MadeApiKeyView, RotateApiKey, UpdateApiKey
from gateway.rest.operations import OPERATIONS, Body, Operation, Parameter, Reply
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

PATH = "/openapi.json"
_HOUR: tuple[bytes, bytes] = (b"cache-control", b"public, max-age=3600")
_TEMPLATE = "#/components/schemas/{name}"

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

_EVERY_REFUSAL = (500, 503)
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

_HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "X-Request-Id": ("Names the request in the logs; yours, when you sent a fit one.", {"maxLength": 64}),
    "Location": ("Where it is.", {"maxLength": 128}),
    "ETag": ("Names this state.", {"maxLength": 128}),
    "Cache-Control": ("Whether it may be kept.", {"maxLength": 64}),
    "Vary": ("What the answer depends on.", {"maxLength": 64}),
    "Link": ("Pages beside this one: `next`, `prev`, `first` (RFC 8288).", {"maxLength": 1024}),
    "Idempotent-Replayed": ("An earlier equal request made this video.", {"enum": ["true"]}),
    "Preference-Applied": ("How long the answer was held, at most.", {"maxLength": 16}),
    "Accept-Ranges": ("Parts of it may be asked for.", {"enum": ["bytes"]}),
    "Content-Disposition": ("The name to save it under.", {"maxLength": 128}),
    "Content-Range": ("Which part it is.", {"maxLength": 128}),
    "WWW-Authenticate": ("How to say who you are.", {"maxLength": 64}),
    "RateLimit-Policy": ('Your limits: `"creates";q=10;w=60` is ten videos in 60 seconds.', {"maxLength": 256}),
    "RateLimit": ('What is left: `"creates";r=9;t=60` is nine now, and more in 60 seconds.', {"maxLength": 256}),
    "x-should-retry": ("`false`: sending the same again can not help.", {"enum": ["false"]}),
}
_RATE_NUMBERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
_NUMBERS: dict[str, tuple[str, int]] = {
    "X-RateLimit-Limit": ("The first of these limits.", 2**31 - 1),
    "X-RateLimit-Remaining": ("What is left of it.", 2**31 - 1),
    "X-RateLimit-Reset": ("Seconds until there is more than that.", 60),
    "Retry-After": ("Seconds until it is worth asking again.", 60),
    "retry-after-ms": ("The same in milliseconds.", 60_000),
    "openai-poll-after-ms": ("Milliseconds until it is worth looking again.", 60_000),
}
_REFUSAL_HEADERS: dict[int, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    416: ("Content-Range",),
    429: ("Retry-After", "retry-after-ms", "RateLimit-Policy", "RateLimit", *_RATE_NUMBERS),
    503: ("Retry-After", "retry-after-ms"),
}


@get(PATH)
async def serve(request: Call) -> Answer:  # noqa: ARG001  # it is the same for everybody
    return Answer(document().encode(), headers=(JSON, _HOUR))


@cache
def document() -> str:
    """The whole OpenAPI document as JSON, the same text for the same code."""
    return msgspec.json.format(msgspec.json.encode(_document()), indent=2).decode() + "\n"


def _document() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method] = _operation(operation)
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
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "The gateway that serves this document."}],
        "tags": [{"name": name, "description": says} for name, says in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "responses": {_refusal_name(status): _refusal(status) for status in _refusals()},
            "headers": _headers(),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key of your tenant."}
            },
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    keyed = operation.scope is not None
    refusals = sorted({*operation.refusals, *_EVERY_REFUSAL, *(_KEY_REFUSALS if keyed else ())})
    found: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": " ".join(filter(None, (operation.says, _scope(operation)))),
        "security": [{"key": []}] if keyed else [],
        "parameters": [_parameter(parameter) for parameter in operation.parameters],
        "responses": {
            **{str(status): _reply(reply) for status, reply in operation.replies.items()},
            **{str(status): {"$ref": f"#/components/responses/{_refusal_name(status)}"} for status in refusals},
        },
    }
    if operation.body is not None:
        found["requestBody"] = _body(operation.body)
    return found


def _scope(operation: Operation) -> str:
    return f"Needs the scope `{operation.scope.value}`." if operation.scope else "Needs no key."


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.says,
        "required": parameter.where == "path",
        "schema": parameter.schema,
    }


def _body(body: Body) -> dict[str, Any]:
    content: dict[str, Any] = {kind: {"schema": _content(body, kind)} for kind in body.types}
    for kind, form in content.items():
        if body.shape in _SAMPLES:
            form["examples"] = {"plain": {"value": _SAMPLES[body.shape]}}
        if kind in FORM_TYPES and body.shape is not None:
            fields = {field.encode_name for field in msgspec.structs.fields(body.shape)}
            nested = [name for name in _NESTED if name in fields]
            form["encoding"] = {name: {"style": "deepObject", "explode": True} for name in nested}
    return {"required": True, "content": content}


def _content(body: Body, kind: str) -> dict[str, Any]:
    """What a body is in one spelling; only forms of parts carry files."""
    says = f"{body.says}, {body.max_bytes} bytes at most."
    whole: dict[str, Any] = {"description": says} if body.shape is None else _shape(body.shape)
    if kind != MULTIPART_TYPE or body.file is None:
        return whole
    form = {
        "type": "object",
        "required": [body.file],
        "properties": {body.file: {"type": "string", "format": "binary", "description": says}},
    }
    if body.shape is None:
        return form
    return {"anyOf": [whole, {"description": f"The same with `{body.file}` as a file.", **form}]}


def _reply(reply: Reply) -> dict[str, Any]:
    names = ("X-Request-Id", *reply.headers)
    found: dict[str, Any] = {
        "description": reply.says,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
    }
    if reply.media is not None:
        content: dict[str, Any] = {"schema": _shape(reply.shape)}
        if reply.shape in _SAMPLES:
            content["examples"] = {"plain": {"value": _SAMPLES[reply.shape]}}
        found["content"] = {reply.media: content}
    if reply.also is not None:
        found["content"][reply.also] = {"schema": _shape(None)}
    return found


def _shape(shape: type | None) -> dict[str, Any]:
    if shape is None:
        return {"type": "string", "format": "binary"}
    return {"type": "object"} if shape is dict else {"$ref": _TEMPLATE.format(name=_name(shape.__name__))}


def _refusals() -> list[int]:
    found = {status for operation in OPERATIONS.values() for status in operation.refusals}
    return sorted({*found, *_EVERY_REFUSAL, *_KEY_REFUSALS})


def _refusal_name(status: int) -> str:
    return HTTPStatus(status).phrase.title().replace(" ", "").replace("-", "")


def _refusal(status: int) -> dict[str, Any]:
    names = ("X-Request-Id", "x-should-retry", *_REFUSAL_HEADERS.get(status, ()))
    content: dict[str, Any] = {"schema": _shape(Problem)}
    if status == PROBLEM_SAMPLE["status"]:
        content["examples"] = {"plain": {"value": PROBLEM_SAMPLE}}
    return {
        "description": HTTPStatus(status).phrase,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {PROBLEM_TYPE: content},
    }


def _headers() -> dict[str, Any]:
    texts = {
        name: {"description": says, "schema": {"type": "string", **schema}} for name, (says, schema) in _HEADERS.items()
    }
    numbers = {
        name: {
            "description": says,
            "schema": {"type": "integer", "format": "int32", "minimum": 0, "maximum": most},
        }
        for name, (says, most) in _NUMBERS.items()
    }
    return texts | numbers


def _schemas() -> dict[str, Any]:
    """The Structs' schemas, with their docstrings' attributes as descriptions of the properties."""
    shapes = _shapes()
    _, found = msgspec.json.schema_components(shapes, ref_template=_TEMPLATE)
    described = _docstrings(shapes)
    for name, schema in found.items():
        says, attributes = described.get(name, ("", {}))
        if says:
            schema["description"] = says
        for field, words in attributes.items():
            _describe(schema["properties"], field, words)
    return {_name(name): _polished(schema) for name, schema in sorted(found.items())}


def _shapes() -> list[type]:
    bodies = [operation.body.shape for operation in OPERATIONS.values() if operation.body is not None]
    replies = [reply.shape for operation in OPERATIONS.values() for reply in operation.replies.values()]
    return [shape for shape in (*bodies, *replies, Problem) if shape is not None and shape is not dict]


def _describe(properties: dict[str, Any], field: str, words: str) -> None:
    if "$ref" in properties[field]:  # beside a reference other words are allowed since OpenAPI 3.1
        properties[field] = {**properties[field], "description": words}
    else:
        properties[field]["description"] = words


def _docstrings(shapes: list[type]) -> dict[str, tuple[str, dict[str, str]]]:
    """By name, for every Struct within reach: what it is, and what its attributes are."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    waiting: list[Any] = [msgspec.inspect.type_info(shape) for shape in shapes]
    while waiting:
        info = waiting.pop()
        if isinstance(info, msgspec.inspect.StructType) and info.cls.__name__ not in found:
            found[info.cls.__name__] = _docstring(info.cls)
            waiting.extend(field.type for field in info.fields)
        elif isinstance(info, msgspec.inspect.EnumType):
            found[info.cls.__name__] = _docstring(info.cls)
        for inside in ("types", "item_types"):
            waiting.extend(getattr(info, inside, ()))
        for inside in ("item_type", "value_type", "type"):
            waiting.extend([getattr(info, inside)] if hasattr(info, inside) else [])
    return found


def _docstring(cls: type) -> tuple[str, dict[str, str]]:
    text = inspect.cleandoc(cls.__doc__ or "").replace("``", "`")
    says, _, attributes = text.partition("Attributes:")
    found: dict[str, str] = {}
    for names, words in re.findall(r"^ {4}(\w[\w, ]*): (.+(?:\n {8}.+)*)", attributes, re.MULTILINE):
        for name in names.split(", "):
            found[name] = " ".join(words.split())
    return " ".join(says.split()), found


def _name(name: str) -> str:
    """``VideoView`` is called Video outside: there is no other, seen from there."""
    return name.removesuffix("View")


def _polished(value: Any) -> Any:
    """References to the outside names, no titles that only repeat a name, a type beside every enum and integer."""
    if isinstance(value, list):
        return [_polished(inside) for inside in value]
    if not isinstance(value, dict):
        return value
    found = {key: _polished(inside) for key, inside in value.items() if key != "title" or isinstance(inside, dict)}
    if isinstance(found.get("$ref"), str):
        found["$ref"] = _name(found["$ref"])
    if "enum" in found and "type" not in found:
        found["type"] = "string"
    if found.get("type") == "integer":
        found["format"] = "int64"
    return found
