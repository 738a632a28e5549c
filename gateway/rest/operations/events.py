"""What the routes promise by which events are watched and read."""

from typing import Any

from gateway.rest import events, videos
from gateway.rest.events import EventPageView
from gateway.rest.headers import LAST_EVENT_ID
from gateway.rest.operations.words import LENIENT, LIMIT, OF_VIDEO, ORDER, Key, Operation, Parameter, Reply, text
from schema.event import EventType
from schema.ids import EVENT, pattern
from schema.tenant import Scope

_PRIVATE = ("Cache-Control", "Vary")
_PLACE: dict[str, Any] = text(96, pattern=f"^(start|{EVENT}.*)$")
_CURSOR: dict[str, Any] = text(30, pattern=f"^(start|{pattern(EVENT)[1:-1]})$")
_BEHIND = "Behind the event with this id, from any door; `start` is before the oldest one that is kept."
_AFTER = Parameter(name="after", where="query", says=_BEHIND, schema=_PLACE)
_BEHIND_ANY = Parameter(name="after", where="query", says=_BEHIND, schema=_CURSOR)
_BEFORE = Parameter(name="before", where="query", says="Those before this event; not with `after`.", schema=_CURSOR)
_AGAIN = Parameter(
    name=LAST_EVENT_ID,
    where="header",
    says="The same, as clients of streams say it when they come again; it goes before `after`. Pages ignore it.",
    schema=LENIENT,
)
_TYPES = Parameter(
    name="types",
    where="query",
    says="Only these, parted by commas; all when none is named.",
    schema={
        "type": "array",
        "items": {"type": "string", "enum": list(EventType)},
        "minItems": 1,
        "maxItems": len(EventType),
    },
)

EVENTS: dict[Key, Operation] = {
    ("get", videos.PATH + "/{video_id}/events"): Operation(
        id="watchVideo",
        tag="videos",
        summary="Watch a video",
        says="Server-sent events: how the video is, then every change in order, until it has ended. Each `id` resumes: "
        "a client that comes again with it misses nothing and sees nothing twice. Quiet streams say so every 15 "
        "seconds. When the end was told, 204 asks clients not to come again.",
        scope=Scope.VIDEOS_READ,
        parameters=(OF_VIDEO, _AFTER, _AGAIN),
        replies={
            200: Reply(says="The events.", media="text/event-stream", headers=_PRIVATE),
            204: Reply(says="Its end was told; there is nothing to wait for.", media=None),
        },
        refusals=(400, 404, 410, 422, 429),
    ),
    ("get", events.PATH): Operation(
        id="listEvents",
        tag="videos",
        summary="Read what happened, or watch what happens",
        says="A page of JSON, newest first; or, with `Accept: text/event-stream`, all that happens from now on, or "
        "from behind an event, without an end.",
        scope=Scope.VIDEOS_READ,
        parameters=(_BEHIND_ANY, _BEFORE, LIMIT, ORDER, _TYPES, _AGAIN),
        replies={
            200: Reply(
                says="A page of events.", shape=EventPageView, also="text/event-stream", headers=("Link", *_PRIVATE)
            )
        },
        refusals=(400, 410, 422, 429),
    ),
}
