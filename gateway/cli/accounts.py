"""``filmgate accounts``: for operators, how the accounts are, and the hand on them."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import rich_click as click

from gateway.cli.account_setups import COMMANDS
from gateway.cli.connection import connect, connection_options
from gateway.cli.output import Format, output_option, show, show_all_json, show_json, tell

if TYPE_CHECKING:
    from gateway.cli.client import Client

_PATH = "/v1/admin/accounts"

_ID = re.compile(r"[A-Za-z0-9._~-]{1,64}")


def _checked_id(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if not _ID.fullmatch(value):
        raise click.BadParameter("an account's id is a name, such as veo-main")
    return value


_note_option = click.option("--note", default="", help="Why; kept with your key's name.")


@click.group()
def accounts() -> None:
    """Accounts: set them up, see how they are, pause and resume them. With --own your tenant's own."""


for command in COMMANDS:
    accounts.add_command(command)


@accounts.command("list")
@connection_options
@output_option
def list_(url: str | None, api_key: str | None, output: Format) -> None:
    """List every account, and how it is."""
    from gateway.cli.account_views import AccountList, accounts_view

    answer = connect(url, api_key).ask(_PATH, AccountList, {})
    if output is Format.JSON:
        show_json(answer.raw, output)
    elif output is Format.JSONL:
        show_all_json(answer.raw["data"], output)
    else:
        show(accounts_view(answer.value.data))


def _act(name: str, says: str) -> Callable[..., None]:
    @accounts.command(name, help=says)
    @click.argument("account", metavar="ID", callback=_checked_id)
    @_note_option
    @connection_options
    @output_option
    def act(account: str, *, note: str, url: str | None, api_key: str | None, output: Format) -> None:
        _do(connect(url, api_key), f"{account}/{name}", {"note": note}, output)

    return act


pause = _act("pause", "Give the account ID no more videos; those it has are watched to their ends.")
resume = _act("resume", "Give the account ID videos again.")
reset = _act("reset", "Forget the failures of the account ID: its circuit closes, its rest ends.")


@accounts.command("credits")
@click.argument("account", metavar="ID", callback=_checked_id)
@click.argument("credits_", metavar="N", type=click.IntRange(0))
@_note_option
@connection_options
@output_option
def credits_(account: str, *, credits_: int, note: str, url: str | None, api_key: str | None, output: Format) -> None:
    """Say that the account ID has N credits now, as its provider's own pages say."""
    _do(connect(url, api_key), f"{account}/credits", {"credits": credits_, "note": note}, output)


@accounts.command()
@click.option("--account", metavar="ID", help="Only those of this account.")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--after", metavar="ID", help="Go on behind this event.")
@connection_options
@output_option
def events(url: str | None, api_key: str | None, output: Format, **wanted: Any) -> None:
    """List what happened to accounts, newest first."""
    from gateway.cli.account_views import AccountEventPage, events_view

    params = {name: str(value) for name, value in wanted.items() if value is not None}
    answer = connect(url, api_key).ask(f"{_PATH}/events", AccountEventPage, params)
    if output is Format.JSON:
        show_json(answer.raw, output)
    elif output is Format.JSONL:
        show_all_json(answer.raw["data"], output)
    elif answer.value.data:
        show(events_view(answer.value.data))
    else:
        tell("no events")
    if answer.value.has_more and answer.value.last_id:
        tell(f"there are more: --after {answer.value.last_id}")


def _do(client: "Client", act: str, body: dict[str, Any], output: Format) -> None:
    from gateway.cli.account_views import AccountLine, accounts_view

    answer = client.act(f"{_PATH}/{act}", AccountLine, body)
    if output is Format.TABLE:
        show(accounts_view((answer.value,)))
    else:
        show_json(answer.raw, output)
