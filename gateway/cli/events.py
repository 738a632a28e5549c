"""``filmgate events``: what happened to a tenant, and what happens now."""

from typing import TYPE_CHECKING, Any

import msgspec
import rich_click as click

from gateway.cli.connection import connect, connection_options
from gateway.cli.exits import ExitCode, Stop
from gateway.cli.output import Format, columns, output_option, plain, show, show_all_json, show_json, tell
from gateway.cli.views import moment

if TYPE_CHECKING:
    from gateway.cli.following import Follower

_PATH = "/v1/events"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened."""

    id: str
    type: str
    created_at: int
    data: dict[str, Any]


class Page(msgspec.Struct, frozen=True):
    """Some events, newest first, and whether there are others behind ``last_id``."""

    data: tuple[Event, ...]
    has_more: bool = False
    last_id: str | None = None


_types = click.option("--type", "types", multiple=True, metavar="TYPE", help="Only this type; may be given again.")


@click.group()
def events() -> None:
    """What happens to your videos and accounts."""


@events.command("list")
@_types
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--after", metavar="ID", help="Go on behind this event.")
@connection_options
@output_option
def list_(
    *, types: tuple[str, ...], limit: int, after: str | None, url: str | None, api_key: str | None, output: Format
) -> None:
    """List what happened, newest first."""
    answer = connect(url, api_key).ask(_PATH, Page, {"limit": str(limit), **_params(types, after)})
    if output is Format.JSON:
        show_json(answer.raw, output)
    elif output is Format.JSONL:
        show_all_json(answer.raw["data"], output)
    else:
        show(columns([("WHEN", "WHAT", "ABOUT", "STATE", "ID"), *map(_row, answer.value.data)]))
    if answer.value.has_more and answer.value.last_id:
        tell(f"there are more: --after {answer.value.last_id}")


@events.command()
@click.argument("video", required=False)
@_types
@click.option("--after", metavar="ID", help="Begin behind this event; start is before the oldest one that is kept.")
@connection_options
@output_option
def follow(
    *,
    video: str | None,
    types: tuple[str, ...],
    after: str | None,
    url: str | None,
    api_key: str | None,
    output: Format,
) -> None:
    """Print what happens as it happens: to VIDEO until it has ended, or all of it until Ctrl-C."""
    if video is not None and types:
        raise Stop(ExitCode.USAGE, "--type chooses among all events; those of a video are told all")
    from gateway.cli.following import Follower

    path = _PATH if video is None else f"/v1/videos/{video}/events"
    follower = Follower(connect(url, api_key), path, _params(types, None), after)
    try:
        _print(follower, output)
    except KeyboardInterrupt:
        again = f" Go on: filmgate events follow --after {follower.last}" if follower.last else ""
        raise Stop(ExitCode.INTERRUPTED, f"nobody is followed any more.{again}") from None


def _print(follower: "Follower", output: Format) -> None:
    for raw in follower.follow():
        if output is Format.TABLE:
            show(plain("  ".join(_row(msgspec.convert(raw, Event)))))
        else:
            show_json(raw, Format.JSONL)


def _params(types: tuple[str, ...], after: str | None) -> dict[str, str]:
    return {**({"types": ",".join(types)} if types else {}), **({"after": after} if after else {})}


def _row(event: Event) -> tuple[str, ...]:
    about, data = str(event.data.get("id", "-")), event.data
    state = data.get("status", "-")
    percent = f" {data['progress']}%" if "progress" in data else ""
    return (moment(event.created_at) or "", event.type, about, f"{state}{percent}", event.id)
