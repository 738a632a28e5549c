"""``filmgate db``: migrate, back up, restore, look, and end the quarantine that follows a restore."""

import asyncio
import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from gateway.cli.exits import ExitCode, Stop
from gateway.cli.output import Format, columns, output_option, show, show_json, tell
from gateway.cli.server import failures_told
from gateway.cli.settings_file import config_option, loaded
from gateway.config.settings import Settings

if TYPE_CHECKING:  # the store is imported late: --help must answer at once
    from gateway.upkeep import Restored, Status

FILE = click.Path(path_type=Path, dir_okay=False)
WHAT_NOW = (
    "nothing is sent and nothing accepted until you confirm: look at `filmgate db status`, then `filmgate db release`"
)
_BY_ITS_OWN_MEANS = (
    "PostgreSQL is {done} by its own means (pg_dump, or point-in-time recovery); after a restore run "
    "`filmgate db quarantine` before any server starts"
)


@click.group()
def db() -> None:
    """The database."""


@db.command()
@config_option
def migrate(config_file: Path) -> None:
    """Bring the database up to this version; prints what was applied."""
    settings = loaded(config_file)
    from gateway import upkeep
    from gateway.loop import in_loop

    with failures_told():
        applied = in_loop(upkeep.migrate(settings))
    for name in applied:
        show(name)
    tell("the database is up to date")


@db.command()
@click.argument("file", type=FILE)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@output_option
@config_option
def backup(file: Path, force: bool, output: Format, config_file: Path) -> None:
    """Copy the database to FILE, checked; servers may run meanwhile. Videos and secrets are not in it."""
    database = _sqlite_file(loaded(config_file), "backed up")
    if not database.exists():
        raise Stop(ExitCode.NOT_FOUND, f"{database} is not there yet: there is nothing to back up")
    if file.exists() and not force:
        raise Stop(ExitCode.FAILED, f"{file} is there already; give another name, or --force")
    if not file.parent.is_dir():
        raise Stop(ExitCode.FAILED, f"{file.parent} is no folder; make it first")
    from gateway import upkeep

    with failures_told():
        made = upkeep.backup(database, file)
    if output is not Format.TABLE:
        show_json(made, output)
        return
    rows = [("file", made.path), ("bytes", str(made.bytes)), ("migration", made.level or "none")]
    show(columns([*rows, *_counted("videos", made.videos)]))


@db.command()
@click.argument("file", type=FILE)
@output_option
@config_option
def restore(file: Path, output: Format, config_file: Path) -> None:
    """Make FILE the database, in quarantine. Servers must not run; the database that was there is kept beside it."""
    database = _sqlite_file(loaded(config_file), "restored")
    if not file.exists():
        raise Stop(ExitCode.NOT_FOUND, f"{file} is not there")
    restored = _restored(file, database)
    if output is Format.TABLE:
        rows = [("database", restored.path), ("replaced", restored.replaced or "none"), ("epoch", str(restored.epoch))]
        show(columns([*rows, *_counted("videos", restored.videos), ("unsent", str(restored.unsent))]))
    else:
        show_json(restored, output)
    tell(f"the database is in quarantine: {WHAT_NOW}")


def _restored(file: Path, database: Path) -> "Restored":
    from gateway import upkeep
    from gateway.store.backup import BadBackup
    from gateway.store.database import SchemaMismatch, StoreInUse
    from schema.clock import SystemClock

    with failures_told():
        try:
            return asyncio.run(upkeep.restore(file, database, SystemClock()))
        except StoreInUse as error:
            raise Stop(ExitCode.FAILED, f"{error}; stop it first. Nothing was changed") from error
        except (BadBackup, SchemaMismatch) as error:
            raise Stop(ExitCode.FAILED, f"{file} can not be restored: {error}. Nothing was changed") from error


@db.command()
@output_option
@config_option
def status(output: Format, config_file: Path) -> None:
    """Say how the database stands: its schema, whether it is in quarantine, how much is in it."""
    settings = loaded(config_file)
    from gateway import upkeep

    with failures_told():
        found = asyncio.run(upkeep.status(settings))
    if output is Format.TABLE:
        show(columns(_told(found)))
    else:
        show_json(found, output)
    if found.instance is not None and found.instance.quarantined:
        tell(f"the database is in quarantine: {WHAT_NOW}")


def _told(found: "Status") -> list[tuple[str, str]]:
    rows = [("engine", found.engine), ("migration", found.level or "none")]
    rows += [("pending", name) for name in found.pending]
    if found.instance is not None:
        instance = found.instance
        rows += [("epoch", str(instance.epoch)), ("quarantine", _since(instance.quarantined_at) or "no")]
        if instance.restored_from is not None:
            rows.append(("restored from", instance.restored_from))
        if instance.released_by is not None:
            rows.append(("released", f"{_since(instance.released_at)} by {instance.released_by}"))
        rows.append(("unsent videos", str(found.unsent)))
    return [*rows, *_counted("videos", found.videos), *_counted("tasks", found.tasks)]


def _since(at: int | None) -> str:
    from datetime import UTC, datetime

    return "" if at is None else datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


@db.command()
@click.option("--source", help="What it was restored from; remembered.")
@config_option
def quarantine(source: str | None, config_file: Path) -> None:
    """Put the database in quarantine, as `restore` does: for a database you restored by other means."""
    settings = loaded(config_file)
    from gateway import upkeep

    with failures_told():
        instance = asyncio.run(upkeep.quarantine(settings, source))
    tell(f"epoch {instance.epoch} begins in quarantine: {WHAT_NOW}")


@db.command()
@click.option(
    "--waiting",
    type=click.Choice(["fail", "resume"]),
    default="fail",
    show_default=True,
    help="What becomes of videos no provider is known to have: fail, for they may have been sent after the backup was "
    "made; or resume, which sends them, when you know that they were not.",
)
@click.option("--actor", help="Who confirms; remembered.  [default: your name on this machine]")
@output_option
@config_option
def release(waiting: str, actor: str | None, output: Format, config_file: Path) -> None:
    """Confirm a restored database and end its quarantine; servers that run notice within two seconds."""
    settings = loaded(config_file)
    from gateway import upkeep
    from gateway.services.quarantine import Waiting
    from gateway.telemetry import configure_logging

    configure_logging(quiet=True)
    with failures_told():
        released = asyncio.run(upkeep.release(settings, Waiting(waiting), actor or _user()))
    if released is None:
        tell("the database is not in quarantine; nothing was changed")
    elif output is Format.TABLE:
        show(columns([("failed", str(released.failed)), ("resumed", str(released.resumed))]))
    else:
        show_json(released, output)


def _user() -> str:
    """Who runs this command; a number where the machine has no name for him, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _sqlite_file(settings: Settings, done: str) -> Path:
    """Where the database lies; ends the command when it is not a file."""
    from gateway.upkeep import sqlite_file

    file = sqlite_file(settings)
    if file is None:
        raise Stop(ExitCode.USAGE, _BY_ITS_OWN_MEANS.format(done=done))
    return file


def _counted(what: str, counts: dict[str, int]) -> list[tuple[str, str]]:
    return [(f"{what} {name}", str(count)) for name, count in counts.items()]
