"""``filmgate tenants policy`` and ``whatif``: for operators, how a tenant's videos are routed, were, and could be."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import rich_click as click

from gateway.cli.connection import Command, connect, connection_options
from gateway.cli.output import Format, output_option, show, show_all_json, show_json, tell

if TYPE_CHECKING:
    from gateway.cli.client import Answer, Client
    from gateway.cli.policy_wire import Tenant

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LISTS = frozenset({"order", "only", "exclude"})
_JSON = frozenset({"rules", "weights", "max_wait_seconds", "weights.price", "weights.speed", "weights.reliability"})


def _checked_id(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if not _ID.fullmatch(value):
        raise click.BadParameter("a tenant's id is letters, digits, dots, dashes and underscores")
    return value


def _checked_sets(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals:
            raise click.BadParameter("write NAME=VALUE, such as strategy=fastest or order=first,second")
        changes[name.strip()] = _value(name.strip(), text.strip())
    return changes


def _put(changes: dict[str, Any], name: str, value: Any) -> None:
    """``weights.price`` goes into ``weights``."""
    outer, dot, inner = name.partition(".")
    if not dot:
        changes[outer] = value
        return
    around = changes.get(outer)
    changes[outer] = {**(around if isinstance(around, dict) else {}), inner: value}


def _value(name: str, text: str) -> Any:
    """A field's value as JSON has it; nothing is the default."""
    if not text:
        return None
    if name in _LISTS:
        return [one.strip() for one in text.split(",") if one.strip()]
    if name not in _JSON:
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise click.BadParameter(f"{name} takes JSON, and {text!r} is none") from error


def _checked_file(_ctx: click.Context, _param: click.Parameter, value: Path | None) -> dict[str, Any]:
    if value is None:
        return {}
    try:
        found = msgspec.json.decode(value.read_bytes(), type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise click.BadParameter(f"{value} holds no JSON object: {error}") from error
    inside = found.get("routing")
    return inside if isinstance(inside, dict) else found


id_argument = click.argument("tenant", metavar="ID", callback=_checked_id)
_note_option = click.option("--note", default="", help="Why; kept with the new version.")
_expect_option = click.option(
    "--expect",
    type=click.IntRange(min=1),
    metavar="VERSION",
    help="The version you change; else the current one.",
)


def _changes_options(command: Command) -> Command:
    """``--set`` and ``--file``, which the command gets as ``sets`` and ``file``."""
    sets = click.option(
        "--set",
        "sets",
        multiple=True,
        metavar="NAME=VALUE",
        callback=_checked_sets,
        help="A field: strategy=fastest, order=first,second, weights.price=0.7, max_cost=0.50; empty is the default.",
    )
    file = click.option(
        "--file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        callback=_checked_file,
        help="Fields as a JSON object, or what `policy show -o json` printed; --set counts more.",
    )
    return sets(file(command))


def _changes(sets: dict[str, Any], file: dict[str, Any]) -> dict[str, Any]:
    changes = dict(file)
    for name, value in sets.items():
        _put(changes, name, value)
    if not changes:
        raise click.UsageError("say what to change: --set NAME=VALUE, or --file FILE")
    return changes


@click.group()
def policy() -> None:
    """How a tenant's videos are routed: versions of its policy."""


@policy.command("show")
@id_argument
@connection_options
@output_option
def show_(tenant: str, *, url: str | None, api_key: str | None, output: Format) -> None:
    """Show the policy of the tenant ID, which version it is, and who may change it."""
    _show(_tenant(connect(url, api_key), tenant), output)


@policy.command("set")
@id_argument
@_changes_options
@_note_option
@_expect_option
@connection_options
@output_option
def set_(
    tenant: str,
    *,
    sets: dict[str, Any],
    file: dict[str, Any],
    note: str,
    expect: int | None,
    url: str | None,
    api_key: str | None,
    output: Format,
) -> None:
    """Change the policy of the tenant ID; what is not said stays as it is."""
    from gateway.cli.policy_wire import Tenant

    body, client = {"routing": _changes(sets, file), "note": note}, connect(url, api_key)
    before = _known(client, tenant, expect)
    _show_changed(client.revise("PATCH", _path(tenant), Tenant, body, version=before), before, output)


@policy.command()
@id_argument
@click.argument("version", type=click.IntRange(min=1))
@_note_option
@_expect_option
@connection_options
@output_option
def restore(
    tenant: str,
    version: int,
    *,
    note: str,
    expect: int | None,
    url: str | None,
    api_key: str | None,
    output: Format,
) -> None:
    """Route the videos of the tenant ID again as VERSION of its policy says; that makes a new version."""
    from gateway.cli.policy_wire import Tenant

    client = connect(url, api_key)
    before, path = _known(client, tenant, expect), f"{_path(tenant)}/policies/{version}/restore"
    _show_changed(client.revise("POST", path, Tenant, {"note": note}, version=before), before, output)


@policy.command()
@id_argument
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--after", type=click.IntRange(min=1), metavar="VERSION", help="Only older ones.")
@connection_options
@output_option
def history(
    tenant: str, *, limit: int, after: int | None, url: str | None, api_key: str | None, output: Format
) -> None:
    """List the versions of the policy of the tenant ID, newest first."""
    from gateway.cli.policy_views import history_view
    from gateway.cli.policy_wire import PolicyPage

    params = {"limit": str(limit), **({} if after is None else {"after": str(after)})}
    answer = connect(url, api_key).ask(f"{_path(tenant)}/policies", PolicyPage, params)
    if output is Format.TABLE:
        show(history_view(answer.value))
    elif output is Format.JSON:
        show_json(answer.raw, output)
    else:
        show_all_json(answer.raw["data"], output)
    if answer.value.has_more and answer.value.last_id:
        tell(f"there are more: --after {answer.value.last_id}")


@click.command()
@id_argument
@_changes_options
@click.option("--last", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many videos.")
@connection_options
@output_option
def whatif(
    tenant: str,
    *,
    sets: dict[str, Any],
    file: dict[str, Any],
    last: int,
    url: str | None,
    api_key: str | None,
    output: Format,
) -> None:
    """Show what another policy had changed for the latest videos of the tenant ID.

    Nothing is sent to a provider and nothing is written.
    """
    from gateway.cli.policy_views import replay_view
    from gateway.cli.policy_wire import Replay

    body = {"routing": _changes(sets, file), "last": last}
    answer = connect(url, api_key).act(f"{_path(tenant)}/policy/replay", Replay, body)
    _print(answer, replay_view, output)


def _path(tenant: str) -> str:
    return f"/v1/admin/tenants/{tenant}"


def _tenant(client: "Client", tenant: str) -> "Answer[Tenant]":
    from gateway.cli.policy_wire import Tenant

    return client.ask(_path(tenant), Tenant)


def _known(client: "Client", tenant: str, expect: int | None) -> int:
    """The version to change: the one that was said, or the current one."""
    return _tenant(client, tenant).value.policy.version if expect is None else expect


def _show_changed(answer: "Answer[Tenant]", before: int, output: Format) -> None:
    if answer.value.policy.version == before:
        tell("nothing changed: it said that already")
    _show(answer, output)


def _show(answer: "Answer[Tenant]", output: Format) -> None:
    from gateway.cli.policy_views import policy_view

    _print(answer, policy_view, output)


def _print(answer: "Answer[Any]", view: Callable[[Any], str], output: Format) -> None:
    if output is Format.TABLE:
        show(view(answer.value))
    else:
        show_json(answer.raw, output)
