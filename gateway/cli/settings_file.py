"""The configuration file as commands take it: ``--config``, read whole, every mistake told."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click
from msgspec.structs import replace

from gateway.cli.exits import ExitCode, Stop
from gateway.cli.output import tell
from gateway.config.settings import Settings

if TYPE_CHECKING:
    from gateway.config.load import Reading

DEFAULT_FILE = "filmgate.toml"
Command = TypeVar("Command", bound=Callable[..., Any])


def config_option(command: Command) -> Command:
    """``--config``, which the command gets as ``config_file``."""
    option = click.option(
        "-c",
        "--config",
        "config_file",
        type=click.Path(path_type=Path, dir_okay=False),
        default=DEFAULT_FILE,
        show_default=True,
        envvar="FILMGATE_CONFIG",
        help="The configuration file.",
    )
    return option(command)


def set_option(command: Command) -> Command:
    """``--set``, which the command gets as ``options``: settings over the file's and the environment's."""
    option = click.option(
        "--set",
        "options",
        multiple=True,
        metavar="KEY=VALUE",
        callback=_assigned,
        help="A setting before the environment's and the file's, such as server.listen=127.0.0.1:9000; repeatable.",
    )
    return option(command)


def _assigned(_: click.Context, __: click.Parameter, options: tuple[str, ...]) -> tuple[str, ...]:
    for option in options:
        if "=" not in option:
            raise click.BadParameter(f"{option!r} is not KEY=VALUE")
    return options


def loaded(config_file: Path, options: Sequence[str] = ()) -> Settings:
    """The file's settings, its warnings told; a file that can not be used ends the command."""
    from gateway.config.findings import rendered

    reading = read(config_file, options)
    if reading.findings:
        tell(rendered(reading.findings, str(config_file)))
    if reading.settings is None:
        wrong = sum(not finding.warning for finding in reading.findings)
        raise Stop(ExitCode.CONFIG, f"{config_file} can not be used: {problems(wrong)}")
    return reading.settings


def read(config_file: Path, options: Sequence[str] = ()) -> "Reading":
    """The file, with what is found in it: what it says, and what the documents it leads to ask of the schema."""
    from gateway.config.environment import environment
    from gateway.config.load import read_file

    reading = read_file(config_file, environment(), options=tuple(options))
    if reading.settings is None or not reading.settings.trusted.documents:
        return reading
    from gateway.graphql.laid_in import check_trusted

    wrong = check_trusted(reading.settings)
    return replace(reading, settings=None, findings=(*reading.findings, *wrong)) if wrong else reading


def problems(count: int) -> str:
    return f"{count} problem{'' if count == 1 else 's'}"
