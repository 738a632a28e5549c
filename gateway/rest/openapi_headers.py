"""The headers that the OpenAPI document speaks of, and which refusals and answers carry which."""

from http import HTTPStatus
from typing import Any

_TEXTS: dict[str, tuple[str, dict[str, Any]]] = {
    "X-Request-Id": ("Names the request in the logs; yours, when you sent a fit one.", {"maxLength": 64}),
    "Location": ("Where it is.", {"maxLength": 128}),
    "ETag": ("Names this state.", {"maxLength": 128}),
    "Cache-Control": ("Whether it may be kept.", {"maxLength": 64}),
    "Vary": ("What the answer depends on.", {"maxLength": 64}),
    "Link": ("Pages beside this one; what the code of a refusal means, `describedby` (RFC 8288).", {"maxLength": 1024}),
    "Idempotent-Replayed": ("An earlier equal request made this video.", {"enum": ["true"]}),
    "Preference-Applied": ("How long the answer was held, at most.", {"maxLength": 16}),
    "Accept-Ranges": ("Parts of it may be asked for.", {"enum": ["bytes"]}),
    "Content-Disposition": ("The name to save it under.", {"maxLength": 128}),
    "Content-Range": ("Which part it is.", {"maxLength": 128}),
    "WWW-Authenticate": ("How to say who you are.", {"maxLength": 64}),
    "RateLimit-Policy": ('Your limits: `"creates";q=10;w=60` is ten videos in 60 seconds.', {"maxLength": 256}),
    "RateLimit": (
        'What is left: `"creates";r=9;t=60` is nine now, more in 60. `X-RateLimit-Limit` and the like say it too.',
        {"maxLength": 256},
    ),
    "x-should-retry": ("`false`: sending the same again can not help.", {"enum": ["false"]}),
    "Access-Control-Allow-Origin": (
        "Your page's origin, when your tenant names it.",
        {"maxLength": 256},
    ),
    "Deprecation": ("Since when this should not be used any more (RFC 9745).", {"maxLength": 32}),
    "Sunset": ("From when on it may be gone (RFC 8594).", {"maxLength": 32}),
}
_NUMBERS: dict[str, tuple[str, int]] = {
    "Retry-After": ("Seconds until it is worth asking again.", 60),
    "retry-after-ms": ("The same in milliseconds.", 60_000),
    "openai-poll-after-ms": ("Milliseconds until it is worth looking again.", 60_000),
}
_ALWAYS = ("X-Request-Id", "Access-Control-Allow-Origin")
_RATES = ("RateLimit-Policy", "RateLimit")
"""Said where a limit bounds what the caller may ask for in a minute."""

_OF_REFUSALS: dict[int, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    416: ("Content-Range",),
    429: ("Retry-After", "retry-after-ms"),
    503: ("Retry-After", "retry-after-ms"),
}
LASTING = ("Deprecation", "Sunset")
"""Of operations that will go."""

_Headers = dict[str, Any]


def of_reply(names: tuple[str, ...], *, keyed: bool) -> _Headers:
    """What a good answer carries beside its own headers; limits are those of a key."""
    return _references((*_ALWAYS, *(_RATES if keyed else ()), *names))


def of_refusal(status: int) -> _Headers:
    """What every refusal with this status carries."""
    limits = _RATES if status < HTTPStatus.INTERNAL_SERVER_ERROR else ()
    return _references((*_ALWAYS, *limits, "x-should-retry", "Link", *_OF_REFUSALS.get(status, ())))


def _references(names: tuple[str, ...]) -> _Headers:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def headers(*, unused: tuple[str, ...]) -> _Headers:
    """Every header that is spoken of, described once."""
    texts = {
        name: {"description": says, "schema": {"type": "string", **schema}} for name, (says, schema) in _TEXTS.items()
    }
    numbers = {
        name: {
            "description": says,
            "schema": {"type": "integer", "format": "int32", "minimum": 0, "maximum": most},
        }
        for name, (says, most) in _NUMBERS.items()
    }
    return {name: header for name, header in (texts | numbers).items() if name not in unused}
