"""``filmgate images``: pictures to start videos from, over the gateway's REST interface."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from gateway.cli.connection import connect, connection_options
from gateway.cli.exits import ExitCode, Stop
from gateway.cli.output import Format, columns, output_option, show, show_all_json, show_json, tell
from gateway.cli.views import moment
from gateway.cli.wire import Deleted, Image, ImagePage
from schema.ids import names_image
from schema.image import ENDINGS

if TYPE_CHECKING:
    from gateway.cli.client import Answer, Client

_PATH = "/v1/images"
_LINK = re.compile(r"(https?://|data:)", re.IGNORECASE)


def _checked_id(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if not names_image(value):
        raise click.BadParameter("a picture's id is img_ and 26 letters and digits")
    return value


_id_argument = click.argument("image", metavar="ID", callback=_checked_id)
_out_option = click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Where the file goes.")


@click.group()
def images() -> None:
    """Send pictures to start videos from, and look after them."""


@images.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@connection_options
@output_option
def upload(file: Path, url: str | None, api_key: str | None, output: Format) -> None:
    """Send the picture FILE: JPEG, PNG or WebP. The same file twice is one picture."""
    _show_image(connect(url, api_key).upload(file), output)


@images.command("list")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--after", metavar="ID", help="Go on behind this picture.")
@click.option("--order", type=click.Choice(["asc", "desc"]), default="desc", show_default=True)
@connection_options
@output_option
def list_(url: str | None, api_key: str | None, output: Format, **wanted: Any) -> None:
    """List your pictures, newest first."""
    params = {name: str(value) for name, value in wanted.items() if value is not None}
    answer = connect(url, api_key).ask(_PATH, ImagePage, params)
    if output is Format.JSON:
        show_json(answer.raw, output)
    elif output is Format.JSONL:
        show_all_json(answer.raw["data"], output)
    elif answer.value.data:
        head = ("ID", "TYPE", "PIXELS", "BYTES", "CREATED", "EXPIRES")
        show(columns([head, *map(_row, answer.value.data)]))
    else:
        tell("no pictures")
    if answer.value.has_more and answer.value.last_id:
        tell(f"there are more: --after {answer.value.last_id}")


@images.command()
@_id_argument
@connection_options
@output_option
def get(image: str, url: str | None, api_key: str | None, output: Format) -> None:
    """Show what is known of the picture ID."""
    _show_image(connect(url, api_key).ask(f"{_PATH}/{image}", Image), output)


@images.command()
@_id_argument
@_out_option
@connection_options
def download(image: str, out: Path | None, url: str | None, api_key: str | None) -> None:
    """Save the picture ID as FILE (ID.png, …)."""
    client = connect(url, api_key)
    known = client.ask(f"{_PATH}/{image}", Image).value
    file = out or Path(f"{image}.{ENDINGS[known.media_type]}")
    part = file.with_name(file.name + ".part")
    try:
        with client.lines(f"{_PATH}/{image}/content", {}) as pieces, part.open("wb") as opened:
            opened.writelines(pieces)
        part.replace(file)
    except OSError as error:
        raise Stop(ExitCode.FAILED, f"{file} can not be written: {error.strerror}") from error
    tell(f"{file}  {known.bytes:,} bytes")


@images.command()
@_id_argument
@connection_options
def delete(image: str, url: str | None, api_key: str | None) -> None:
    """Delete the picture ID, once no unfinished video starts from it."""
    connect(url, api_key).do("DELETE", f"{_PATH}/{image}", Deleted)
    tell(f"deleted: {image}")


def reference(client: "Client", picture: str) -> dict[str, str]:
    """How a wish names a picture: a link as it is, one of the gateway's by its id, and a file once that was sent."""
    if _LINK.match(picture):
        return {"image_url": picture}
    if names_image(picture) and not Path(picture).exists():
        return {"image_id": picture}
    return {"image_id": client.upload(Path(picture)).value.id}


def _show_image(answer: "Answer[Image]", output: Format) -> None:
    if output is not Format.TABLE:
        show_json(answer.raw, output)
        return
    image = answer.value
    rows = (
        ("id", image.id),
        ("type", image.media_type),
        ("pixels", f"{image.width} x {image.height}"),
        ("bytes", f"{image.bytes:,}"),
        ("sha256", image.sha256),
        ("created", moment(image.created_at) or "-"),
        ("expires", moment(image.expires_at) or "-"),
    )
    show(columns(rows))


def _row(image: Image) -> tuple[str, ...]:
    return (
        image.id,
        image.media_type,
        f"{image.width} x {image.height}",
        f"{image.bytes:,}",
        moment(image.created_at) or "-",
        moment(image.expires_at) or "-",
    )
