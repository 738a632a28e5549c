"""``filmgate tenants list``, ``show``, ``create``, ``update`` and ``remove``: for operators, who there is."""

from typing import TYPE_CHECKING, Any

import rich_click as click

from gateway.cli.connection import Command, connect, connection_options
from gateway.cli.output import Format, output_option, show, show_all_json, show_json, tell
from gateway.cli.policies import id_argument

if TYPE_CHECKING:
    from gateway.cli.client import Answer, Client
    from gateway.cli.setup_wire import TenantSetup

_PATH = "/v1/admin/tenants"
_NUMBER = click.IntRange(1)
_FUNDING = ("mode", "opening", "per_day", "per_month", "per_video")
_LIMITS = ("queued", "weight", "concurrent", "per_minute", "reads_per_minute")


def _terms_options(command: Command) -> Command:
    """What a tenant is told of, which the command gets as ``wanted``."""
    for option in (
        click.option("--name", help="For people; the id unless said."),
        click.option("--origin", "origins", multiple=True, metavar="URL", help="A web origin; all of them, each time."),
        click.option("--funding", "mode", type=click.Choice(["prepaid", "postpaid"]), help="When it pays."),
        click.option("--opening", help="A prepaid tenant's first top-up, such as 20.00."),
        click.option("--per-day", help="A budget for a day, such as 20.00."),
        click.option("--per-month", help="A budget for a month."),
        click.option("--per-video", help="The most one video may cost."),
        click.option("--queued", type=_NUMBER, help="Accepted videos that have not started."),
        click.option("--weight", type=_NUMBER, help="Its share when several wait."),
        click.option("--concurrent", type=_NUMBER, help="Videos in the making at once."),
        click.option("--per-minute", type=_NUMBER, help="Videos it may create in a minute."),
        click.option("--keep-days", "days", type=_NUMBER, help="How long its finished files are kept."),
        click.option("--reads-per-minute", type=_NUMBER, help="Other requests in a minute, at each replica."),
    ):
        command = option(command)
    return command


def _terms(wanted: dict[str, Any]) -> dict[str, Any]:
    funding = {name: wanted[name] for name in _FUNDING if wanted[name] is not None}
    limits = {name: wanted[name] for name in _LIMITS if wanted[name] is not None}
    return {
        **({} if wanted["name"] is None else {"name": wanted["name"]}),
        **({"origins": list(wanted["origins"])} if wanted["origins"] else {}),
        **({"funding": funding} if funding else {}),
        **({"limits": limits} if limits else {}),
        **({} if wanted["days"] is None else {"retention": {"days": wanted["days"]}}),
    }


@click.command("list")
@click.option("--limit", type=click.IntRange(1, 100), default=100, show_default=True)
@click.option("--after", metavar="ID", help="Go on behind this tenant.")
@connection_options
@output_option
def list_(*, limit: int, after: str | None, url: str | None, api_key: str | None, output: Format) -> None:
    """List the tenants."""
    from gateway.cli.setup_views import tenants_view
    from gateway.cli.setup_wire import TenantPage

    params = {"limit": str(limit), **({} if after is None else {"after": after})}
    answer = connect(url, api_key).ask(_PATH, TenantPage, params)
    if output is Format.TABLE:
        show(tenants_view(answer.value.data))
    elif output is Format.JSON:
        show_json(answer.raw, output)
    else:
        show_all_json(answer.raw["data"], output)
    if answer.value.has_more and answer.value.last_id:
        tell(f"there are more: --after {answer.value.last_id}")


@click.command("show")
@id_argument
@connection_options
@output_option
def show_(tenant: str, *, url: str | None, api_key: str | None, output: Format) -> None:
    """Show how the tenant ID is set up."""
    _show(_tenant(connect(url, api_key), tenant), output)


@click.command()
@id_argument
@click.option("--test", is_flag=True, help="It reaches sandbox accounts only; this can not be changed later.")
@_terms_options
@connection_options
@output_option
def create(tenant: str, *, test: bool, url: str | None, api_key: str | None, output: Format, **wanted: Any) -> None:
    """Make the tenant ID; it has no keys yet."""
    from gateway.cli.setup_wire import TenantSetup

    document = {"id": tenant, **({"test": True} if test else {}), **_terms(wanted)}
    _show(connect(url, api_key).act(_PATH, TenantSetup, document), output)


@click.command()
@id_argument
@_terms_options
@click.option("--expect", metavar="VERSIONS", help="The ETag you change, such as 7.3; else the current one.")
@connection_options
@output_option
def update(
    tenant: str, *, expect: str | None, url: str | None, api_key: str | None, output: Format, **wanted: Any
) -> None:
    """Change the tenant ID; what is not said stays as it is. Its routing is changed by `policy set`."""
    from gateway.cli.setup_wire import TenantSetup

    changes = _terms(wanted)
    if not changes:
        raise click.UsageError("say what to change, such as --per-day 20.00")
    client = connect(url, api_key)
    version = expect or _tenant(client, tenant).value.etag
    _show(client.revise("PATCH", f"{_PATH}/{tenant}", TenantSetup, changes, version=version), output)


@click.command()
@id_argument
@click.option("--expect", metavar="VERSIONS", help="The ETag you know, such as 7.3; else the current one.")
@connection_options
@output_option
def remove(tenant: str, *, expect: str | None, url: str | None, api_key: str | None, output: Format) -> None:
    """Remove the tenant ID: its keys stop at once, what was accepted is brought to its end."""
    from gateway.cli.setup_wire import TenantSetup

    client = connect(url, api_key)
    version = expect or _tenant(client, tenant).value.etag
    _show(client.revise("DELETE", f"{_PATH}/{tenant}", TenantSetup, {}, version=version), output)
    tell(f"{tenant} is removed")


COMMANDS = (list_, show_, create, update, remove)


def _tenant(client: "Client", tenant: str) -> "Answer[TenantSetup]":
    from gateway.cli.setup_wire import TenantSetup

    return client.ask(f"{_PATH}/{tenant}", TenantSetup)


def _show(answer: "Answer[TenantSetup]", output: Format) -> None:
    from gateway.cli.setup_views import tenant_view

    if output is Format.TABLE:
        show(tenant_view(answer.value))
    else:
        show_json(answer.raw, output)
