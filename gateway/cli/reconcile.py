"""``filmgate reconcile``: what the accounts say they billed, against the ledger. For operators, over REST."""

from typing import Any

import rich_click as click

from gateway.cli.connection import connect, connection_options
from gateway.cli.exits import ExitCode, Stop
from gateway.cli.output import Format, columns, output_option, show, show_json, tell
from gateway.cli.wire import Difference, Reconciled

_DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command()
@click.option("--from", "since", type=_DAY, metavar="DAY", help="The first day, UTC.  [default: yesterday]")
@click.option("--to", "until", type=_DAY, metavar="DAY", help="The last day, included.  [default: today]")
@click.option("--account", metavar="NAME", help="Only this account.")
@connection_options
@output_option
def reconcile(url: str | None, api_key: str | None, output: Format, account: str | None, **span: Any) -> None:
    """Compare what accounts say they billed with the ledger. Exit code 1 when something is unexplained."""
    asked = {"from": _day(span["since"]), "to": _day(span["until"]), "account": account}
    params = {name: value for name, value in asked.items() if value is not None}
    answer = connect(url, api_key).reconciliation(params)
    found = answer.value
    if output is Format.TABLE:
        _told(found)
    else:
        show_json(answer.raw, output)
    if found.unexplained:
        raise Stop(ExitCode.FAILED, f"{found.unexplained} unexplained, {_span(found)}")
    tell(f"nothing unexplained, {_span(found)}, accounts: {', '.join(found.accounts) or 'none'}")


def _day(moment: Any) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%d}"


def _span(found: Reconciled) -> str:
    return found.first if found.first == found.last else f"{found.first} to {found.last}"


def _told(found: Reconciled) -> None:
    """A table of the differences, and one of what is still open; the attempts last, for they are many."""
    if found.differences:
        rows = [_row(one) for one in found.differences]
        show(columns([("DAY", "ACCOUNT", "CODE", "EXPECTED", "FOUND", "HINT", "ATTEMPTS"), *rows]))
    if found.open_suspense:
        waiting = [(one.day, one.account, str(one.credits), one.hint or "", one.attempt) for one in found.open_suspense]
        show(columns([("SENT", "ACCOUNT", "SUSPENSE", "HINT", "ATTEMPT"), *waiting]))


def _row(one: Difference) -> tuple[str, ...]:
    attempts = " ".join(one.explained_by or one.attempts)
    return (one.day, one.account, one.code, str(one.expected), str(one.found), one.hint or "", attempts)
