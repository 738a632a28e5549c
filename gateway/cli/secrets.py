"""``filmgate secrets``: which master keys the stored secrets lie under, and putting them under the current one."""

from pathlib import Path

import rich_click as click

from gateway.cli.output import Format, columns, output_option, show, show_json, tell
from gateway.cli.server import failures_told
from gateway.cli.settings_file import config_option, loaded


@click.group()
def secrets() -> None:
    """The secrets in the database, and the master keys they lie under."""


@secrets.command()
@config_option
@output_option
def status(config_file: Path, *, output: Format) -> None:
    """Say how many secrets lie under which master key."""
    settings = loaded(config_file)
    from gateway import applying
    from gateway.loop import in_loop
    from gateway.policy.sealing import master

    with failures_told():
        counts = in_loop(applying.master_keys(settings))
    current = master(settings.secrets.key).id
    if output is Format.TABLE:
        rows = [(id, str(count), "current" if id == current else "former") for id, count in counts.items()]
        show(columns([("MASTER KEY", "SECRETS", ""), *rows]))
    else:
        show_json({"current": current, "counts": counts}, output)


@secrets.command()
@config_option
@output_option
def rekey(config_file: Path, *, output: Format) -> None:
    """Put every secret under the current master key, secrets.key; the former ones stand in secrets.previous.

    Servers may run meanwhile. It can be stopped anywhere and begun again.
    """
    settings = loaded(config_file)
    from gateway import applying
    from gateway.loop import in_loop
    from gateway.telemetry import configure_logging

    configure_logging(quiet=True)
    with failures_told():
        done = in_loop(applying.rekey(settings))
    if output is Format.TABLE:
        show(columns([("master key", done.key_id), ("moved", str(done.moved)), ("left", str(done.left))]))
    else:
        show_json(done, output)
    if not done.left:
        tell("nothing lies under another master key: secrets.previous may be emptied once every server knows this one")
