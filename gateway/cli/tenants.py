"""``filmgate tenants``: for operators, tenants' money and routing policies."""

from typing import TYPE_CHECKING

import rich_click as click

from gateway.cli.connection import Command, connect, connection_options
from gateway.cli.exits import ExitCode, Stop
from gateway.cli.output import Format, output_option, show, show_json, tell
from gateway.cli.policies import id_argument, policy, whatif
from gateway.cli.tenancies import COMMANDS
from schema.clock import SystemClock
from schema.ids import Ids
from schema.money import parse_signed_micros

if TYPE_CHECKING:
    from gateway.cli.admin_wire import OperatorEntry
    from gateway.cli.client import Answer, Client
    from gateway.cli.wire import Balance


def _checked_money(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    try:
        parse_signed_micros(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return value


def _booking_options(command: Command) -> Command:
    """What a top-up and a correction are told alike: whose, how much, why, and under which key."""
    for option in (
        output_option,
        connection_options,
        click.option("--key", help="Idempotency key: with the same key it is booked once."),
        click.option("--note", default="", help="Why; the tenant sees it."),
        click.argument("amount", metavar="AMOUNT", callback=_checked_money),
        id_argument,
    ):
        command = option(command)
    return command


@click.group()
def tenants() -> None:
    """For operators: who the tenants are, their money and routing policies."""


for command in (*COMMANDS, policy, whatif):
    tenants.add_command(command)


@tenants.command("top-up")
@_booking_options
def top_up(
    tenant: str, amount: str, *, note: str, key: str | None, url: str | None, api_key: str | None, output: Format
) -> None:
    """Give the prepaid tenant ID money to spend, AMOUNT such as 20.00."""
    client = connect(url, api_key)
    _show(client, _book(client, tenant, "top-ups", {"amount": amount, "note": note}, key), output)


@tenants.command(context_settings={"ignore_unknown_options": True})
@_booking_options
def adjust(
    tenant: str, amount: str, *, note: str, key: str | None, url: str | None, api_key: str | None, output: Format
) -> None:
    """Correct the balance of the prepaid tenant ID by AMOUNT; -1.50 takes, never more than is available."""
    client = connect(url, api_key)
    _show(client, _book(client, tenant, "adjustments", {"amount": amount, "note": note}, key), output)


@tenants.command()
@id_argument
@connection_options
@output_option
def balance(tenant: str, url: str | None, api_key: str | None, output: Format) -> None:
    """Show what the tenant ID can spend, what is held and what was spent."""
    from gateway.cli.money_views import balance_view

    answer = _balance(connect(url, api_key), tenant)
    if output is Format.TABLE:
        show(balance_view(answer.value))
    else:
        show_json(answer.raw, output)


def _balance(client: "Client", tenant: str) -> "Answer[Balance]":
    from gateway.cli.wire import Balance

    return client.ask(f"/v1/admin/tenants/{tenant}/balance", Balance)


def _book(client: "Client", tenant: str, what: str, body: dict[str, str], key: str | None) -> "Answer[OperatorEntry]":
    """Book under a key of its own, and name that key when nobody knows whether it was booked."""
    from gateway.cli.admin_wire import OperatorEntry

    key = key or Ids().make("cli_", SystemClock().now())
    try:
        return client.act(f"/v1/admin/tenants/{tenant}/{what}", OperatorEntry, body, key=key)
    except Stop as stop:
        if stop.code is ExitCode.TRY_AGAIN:
            stop.message += f"\n  to try again without booking it twice, add --key {key}"
        raise


def _show(client: "Client", answer: "Answer[OperatorEntry]", output: Format) -> None:
    from gateway.cli.admin_views import entry_view

    if answer.replayed:
        tell("already booked: the same key was used before")
    if output is Format.TABLE:
        show(entry_view(answer.value, _balance_after(client, answer.value.tenant)))
    else:
        show_json(answer.raw, output)


def _balance_after(client: "Client", tenant: str) -> "Balance | None":
    """What the tenant has now; an entry that is booked is shown all the same when nobody tells."""
    try:
        return _balance(client, tenant).value
    except Stop as stop:
        tell(f"booked; the balance is not known: {stop.message}")
        return None
