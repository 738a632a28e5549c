"""What each route promises, for the OpenAPI document: words, parameters, bodies, answers, refusals. Data alone."""

from typing import Any, Literal

import msgspec

from gateway.rest import health, hooks, models, videos
from gateway.rest.headers import MAX_WAIT
from gateway.rest.models import ModelListView, ModelView
from gateway.rest.views import VideoPageView, VideoView
from gateway.rest.wishes import BODY_TYPES, CreateVideo
from gateway.services.hooks import MAX_HOOK
from gateway.services.videos import MAX_PAGE
from schema.ids import VIDEO, pattern
from schema.lifecycle import VideoStatus
from schema.quote import Decision
from schema.tenant import Scope

JSON_SCHEMA = dict[str, Any]
Key = tuple[Literal["get", "post"], str]


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter of a request. ``where`` is OpenAPI's ``in``."""

    name: str
    where: Literal["path", "query", "header"]
    says: str
    schema: JSON_SCHEMA


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """A request's body: a Struct in several spellings, or bytes."""

    types: tuple[str, ...]
    shape: type | None
    max_bytes: int | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A good answer. ``shape`` is None for bytes of ``media``, and both are None where there is no body."""

    says: str
    shape: type | None = None
    media: str | None = "application/json"
    headers: tuple[str, ...] = ()


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path.

    Attributes:
        scope: what the caller's key must have; None needs no key.
        refusals: the statuses it may refuse with, beside those every route has.
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


def _text(length: int, **more: Any) -> JSON_SCHEMA:
    return {"type": "string", "maxLength": length, **more}


_LENIENT: JSON_SCHEMA = {"type": "string"}
"""A header whose nonsense is ignored, however long."""


_ID = _text(32, pattern=pattern(VIDEO))
_VIDEO = Parameter(name="video_id", where="path", says="The video.", schema=_ID)
_KEY = Parameter(
    name="Idempotency-Key",
    where="header",
    says="Makes it safe to send the wish again: the same key and the same wish give the same video. Quotes around it "
    "do not matter. One tenant's keys mean nothing to another.",
    schema=_text(257, minLength=1, pattern='^("[\\x21-\\x7e]{1,255}"|[\\x21-\\x7e]{1,255})$'),
)
_PREFER = Parameter(
    name="Prefer",
    where="header",
    says=f"`wait=N` holds the request until the video has ended, N seconds at most ({MAX_WAIT:.0f} without N, and at "
    "most).",
    schema=_LENIENT,
)
_IF_NONE_MATCH = Parameter(
    name="If-None-Match", where="header", says="ETags you have; a match is answered with 304.", schema=_LENIENT
)
_POLL = ("openai-poll-after-ms", "Retry-After")
_CACHE = ("ETag", "Cache-Control", "Vary")
_FILE = ("ETag", "Cache-Control", "Vary", "Accept-Ranges", "Content-Disposition")

_VIDEOS = videos.PATH
_ONE = videos.PATH + "/{video_id}"

OPERATIONS: dict[Key, Operation] = {
    ("post", _VIDEOS): Operation(
        id="createVideo",
        tag="videos",
        summary="Ask for a video",
        says="Accepted means durable, not finished: the video will end, whatever happens to this process. Look at "
        "`Location` until its `status` is `completed`, `failed` or `canceled`. Forms write nested fields with "
        "brackets, as OpenAI's SDKs do: `gateway[only][]=main`.",
        scope=Scope.VIDEOS_WRITE,
        parameters=(_KEY, _PREFER),
        body=Body(types=BODY_TYPES, shape=CreateVideo),
        replies={
            202: Reply(
                says="Accepted; or, with `Idempotent-Replayed`, accepted earlier, and shown as it is now.",
                shape=VideoView,
                headers=("Location", *_POLL, "Idempotent-Replayed", "Preference-Applied"),
            )
        },
        refusals=(400, 413, 415, 422, 429),
    ),
    ("get", _VIDEOS): Operation(
        id="listVideos",
        tag="videos",
        summary="List your videos",
        scope=Scope.VIDEOS_READ,
        parameters=(
            Parameter(name="after", where="query", says="Those behind this video, in the order asked.", schema=_ID),
            Parameter(name="before", where="query", says="Those before this video; not with `after`.", schema=_ID),
            Parameter(
                name="limit",
                where="query",
                says="How many.",
                schema={"type": "integer", "format": "int32", "minimum": 1, "maximum": MAX_PAGE, "default": 20},
            ),
            Parameter(
                name="order",
                where="query",
                says="By age; the newest first unless said.",
                schema={"type": "string", "enum": ["asc", "desc"], "default": "desc"},
            ),
            Parameter(
                name="status",
                where="query",
                says="Only those in this state.",
                schema={"type": "string", "enum": list(VideoStatus)},
            ),
        ),
        replies={200: Reply(says="A page of videos.", shape=VideoPageView, headers=("Link", "Cache-Control", "Vary"))},
        refusals=(400, 422),
    ),
    ("get", _ONE): Operation(
        id="getVideo",
        tag="videos",
        summary="Look at a video",
        scope=Scope.VIDEOS_READ,
        parameters=(_VIDEO, _IF_NONE_MATCH, _PREFER),
        replies={
            200: Reply(says="The video as it is.", shape=VideoView, headers=(*_CACHE, *_POLL, "Preference-Applied")),
            304: Reply(says="It has not changed.", media=None, headers=(*_CACHE, *_POLL, "Preference-Applied")),
        },
        refusals=(404,),
    ),
    ("post", _ONE + "/cancel"): Operation(
        id="cancelVideo",
        tag="videos",
        summary="Stop waiting for a video",
        says="No provider can be stopped: one that has begun may still finish. You are not charged for it. Canceling a "
        "canceled video changes nothing.",
        scope=Scope.VIDEOS_WRITE,
        parameters=(_VIDEO,),
        replies={200: Reply(says="The canceled video.", shape=VideoView)},
        refusals=(404, 409),
    ),
    ("get", _ONE + "/route"): Operation(
        id="getVideoRoute",
        tag="videos",
        summary="See why a video went where it went",
        says="The decision as it was made: every account, best first, and what spoke against it. Times are "
        "milliseconds since the Unix epoch.",
        scope=Scope.VIDEOS_READ,
        parameters=(_VIDEO,),
        replies={200: Reply(says="The decision.", shape=Decision, headers=("Cache-Control", "Vary"))},
        refusals=(404,),
    ),
    ("get", _ONE + "/content"): Operation(
        id="downloadVideo",
        tag="videos",
        summary="Download a finished video",
        says="Several ranges at once are answered with the whole file.",
        scope=Scope.VIDEOS_READ,
        parameters=(
            _VIDEO,
            Parameter(
                name="variant",
                where="query",
                says="The film; there are no pictures of it in this version.",
                schema={"type": "string", "enum": ["video"], "default": "video"},
            ),
            Parameter(name="Range", where="header", says="One range of bytes.", schema=_LENIENT),
            Parameter(
                name="If-Range", where="header", says="Its ETag: the range counts while it holds.", schema=_LENIENT
            ),
            _IF_NONE_MATCH,
        ),
        replies={
            200: Reply(says="The file.", media="video/mp4", headers=_FILE),
            206: Reply(says="A part of the file.", media="video/mp4", headers=(*_FILE, "Content-Range")),
            304: Reply(says="You have it already.", media=None, headers=("ETag", "Cache-Control", "Vary")),
        },
        refusals=(404, 409, 410, 416, 422),
    ),
    ("get", models.PATH): Operation(
        id="listModels",
        tag="models",
        summary="List what can be asked for",
        scope=Scope.VIDEOS_READ,
        replies={200: Reply(says="The models.", shape=ModelListView, headers=("Cache-Control", "Vary"))},
    ),
    ("get", models.PATH + "/{model}"): Operation(
        id="getModel",
        tag="models",
        summary="Look at a model",
        scope=Scope.VIDEOS_READ,
        parameters=(
            Parameter(name="model", where="path", says="Its name; a slash in it may stand as it is.", schema=_text(64)),
        ),
        replies={200: Reply(says="The model.", shape=ModelView, headers=("Cache-Control", "Vary"))},
        refusals=(404,),
    ),
    ("post", hooks.PATH.replace(":str", "")): Operation(
        id="hearProvider",
        tag="hooks",
        summary="Where providers call back",
        says="Not for you: we give providers this address, one for each attempt, and believe what they have signed.",
        parameters=(
            Parameter(name="provider", where="path", says="Who calls.", schema=_text(64)),
            Parameter(name="token", where="path", says="Names the attempt.", schema=_text(128)),
        ),
        body=Body(types=("application/json",), shape=None, max_bytes=MAX_HOOK),
        replies={204: Reply(says="Heard.", media=None)},
        refusals=(401, 404, 413),
    ),
    ("get", health.LIVE): Operation(
        id="isLive",
        tag="health",
        summary="Is the process alive?",
        replies={200: Reply(says="It is.", shape=health.HealthView)},
    ),
    ("get", health.READY): Operation(
        id="isReady",
        tag="health",
        summary="Can it serve now?",
        replies={200: Reply(says="It can.", shape=health.HealthView)},
    ),
    ("get", "/openapi.json"): Operation(
        id="getOpenAPI",
        tag="health",
        summary="This document",
        replies={200: Reply(says="The document.", shape=dict, headers=("Cache-Control",))},
    ),
}
"""By method and path. Every route has its row: a test compares."""
