"""``filmgate webhooks create|list|get|update|delete|rotate-secret|secret``: endpoints, and what signs for them."""

import re
from typing import TYPE_CHECKING, Any

import rich_click as click

from gateway.cli.connection import connect, connection_options
from gateway.cli.output import Format, output_option, show, show_all_json, show_json, tell
from schema.event import EventType

if TYPE_CHECKING:
    from gateway.cli.client import Answer
    from gateway.cli.webhook_wire import WebhookEndpoint

_PATH = "/v1/webhook_endpoints"
_SECRET = "/v1/webhook_secret"  # noqa: S105 - a path
_TYPES = [type.value for type in EventType]
_ID = re.compile(r"[A-Za-z0-9_]{1,64}")


def checked_id(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _ID.fullmatch(value):
        raise click.BadParameter("an id is letters, digits and underscores, such as whe_…")
    return value


id_argument = click.argument("endpoint", metavar="ID", callback=checked_id)
_events_option = click.option(
    "--event", "events", multiple=True, type=click.Choice(_TYPES), help="What it is told of; all unless said."
)
_keep_option = click.option(
    "--keep-old", is_flag=True, help="The old one signs too for a while, a day unless the operator says otherwise."
)


@click.command()
@click.argument("url_of_yours", metavar="ADDRESS")
@click.option("--name", default="", help="What it is for.")
@_events_option
@connection_options
@output_option
def create(
    url_of_yours: str, *, name: str, events: tuple[str, ...], url: str | None, api_key: str | None, output: Format
) -> None:
    """Make an endpoint at ADDRESS and print its signing secret, this once."""
    from gateway.cli.webhook_wire import WebhookEndpoint

    body = {"url": url_of_yours, "name": name, "event_types": list(events)}
    _show(connect(url, api_key).do("POST", _PATH, WebhookEndpoint, body), output)


@click.command("list")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--after", metavar="ID", callback=checked_id, help="Only older ones.")
@connection_options
@output_option
def list_(*, limit: int, after: str | None, url: str | None, api_key: str | None, output: Format) -> None:
    """List endpoints, newest first."""
    from gateway.cli.webhook_views import endpoints_view
    from gateway.cli.webhook_wire import WebhookEndpointPage

    params = {"limit": str(limit), **({} if after is None else {"after": after})}
    answer = connect(url, api_key).ask(_PATH, WebhookEndpointPage, params)
    if output is Format.TABLE:
        show(endpoints_view(answer.value))
    elif output is Format.JSON:
        show_json(answer.raw, output)
    else:
        show_all_json(answer.raw["data"], output)
    if answer.value.has_more and answer.value.last_id:
        tell(f"there are more: --after {answer.value.last_id}")


@click.command()
@id_argument
@connection_options
@output_option
def get(endpoint: str, *, url: str | None, api_key: str | None, output: Format) -> None:
    """Show the endpoint ID."""
    from gateway.cli.webhook_wire import WebhookEndpoint

    _show(connect(url, api_key).ask(f"{_PATH}/{endpoint}", WebhookEndpoint), output)


@click.command()
@id_argument
@click.option("--address", metavar="ADDRESS", help="Where events are to be sent.")
@click.option("--name", help="What it is for.")
@_events_option
@click.option("--all-events", is_flag=True, help="It is told of everything.")
@click.option("--disable/--enable", "disabled", default=None, help="It is to be told nothing, or told again.")
@connection_options
@output_option
def update(
    endpoint: str,
    *,
    address: str | None,
    name: str | None,
    events: tuple[str, ...],
    all_events: bool,
    disabled: bool | None,
    url: str | None,
    api_key: str | None,
    output: Format,
) -> None:
    """Change the endpoint ID; what is not said stays, and --event replaces all that were."""
    from gateway.cli.webhook_wire import WebhookEndpoint

    if events and all_events:
        raise click.UsageError("say --event or --all-events, not both")
    told = list(events) if events or all_events else None
    said: dict[str, Any] = {"url": address, "name": name, "event_types": told, "disabled": disabled}
    body = {field: value for field, value in said.items() if value is not None}
    if not body:
        raise click.UsageError("say what to change, such as --address or --event; --help lists it")
    _show(connect(url, api_key).do("POST", f"{_PATH}/{endpoint}", WebhookEndpoint, body), output)


@click.command()
@id_argument
@connection_options
@output_option
def delete(endpoint: str, *, url: str | None, api_key: str | None, output: Format) -> None:
    """Remove the endpoint ID: it is told nothing more."""
    from gateway.cli.webhook_wire import Deleted

    answer = connect(url, api_key).do("DELETE", f"{_PATH}/{endpoint}", Deleted)
    if output is Format.TABLE:
        tell(f"{answer.value.id} is gone")
    else:
        show_json(answer.raw, output)


@click.command("rotate-secret")
@click.argument("endpoint", metavar="[ID]", required=False, callback=checked_id)
@_keep_option
@connection_options
@output_option
def rotate_secret(
    endpoint: str | None, *, keep_old: bool, url: str | None, api_key: str | None, output: Format
) -> None:
    """Give the endpoint ID another secret and print it, this once; without ID, what signs for videos' own addresses."""
    from gateway.cli.webhook_views import secret_view
    from gateway.cli.webhook_wire import WebhookEndpoint, WebhookSecret

    body, client = {"keep_old_secret_active_for_24_hours": keep_old}, connect(url, api_key)
    if endpoint is not None:
        _show(client.do("POST", f"{_PATH}/{endpoint}/rotate_secret", WebhookEndpoint, body), output)
        return
    answer = client.do("POST", f"{_SECRET}/rotate", WebhookSecret, body)
    if output is Format.TABLE:
        show(secret_view(answer.value))
    else:
        show_json(answer.raw, output)
    tell("keep the secret: nobody can show it again")


@click.command()
@connection_options
@output_option
def secret(*, url: str | None, api_key: str | None, output: Format) -> None:
    """Show what signs for addresses that are given video by video, without its text."""
    from gateway.cli.webhook_views import secret_view
    from gateway.cli.webhook_wire import WebhookSecret

    answer = connect(url, api_key).ask(_SECRET, WebhookSecret)
    if output is Format.TABLE:
        show(secret_view(answer.value))
    else:
        show_json(answer.raw, output)


def _show(answer: "Answer[WebhookEndpoint]", output: Format) -> None:
    from gateway.cli.webhook_views import endpoint_view

    if output is Format.TABLE:
        show(endpoint_view(answer.value))
    else:
        show_json(answer.raw, output)
    if answer.value.signing_secret is not None:
        tell("keep the secret: nobody can show it again")


COMMANDS = (create, list_, get, update, delete, rotate_secret, secret)
