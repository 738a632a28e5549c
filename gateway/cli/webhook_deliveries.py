"""``filmgate webhooks deliveries``, ``replay`` and ``test``: what was told, sending it again, and a sample."""

from typing import TYPE_CHECKING

import rich_click as click

from gateway.cli.connection import connect, connection_options
from gateway.cli.exits import ExitCode, Stop
from gateway.cli.keys import checked_moment
from gateway.cli.output import Format, output_option, show, show_all_json, show_json, tell
from schema.delivery import DeliveryState
from schema.event import EventType
from schema.ids import ENDPOINT, MESSAGE, VIDEO, could_be

if TYPE_CHECKING:
    from gateway.cli.client import Answer
    from gateway.cli.delivery_wire import WholeDelivery

_TYPES = click.Choice([type.value for type in EventType])


def _checked_whose(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if not could_be(ENDPOINT, value) and not could_be(VIDEO, value):
        raise click.BadParameter(f"write the id of a webhook endpoint ({ENDPOINT}…) or of a video ({VIDEO}…)")
    return value


def _checked_endpoint(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if not could_be(ENDPOINT, value):
        raise click.BadParameter(f"write the id of a webhook endpoint, {ENDPOINT}…")
    return value


def _checked_delivery(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not could_be(MESSAGE, value):
        raise click.BadParameter(f"write the id of a delivery, {MESSAGE}…")
    return value


_whose = click.argument("whose", metavar="ENDPOINT", callback=_checked_whose)


@click.command()
@_whose
@click.argument("delivery", required=False, callback=_checked_delivery)
@click.option("--state", type=click.Choice(list(DeliveryState)), help="Only those.")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--after", metavar="DELIVERY", callback=_checked_delivery, help="Only older ones.")
@connection_options
@output_option
def deliveries(
    whose: str,
    delivery: str | None,
    *,
    state: str | None,
    limit: int,
    after: str | None,
    url: str | None,
    api_key: str | None,
    output: Format,
) -> None:
    """List what ENDPOINT was told, newest first, or show one DELIVERY and its tries.

    A video in its place lists what the address that it was given was told.
    """
    from gateway.cli.delivery_views import deliveries_view
    from gateway.cli.delivery_wire import DeliveryPage, WholeDelivery

    client = connect(url, api_key)
    if delivery is not None:
        _show(client.ask(f"{_path(whose)}/{delivery}", WholeDelivery), output)
        return
    said = {"limit": str(limit), "state": state, "after": after}
    answer = client.ask(_path(whose), DeliveryPage, {name: value for name, value in said.items() if value is not None})
    if output is Format.TABLE:
        show(deliveries_view(answer.value))
    elif output is Format.JSON:
        show_json(answer.raw, output)
    else:
        show_all_json(answer.raw["data"], output)
    if answer.value.has_more and answer.value.last_id:
        tell(f"there are more: --after {answer.value.last_id}")


@click.command()
@_whose
@click.argument("delivery", required=False, callback=_checked_delivery)
@click.option("--since", metavar="TIME", callback=checked_moment, help="All of events since: 2027-01-31T00:00:00Z.")
@click.option("--event", "events", multiple=True, type=_TYPES, help="With --since: only of these. Repeatable.")
@click.option("--failed", is_flag=True, help="With --since: not what was delivered.")
@connection_options
@output_option
def replay(
    whose: str,
    delivery: str | None,
    *,
    since: int | None,
    events: tuple[str, ...],
    failed: bool,
    url: str | None,
    api_key: str | None,
    output: Format,
) -> None:
    """Send ENDPOINT one DELIVERY once more, or all --since a moment: each in its place, under its id."""
    from gateway.cli.delivery_wire import Replayed, WholeDelivery

    if (delivery is None) == (since is None):
        raise click.UsageError("name a delivery, or say --since")
    if since is None:
        if events or failed:
            raise click.UsageError("--event and --failed go with --since")
        _show(connect(url, api_key).act(f"{_path(whose)}/{delivery}/replay", WholeDelivery, {}), output)
        return
    if not could_be(ENDPOINT, whose):
        raise click.UsageError("--since goes with a webhook endpoint, not with a video")
    body = {"since": since, "event_types": list(events), "failed_only": failed}
    answer = connect(url, api_key).act(f"/v1/webhook_endpoints/{whose}/replay", Replayed, body)
    if output is Format.TABLE:
        show(f"{answer.value.count} on their way")
    else:
        show_json(answer.raw, output)


@click.command()
@click.argument("endpoint", callback=_checked_endpoint)
@click.option("--event", type=_TYPES, default=EventType.COMPLETED.value, show_default=True, help="Of the sample.")
@connection_options
@output_option
def test(endpoint: str, *, event: str, url: str | None, api_key: str | None, output: Format) -> None:
    """Send ENDPOINT a sample event now, signed; fails when it is not answered with 2xx."""
    from gateway.cli.delivery_views import tested_line
    from gateway.cli.delivery_wire import Tested

    path = f"/v1/webhook_endpoints/{endpoint}/test"
    answer = connect(url, api_key).act(path, Tested, {"event_type": event})
    if output is Format.TABLE:
        show(tested_line(answer.value))
    else:
        show_json(answer.raw, output)
    if not answer.value.success:
        raise Stop(ExitCode.FAILED)


def _path(whose: str) -> str:
    kind = "webhook_endpoints" if could_be(ENDPOINT, whose) else "videos"
    return f"/v1/{kind}/{whose}/deliveries"


def _show(answer: "Answer[WholeDelivery]", output: Format) -> None:
    from gateway.cli.delivery_views import delivery_view

    if output is Format.TABLE:
        show(delivery_view(answer.value))
    else:
        show_json(answer.raw, output)


COMMANDS = (deliveries, replay, test)
