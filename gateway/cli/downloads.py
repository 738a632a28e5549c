"""A finished video into a file: whole or not at all, and without holding it in memory."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.exits import ExitCode, Stop
from gateway.cli.output import tell

if TYPE_CHECKING:
    from gateway.cli.client import Client

STDOUT = Path("-")


def download(client: "Client", video: str, out: Path, attempt: str | None = None) -> None:
    """Write the video's file, or an attempt's extra output; ``-`` is stdout.

    A download that breaks off leaves nothing behind.
    """
    with client.content(video, attempt) as (pieces, size), _bar(size) as advance:
        if out == STDOUT:
            _write(pieces, sys.stdout.buffer.write, advance)
            return
        _write_file(pieces, out, advance)
    tell(f"{out}  {out.stat().st_size:,} bytes")


def _write_file(pieces: Iterator[bytes], out: Path, advance: Callable[[int], None]) -> None:
    part = out.with_name(out.name + ".part")
    try:
        with part.open("wb") as file:
            _write(pieces, file.write, advance)
        part.replace(out)
    except OSError as error:
        raise Stop(ExitCode.FAILED, f"{out} can not be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def _write(pieces: Iterator[bytes], write: Callable[[bytes], object], advance: Callable[[int], None]) -> None:
    for piece in pieces:
        write(piece)
        advance(len(piece))


@contextmanager
def _bar(size: int | None) -> Iterator[Callable[[int], None]]:
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    with Progress(
        BarColumn(), DownloadColumn(), TransferSpeedColumn(), console=Console(stderr=True), transient=True
    ) as progress:
        task = progress.add_task("", total=size)
        yield lambda count: progress.advance(task, count)
