"""What commands print: data to stdout, as aligned columns or JSON, and talk to stderr."""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
import rich_click as click

Command = TypeVar("Command", bound=Callable[..., Any])


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


def output_option(command: Command) -> Command:
    """``-o``, which the command gets as ``output``."""
    option = click.option(
        "-o",
        "--output",
        type=click.Choice(Format, case_sensitive=False),
        default=Format.TABLE,
        show_default=True,
        help="How data is printed; jsonl is one object a line.",
    )
    return option(command)


def show(data: str) -> None:
    """Data, for the next program."""
    click.echo(data)


def tell(talk: str) -> None:
    """Talk, for people."""
    click.echo(talk, err=True)


def show_json(value: Any, output: Format) -> None:
    """A value as JSON: indented, or on one line."""
    line = msgspec.json.encode(value)
    show((line if output is Format.JSONL else msgspec.json.format(line, indent=2)).decode())


def show_all_json(values: Iterable[Any], output: Format) -> None:
    """Values as one list, or one a line."""
    if output is Format.JSON:
        show_json(list(values), output)
    else:
        for value in values:
            show_json(value, output)


def columns(rows: Iterable[Sequence[str]]) -> str:
    """Rows aligned in columns; no cell can break its line or steer the terminal."""
    clean = [[plain(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*clean, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in clean
    )


def plain(text: str) -> str:
    """The text with a space for everything that does not print."""
    return "".join(char if char.isprintable() else " " for char in text)
