"""``filmgate keys``: a tenant's API keys, for its administrators, and with ``--tenant`` for operators."""

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

import rich_click as click

from gateway.cli.connection import Command, connect, connection_options
from gateway.cli.output import Format, output_option, show, show_all_json, show_json, tell
from gateway.policy.durations import DURATION_HINT, duration
from schema.tenant import Scope

if TYPE_CHECKING:
    from gateway.cli.client import Answer
    from gateway.cli.key_wire import ApiKey

_DAYS = re.compile(r"([0-9]{1,5})d")
_SCOPES = [scope.value for scope in Scope]
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _checked_name(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _ID.fullmatch(value):
        raise click.BadParameter("an id is letters, digits, dots, dashes and underscores")
    return value


def _checked_span(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    days = _DAYS.fullmatch(value)
    seconds = int(days[1]) * 86_400 if days else duration(value)
    if seconds is None:
        raise click.BadParameter(f"write days, such as 90d, or {DURATION_HINT}")
    return seconds


def checked_moment(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter("write a moment, such as 2027-01-31T00:00:00Z") from error
    if found.tzinfo is None:
        raise click.BadParameter("say its offset from UTC, such as the Z in 2027-01-31T00:00:00Z")
    return int(found.timestamp())


id_argument = click.argument("key", metavar="ID", callback=_checked_name)
_tenant_option = click.option(
    "--tenant", metavar="ID", callback=_checked_name, help="Whose, for operators; else your own."
)


def _connected(command: Command) -> Command:
    """What every command takes: whose keys, which gateway, and how data is printed."""
    return _tenant_option(connection_options(output_option(command)))


def _wish_options(command: Command) -> Command:
    """What a key is to be, which the command gets as ``wish``'s arguments."""
    for option in (
        click.option(
            "--expires-at", metavar="TIME", callback=checked_moment, help="When it ends: 2027-01-31T00:00:00Z."
        ),
        click.option("--expires-in", metavar="SPAN", callback=_checked_span, help="How long it works: 90d, 12h."),
        click.option("--network", "networks", multiple=True, metavar="CIDR", help="Where callers must be. Repeatable."),
        click.option(
            "--origin", "origins", multiple=True, metavar="ORIGIN", help="Whose pages may use it. Repeatable."
        ),
        click.option("--scope", "scopes", multiple=True, type=click.Choice(_SCOPES), help="A right. Repeatable."),
        click.option("--name", help="What it is for."),
    ):
        command = option(command)
    return command


def _wish(
    *,
    name: str | None,
    scopes: tuple[str, ...],
    origins: tuple[str, ...],
    networks: tuple[str, ...],
    expires_in: int | None,
    expires_at: int | None,
) -> dict[str, Any]:
    """What was said, as the gateway reads it."""
    said = {
        "name": name,
        "scopes": sorted(scopes) or None,
        "origins": list(origins) or None,
        "networks": list(networks) or None,
        "expires_in_seconds": expires_in,
        "expires_at": expires_at,
    }
    return {field: value for field, value in said.items() if value is not None}


@click.group()
def keys() -> None:
    """API keys: make, change, rotate and revoke them. Operators name the tenant."""


@keys.command("list")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--after", metavar="ID", callback=_checked_name, help="Only older ones.")
@_connected
def list_(
    *, limit: int, after: str | None, tenant: str | None, url: str | None, api_key: str | None, output: Format
) -> None:
    """List keys, newest first, those that work no more too."""
    from gateway.cli.key_views import keys_view
    from gateway.cli.key_wire import ApiKeyPage

    params = {"limit": str(limit), **({} if after is None else {"after": after})}
    answer = connect(url, api_key).ask(_path(tenant), ApiKeyPage, params)
    if output is Format.TABLE:
        show(keys_view(answer.value))
    elif output is Format.JSON:
        show_json(answer.raw, output)
    else:
        show_all_json(answer.raw["data"], output)
    if answer.value.has_more and answer.value.last_id:
        tell(f"there are more: --after {answer.value.last_id}")


@keys.command("show")
@id_argument
@_connected
def show_(key: str, *, tenant: str | None, url: str | None, api_key: str | None, output: Format) -> None:
    """Show the key ID: what it may do, from where, how long, and when it was last used."""
    from gateway.cli.key_wire import ApiKey

    _show(connect(url, api_key).ask(_path(tenant, key), ApiKey), output)


@keys.command()
@_wish_options
@_connected
def create(*, tenant: str | None, url: str | None, api_key: str | None, output: Format, **wish: Any) -> None:
    """Make a key and print it, this once; without --scope it reads, creates and cancels videos."""
    from gateway.cli.key_wire import ApiKey

    _show(connect(url, api_key).do("POST", _path(tenant), ApiKey, _wish(**wish)), output)


@keys.command()
@id_argument
@_wish_options
@click.option("--never-expires", is_flag=True, help="It has no end any more.")
@click.option("--any-origin", is_flag=True, help="Any caller may use it.")
@click.option("--any-network", is_flag=True, help="Its callers may be anywhere.")
@_connected
def update(
    key: str,
    *,
    never_expires: bool,
    any_origin: bool,
    any_network: bool,
    tenant: str | None,
    url: str | None,
    api_key: str | None,
    output: Format,
    **wish: Any,
) -> None:
    """Change the key ID; what is not said stays, and --scope, --origin and --network replace all that were."""
    from gateway.cli.key_wire import ApiKey

    freed = {"expires_at": never_expires, "origins": any_origin, "networks": any_network}
    body = {**dict.fromkeys(name for name, said in freed.items() if said), **_wish(**wish)}
    if not body:
        raise click.UsageError("say what to change, such as --name or --expires-in; --help lists it")
    _show(connect(url, api_key).do("PATCH", _path(tenant, key), ApiKey, body), output)


@keys.command()
@id_argument
@click.option(
    "--overlap", default="24h", show_default=True, callback=_checked_span, help="For so long the old one goes on: 7d."
)
@_connected
def rotate(key: str, *, overlap: int, tenant: str | None, url: str | None, api_key: str | None, output: Format) -> None:
    """Make a key that takes the place of the key ID, and print it, this once; both work for a while."""
    from gateway.cli.key_wire import ApiKey

    body = {"overlap_seconds": overlap}
    _show(connect(url, api_key).do("POST", f"{_path(tenant, key)}/rotate", ApiKey, body), output)


@keys.command()
@id_argument
@_connected
def revoke(key: str, *, tenant: str | None, url: str | None, api_key: str | None, output: Format) -> None:
    """Let the key ID work no more, wherever it is used."""
    from gateway.cli.key_wire import ApiKey

    _show(connect(url, api_key).do("DELETE", _path(tenant, key), ApiKey), output)


def _path(tenant: str | None, key: str | None = None) -> str:
    whose = "/v1/keys" if tenant is None else f"/v1/admin/tenants/{tenant}/keys"
    return whose if key is None else f"{whose}/{key}"


def _show(answer: "Answer[ApiKey]", output: Format) -> None:
    from gateway.cli.key_views import key_view

    if output is Format.TABLE:
        show(key_view(answer.value))
    else:
        show_json(answer.raw, output)
    if answer.value.key is not None:
        tell("keep the key: nobody can show it again")
