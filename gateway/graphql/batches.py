"""Batches as GraphQL shows them: several wishes accepted together, and how their videos are now."""

from collections import Counter
from typing import Annotated, Self

import strawberry
from strawberry.scalars import ID

from gateway.graphql.context import Info
from gateway.graphql.orders import CreateVideoInput, one_key
from gateway.graphql.refusals import (
    IdempotencyKeyReusedError,
    InsufficientFundsError,
    InvalidInputError,
    NoRouteError,
    RateLimitedError,
    create_refusal,
)
from gateway.graphql.scalars import Amount, Moment
from gateway.graphql.videos import Video
from gateway.services.batches import BatchOrder, Whole, check_size
from schema.batch import BatchMode
from schema.errors import GatewayError, InvalidRequest, NotFound
from schema.ids import names_batch
from schema.lifecycle import VideoStatus
from schema.tenant import Scope, Tenant
from schema.video import Order


@strawberry.type(description="How many of a batch's videos are where in their life.")
class BatchCounts:
    queued: int = strawberry.field(description="Accepted; no provider works on them yet.")
    in_progress: int = strawberry.field(description="A provider may be working on them.")
    completed: int = strawberry.field(description="Their files are here.")
    failed: int = strawberry.field(description="They will never be made.")
    canceled: int = strawberry.field(description="You stopped waiting for them.")

    @classmethod
    def of(cls, counts: Counter[VideoStatus]) -> Self:
        return cls(**{status.value: counts[status] for status in VideoStatus})


@strawberry.type(description="Videos that were accepted together, as they are now.")
class Batch:
    id: strawberry.ID = strawberry.field(description="Opaque: give it to `batch`.")
    created_at: Moment = strawberry.field(description="When it was accepted.")
    mode: BatchMode = strawberry.field(description="What was to be done when not every wish was covered.")
    wished: int = strawberry.field(description="How many videos were asked for.")
    accepted: int = strawberry.field(description="How many of them, from the first on, were accepted.")
    quoted_micros: Amount = strawberry.field(
        description="The most its videos may cost together; those whose price is not known count nothing."
    )
    held_micros: Amount = strawberry.field(description="Set aside for them now.")
    missing_micros: Amount = strawberry.field(description="What lacked for the other wishes when it was accepted.")
    missing_places: int = strawberry.field(
        description="How many of the other wishes found no room among the videos that wait."
    )
    counts: BatchCounts = strawberry.field(description="Where its videos are in their life.")
    videos: list[Video] = strawberry.field(description="Its videos, in the order of the wishes; 100 at most.")

    @classmethod
    def of(cls, whole: Whole) -> Self:
        batch, videos = whole.batch, whole.videos
        return cls(
            id=strawberry.ID(batch.id),
            created_at=Moment(batch.created_at),
            mode=batch.mode,
            wished=batch.wished,
            accepted=batch.accepted,
            quoted_micros=Amount(sum(video.quoted_high or 0 for video in videos)),
            held_micros=Amount(sum(video.held or 0 for video in videos)),
            missing_micros=Amount(batch.missing),
            missing_places=batch.missing_places,
            counts=BatchCounts.of(Counter(video.status for video in videos)),
            videos=[Video.of(video) for video in videos],
        )


@strawberry.input(description="Wishes to be accepted together.")
class CreateVideosInput:
    videos: list[CreateVideoInput] = strawberry.field(
        description="1 to 100 wishes. They have no idempotency keys of their own."
    )
    mode: BatchMode = strawberry.field(
        default=BatchMode.ALL,
        description="What to do when money, or room among your waiting videos, does not cover every wish.",
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="1 to 255 visible ASCII characters, unique per batch: the same batch sent again with it is the "
        "same videos. The `Idempotency-Key` header counts too; both must agree. A video's key is another's.",
    )

    def order(self, tenant: Tenant, header_key: str | None) -> BatchOrder:
        """Raises InvalidRequest, naming the field."""
        check_size(len(self.videos))
        key = one_key(self.idempotency_key, header_key)
        wishes = tuple([_order(wish, tenant) for wish in self.videos])
        return BatchOrder(tenant=tenant.id, mode=self.mode, key=key, wishes=wishes)


@strawberry.type(description="The wishes are accepted, or the first of them: their videos are durable, and will end.")
class CreateVideosSuccess:
    batch: Batch = strawberry.field(description="The batch; its `accepted` says how many.")
    replayed: bool = strawberry.field(
        description="An earlier equal batch with this idempotency key had made it; this is how it is now."
    )


CreateVideosPayload = Annotated[
    CreateVideosSuccess
    | InvalidInputError
    | NoRouteError
    | InsufficientFundsError
    | IdempotencyKeyReusedError
    | RateLimitedError,
    strawberry.union("CreateVideosPayload", description="What createVideos answers. Every refusal is a UserError."),
]
CreateVideosArgument = Annotated[CreateVideosInput, strawberry.argument(description="The wishes.")]
BatchId = Annotated[ID, strawberry.argument(description="The batch's id.")]


async def create_videos(info: Info, input: CreateVideosArgument) -> CreateVideosPayload:  # noqa: A002  # GraphQL's name
    (tenant, grant), gateway = info.context.creator(), info.context.gateway
    try:
        asked = input.order(tenant, info.context.take_header_key())
        whole = await gateway.batches.accept(tenant, asked.granted(grant))
    except GatewayError as error:
        return create_refusal(error, info.context.state)
    return CreateVideosSuccess(batch=Batch.of(whole), replayed=whole.replayed)


async def batch(info: Info, id: BatchId) -> Batch | None:
    tenant, grant = info.context.browser(Scope.VIDEOS_READ)
    if not names_batch(id):
        return None
    try:
        return Batch.of(await info.context.gateway.batches.get(tenant.id, id, grant))
    except NotFound:
        return None


def _order(wish: CreateVideoInput, tenant: Tenant) -> Order | InvalidRequest:
    """What is wrong with a wish stands in its place: the others are checked all the same."""
    try:
        if wish.idempotency_key is not None:
            raise InvalidRequest.field("idempotencyKey", "not_here", "a wish of a batch has none; give the batch one")
        return wish.order(tenant, None)
    except InvalidRequest as error:
        return error
