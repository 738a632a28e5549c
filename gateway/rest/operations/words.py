"""What an operation is described with, and what several have in common. Data alone."""

from typing import Any, Literal

import msgspec

from gateway.policy.heads import MAX_OPTIONAL
from gateway.rest.bodies import JSON_TYPE, MERGE_PATCH_TYPE
from gateway.rest.deprecation import Deprecation
from gateway.rest.headers import MAX_WAIT
from gateway.services.pages import MAX_PAGE
from schema.ids import ATTEMPT, BATCH, ENTRY, VIDEO, pattern
from schema.tenant import Scope

JSON_SCHEMA = dict[str, Any]
Key = tuple[Literal["delete", "get", "patch", "post"], str]


ENDLESS = 2**53 - 1
"""Bytes: as long as it is."""


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter of a request. ``where`` is OpenAPI's ``in``; what stands in a path is always required."""

    name: str
    where: Literal["path", "query", "header"]
    says: str
    schema: JSON_SCHEMA
    required: bool = False


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """A request's body: a Struct in several spellings, or bytes.

    Attributes:
        says: what the bytes are.
        file: the field of a form that may be a file, or must be when that is all there is.
        required: false where none is as good as an empty one.
    """

    types: tuple[str, ...]
    shape: type | None
    max_bytes: int | None = None
    says: str = "As the provider sends it"
    file: str | None = None
    required: bool = True


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A good answer. ``shape`` is None for bytes of ``media``, and both are None where there is no body.

    ``also`` is another media type it can have, as bytes; of those there are ``max_bytes`` at most.
    """

    says: str
    shape: type | None = None
    media: str | None = "application/json"
    also: str | None = None
    max_bytes: int = ENDLESS
    headers: tuple[str, ...] = ()


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path.

    Attributes:
        scope: what the caller's key must have; None needs no key.
        refusals: the statuses it may refuse with, beside those every route has.
        deprecated: when it will go; None while it stays.
    """

    id: str
    tag: str
    summary: str
    says: str = ""
    scope: Scope | None = None
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    replies: dict[int, Reply]
    refusals: tuple[int, ...] = ()
    deprecated: Deprecation | None = None


def text(length: int, **more: Any) -> JSON_SCHEMA:
    return {"type": "string", "maxLength": length, **more}


LENIENT: JSON_SCHEMA = text(MAX_OPTIONAL)
"""A header whose nonsense is ignored."""


VIDEO_ID = text(32, pattern=pattern(VIDEO))
ENTRY_ID = text(30, pattern=pattern(ENTRY))
OF_BATCH = Parameter(name="batch_id", where="path", says="The batch.", schema=text(32, pattern=pattern(BATCH)))
OF_VIDEO = Parameter(name="video_id", where="path", says="The video.", schema=VIDEO_ID)
IDEMPOTENCY = Parameter(
    name="Idempotency-Key",
    where="header",
    says="Makes it safe to send the wish again: the same key and the same wish give the same video. Quotes around it "
    "do not matter. One tenant's keys mean nothing to another.",
    schema=text(257, minLength=1, pattern='^("[\\x21-\\x7e]{1,255}"|[\\x21-\\x7e]{1,255})$'),
)
PREFER = Parameter(
    name="Prefer",
    where="header",
    says=f"`wait=N` holds the request until the video has ended, N seconds at most ({MAX_WAIT:.0f} without N, and at "
    "most).",
    schema=LENIENT,
)
IF_NONE_MATCH = Parameter(
    name="If-None-Match", where="header", says="ETags you have; a match is answered with 304.", schema=LENIENT
)
_SECONDS = "[1-9][0-9]{0,3}|[1-7][0-9]{4}|8[0-5][0-9]{3}|86[0-3][0-9]{2}|86400"
_SPAN = f"^(({_SECONDS})s?|([1-9]|1[0-9]|2[0-3])h([1-5]?[0-9]m)?([1-5]?[0-9]s)?|[1-9][0-9]{{0,2}}m([1-5]?[0-9]s)?)$"
"""A second to a day."""

CANCEL_AFTER = Parameter(
    name="Cancel-After",
    where="header",
    says="Cancel the video by itself when it has not ended by then: seconds, or `30s`, `5m`, `1h30m45s`. The same as "
    "`gateway.cancel_after_seconds`; a part of the wish.",
    schema=text(24, pattern=_SPAN),
)
LIMIT = Parameter(
    name="limit",
    where="query",
    says="How many.",
    schema={"type": "integer", "format": "int32", "minimum": 1, "maximum": MAX_PAGE, "default": 20},
)
ORDER = Parameter(
    name="order",
    where="query",
    says="By age; the newest first unless said.",
    schema={"type": "string", "enum": ["asc", "desc"], "default": "desc"},
)
POLL = ("openai-poll-after-ms", "Retry-After")
CACHE = ("ETag", "Cache-Control", "Vary")
FILE = ("ETag", "Cache-Control", "Vary", "Accept-Ranges", "Content-Disposition")

OF_ATTEMPT = Parameter(name="attempt_id", where="path", says="The attempt.", schema=text(30, pattern=pattern(ATTEMPT)))
OF_TENANT = Parameter(name="tenant_id", where="path", says="The tenant.", schema=text(64))
JSON_BODY = (JSON_TYPE,)
PATCH_BODY = (MERGE_PATCH_TYPE,)
"""JSON is read as the same, and told of in words: generators of clients want one type of body."""

REQUEST_ID = Parameter(
    name="X-Request-Id",
    where="header",
    says="Names the request in our logs and in the answer: up to 64 letters, digits, `_` and `-`. We name others.",
    schema=LENIENT,
)
IF_MATCH = Parameter(
    name="If-Match",
    where="header",
    required=True,
    says="Required: the ETag of the version you change, so that nobody's change is undone unseen.",
    schema=text(17, pattern='^"[0-9]{1,15}"$'),
)


def behind(prefix: str, what: str) -> Parameter:
    schema = text(30, pattern=pattern(prefix))
    return Parameter(name="after", where="query", says=f"Those behind {what}.", schema=schema)


DAY: JSON_SCHEMA = text(10, pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
