"""The configuration file as commands take it: ``--config``, read whole, every mistake told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

from gateway.cli.exits import ExitCode, Stop
from gateway.cli.output import tell
from gateway.config.settings import Settings

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


def loaded(config_file: Path) -> Settings:
    """The file's settings, its warnings told; a file that can not be used ends the command."""
    from gateway.config.environment import environment
    from gateway.config.findings import rendered
    from gateway.config.load import examine

    settings, findings = examine(config_file, environment())
    if findings:
        tell(rendered(findings, str(config_file)))
    if settings is None:
        wrong = sum(not finding.warning for finding in findings)
        raise Stop(ExitCode.CONFIG, f"{config_file} can not be used: {problems(wrong)}")
    return settings


def problems(count: int) -> str:
    return f"{count} problem{'' if count == 1 else 's'}"
