"""/v1/videos/{id}/events and /v1/events: what happens, as it happens; and what has happened, in pages."""

from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from typing import Annotated, Literal

import msgspec
from litestar import get
from litestar.types import ASGIApp

from gateway.policy.telling import EventView, event_view
from gateway.rest.answers import JSON, Answer
from gateway.rest.headers import LAST_EVENT_ID, prefers
from gateway.rest.pages import PAGE_NAMES, cut, given, links
from gateway.rest.requests import Call, caller, headers, watcher
from gateway.rest.streaming import EventStream, promised
from gateway.rest.videos import PATH as VIDEOS
from gateway.rest.videos import PRIVATE, VARY
from gateway.rest.views import encode
from gateway.services.event_log import START, LogWish
from gateway.services.events import Place
from gateway.wiring import Gateway
from schema.errors import InvalidRequest, MalformedRequest
from schema.event import Event, EventType
from schema.ids import EVENT, VIDEO, names_event, pattern
from schema.tenant import Principal, Scope

PATH = "/v1/events"
OF_VIDEO = VIDEOS + "/{video_id:str}/events"
STREAM, PLAIN = "text/event-stream", "application/json"
_TYPES = frozenset(EventType)
_LONGEST_ID = len(EVENT) + len(VIDEO) + 64

_EventId = Annotated[str, msgspec.Meta(pattern=pattern(EVENT), max_length=30)]


class EventPageView(msgspec.Struct, frozen=True, kw_only=True):
    """Some events.

    Attributes:
        last_id: give it as `after` to see those behind it.
    """

    object: Literal["list"] = "list"
    data: Annotated[tuple[EventView, ...], msgspec.Meta(max_length=100)]
    first_id: _EventId | None
    last_id: _EventId | None
    has_more: bool


@get(OF_VIDEO)
async def of_video(request: Call) -> ASGIApp:
    gateway, principal, id = await watcher(request, Scope.VIDEOS_READ, linked=True)
    asked = given(request.scope["query_string"], ("after", "token"))
    after, field = _behind(request, asked.get("after"))
    place = await gateway.events.place(principal.tenant.id, id, 0 if after == START else after, field=field)
    if place.over and place.first is None:
        return Answer(status=204, headers=(PRIVATE, VARY))  # that is how a client learns not to come again
    return _streamed(gateway, principal, request, _video_events(gateway, principal, place))


@get(PATH)
async def list_(request: Call) -> ASGIApp:
    gateway, principal = caller(request, Scope.VIDEOS_READ)
    query: bytes = request.scope["query_string"]
    if not prefers(headers(request.scope, b"accept"), STREAM, to=PLAIN):
        return await _page(gateway, principal, given(query, (*PAGE_NAMES, "types")), query)
    asked = given(query, ("after", "types"))
    types = _types(asked.get("types"))
    after, field = _behind(request, asked.get("after"))
    position = await gateway.event_log.position(principal.tenant.id, after, field=field)
    return _streamed(gateway, principal, request, gateway.event_log.follow(principal.tenant.id, position, types))


async def _page(gateway: Gateway, principal: Principal, asked: dict[str, str], query: bytes) -> Answer:
    part = cut(asked, lambda id: id == START or names_event(id), "an event")
    wish = LogWish(
        after=part.after,
        before=part.before,
        limit=part.limit,
        newest_first=part.newest_first,
        types=_types(asked.get("types")),
    )
    page = await gateway.event_log.page(principal.tenant.id, wish)
    data = tuple([event_view(event) for event in page.events])
    view = EventPageView(
        data=data, first_id=data[0].id if data else None, last_id=data[-1].id if data else None, has_more=page.more
    )
    link = links(PATH, query, part, view)
    return Answer(encode(view), headers=(JSON, PRIVATE, VARY, *(((b"link", link.encode()),) if link else ())))


def _streamed(
    gateway: Gateway, principal: Principal, request: Call, events: AsyncGenerator[Event, None]
) -> Answer | EventStream:
    """Raises TooManyRequests when there is no seat left."""
    if request.scope["state"].get("head"):
        return promised()
    seat = ExitStack()
    seat.enter_context(gateway.seats.seat(principal.tenant.id))
    return EventStream(
        events,
        ended=gateway.ground.callers.ended(principal),
        seat=seat,
        heartbeat=gateway.settings.events.heartbeat_seconds,
    )


async def _video_events(gateway: Gateway, principal: Principal, place: Place) -> AsyncGenerator[Event, None]:
    """A video's events; what it brought a budget to is not for whoever has a client token."""
    async with aclosing(gateway.events.follow(principal.tenant.id, place)) as events:
        async for event, _ in events:
            if principal.grant is None or event.type is not EventType.BUDGET_WARNING:
                yield event


def _behind(request: Call, after: str | None) -> tuple[str | None, str]:
    """Behind which event a stream begins, and where that stands: a client that comes again says it by the header."""
    values = headers(request.scope, LAST_EVENT_ID.lower().encode())
    found = [value for value in values if value]
    if not found:
        return after, "after"
    if len(values) > 1 or len(found[0]) > _LONGEST_ID:
        raise MalformedRequest.field(LAST_EVENT_ID, "unknown_event", "must be given once, as an event's id")
    return found[0], LAST_EVENT_ID


def _types(text: str | None) -> frozenset[EventType]:
    """Types by their names, parted by commas; none stands for all."""
    names = [] if text is None else [name.strip() for name in text.split(",")]
    for name in names:
        if name not in _TYPES:
            raise InvalidRequest.field("types", "invalid_value", f"must be some of {', '.join(EventType)}")
    return frozenset(EventType(name) for name in names)
