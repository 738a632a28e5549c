"""``filmgate videos batch``: many wishes at once, from a file."""

from pathlib import Path
from typing import Any

import msgspec
import rich_click as click

from gateway.cli.connection import connect, connection_options
from gateway.cli.exits import ExitCode, Stop
from gateway.cli.output import Format, output_option, show, show_all_json, show_json, tell
from gateway.cli.wire import Batch
from schema.batch import BatchMode
from schema.clock import SystemClock
from schema.ids import Ids
from schema.money import format_money


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option(
    "--mode",
    type=click.Choice([one.value for one in BatchMode]),
    default=BatchMode.ALL.value,
    show_default=True,
    help="When money or room does not cover every wish: accept none, or the first ones.",
)
@click.option("--key", help="Idempotency key: the same key and wishes give the same videos.")
@connection_options
@output_option
def batch(file: Path, *, mode: str, key: str | None, url: str | None, api_key: str | None, output: Format) -> None:
    """Ask for the videos that FILE wishes for (- is stdin), at most 100, all together.

    FILE is a JSON list, or one JSON object a line; each is what POST /v1/videos takes: {"prompt": "a boat"}.
    """
    wanted = wishes(_text(file), str(file))
    key = key or Ids().make("cli_", SystemClock().now())
    try:
        answer = connect(url, api_key).batch(wanted, mode, key)
    except Stop as stop:
        if stop.code is ExitCode.TRY_AGAIN:
            stop.message += f"\n  to try again without making second videos, add --key {key}"
        raise
    if output is Format.JSON:
        show_json(answer.raw, output)
    elif output is Format.JSONL:
        show_all_json(answer.raw["videos"], output)
    else:
        from gateway.cli.views import videos_view

        show(videos_view(answer.value.videos))
    tell(_said(answer.value))


def wishes(text: str, name: str) -> list[Any]:
    """The wishes in a text: a JSON list, or JSON lines. Raises Stop, naming the line."""
    if text.lstrip().startswith("["):
        found = _decoded(text, name)
        return found if isinstance(found, list) else [found]
    lines = enumerate(text.splitlines(), start=1)
    return [_decoded(line, f"{name}, line {n}") for n, line in lines if line.strip()]


def _decoded(text: str, place: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise Stop(ExitCode.USAGE, f"{place} is not readable as JSON: {error}") from error


def _text(file: Path) -> str:
    try:
        with click.open_file(str(file), encoding="utf-8") as opened:
            text: str = opened.read()
    except OSError as error:
        raise Stop(ExitCode.USAGE, f"{file} can not be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Stop(ExitCode.USAGE, f"{file} is not UTF-8 text") from error
    return text


def _said(batch: Batch) -> str:
    """How many were accepted, and what the others lack."""
    lacks = [f"{format_money(batch.missing_micros)} is missing"] if batch.missing_micros else []
    lacks += [f"{batch.missing_places} find no room among the videos that wait"] if batch.missing_places else []
    said = f"accepted: {batch.accepted} of {batch.wished} ({batch.id})"
    return f"{said}; for the others {', and '.join(lacks)}" if lacks else said
