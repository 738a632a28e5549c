"""``filmgate apply``: make tenants, keys and accounts what the file declares, all or nothing; or show what would be."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from gateway.cli.output import Format, output_option, plain, show, show_json, tell
from gateway.cli.server import failures_told
from gateway.cli.settings_file import config_option, loaded, set_option

if TYPE_CHECKING:  # the directory is imported late: --help must answer at once
    from gateway.policy.planning import Change

_SIGNS = {"created": ("+", "green"), "removed": ("-", "red"), "revoked": ("-", "red")}
_CHANGED = ("~", "yellow")


@click.command()
@click.option("--plan", is_flag=True, help="Show what would be changed, and change nothing.")
@config_option
@set_option
@output_option
def apply(config_file: Path, options: tuple[str, ...], *, plan: bool, output: Format) -> None:
    """Make tenants, keys and accounts what the configuration file declares; servers notice within a second.

    It is done in one step: when anything is refused, nothing was changed.
    """
    settings = loaded(config_file, options)
    from gateway import applying
    from gateway.loop import in_loop
    from gateway.telemetry import configure_logging

    configure_logging(quiet=True)
    with failures_told():
        changes = in_loop(applying.plan(settings) if plan else applying.apply(settings))
    if output is Format.TABLE:
        for change in changes:
            show(_told(change))
    elif output is Format.JSON:
        show_json([_written(change) for change in changes], output)
    else:
        for change in changes:
            show_json(_written(change), output)
    tell(_summary(changes, plan=plan))


def _summary(changes: "list[Change]", *, plan: bool) -> str:
    if not changes:
        return "nothing to change"
    said = f"{len(changes)} change{'' if len(changes) == 1 else 's'}"
    return f"{said} to be made: nothing was changed yet" if plan else f"{said} made"


def _told(change: "Change") -> str:
    sign, colour = _SIGNS.get(change.verb.value, _CHANGED)
    lines = [click.style(f"{sign} {change.kind} {plain(change.id)} {change.verb}", fg=colour)]
    before, after = change.before or {}, change.after or {}
    lines += [_differs(name, before, after) for name in dict.fromkeys([*before, *after])]
    return "\n".join(lines)


def _differs(name: str, before: dict[str, Any], after: dict[str, Any]) -> str:
    if name not in after:
        return f"    {name}: {_value(before[name])}"
    if name not in before:
        return f"    {name}: {_value(after[name])}"
    return f"    {name}: {_value(before[name])} -> {_value(after[name])}"


def _value(value: Any) -> str:
    import msgspec

    return plain(msgspec.json.encode(value).decode())


def _written(change: "Change") -> dict[str, Any]:
    return {
        "kind": change.kind,
        "verb": change.verb,
        "id": change.id,
        "tenant": change.tenant,
        "before": change.before,
        "after": change.after,
    }
