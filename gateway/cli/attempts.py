"""``filmgate attempts``: for operators, attempts whose outcome nobody knows, and what becomes of them."""

import re
import sys
from typing import TYPE_CHECKING, Any

import rich_click as click

from gateway.cli.connection import connect, connection_options
from gateway.cli.exits import ExitCode, Stop
from gateway.cli.output import Format, output_option, plain, show, show_all_json, show_json, tell

if TYPE_CHECKING:
    from gateway.cli.admin_wire import Resolution
    from gateway.cli.client import Answer

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def _checked_id(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if not _ID.fullmatch(value):
        raise click.BadParameter("an id is letters, digits and underscores, such as att_01k…")
    return value


_id_argument = click.argument("attempt", metavar="ID", callback=_checked_id)
_note_option = click.option("--note", default="", help="How you know; kept with your key's name.")
_yes_option = click.option("--yes", is_flag=True, help="Do not ask; a script must say it.")


@click.group()
def attempts() -> None:
    """For operators: resolve attempts whose outcome nobody knows."""


@attempts.command()
@click.option("--account", metavar="ID", help="Only those at this account.")
@click.option("--tenant", metavar="ID", help="Only those of this tenant.")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--after", metavar="ID", help="Go on behind this attempt.")
@connection_options
@output_option
def unknown(url: str | None, api_key: str | None, output: Format, **wanted: Any) -> None:
    """List them, oldest first, with what helps to find them in the provider's books."""
    from gateway.cli.admin_views import unknown_view
    from gateway.cli.admin_wire import UnknownAttemptPage

    params = {name: str(value) for name, value in wanted.items() if value is not None}
    answer = connect(url, api_key).ask("/v1/admin/attempts", UnknownAttemptPage, {"state": "unknown", **params})
    if output is Format.JSON:
        show_json(answer.raw, output)
    elif output is Format.JSONL:
        show_all_json(answer.raw["data"], output)
    elif answer.value.data:
        show(unknown_view(answer.value))
    else:
        tell("no unknown attempts")
    if answer.value.has_more and answer.value.last_id:
        tell(f"there are more: --after {answer.value.last_id}")


@attempts.command()
@_id_argument
@click.argument("ref", metavar="REF")
@_note_option
@_yes_option
@connection_options
@output_option
def bind(attempt: str, ref: str, *, note: str, yes: bool, url: str | None, api_key: str | None, output: Format) -> None:
    """Say that REF is the provider's job for the attempt ID: it is watched to its end."""
    from gateway.cli.admin_wire import Resolution

    client = connect(url, api_key)
    if not yes:
        _confirm(f"{attempt} is the provider's job {plain(ref)}")
    path, body = f"/v1/admin/attempts/{attempt}/bind", {"ref": ref, "note": note}
    _show(client.act(path, Resolution, body), output)


@attempts.command()
@_id_argument
@click.option("--credits", type=click.IntRange(0), default=0, show_default=True, help="What was billed all the same.")
@_note_option
@_yes_option
@connection_options
@output_option
def void(
    attempt: str,
    *,
    credits: int,
    note: str,
    yes: bool,
    url: str | None,
    api_key: str | None,
    output: Format,
) -> None:
    """Say that the attempt ID was never made, or gave nothing. A video that waits for it fails."""
    from gateway.cli.admin_wire import Resolution

    client = connect(url, api_key)
    if not yes:
        cost = f"it cost {credits} credits" if credits else "it cost nothing"
        _confirm(f"{attempt} gave nothing, and {cost}")
    path, body = f"/v1/admin/attempts/{attempt}/void", {"credits": credits, "note": note}
    _show(client.act(path, Resolution, body), output)


def _confirm(statement: str) -> None:
    """Ask on a terminal. Where nobody can answer, what is for ever must have been meant."""
    if not sys.stdin.isatty():
        raise click.UsageError(f"{statement}: this is for ever. Nobody can be asked here; say --yes")
    if not click.confirm(f"{statement}: this is for ever. Go on?", err=True):
        raise Stop(ExitCode.FAILED, "nothing was changed")


def _show(answer: "Answer[Resolution]", output: Format) -> None:
    from gateway.cli.admin_views import resolution_view

    if output is Format.TABLE:
        show(resolution_view(answer.value))
    else:
        show_json(answer.raw, output)
