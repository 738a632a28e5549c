"""``filmgate ledger``: what your money did, entry by entry."""

import sys
from typing import Any

import rich_click as click

from gateway.cli.connection import connect, connection_options
from gateway.cli.ledger_verify import verify
from gateway.cli.output import Format, output_option, show, show_all_json, show_json, tell


@click.command()
@connection_options
@output_option
def balance(url: str | None, api_key: str | None, output: Format) -> None:
    """Show what you can spend, what is held and what was spent."""
    from gateway.cli.money_views import balance_view

    answer = connect(url, api_key).balance()
    if output is Format.TABLE:
        show(balance_view(answer.value))
    else:
        show_json(answer.raw, output)


@click.group()
def ledger() -> None:
    """See what your money did."""


ledger.add_command(verify)


@ledger.command("list")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--after", metavar="ID", help="Go on behind this entry.")
@click.option("--order", type=click.Choice(["asc", "desc"]), default="desc", show_default=True)
@connection_options
@output_option
def list_(url: str | None, api_key: str | None, output: Format, **wanted: Any) -> None:
    """List the entries, newest first."""
    from gateway.cli.money_views import ledger_view

    params = {name: str(value) for name, value in wanted.items() if value is not None}
    answer = connect(url, api_key).ledger(params)
    if output is Format.JSON:
        show_json(answer.raw, output)
    elif output is Format.JSONL:
        show_all_json(answer.raw["data"], output)
    elif answer.value.data:
        show(ledger_view(answer.value))
    else:
        tell("no entries")
    if answer.value.has_more and answer.value.last_id:
        tell(f"there are more: --after {answer.value.last_id}")


@ledger.command()
@connection_options
def export(url: str | None, api_key: str | None) -> None:
    """Print every entry as CSV, oldest first: a line a posting, amounts in millionths."""
    with connect(url, api_key).ledger_csv() as pieces:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
