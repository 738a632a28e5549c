"""``filmgate config``: look at the configuration file without starting anything."""

from pathlib import Path

import rich_click as click

from gateway.cli.exits import ExitCode, Stop
from gateway.cli.output import Format, output_option, show, show_all_json, tell
from gateway.cli.settings_file import DEFAULT_FILE, problems


@click.group()
def config() -> None:
    """The configuration file."""


@config.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default=DEFAULT_FILE, envvar="FILMGATE_CONFIG")
@output_option
def check(file: Path, output: Format) -> None:
    """Print everything wrong or doubtful in FILE (filmgate.toml). Exit code 3 when it can not be used."""
    from gateway.config.environment import environment
    from gateway.config.findings import rendered
    from gateway.config.load import examine

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
