"""``filmgate config``: look at the configuration file without starting anything."""

from pathlib import Path

import rich_click as click
from click.core import ParameterSource

from gateway.cli.connection import connect, connection_options
from gateway.cli.exits import ExitCode, Stop
from gateway.cli.output import Format, output_option, show, show_all_json, show_json, tell
from gateway.cli.settings_file import config_option, problems


@click.group()
def config() -> None:
    """The configuration file, and how a running gateway stands to it."""


@config.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@config_option
@output_option
@click.pass_context
def check(context: click.Context, file: Path | None, config_file: Path, output: Format) -> None:
    """Print everything wrong or doubtful in FILE (filmgate.toml). Exit code 3 when it can not be used."""
    from gateway.config.environment import environment
    from gateway.config.findings import rendered
    from gateway.config.load import examine

    said = context.get_parameter_source("config_file") is ParameterSource.COMMANDLINE
    file = _only_one(file, config_file, said=said)
    settings, findings = examine(file, environment())
    if output is not Format.TABLE:
        show_all_json(findings, output)
    elif findings:
        show(rendered(findings, str(file)))
    wrong = sum(not finding.warning for finding in findings)
    if settings is None:
        raise Stop(ExitCode.CONFIG, problems(wrong))
    warnings = f", {len(findings)} to think about" if findings else ""
    tell(f"{file} is fine{warnings}")


@config.command()
@connection_options
@output_option
def status(*, url: str | None, api_key: str | None, output: Format) -> None:
    """Say how a running gateway stands to its file: when it was taken, and why a newer one was not."""
    from gateway.cli.configuration_wire import Status, status_view

    answer = connect(url, api_key).ask("/v1/admin/configuration", Status)
    if output is Format.TABLE:
        show(status_view(answer.value))
    else:
        show_json(answer.raw, output)


def _only_one(file: Path | None, config_file: Path, *, said: bool) -> Path:
    """The file that is meant: the argument, or ``--config``, which also knows the environment and the default."""
    if file is not None and said and file != config_file:
        raise click.UsageError(f"{file} or --config {config_file}, not both")
    return config_file if file is None else file
