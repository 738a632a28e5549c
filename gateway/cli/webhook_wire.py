"""What the gateway answers about webhook endpoints, as far as the command line reads it."""

import msgspec


class WebhookEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint, and its secret when that was made just now; moments in seconds since the epoch."""

    id: str
    url: str
    created_at: int
    updated_at: int
    name: str = ""
    event_types: tuple[str, ...] = ()
    signing_secret_hint: str | None = None
    previous_secret_until: int | None = None
    disabled_at: int | None = None
    disabled_reason: str | None = None
    managed_by: str = ""
    source: str | None = None
    signing_secret: str | None = None


class WebhookEndpointPage(msgspec.Struct, frozen=True):
    """Some endpoints, newest first, and whether there are older ones than ``last_id``."""

    data: tuple[WebhookEndpoint, ...]
    has_more: bool = False
    last_id: str | None = None


class WebhookSecret(msgspec.Struct, frozen=True, kw_only=True):
    """The secret for addresses that are given video by video, with its text when it was made just now."""

    version: int
    created_at: int
    signing_secret_hint: str
    previous_secret_until: int | None = None
    signing_secret: str | None = None


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint that is gone."""

    id: str
