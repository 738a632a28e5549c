"""``filmgate videos``: ask for videos and follow them, over the gateway's REST interface."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import rich_click as click

from gateway.cli.batches import batch
from gateway.cli.connection import connect, connection_options
from gateway.cli.downloads import STDOUT, download
from gateway.cli.exits import ExitCode, Stop
from gateway.cli.output import Format, output_option, show, show_all_json, show_json, tell
from gateway.cli.watching import exit_of, wait_for
from gateway.cli.wire import Deleted, Video
from gateway.cli.wishes import Command, body, wish_options
from schema.clock import SystemClock
from schema.ids import Ids
from schema.lifecycle import VideoStatus
from schema.link import Variant

if TYPE_CHECKING:
    from gateway.cli.client import Answer, Client

VIDEO = Variant.VIDEO.value
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def _checked_id(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if not _ID.fullmatch(value):
        raise click.BadParameter("an id is letters, digits and underscores, such as video_01k…")
    return value


def _checked_attempt(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _ID.fullmatch(value):
        raise click.BadParameter("an id is letters, digits and underscores, such as att_01k…")
    return value


_id_argument = click.argument("video", metavar="ID", callback=_checked_id)
_out_option = click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), help="Where the file goes; - is stdout."
)


def _picture_options(command: Command) -> Command:
    """What of a video: pictures of it, or else the film."""
    thumbnail = click.option(
        "--thumbnail", "variant", flag_value=Variant.THUMBNAIL.value, help="A picture of it, not the film."
    )
    sheet = click.option(
        "--spritesheet", "variant", flag_value=Variant.SPRITESHEET.value, help="Twenty pictures of it, 5 across."
    )
    return thumbnail(sheet(click.option("--film", "variant", flag_value=VIDEO, default=True, hidden=True)(command)))


@click.group()
def videos() -> None:
    """Make videos and follow them."""


videos.add_command(batch)


@videos.command()
@click.argument("prompt")
@wish_options
@click.option("--quote", metavar="ID", help="A quote for this very wish: it is never charged more.")
@click.option("--key", help="Idempotency key: the same key and wish give the same video.")
@click.option("--watch", is_flag=True, help="Show its progress and wait for its end.")
@click.option("--wait", is_flag=True, help="Wait for its end, quietly.")
@_out_option
@connection_options
@output_option
def create(
    prompt: str,
    *,
    key: str | None,
    watch: bool,
    wait: bool,
    out: Path | None,
    url: str | None,
    api_key: str | None,
    output: Format,
    **wish: Any,
) -> None:
    """Ask for a video of PROMPT (- reads it from stdin)."""
    if out == STDOUT and output is not Format.TABLE:
        raise click.UsageError("--out - and -o would both write to stdout")
    client = connect(url, api_key)
    wanted = body(client, prompt, wish)
    answer = _asked(key, lambda sure: client.create(wanted, sure))
    if not (watch or wait or out):
        _show_video(answer, output)
        return
    tell(f"accepted: {answer.value.id}")
    _finish(client, answer, out=out, output=output, quiet=not watch)


@videos.command()
@_id_argument
@click.argument("prompt")
@click.option("--key", help="Idempotency key: the same key and wish give the same video.")
@connection_options
@output_option
def remix(video: str, prompt: str, *, key: str | None, url: str | None, api_key: str | None, output: Format) -> None:
    """Ask for a video of PROMPT that starts from the first frame of the finished video ID, all else as that was."""
    client = connect(url, api_key)
    _show_video(_asked(key, lambda sure: client.remix(video, prompt, sure)), output)


@videos.command()
@_id_argument
@connection_options
@output_option
def get(video: str, url: str | None, api_key: str | None, output: Format) -> None:
    """Show the video ID as it is now."""
    _show_video(connect(url, api_key).video(video), output)


@videos.command("list")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--status", type=click.Choice([one.value for one in VideoStatus]))
@click.option("--after", metavar="ID", help="Go on behind this video.")
@click.option("--order", type=click.Choice(["asc", "desc"]), default="desc", show_default=True)
@connection_options
@output_option
def list_(url: str | None, api_key: str | None, output: Format, **wanted: Any) -> None:
    """List your videos, newest first."""
    from gateway.cli.views import page_view

    params = {name: str(value) for name, value in wanted.items() if value is not None}
    answer = connect(url, api_key).videos(params)
    if output is Format.JSON:
        show_json(answer.raw, output)
    elif output is Format.JSONL:
        show_all_json(answer.raw["data"], output)
    elif answer.value.data:
        show(page_view(answer.value))
    else:
        tell("no videos")
    if answer.value.has_more and answer.value.last_id:
        tell(f"there are more: --after {answer.value.last_id}")


@videos.command()
@_id_argument
@connection_options
@output_option
def watch(video: str, url: str | None, api_key: str | None, output: Format) -> None:
    """Follow the video ID to its end. Ctrl-C detaches; the video goes on."""
    client = connect(url, api_key)
    _finish(client, client.video(video), out=None, output=output, quiet=False)


@videos.command("download")
@_id_argument
@click.option("--output-of", metavar="ATTEMPT", callback=_checked_attempt, help="The extra output of this attempt.")
@click.option("--extra", is_flag=True, help="The newest extra output: a file that came when the video had ended.")
@_picture_options
@_out_option
@connection_options
def download_(
    video: str,
    *,
    output_of: str | None,
    extra: bool,
    variant: str,
    out: Path | None,
    url: str | None,
    api_key: str | None,
) -> None:
    """Save the finished video ID as FILE (ID.mp4, ATTEMPT.mp4, or .jpg)."""
    if extra and output_of is not None:
        raise click.UsageError("say --output-of or --extra, not both")
    client = connect(url, api_key)
    attempt = _newest_extra(client, video) if extra else output_of
    ending = "mp4" if variant == VIDEO else "jpg"
    download(client, video, out or Path(f"{attempt or video}.{ending}"), attempt, variant)


@videos.command()
@_id_argument
@connection_options
@output_option
def cancel(video: str, url: str | None, api_key: str | None, output: Format) -> None:
    """Cancel the video ID. Free before a provider has it; after that it costs what the provider still does."""
    _show_video(connect(url, api_key).cancel(video), output)


@videos.command()
@_id_argument
@connection_options
def delete(video: str, url: str | None, api_key: str | None) -> None:
    """Delete the video ID, which has ended: its files go; the ledger and its receipt stay."""
    connect(url, api_key).do("DELETE", f"/v1/videos/{video}", Deleted)
    tell(f"deleted: {video}")


@videos.command()
@_id_argument
@click.option("--expires", type=click.IntRange(60, 86_400), default=3600, show_default=True, metavar="SECONDS")
@click.option("--save", is_flag=True, help="Browsers save the file, and do not show it.")
@_picture_options
@connection_options
@output_option
def link(
    video: str, *, expires: int, save: bool, variant: str, url: str | None, api_key: str | None, output: Format
) -> None:
    """Print a link to the file of the video ID that needs no key."""
    client = connect(url, api_key)
    wish = {
        "expires_in_seconds": expires,
        "disposition": "attachment" if save else "inline",
        "variant": variant,
    }
    answer = client.link(video, wish)
    if output is Format.TABLE:
        show(urljoin(f"{client.url}/", answer.value.url))
    else:
        show_json(answer.raw, output)


@videos.command()
@_id_argument
@connection_options
@output_option
def explain(video: str, url: str | None, api_key: str | None, output: Format) -> None:
    """Show why the video ID went where it went: every account, its price, and what stood against it."""
    from gateway.cli.views import route_view

    answer = connect(url, api_key).route(video)
    if output is Format.TABLE:
        show(route_view(answer.value))
    else:
        show_json(answer.raw, output)


@videos.command()
@_id_argument
@_out_option
@connection_options
def receipt(video: str, out: Path | None, url: str | None, api_key: str | None) -> None:
    """Print the signed receipt of the video ID, which has ended, byte for byte; `filmgate receipts verify` reads it."""
    document = connect(url, api_key).receipt(video)
    if out is None or out == STDOUT:
        sys.stdout.buffer.write(document)
        return
    try:
        out.write_bytes(document)
    except OSError as error:
        raise Stop(ExitCode.FAILED, f"{out} can not be written: {error.strerror}") from error


def _asked(key: str | None, ask: "Callable[[str], Answer[Video]]") -> "Answer[Video]":
    """The answer to a wish, with a key of ours when the caller has none: told, when it should be sent again."""
    key = key or Ids().make("cli_", SystemClock().now())
    try:
        return ask(key)
    except Stop as stop:
        if stop.code is ExitCode.TRY_AGAIN:
            stop.message += f"\n  to try again without making a second video, add --key {key}"
        raise


def _finish(client: "Client", answer: "Answer[Video]", *, out: Path | None, output: Format, quiet: bool) -> None:
    """Wait for the end, show it, fetch the file if asked to, and end as the video did."""
    ended = wait_for(client, answer, output=output, quiet=quiet)
    shown_already = (output is Format.JSONL and not quiet) or out == STDOUT
    if not shown_already:
        _show_video(ended, output)
    code = exit_of(ended.value)
    if code is not ExitCode.OK:
        reason = f": {ended.value.error.message}" if ended.value.error else ""
        raise Stop(code, f"{ended.value.id} {ended.value.status}{reason}")
    if out is not None:
        download(client, ended.value.id, out)


def _newest_extra(client: "Client", video: str) -> str:
    outputs = client.video(video).value.gateway.extra_outputs
    if not outputs:
        raise Stop(ExitCode.NOT_FOUND, f"{video} has no extra output")
    return outputs[-1].attempt


def _show_video(answer: "Answer[Video]", output: Format) -> None:
    from gateway.cli.views import video_view

    if output is Format.TABLE:
        show(video_view(answer.value))
    else:
        show_json(answer.raw, output)
