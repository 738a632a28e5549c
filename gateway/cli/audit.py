"""``filmgate audit``: who changed what, and when; for operators, or with ``--own`` a tenant's part of it."""

import sys
from datetime import UTC, datetime
from typing import Any

import msgspec
import rich_click as click

from gateway.cli.connection import Command, connect, connection_options
from gateway.cli.output import Format, columns, output_option, show, show_all_json, show_json, tell
from gateway.cli.views import moment

_PATH = "/v1/admin/audit"
_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One change."""

    id: str
    created_at: int
    actor: str
    action: str
    subject: str
    tenant: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    request_id: str | None = None


class Page(msgspec.Struct, frozen=True):
    """Some changes, newest first, and whether there are others behind ``last_id``."""

    data: tuple[Entry, ...]
    has_more: bool = False
    last_id: str | None = None


def _filters(command: Command) -> Command:
    """Which entries, which the command gets as ``wanted``."""
    for option in (
        click.option("--tenant", metavar="ID", help="Only what is this tenant's."),
        click.option("--subject", metavar="ID", help="Only what was done to this thing."),
        click.option("--action", metavar="WORD", help="Only actions that begin so, such as account."),
        click.option("--since", type=_MOMENT, help="Not earlier, UTC."),
        click.option("--until", type=_MOMENT, help="Earlier than this, UTC."),
    ):
        command = option(command)
    return command


@click.group()
def audit() -> None:
    """Who changed what, and when."""


@audit.command("list")
@_filters
@click.option("--own", is_flag=True, help="Your tenant's own part, not all of it.")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--after", metavar="ID", help="Go on behind this entry.")
@connection_options
@output_option
def list_(*, own: bool, url: str | None, api_key: str | None, output: Format, **wanted: Any) -> None:
    """List the changes, newest first."""
    path = "/v1/audit" if own else _PATH
    answer = connect(url, api_key).ask(path, Page, _params(wanted))
    if output is Format.JSON:
        show_json(answer.raw, output)
    elif output is Format.JSONL:
        show_all_json(answer.raw["data"], output)
    else:
        show(columns([("WHEN", "WHO", "WHAT", "TENANT", "SUBJECT", "CHANGED"), *map(_row, answer.value.data)]))
    if answer.value.has_more and answer.value.last_id:
        tell(f"there are more: --after {answer.value.last_id}")


@audit.command()
@_filters
@connection_options
def export(*, url: str | None, api_key: str | None, **wanted: Any) -> None:
    """Print every change, the oldest first, one JSON object a line."""
    with connect(url, api_key).lines(f"{_PATH}/export", _params(wanted)) as pieces:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def _params(wanted: dict[str, Any]) -> dict[str, str]:
    return {name: _param(value) for name, value in wanted.items() if value is not None}


def _param(value: Any) -> str:
    return str(int(value.replace(tzinfo=UTC).timestamp())) if isinstance(value, datetime) else str(value)


def _row(entry: Entry) -> tuple[str, ...]:
    before, after = entry.before or {}, entry.after or {}
    changed = ", ".join(dict.fromkeys([*before, *after]))
    return (
        moment(entry.created_at) or "",
        entry.actor,
        entry.action,
        entry.tenant or "-",
        entry.subject,
        changed or "-",
    )
