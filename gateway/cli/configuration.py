"""``filmgate config``: look at the configuration file without starting anything."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import rich_click as click
from click.core import ParameterSource

from gateway.cli.connection import connect, connection_options
from gateway.cli.exits import ExitCode, Stop
from gateway.cli.output import Format, columns, output_option, show, show_all_json, show_json, tell
from gateway.cli.settings_file import config_option, problems, read, set_option

if TYPE_CHECKING:
    from gateway.config.load import Reading
    from gateway.config.showing import Shown


@click.group()
def config() -> None:
    """The configuration file, and how a running gateway stands to it."""


@config.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@config_option
@set_option
@output_option
@click.pass_context
def check(
    context: click.Context, file: Path | None, config_file: Path, options: tuple[str, ...], output: Format
) -> None:
    """Print everything wrong or doubtful in FILE (filmgate.toml). Exit code 3 when it can not be used."""
    from gateway.config.findings import rendered

    file = _only_one(context, file, config_file)
    reading = read(file, options)
    if output is not Format.TABLE:
        show_all_json(reading.findings, output)
    elif reading.findings:
        show(rendered(reading.findings, str(file)))
    if reading.settings is None:
        raise Stop(ExitCode.CONFIG, problems(_wrong(reading)))
    warnings = f", {len(reading.findings)} to think about" if reading.findings else ""
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


@config.command(name="show")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@config_option
@set_option
@click.option("--origin", is_flag=True, help="Say beside every value who said it: option, variable, line or default.")
@output_option
@click.pass_context
def show_values(
    context: click.Context,
    *,
    file: Path | None,
    config_file: Path,
    options: tuple[str, ...],
    origin: bool,
    output: Format,
) -> None:
    """Print every setting that counts, secrets masked.

    An option goes before the environment, that before the file, that before the database, and that before the default.
    """
    from gateway.config.findings import rendered
    from gateway.config.showing import Showing
    from providers.registry import by_name

    file = _only_one(context, file, config_file)
    reading = read(file, options)
    if reading.settings is None:
        tell(rendered(reading.findings, str(file)))
        raise Stop(ExitCode.CONFIG, f"{file} can not be used: {problems(_wrong(reading))}")
    keys = Showing(reading, str(file), by_name()).keys()
    if output is Format.TABLE:
        show(columns(_row(key, origin=origin) for key in keys))
    else:
        show_all_json(keys, output)


@config.command()
def schema() -> None:
    """Print the JSON Schema of the file, with which editors complete and check it."""
    from gateway.config.schema import schema_of
    from providers.registry import KINDS

    show_json(schema_of(KINDS), Format.JSON)


def _wrong(reading: "Reading") -> int:
    return sum(not finding.warning for finding in reading.findings)


def _only_one(context: click.Context, file: Path | None, config_file: Path) -> Path:
    """The file that is meant: the argument, or ``--config``, which also knows the environment and the default."""
    said = context.get_parameter_source("config_file") is ParameterSource.COMMANDLINE
    if file is not None and said and file != config_file:
        raise click.UsageError(f"{file} or --config {config_file}, not both")
    return config_file if file is None else file


def _row(key: "Shown", *, origin: bool) -> list[str]:
    row = [key.path, "=", "-" if key.value is None else _toml(key.value)]
    return [*row, key.origin.value, key.where or ""] if origin else row


def _toml(value: Any) -> str:
    """A value as a file writes it, on one line."""
    if isinstance(value, dict):
        inside = ", ".join(f"{name} = {_toml(inner)}" for name, inner in value.items())
        return f"{{ {inside} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    text = msgspec.json.encode(value).decode()
    return text if isinstance(value, str | bool | int | float) else text.strip('"')
