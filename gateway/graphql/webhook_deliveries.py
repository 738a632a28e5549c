"""Deliveries to webhook endpoints in GraphQL's words: what was told, sending it again, and a sample."""

from functools import partial
from typing import Annotated, Self

import strawberry

from gateway.graphql.admin_refusals import ConflictError
from gateway.graphql.connections import After, First, PageInfo, Paging, cursor
from gateway.graphql.context import Info
from gateway.graphql.refusals import NotFoundError
from gateway.graphql.scalars import Moment, moment
from gateway.services.delivery_log import DeliveryPage, DeliveryRecord
from schema import delivery
from schema.delivery import DeliveryState
from schema.errors import GatewayError, NotFound, NotReady
from schema.event import EventType
from schema.ids import MESSAGE, could_be
from schema.tenant import Scope

DeliveryId = Annotated[strawberry.ID, strawberry.argument(description="The delivery's id.")]
Of = Annotated[
    strawberry.ID,
    strawberry.argument(description="A webhook endpoint, or a video that was given an address of its own."),
]
State = Annotated[DeliveryState | None, strawberry.argument(description="Only those.")]


@strawberry.type(description="One call.")
class WebhookDeliveryTry:
    n: int = strawberry.field(description="Which one, from 1.")
    at: Moment = strawberry.field(description="When it began.")
    took_ms: int = strawberry.field(description="Milliseconds from the call to its answer, or to its failure.")
    status_code: int | None = strawberry.field(description="What was answered; null when nothing was.")
    error: str | None = strawberry.field(description="Why it was no success; null when it was.")
    answer: str | None = strawberry.field(
        description="The beginning of what came back, 1 KiB at most; what looks like a secret is left out."
    )

    @classmethod
    def of(cls, one: delivery.DeliveryTry) -> Self:
        return cls(
            n=one.n,
            at=Moment(one.at),
            took_ms=one.took,
            status_code=one.status,
            error=one.error,
            answer=one.answer,
        )


@strawberry.type(description="One event on its way to one address.")
class WebhookDelivery:
    id: strawberry.ID = strawberry.field(description="The `webhook-id` of every try.")
    webhook_endpoint_id: strawberry.ID | None = strawberry.field(
        description="Where it goes; null when it goes to the address that its video was given."
    )
    video_id: strawberry.ID | None = strawberry.field(description="Whose event it is; null when it is no video's.")
    event_id: strawberry.ID = strawberry.field(description="The event.")
    event_type: EventType = strawberry.field(description="What happened.")
    state: DeliveryState = strawberry.field(description="Whether it waits, and how it ended.")
    created_at: Moment = strawberry.field(description="When the event was.")
    ended_at: Moment | None = strawberry.field(description="Null while it is pending.")
    next_try_at: Moment | None = strawberry.field(
        description="Null when it has ended, and while another one of its video is before it."
    )
    tries: int = strawberry.field(description="How often it was tried.")
    body: str | None = strawberry.field(description="What is sent, byte for byte; null before the first try.")

    @strawberry.field(description="Its tries, the oldest first.")
    async def log(self, info: Info) -> list[WebhookDeliveryTry]:
        tenant = info.context.tenant(Scope.TENANT_ADMIN)
        record = await info.context.gateway.delivery_log.get(tenant.id, self.id)
        return [WebhookDeliveryTry.of(one) for one in record.tries]

    @classmethod
    def of(cls, one: delivery.Delivery) -> Self:
        return cls(
            id=strawberry.ID(one.id),
            webhook_endpoint_id=strawberry.ID(one.endpoint) if one.url is None else None,
            video_id=None if one.video is None else strawberry.ID(one.video),
            event_id=strawberry.ID(one.event),
            event_type=one.type,
            state=one.state,
            created_at=Moment(one.created_at),
            ended_at=moment(one.ended_at),
            next_try_at=moment(one.due),
            tries=one.tries,
            body=one.body,
        )


@strawberry.type(description="A delivery in a page.")
class WebhookDeliveryEdge:
    cursor: str = strawberry.field(description="Opaque: give it as `after` to go on from here.")
    node: WebhookDelivery = strawberry.field(description="The delivery.")


@strawberry.type(description="A page of deliveries.")
class WebhookDeliveryConnection:
    edges: list[WebhookDeliveryEdge] = strawberry.field(description="The deliveries, newest first.")
    page_info: PageInfo = strawberry.field(description="What lies beyond this page.")

    @classmethod
    def of(cls, page: DeliveryPage, paging: Paging) -> Self:
        edges = [WebhookDeliveryEdge(cursor=cursor(one.id), node=WebhookDelivery.of(one)) for one in page.deliveries]
        return cls(edges=edges, page_info=paging.info([edge.cursor for edge in edges], more=page.more))


@strawberry.type(description="It is on its way again, in its place, under its id.")
class ReplayDeliverySuccess:
    delivery: WebhookDelivery = strawberry.field(description="The delivery.")


@strawberry.type(description="They are on their way again, each in its place and under its id.")
class ReplayDeliveriesSuccess:
    count: int = strawberry.field(description="How many; at 10,000 there may be more.")


@strawberry.type(description="The sample was sent.")
class TestWebhookEndpointSuccess:
    success: bool = strawberry.field(description="It was answered with 2xx.")
    tried: WebhookDeliveryTry = strawberry.field(description="How it went.")


@strawberry.input(description="Which delivery to send again.")
class ReplayDeliveryInput:
    id: strawberry.ID = strawberry.field(description="One that has ended; one that has not is sent anyway.")


@strawberry.input(description="Which deliveries to send again.")
class ReplayDeliveriesInput:
    webhook_endpoint_id: strawberry.ID = strawberry.field(description="The endpoint's.")
    since: Moment = strawberry.field(description="Those of events since then.")
    event_types: list[EventType] | None = strawberry.field(
        default=None, description="Only of these; of all unless said."
    )
    failed_only: bool = strawberry.field(default=False, description="Not what was delivered.")


@strawberry.input(description="Which endpoint to send a sample.")
class TestWebhookEndpointInput:
    id: strawberry.ID = strawberry.field(description="The endpoint; it may be disabled.")
    event_type: EventType = strawberry.field(default=EventType.COMPLETED, description="Of the sample.")


ReplayDeliveryPayload = Annotated[
    ReplayDeliverySuccess | ConflictError | NotFoundError,
    strawberry.union("ReplayDeliveryPayload", description="What replayDelivery answers. Every refusal is a UserError."),
]
ReplayDeliveriesPayload = Annotated[
    ReplayDeliveriesSuccess | ConflictError | NotFoundError,
    strawberry.union(
        "ReplayDeliveriesPayload", description="What replayDeliveries answers. Every refusal is a UserError."
    ),
]
TestWebhookEndpointPayload = Annotated[
    TestWebhookEndpointSuccess | NotFoundError,
    strawberry.union(
        "TestWebhookEndpointPayload", description="What testWebhookEndpoint answers. Every refusal is a UserError."
    ),
]
ReplayArgument = Annotated[ReplayDeliveryInput, strawberry.argument(description="Which delivery.")]
ReplaySinceArgument = Annotated[ReplayDeliveriesInput, strawberry.argument(description="Which deliveries.")]
TestArgument = Annotated[TestWebhookEndpointInput, strawberry.argument(description="Which endpoint, and what.")]


async def webhook_deliveries(
    info: Info, of: Of, state: State = None, first: First = None, after: After = None
) -> WebhookDeliveryConnection:
    tenant = info.context.tenant(Scope.TENANT_ADMIN)
    paging = Paging(first=first, after=after, last=None, before=None)
    window = paging.window(partial(could_be, MESSAGE))
    page = await info.context.gateway.delivery_log.page(
        tenant.id, of, after=window.after, limit=window.limit, state=state
    )
    return WebhookDeliveryConnection.of(page, paging)


async def webhook_delivery(info: Info, id: DeliveryId) -> WebhookDelivery | None:
    tenant = info.context.tenant(Scope.TENANT_ADMIN)
    try:
        return _shown(await info.context.gateway.delivery_log.get(tenant.id, id))
    except NotFound:
        return None


async def replay_delivery(info: Info, input: ReplayArgument) -> ReplayDeliveryPayload:  # noqa: A002  # GraphQL's name
    tenant = info.context.tenant(Scope.TENANT_ADMIN)
    try:
        record = await info.context.gateway.delivery_log.replay(tenant.id, input.id)
    except GatewayError as error:
        return _refusal(error)
    return ReplayDeliverySuccess(delivery=_shown(record))


async def replay_deliveries(info: Info, input: ReplaySinceArgument) -> ReplayDeliveriesPayload:  # noqa: A002  # GraphQL's name
    tenant = info.context.tenant(Scope.TENANT_ADMIN)
    try:
        count = await info.context.gateway.delivery_log.replay_since(
            tenant.id,
            input.webhook_endpoint_id,
            input.since,
            types=frozenset(input.event_types or ()),
            failed_only=input.failed_only,
        )
    except GatewayError as error:
        return _refusal(error)
    return ReplayDeliveriesSuccess(count=count)


async def test_webhook_endpoint(info: Info, input: TestArgument) -> TestWebhookEndpointPayload:  # noqa: A002  # GraphQL's name
    tenant = info.context.tenant(Scope.TENANT_ADMIN)
    try:
        tried = await info.context.gateway.deliveries.test(tenant.id, input.id, input.event_type)
    except NotFound as error:
        return NotFoundError(message=error.detail, code=error.code)
    return TestWebhookEndpointSuccess(success=tried.error is None, tried=WebhookDeliveryTry.of(tried))


def _shown(record: DeliveryRecord) -> WebhookDelivery:
    return WebhookDelivery.of(record.delivery)


def _refusal(error: GatewayError) -> ConflictError | NotFoundError:
    """A refusal to send again; anything unexpected is raised again."""
    match error:
        case NotReady():
            return ConflictError(message=error.detail, code=error.code)
        case NotFound():
            return NotFoundError(message=error.detail, code=error.code)
    raise error
