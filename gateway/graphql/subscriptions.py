"""What can be watched."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Self

import strawberry
from strawberry.scalars import ID

from gateway.graphql.context import Context, Info
from gateway.graphql.events import Event, watch_log
from gateway.graphql.money import BudgetWarning
from gateway.graphql.scalars import Moment
from gateway.graphql.videos import Video
from gateway.services.events import Place
from schema import event as facts
from schema.errors import InvalidRequest, NotFound
from schema.event import EventType
from schema.ids import names_video
from schema.tenant import Scope
from schema.video import Video as VideoFacts

VideoId = Annotated[ID, strawberry.argument(description="The video's id.")]
AfterSeq = Annotated[
    int | None,
    strawberry.argument(
        description="Resume after this `seq`: nothing that came later is left out. Without it, the first event says "
        "how the video is now."
    ),
]
AfterId = Annotated[
    ID | None,
    strawberry.argument(description="The same by the id of the last event seen, from any door; not with `afterSeq`."),
]


@strawberry.type(description="Something that happened to a video.")
class VideoEvent:
    id: strawberry.ID = strawberry.field(description="Opaque; the same event has the same id at every door.")
    seq: int = strawberry.field(
        description="Grows from event to event of one video, not always by one: the video's `version` after the change."
    )
    type: EventType = strawberry.field(description="What happened.")
    at: Moment = strawberry.field(description="When it happened.")
    budget: BudgetWarning | None = strawberry.field(
        description="Of a BUDGET_WARNING: which budget, and how far it is used; null of any other."
    )
    video: Video = strawberry.field(description="The video as it is when this is told: it may be further than `seq`.")

    @classmethod
    def of(cls, event: facts.Event, video: VideoFacts) -> Self:
        return cls(
            id=strawberry.ID(event.id),
            seq=event.seq,
            type=event.type,
            at=Moment(event.at),
            budget=BudgetWarning.of(event.data.get("budget")),
            video=Video.of(video),
        )


@strawberry.type(description="What can be watched.")
class Subscription:
    @strawberry.subscription(
        description="A video's events in order. It ends after the last one: COMPLETED, FAILED or CANCELED."
    )
    async def video_events(
        self, info: Info, id: VideoId, after_seq: AfterSeq = None, after_id: AfterId = None
    ) -> AsyncGenerator[VideoEvent, None]:
        tenant, grant = info.context.browser(Scope.VIDEOS_READ)
        if after_seq is not None and after_seq < 0:
            raise InvalidRequest.field("afterSeq", "out_of_range", "must be 0 or more")
        if after_seq is not None and after_id is not None:
            raise InvalidRequest.field("afterId", "exclusive", "resume behind a seq or behind an id, not both")
        if not names_video(id):
            raise NotFound
        await info.context.gateway.videos.get(tenant.id, id, grant)
        behind, field = (after_id, "afterId") if after_seq is None else (after_seq, "afterSeq")
        place = await info.context.gateway.events.place(tenant.id, id, behind, field=field)
        return _events(info.context, tenant.id, place)

    events: AsyncGenerator[Event, None] = strawberry.subscription(
        resolver=watch_log,
        description="All that happens to you, in order, and from any event on. It ends when this gateway stops.",
    )


async def _events(context: Context, tenant: str, place: Place) -> AsyncGenerator[VideoEvent, None]:
    """A video's events; what it brought a budget to is not for whoever has a client token.

    They have their seat. Raises TooManyRequests when there is none left.
    """
    with context.gateway.seats.seat(tenant):
        async with aclosing(context.gateway.events.follow(tenant, place)) as events:
            async for event, video in events:
                caller = context.caller  # raises once a client token has ended: nothing is told from then on
                if caller.grant is None or event.type is not EventType.BUDGET_WARNING:
                    yield VideoEvent.of(event, video)
