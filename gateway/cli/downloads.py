"""A finished video into a file: whole or not at all, and without holding it in memory."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.exits import ExitCode, Stop
from gateway.cli.output import tell

if TYPE_CHECKING:
    from gateway.cli.client import Client, Had

STDOUT = Path("-")


def download(client: "Client", video: str, out: Path, attempt: str | None = None, variant: str = "video") -> None:
    """Write the video's file, or an attempt's extra output, or a picture of it; ``-`` is stdout.

    What came before a download broke off stays beside it, with the ETag of the file, and the next one goes on there.
    """
    if out == STDOUT:
        with client.content(video, attempt, variant=variant) as content, _bar(content.size) as advance:
            _write(content.pieces, sys.stdout.buffer.write, advance)
        return
    part, note = out.with_name(out.name + ".part"), out.with_name(out.name + ".part.etag")
    try:
        had = _had(part, note)
        with client.content(video, attempt, had, variant) as content, _bar(content.size) as advance:
            if had is not None:
                tell(f"going on at {had.size:,} bytes" if content.rest else "it is another file by now: from the start")
            note.write_text(content.etag, encoding="utf-8")
            with part.open("r+b" if content.rest else "wb") as file:
                file.seek(had.size if had is not None and content.rest else 0)
                _write(content.pieces, file.write, advance)
        part.replace(out)
        note.unlink(missing_ok=True)
    except OSError as error:
        raise Stop(ExitCode.FAILED, f"{out} can not be written: {error.strerror}") from error
    tell(f"{out}  {out.stat().st_size:,} bytes")


def _had(part: Path, note: Path) -> "Had | None":
    """What an earlier download left. Its last byte is asked for again: a rest that is empty is no range."""
    from gateway.cli.client import Had

    if not part.exists() or not note.exists():
        return None
    size, etag = part.stat().st_size, note.read_text(encoding="utf-8").strip()
    return Had(size=size - 1, etag=etag) if size > 1 and etag else None


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
