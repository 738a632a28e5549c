"""A tenant's log of events, as GraphQL shows it: watched as it grows, and read in pages."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Self

import strawberry
from strawberry.scalars import ID

from gateway.graphql.connections import After, Before, First, Last, PageInfo, Paging, cursor
from gateway.graphql.context import Context, Info
from gateway.graphql.scalars import Document, Moment
from gateway.policy.telling import data_of
from gateway.services.event_log import LogWish
from schema import event
from schema.event import EventType
from schema.ids import names_event
from schema.tenant import Scope

Types = Annotated[list[EventType] | None, strawberry.argument(description="Only these types; all when none is named.")]
AfterId = Annotated[
    ID | None,
    strawberry.argument(
        description="Resume behind the event with this id: nothing that came later is left out. `start` is before the "
        "oldest one that is kept; without it, the stream begins now."
    ),
]


@strawberry.type(description="Something that happened; webhooks and REST say the same.")
class Event:
    id: strawberry.ID = strawberry.field(description="Names it at every door: a stream resumes behind it.")
    type: EventType = strawberry.field(description="What happened.")
    at: Moment = strawberry.field(description="When it happened.")
    video_id: strawberry.ID | None = strawberry.field(description="The video it is about; null of anything else.")
    data: Document = strawberry.field(description="What it is about, in the words and spelling of webhooks.")

    @classmethod
    def of(cls, facts: event.Event) -> Self:
        return cls(
            id=strawberry.ID(facts.id),
            type=facts.type,
            at=Moment(facts.at),
            video_id=None if facts.video is None else strawberry.ID(facts.video),
            data=Document(data_of(facts)),
        )


@strawberry.type(description="An event in a page.")
class EventEdge:
    cursor: str = strawberry.field(description="Opaque: give it as `after` or `before` to go on from here.")
    node: Event = strawberry.field(description="The event.")


@strawberry.type(description="A page of events.")
class EventConnection:
    edges: list[EventEdge] = strawberry.field(description="The events, newest first.")
    page_info: PageInfo = strawberry.field(description="What lies beyond this page.")


async def event_log(
    info: Info,
    *,
    types: Types = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> EventConnection:
    tenant = info.context.tenant(Scope.VIDEOS_READ)
    paging = Paging(first=first, after=after, last=last, before=before)
    window = paging.window(names_event)
    wish = LogWish(
        after=window.after,
        before=window.before,
        limit=window.limit,
        newest_first=window.newest_first,
        types=frozenset(types or ()),
    )
    page = await info.context.gateway.event_log.page(tenant.id, wish)
    edges = [EventEdge(cursor=cursor(one.id), node=Event.of(one)) for one in paging.ordered(page.events)]
    return EventConnection(edges=edges, page_info=paging.info([edge.cursor for edge in edges], more=page.more))


async def watch_log(info: Info, types: Types = None, after: AfterId = None) -> AsyncGenerator[Event, None]:
    tenant = info.context.tenant(Scope.VIDEOS_READ)
    position = await info.context.gateway.event_log.position(tenant.id, after)
    return _log(info.context, tenant.id, position, frozenset(types or ()))


async def _log(
    context: Context, tenant: str, position: int, types: frozenset[EventType]
) -> AsyncGenerator[Event, None]:
    """It has its seat. Raises TooManyRequests when there is none left."""
    with context.gateway.seats.seat(tenant):
        async with aclosing(context.gateway.event_log.follow(tenant, position, types)) as events:
            async for one in events:
                _ = context.caller  # raises once the key has ended: nothing is told from then on
                yield Event.of(one)
