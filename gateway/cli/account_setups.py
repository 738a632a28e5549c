"""``filmgate accounts add``, ``update``, ``remove`` …: accounts set up, by the operator, or each tenant's own."""

from typing import TYPE_CHECKING, Any

import msgspec
import rich_click as click

from gateway.cli.connection import Command, connect, connection_options
from gateway.cli.output import Format, output_option, show, show_all_json, show_json, tell
from gateway.cli.secret_input import secret_from, secrets_from

if TYPE_CHECKING:
    from gateway.cli.client import Answer
    from gateway.cli.setup_wire import AccountSetup

_FIELDS = ("base_url", "price_per_credit", "plan", "sandbox")
_LIMITS = ("per_minute", "concurrent", "per_day")
_NUMBER = click.IntRange(1)

id_argument = click.argument("account", metavar="ID")
own_option = click.option("--own", is_flag=True, help="One of your tenant's own, not the operator's.")
_expect_option = click.option(
    "--expect", type=click.IntRange(min=1), metavar="VERSION", help="The version you change; else the current one."
)


def _checked_options(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals:
            raise click.BadParameter("write NAME=VALUE")
        try:
            found[name.strip()] = msgspec.json.decode(text)
        except msgspec.DecodeError:
            found[name.strip()] = text
    return found


def _setup_options(command: Command) -> Command:
    """How an account is set up, which the command gets as ``wanted``."""
    for option in (
        click.option("--base-url", help="Where the provider is, if not where it usually is."),
        click.option(
            "--price-per-credit", help='Decimal text; of your own account what you are charged, "0" for nothing.'
        ),
        click.option("--plan", help="Of the provider's plans, for its limits."),
        click.option("--per-minute", type=_NUMBER, help="Requests a minute."),
        click.option("--concurrent", type=_NUMBER, help="Videos at once."),
        click.option("--per-day", type=_NUMBER, help="Requests a day."),
        click.option(
            "--option",
            "options",
            multiple=True,
            metavar="NAME=VALUE",
            callback=_checked_options,
            help="One of the provider's own settings; VALUE is JSON, or text.",
        ),
        click.option("--sandbox/--no-sandbox", default=None, help="Only test tenants reach it."),
    ):
        command = option(command)
    return command


def _setup(wanted: dict[str, Any]) -> dict[str, Any]:
    document = {name: wanted[name] for name in _FIELDS if wanted[name] is not None}
    limits = {name: wanted[name] for name in _LIMITS if wanted[name] is not None}
    return {
        **document,
        **({"limits": limits} if limits else {}),
        **({"options": wanted["options"]} if wanted["options"] else {}),
    }


@click.command("setups")
@own_option
@connection_options
@output_option
def setups(*, own: bool, url: str | None, api_key: str | None, output: Format) -> None:
    """List how accounts are set up."""
    from gateway.cli.setup_views import setups_view
    from gateway.cli.setup_wire import AccountSetups

    path = "/v1/accounts" if own else "/v1/admin/accounts/setups"
    answer = connect(url, api_key).ask(path, AccountSetups, {})
    if output is Format.TABLE:
        show(setups_view(answer.value.data))
    elif output is Format.JSON:
        show_json(answer.raw, output)
    else:
        show_all_json(answer.raw["data"], output)


@click.command()
@id_argument
@click.option("--provider", required=True, help="The provider it is with.")
@_setup_options
@click.option(
    "--credential-env", metavar="NAME", help="The variable that holds the provider's API key; else it is asked."
)
@own_option
@connection_options
@output_option
def add(
    account: str,
    *,
    provider: str,
    credential_env: str | None,
    own: bool,
    url: str | None,
    api_key: str | None,
    output: Format,
    **wanted: Any,
) -> None:
    """Set up the account ID. Its credential is asked for, read from standard input, or from a variable."""
    from gateway.cli.setup_wire import AccountSetup

    client = connect(url, api_key)
    credential = secret_from(credential_env, "Credential")
    document = {"id": account, "provider": provider, "credential": credential, **_setup(wanted)}
    _show(client.act(_path(own), AccountSetup, document), output)


@click.command()
@id_argument
@_setup_options
@_expect_option
@own_option
@connection_options
@output_option
def update(
    account: str,
    *,
    expect: int | None,
    own: bool,
    url: str | None,
    api_key: str | None,
    output: Format,
    **wanted: Any,
) -> None:
    """Change how the account ID is set up; what is not said stays as it is."""
    from gateway.cli.setup_wire import AccountSetup

    changes = _setup(wanted)
    if not changes:
        raise click.UsageError("say what to change, such as --price-per-credit 0.20")
    client, path = connect(url, api_key), f"{_path(own)}/{account}"
    version = expect or client.ask(path, AccountSetup).value.version
    _show(client.revise("PATCH", path, AccountSetup, changes, version=version), output)


@click.command()
@id_argument
@_expect_option
@own_option
@connection_options
@output_option
def remove(
    account: str, *, expect: int | None, own: bool, url: str | None, api_key: str | None, output: Format
) -> None:
    """Remove the account ID: it gets no more videos, those it has are watched to their ends."""
    from gateway.cli.setup_wire import AccountSetup

    client, path = connect(url, api_key), f"{_path(own)}/{account}"
    version = expect or client.ask(path, AccountSetup).value.version
    _show(client.revise("DELETE", path, AccountSetup, {}, version=version), output)
    tell(f"{account} is removed")


@click.command()
@id_argument
@click.option(
    "--credential-env", metavar="NAME", help="The variable that holds the provider's API key; else it is asked."
)
@own_option
@connection_options
@output_option
def credential(
    account: str, *, credential_env: str | None, own: bool, url: str | None, api_key: str | None, output: Format
) -> None:
    """Give the account ID another credential: asked for, read from standard input, or from a variable."""
    from gateway.cli.setup_wire import AccountSetup

    client = connect(url, api_key)
    body = {"credential": secret_from(credential_env, "Credential")}
    _show(client.act(f"{_path(own)}/{account}/credential", AccountSetup, body), output)


@click.command("webhook-secrets")
@id_argument
@click.option("--secret-env", metavar="NAME", multiple=True, help="A variable that holds one; the current one first.")
@click.option(
    "--overlap",
    type=click.IntRange(min=0),
    metavar="SECONDS",
    help="How long those that are replaced are taken still: a day unless said; 0 ends them at once.",
)
@own_option
@connection_options
@output_option
def webhook_secrets(
    account: str,
    *,
    secret_env: tuple[str, ...],
    overlap: int | None,
    own: bool,
    url: str | None,
    api_key: str | None,
    output: Format,
) -> None:
    """Give the account ID other webhook secrets, the current one first: asked for, one a line, or from variables."""
    from gateway.cli.setup_wire import AccountSetup

    client = connect(url, api_key)
    body: dict[str, Any] = {"webhook_secrets": secrets_from(secret_env, "Webhook secret")}
    if overlap is not None:
        body["overlap_seconds"] = overlap
    _show(client.act(f"{_path(own)}/{account}/webhook_secrets", AccountSetup, body), output)


@click.command()
@id_argument
@own_option
@connection_options
@output_option
def test(account: str, *, own: bool, url: str | None, api_key: str | None, output: Format) -> None:
    """Ask the account ID whether it is there and takes its credential; that costs nothing but a request."""
    from gateway.cli.setup_views import tested_view
    from gateway.cli.setup_wire import Tested

    answer = connect(url, api_key).act(f"{_path(own)}/{account}/test", Tested, {})
    if output is Format.TABLE:
        show(tested_view(answer.value))
    else:
        show_json(answer.raw, output)


COMMANDS = (setups, add, update, remove, credential, webhook_secrets, test)


def _path(own: bool) -> str:
    return "/v1/accounts" if own else "/v1/admin/accounts"


def _show(answer: "Answer[AccountSetup]", output: Format) -> None:
    from gateway.cli.setup_views import setups_view

    if output is Format.TABLE:
        show(setups_view((answer.value,)))
    else:
        show_json(answer.raw, output)
