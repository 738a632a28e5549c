"""What people read on a terminal about webhook endpoints."""

from gateway.cli.output import columns
from gateway.cli.views import moment
from gateway.cli.webhook_wire import WebhookEndpoint, WebhookEndpointPage, WebhookSecret


def endpoint_view(endpoint: WebhookEndpoint) -> str:
    """One fact a line; facts that are not known are left out."""
    managed = endpoint.managed_by if endpoint.source is None else f"{endpoint.managed_by} ({endpoint.source})"
    rows = (
        ("id", endpoint.id),
        ("url", endpoint.url),
        ("name", endpoint.name),
        ("events", ", ".join(endpoint.event_types) or "all"),
        ("secret", endpoint.signing_secret or endpoint.signing_secret_hint),
        ("old secret until", moment(endpoint.previous_secret_until)),
        ("disabled", moment(endpoint.disabled_at)),
        ("because", endpoint.disabled_reason),
        ("managed by", managed),
        ("created", moment(endpoint.created_at)),
        ("changed", moment(endpoint.updated_at)),
    )
    return columns((name, value) for name, value in rows if value)


def endpoints_view(page: WebhookEndpointPage) -> str:
    """One endpoint a line."""
    head = ("ID", "URL", "NAME", "EVENTS", "STATE", "BY")
    return columns([head, *map(_row, page.data)])


def secret_view(secret: WebhookSecret) -> str:
    rows = (
        ("secret", secret.signing_secret or secret.signing_secret_hint),
        ("version", str(secret.version)),
        ("old secret until", moment(secret.previous_secret_until)),
        ("since", moment(secret.created_at)),
    )
    return columns((name, value) for name, value in rows if value)


def _row(endpoint: WebhookEndpoint) -> tuple[str, ...]:
    state = "told" if endpoint.disabled_at is None else "disabled"
    events = ",".join(endpoint.event_types) or "all"
    return endpoint.id, endpoint.url, endpoint.name or "-", events, state, endpoint.managed_by
