"""Webhook endpoints as callers write and read them: OpenAI's object, with what is ours beside it."""

from typing import Annotated, Literal

import msgspec

from gateway.policy.egress import MAX_URL
from gateway.rest.admin import seconds
from gateway.rest.views import Moment, Text
from gateway.services.webhook_endpoints import EndpointPage
from schema.clock import Millis
from schema.endpoint import MAX_NAME, EndpointRecord, EndpointWish, TenantSecret, hint
from schema.event import EventType
from schema.ids import ENDPOINT, pattern
from schema.ownership import ManagedBy

_EndpointId = Annotated[str, msgspec.Meta(pattern=pattern(ENDPOINT), max_length=30)]
_Url = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_URL, examples=["https://app.example.com/webhooks"])]
_Name = Annotated[str, msgspec.Meta(max_length=MAX_NAME, examples=["production"])]
_Types = Annotated[tuple[EventType, ...], msgspec.Meta(max_length=64)]
_Hint = Annotated[str, msgspec.Meta(max_length=16, examples=["whsec_…Zk0="])]
_Secret = Annotated[str, msgspec.Meta(max_length=128)]
_Count = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]


class CreateWebhookEndpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An endpoint to be made.

    Attributes:
        url: where events are to be sent.
        name: what it is for.
        event_types: which it is told of; all when empty.
    """

    url: _Url
    name: _Name = ""
    event_types: _Types = ()


class UpdateWebhookEndpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes of an endpoint: what is left out stays, a list is replaced whole.

    Attributes:
        event_types: all when empty.
        disabled: it is told nothing; what waits for it is skipped.
    """

    url: _Url | msgspec.UnsetType = msgspec.UNSET
    name: _Name | msgspec.UnsetType = msgspec.UNSET
    event_types: _Types | msgspec.UnsetType = msgspec.UNSET
    disabled: bool | msgspec.UnsetType = msgspec.UNSET


class RotateWebhookSecret(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a secret is to be rotated.

    Attributes:
        keep_old_secret_active_for_24_hours: the old one signs too for a while (`webhooks.secret_overlap_seconds`, a day
            unless the operator says otherwise), so that receivers can be changed without a gap.
    """

    keep_old_secret_active_for_24_hours: bool = False


class WebhookEndpointView(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook endpoint: everything but its secret.

    Attributes:
        created_at: seconds since the Unix epoch, as all moments here.
        updated_at: when it, or its secret, was last changed.
        event_types: which it is told of; all when empty.
        signing_secret_hint: the end of its secret.
        previous_secret_until: so long the secret before signs too; null when it signs alone.
        disabled: it is told nothing.
        disabled_reason: why, in words for people.
        managed_by: where it is changed: in the configuration `file` alone, or by `api`.
        source: the name of that file.
    """

    id: _EndpointId
    object: Literal["webhook_endpoint"] = "webhook_endpoint"
    created_at: Moment
    updated_at: Moment
    name: Text
    url: Text
    event_types: _Types
    signing_secret_hint: _Hint | None
    previous_secret_until: Moment | None
    disabled: bool
    disabled_at: Moment | None
    disabled_reason: Text | None
    managed_by: ManagedBy
    source: Text | None


class WebhookEndpointWithSecretView(WebhookEndpointView, frozen=True, kw_only=True):
    """A webhook endpoint whose secret was made just now.

    Attributes:
        signing_secret: signs what it is told. Keep it: it is shown this once, and nobody can tell it again.
    """

    signing_secret: _Secret


class WebhookEndpointPageView(msgspec.Struct, frozen=True, kw_only=True):
    """Some webhook endpoints, newest first.

    Attributes:
        last_id: give it as `after` to see older ones.
    """

    object: Literal["list"] = "list"
    data: Annotated[tuple[WebhookEndpointView, ...], msgspec.Meta(max_length=100)]
    first_id: _EndpointId | None
    last_id: _EndpointId | None
    has_more: bool


class DeletedWebhookEndpointView(msgspec.Struct, frozen=True, kw_only=True):
    """The endpoint is gone."""

    id: _EndpointId
    object: Literal["webhook_endpoint.deleted"] = "webhook_endpoint.deleted"
    deleted: bool = True


class WebhookEventTypesView(msgspec.Struct, frozen=True, kw_only=True):
    """What endpoints can be told of."""

    object: Literal["list"] = "list"
    data: _Types = tuple(EventType)


class WebhookSecretView(msgspec.Struct, frozen=True, kw_only=True):
    """The secret that signs for addresses that are given video by video (`webhook_url`).

    Attributes:
        version: how many there were.
        previous_secret_until: so long the secret before signs too; null when it signs alone.
    """

    object: Literal["webhook_secret"] = "webhook_secret"
    version: _Count
    created_at: Moment
    signing_secret_hint: _Hint
    previous_secret_until: Moment | None


class MadeWebhookSecretView(WebhookSecretView, frozen=True, kw_only=True):
    """The secret, made just now.

    Attributes:
        signing_secret: keep it: it is shown this once, and nobody can tell it again.
    """

    signing_secret: _Secret


def created(wanted: CreateWebhookEndpoint) -> EndpointWish:
    return EndpointWish(url=wanted.url, name=wanted.name, events=wanted.event_types)


def updated(wanted: UpdateWebhookEndpoint) -> EndpointWish:
    return EndpointWish(url=wanted.url, name=wanted.name, events=wanted.event_types, disabled=wanted.disabled)


def endpoint_view(record: EndpointRecord, now: Millis) -> WebhookEndpointView:
    endpoint, owned, current = record.endpoint, record.ownership, record.current
    return WebhookEndpointView(
        id=endpoint.id,
        created_at=owned.created_at // 1000,
        updated_at=owned.updated_at // 1000,
        name=endpoint.name,
        url=endpoint.url,
        event_types=endpoint.events,
        signing_secret_hint=None if current is None else hint(current),
        previous_secret_until=_ahead(endpoint.previous_until, now),
        disabled=endpoint.disabled_at is not None,
        disabled_at=seconds(endpoint.disabled_at),
        disabled_reason=endpoint.disabled_reason,
        managed_by=owned.managed_by,
        source=owned.source,
    )


def with_secret(record: EndpointRecord, now: Millis) -> WebhookEndpointWithSecretView:
    secret = "" if record.current is None else record.current.reveal()
    return WebhookEndpointWithSecretView(
        **msgspec.structs.asdict(endpoint_view(record, now)),
        signing_secret=secret,
    )


def endpoint_page(page: EndpointPage, now: Millis) -> WebhookEndpointPageView:
    data = tuple([endpoint_view(record, now) for record in page.records])
    first, last = (data[0].id, data[-1].id) if data else (None, None)
    return WebhookEndpointPageView(data=data, first_id=first, last_id=last, has_more=page.more)


def secret_view(secret: TenantSecret, now: Millis) -> WebhookSecretView:
    return WebhookSecretView(
        version=secret.version,
        created_at=secret.at // 1000,
        signing_secret_hint=hint(secret.current),
        previous_secret_until=_ahead(secret.previous_until, now),
    )


def made_secret_view(secret: TenantSecret, now: Millis) -> MadeWebhookSecretView:
    shown = msgspec.structs.asdict(secret_view(secret, now))
    return MadeWebhookSecretView(**shown, signing_secret=secret.current.reveal())


def _ahead(until: Millis | None, now: Millis) -> int | None:
    return None if until is None or until <= now else until // 1000
