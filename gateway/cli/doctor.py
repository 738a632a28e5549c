"""``filmgate doctor``: is everything here that the gateway needs?"""

from pathlib import Path

import rich_click as click

from gateway.cli.checkup import Check, Mark, checkup
from gateway.cli.exits import ExitCode, Stop
from gateway.cli.output import Format, output_option, plain, show, show_all_json
from gateway.cli.settings_file import config_option


@click.command()
@config_option
@output_option
def doctor(config_file: Path, output: Format) -> None:
    """Look at everything the gateway needs, without leaving this machine. Exit code 1 if anything is wrong."""
    checks = checkup(config_file)
    if output is Format.TABLE:
        for check in checks:
            show(_line(check))
    else:
        show_all_json(checks, output)
    if any(check.mark is Mark.BAD for check in checks):
        raise Stop(ExitCode.FAILED)


def _line(check: Check) -> str:
    fix = f"  -> {check.fix}" if check.fix else ""
    return plain(f"{check.mark}  {check.name}: {check.found}{fix}")
