"""A tenant's webhook endpoints in GraphQL's words: seen, made, changed, their secrets rotated, removed."""

from functools import partial
from typing import Annotated, Self

import msgspec
import strawberry

from gateway.auth import hand_of
from gateway.graphql.admin_refusals import ManagedByFileError
from gateway.graphql.connections import After, First, PageInfo, Paging, cursor
from gateway.graphql.context import Info
from gateway.graphql.key_refusals import create_refusal, revoke_refusal
from gateway.graphql.refusals import InvalidInputError, NotFoundError
from gateway.graphql.scalars import Moment, moment
from gateway.services.hands import Hand
from gateway.services.webhook_endpoints import EndpointPage
from schema.clock import Millis
from schema.endpoint import EndpointRecord, EndpointWish, TenantSecret, hint
from schema.errors import GatewayError, ManagedByFile, NotFound
from schema.event import EventType
from schema.ids import ENDPOINT, could_be
from schema.ownership import ManagedBy
from schema.tenant import Scope

_TEXT = "Signs what is sent. Keep it: it is shown this once, and nobody can tell it again."
_KEEP = "The old one signs too for a while, a day unless the operator says otherwise."
_UNTIL = "So long the secret before signs too; null when it signs alone."
_HINT = "The end of its secret."

EndpointId = Annotated[strawberry.ID, strawberry.argument(description="The endpoint's id.")]


@strawberry.type(description="An address of yours that is told of events: everything but its secret.")
class WebhookEndpoint:
    id: strawberry.ID = strawberry.field(description="Names it.")
    url: str = strawberry.field(description="Where events are sent.")
    name: str = strawberry.field(description="What it is for.")
    event_types: list[EventType] = strawberry.field(description="Which it is told of; all when empty.")
    signing_secret_hint: str | None = strawberry.field(description=_HINT)
    previous_secret_until: Moment | None = strawberry.field(description=_UNTIL)
    disabled_at: Moment | None = strawberry.field(description="Since when it is told nothing; null while it is told.")
    disabled_reason: str | None = strawberry.field(description="Why, in words for people.")
    managed_by: ManagedBy = strawberry.field(description="Where it is changed.")
    source: str | None = strawberry.field(description="The name of the file that manages it; null when none does.")
    created_at: Moment = strawberry.field(description="When it was made.")
    updated_at: Moment = strawberry.field(description="When it, or its secret, was last changed.")

    @classmethod
    def of(cls, record: EndpointRecord, now: Millis) -> Self:
        facts, owned = record.endpoint, record.ownership
        return cls(
            id=strawberry.ID(facts.id),
            url=facts.url,
            name=facts.name,
            event_types=list(facts.events),
            signing_secret_hint=None if record.current is None else hint(record.current),
            previous_secret_until=_ahead(facts.previous_until, now),
            disabled_at=moment(facts.disabled_at),
            disabled_reason=facts.disabled_reason,
            managed_by=owned.managed_by,
            source=owned.source,
            created_at=Moment(owned.created_at),
            updated_at=Moment(owned.updated_at),
        )


@strawberry.type(description="A webhook endpoint in a page.")
class WebhookEndpointEdge:
    cursor: str = strawberry.field(description="Opaque: give it as `after` to go on from here.")
    node: WebhookEndpoint = strawberry.field(description="The endpoint.")


@strawberry.type(description="A page of webhook endpoints.")
class WebhookEndpointConnection:
    edges: list[WebhookEndpointEdge] = strawberry.field(description="The endpoints, newest first.")
    page_info: PageInfo = strawberry.field(description="What lies beyond this page.")

    @classmethod
    def of(cls, page: EndpointPage, paging: Paging, now: Millis) -> Self:
        edges = [
            WebhookEndpointEdge(cursor=cursor(record.endpoint.id), node=WebhookEndpoint.of(record, now))
            for record in page.records
        ]
        return cls(edges=edges, page_info=paging.info([edge.cursor for edge in edges], more=page.more))


@strawberry.type(description="The secret that signs for addresses that are given video by video.")
class WebhookSecret:
    version: int = strawberry.field(description="How many there were.")
    signing_secret_hint: str = strawberry.field(description=_HINT)
    previous_secret_until: Moment | None = strawberry.field(description=_UNTIL)
    created_at: Moment = strawberry.field(description="Since when it signs.")

    @classmethod
    def of(cls, secret: TenantSecret, now: Millis) -> Self:
        return cls(
            version=secret.version,
            signing_secret_hint=hint(secret.current),
            previous_secret_until=_ahead(secret.previous_until, now),
            created_at=Moment(secret.at),
        )


@strawberry.type(description="The endpoint is made.")
class CreateWebhookEndpointSuccess:
    webhook_endpoint: WebhookEndpoint = strawberry.field(description="The endpoint.")
    signing_secret: str = strawberry.field(description=_TEXT)


@strawberry.type(description="The endpoint is as you say.")
class UpdateWebhookEndpointSuccess:
    webhook_endpoint: WebhookEndpoint = strawberry.field(description="The endpoint.")


@strawberry.type(description="The endpoint is told nothing more, and its secrets are forgotten.")
class DeleteWebhookEndpointSuccess:
    deleted_id: strawberry.ID = strawberry.field(description="Which it was.")


@strawberry.type(description="Another secret signs from now on.")
class RotateWebhookEndpointSecretSuccess:
    webhook_endpoint: WebhookEndpoint = strawberry.field(description="The endpoint.")
    signing_secret: str = strawberry.field(description=_TEXT)


@strawberry.type(description="Another secret signs for addresses that are given video by video, or the first one does.")
class RotateWebhookSecretSuccess:
    webhook_secret: WebhookSecret = strawberry.field(description="All of it but its text.")
    signing_secret: str = strawberry.field(description=_TEXT)


@strawberry.input(description="An endpoint to be made.")
class CreateWebhookEndpointInput:
    url: str = strawberry.field(description="Where events are to be sent.")
    name: str = strawberry.field(default="", description="What it is for, at most 200 characters.")
    event_types: list[EventType] | None = strawberry.field(
        default=None, description="Which it is told of; all unless said."
    )

    def wish(self) -> EndpointWish:
        return EndpointWish(url=self.url, name=self.name, events=tuple(self.event_types or ()))


@strawberry.input(description="How an endpoint is to be; what is left out, or null, stays; a list is replaced whole.")
class UpdateWebhookEndpointInput:
    id: strawberry.ID = strawberry.field(description="Which endpoint.")
    url: str | None = strawberry.field(default=None, description="Where events are to be sent.")
    name: str | None = strawberry.field(default=None, description="What it is for.")
    event_types: list[EventType] | None = strawberry.field(
        default=None, description="Which it is told of; all when empty."
    )
    disabled: bool | None = strawberry.field(
        default=None, description="It is to be told nothing, or told again; also one that a file manages."
    )

    def wish(self) -> EndpointWish:
        return EndpointWish(
            url=msgspec.UNSET if self.url is None else self.url,
            name=msgspec.UNSET if self.name is None else self.name,
            events=msgspec.UNSET if self.event_types is None else tuple(self.event_types),
            disabled=msgspec.UNSET if self.disabled is None else self.disabled,
        )


@strawberry.input(description="Which endpoint is to go.")
class DeleteWebhookEndpointInput:
    id: strawberry.ID = strawberry.field(description="Which endpoint.")


@strawberry.input(description="Which endpoint is to get another secret.")
class RotateWebhookEndpointSecretInput:
    id: strawberry.ID = strawberry.field(description="Which endpoint.")
    keep_old_secret_active: bool = strawberry.field(default=False, description=_KEEP)


@strawberry.input(description="How the secret for addresses that are given video by video is rotated.")
class RotateWebhookSecretInput:
    keep_old_secret_active: bool = strawberry.field(default=False, description=_KEEP)


def _says(mutation: str) -> str:
    return f"What {mutation} answers. Every refusal is a UserError."


CreateWebhookEndpointPayload = Annotated[
    CreateWebhookEndpointSuccess | InvalidInputError | NotFoundError,
    strawberry.union("CreateWebhookEndpointPayload", description=_says("createWebhookEndpoint")),
]
UpdateWebhookEndpointPayload = Annotated[
    UpdateWebhookEndpointSuccess | InvalidInputError | ManagedByFileError | NotFoundError,
    strawberry.union("UpdateWebhookEndpointPayload", description=_says("updateWebhookEndpoint")),
]
DeleteWebhookEndpointPayload = Annotated[
    DeleteWebhookEndpointSuccess | ManagedByFileError | NotFoundError,
    strawberry.union("DeleteWebhookEndpointPayload", description=_says("deleteWebhookEndpoint")),
]
RotateWebhookEndpointSecretPayload = Annotated[
    RotateWebhookEndpointSecretSuccess | ManagedByFileError | NotFoundError,
    strawberry.union("RotateWebhookEndpointSecretPayload", description=_says("rotateWebhookEndpointSecret")),
]
RotateWebhookSecretPayload = Annotated[
    RotateWebhookSecretSuccess | NotFoundError,
    strawberry.union("RotateWebhookSecretPayload", description=_says("rotateWebhookSecret")),
]
CreateArgument = Annotated[CreateWebhookEndpointInput, strawberry.argument(description="The endpoint.")]
UpdateArgument = Annotated[UpdateWebhookEndpointInput, strawberry.argument(description="What to change.")]
DeleteArgument = Annotated[DeleteWebhookEndpointInput, strawberry.argument(description="Which endpoint.")]
RotateArgument = Annotated[RotateWebhookEndpointSecretInput, strawberry.argument(description="Which, and how.")]
RotateSecretArgument = Annotated[RotateWebhookSecretInput | None, strawberry.argument(description="How.")]


async def webhook_endpoints(info: Info, first: First = None, after: After = None) -> WebhookEndpointConnection:
    whose, gateway = info.context.tenant(Scope.TENANT_ADMIN), info.context.gateway
    paging = Paging(first=first, after=after, last=None, before=None)
    window = paging.window(partial(could_be, ENDPOINT))
    page = await gateway.webhook_endpoints.page(whose.id, after=window.after, limit=window.limit)
    return WebhookEndpointConnection.of(page, paging, gateway.clock.now())


async def show_webhook_endpoint(info: Info, id: EndpointId) -> WebhookEndpoint | None:
    whose, gateway = info.context.tenant(Scope.TENANT_ADMIN), info.context.gateway
    try:
        return WebhookEndpoint.of(await gateway.webhook_endpoints.get(whose.id, endpoint_of(id)), gateway.clock.now())
    except NotFound:
        return None


async def webhook_secret(info: Info) -> WebhookSecret | None:
    whose, gateway = info.context.tenant(Scope.TENANT_ADMIN), info.context.gateway
    try:
        return WebhookSecret.of(await gateway.webhook_endpoints.secret(whose.id), gateway.clock.now())
    except NotFound:
        return None


async def create_webhook_endpoint(info: Info, input: CreateArgument) -> CreateWebhookEndpointPayload:  # noqa: A002  # GraphQL's name
    whose, hand, gateway = *_own(info), info.context.gateway
    try:
        made = await gateway.webhook_endpoints.create(whose, input.wish(), by=hand)
    except GatewayError as error:
        return create_refusal(error)
    return CreateWebhookEndpointSuccess(
        webhook_endpoint=WebhookEndpoint.of(made, gateway.clock.now()), signing_secret=_text(made)
    )


async def update_webhook_endpoint(info: Info, input: UpdateArgument) -> UpdateWebhookEndpointPayload:  # noqa: A002  # GraphQL's name
    whose, hand, gateway = *_own(info), info.context.gateway
    try:
        changed = await gateway.webhook_endpoints.update(whose, endpoint_of(input.id), input.wish(), by=hand)
    except GatewayError as error:
        return _change_refusal(error)
    return UpdateWebhookEndpointSuccess(webhook_endpoint=WebhookEndpoint.of(changed, gateway.clock.now()))


async def delete_webhook_endpoint(info: Info, input: DeleteArgument) -> DeleteWebhookEndpointPayload:  # noqa: A002  # GraphQL's name
    whose, hand, gateway = *_own(info), info.context.gateway
    try:
        gone = await gateway.webhook_endpoints.remove(whose, endpoint_of(input.id), by=hand)
    except GatewayError as error:
        return revoke_refusal(error)
    return DeleteWebhookEndpointSuccess(deleted_id=strawberry.ID(gone.endpoint.id))


async def rotate_webhook_endpoint_secret(info: Info, input: RotateArgument) -> RotateWebhookEndpointSecretPayload:  # noqa: A002  # GraphQL's name
    whose, hand, gateway = *_own(info), info.context.gateway
    id, keep_old = input.id, input.keep_old_secret_active
    try:
        changed = await gateway.webhook_endpoints.rotate(whose, endpoint_of(id), keep_old=keep_old, by=hand)
    except GatewayError as error:
        return revoke_refusal(error)
    return RotateWebhookEndpointSecretSuccess(
        webhook_endpoint=WebhookEndpoint.of(changed, gateway.clock.now()), signing_secret=_text(changed)
    )


async def rotate_webhook_secret(info: Info, input: RotateSecretArgument = None) -> RotateWebhookSecretPayload:  # noqa: A002  # GraphQL's name
    whose, hand, gateway = *_own(info), info.context.gateway
    keep_old = input is not None and input.keep_old_secret_active
    try:
        made = await gateway.webhook_endpoints.rotate_secret(whose, keep_old=keep_old, by=hand)
    except NotFound as error:
        return NotFoundError(message=error.detail, code=error.code)
    return RotateWebhookSecretSuccess(
        webhook_secret=WebhookSecret.of(made, gateway.clock.now()), signing_secret=made.current.reveal()
    )


def _change_refusal(error: GatewayError) -> InvalidInputError | ManagedByFileError | NotFoundError:
    return revoke_refusal(error) if isinstance(error, ManagedByFile) else create_refusal(error)


def endpoint_of(id: str) -> str:
    """An id that could be an endpoint's. Raises NotFound for any other, without asking the database."""
    if not could_be(ENDPOINT, id):
        raise NotFound("There is no such webhook endpoint")
    return id


def _own(info: Info) -> tuple[str, Hand]:
    return info.context.tenant(Scope.TENANT_ADMIN).id, hand_of(info.context.principal)


def _text(record: EndpointRecord) -> str:
    return "" if record.current is None else record.current.reveal()


def _ahead(until: Millis | None, now: Millis) -> Moment | None:
    return None if until is None or until <= now else Moment(until)
