"""Waiting for a video: a bar on a terminal, one line a change elsewhere, and a detach that leaves it running."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gateway.cli.exits import ExitCode, Stop
from gateway.cli.output import Format, plain, show_json, tell
from gateway.cli.wire import Video

if TYPE_CHECKING:
    from gateway.cli.client import Answer, Client

_PATIENCE = 20.0
"""Long enough for a gateway to be restarted while somebody watches."""

Show = Callable[["Answer[Video]"], None]


def wait_for(client: "Client", first: "Answer[Video]", *, output: Format, quiet: bool) -> "Answer[Video]":
    """The video once it has ended. Ctrl-C detaches: the video goes on, and the command says how to come back."""
    client.patience = _PATIENCE
    try:
        with _display(output, quiet=quiet) as show:
            return _ended(client, first, _once_per_change(show))
    except KeyboardInterrupt:
        raise Stop(ExitCode.INTERRUPTED, f"detached; {_come_back(first.value)}") from None
    except Stop as stop:
        if stop.code is ExitCode.TRY_AGAIN:
            stop.message += f"\n  {_come_back(first.value)}"
        raise


def _come_back(video: Video) -> str:
    return f"the video goes on. Come back: filmgate videos watch {video.id}"


def exit_of(video: Video) -> ExitCode:
    """How a command that waited for this video ends."""
    if video.status == "completed":
        return ExitCode.OK
    return ExitCode.PROVIDER if video.failed_by_provider else ExitCode.FAILED


def line_of(video: Video) -> str:
    """The video's state in one line."""
    facts = video.gateway
    words = [f"{video.id}  {video.status}", *([facts.substate] if facts.substate else []), f"{video.progress}%"]
    if facts.account:
        words.append(f"at {facts.account}")
    if facts.queue_position is not None:
        words.append(f"place {facts.queue_position} in the queue")
    if facts.eta_seconds is not None and not video.ended:
        words.append(f"about {facts.eta_seconds:.0f} s left")
    if video.error is not None:
        words.append(f"{video.error.code}: {video.error.message}")
    return plain("  ".join(words))


def _ended(client: "Client", answer: "Answer[Video]", show: Show) -> "Answer[Video]":
    show(answer)
    while not answer.value.ended:
        time.sleep(answer.wait)
        answer = client.video(answer.value.id)
        show(answer)
    return answer


def _once_per_change(show: Show) -> Show:
    last: tuple[object, ...] = ()

    def shown(answer: "Answer[Video]") -> None:
        nonlocal last
        video = answer.value
        now = (video.status, video.gateway.substate, video.progress, video.gateway.account)
        if now != last:
            show(answer)
        last = now

    return shown


@contextmanager
def _display(output: Format, *, quiet: bool) -> Iterator[Show]:
    if output is Format.JSONL and not quiet:
        yield lambda answer: show_json(answer.raw, output)
    elif quiet:
        yield lambda _: None
    elif sys.stderr.isatty():
        with _bar() as show:
            yield show
    else:
        yield lambda answer: tell(line_of(answer.value))


@contextmanager
def _bar() -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    words = TextColumn("{task.description}", markup=False)
    with Progress(words, BarColumn(), TimeElapsedColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=100)
        yield lambda answer: progress.update(
            task, completed=answer.value.progress, description=line_of(answer.value), refresh=True
        )
