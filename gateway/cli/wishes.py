"""The options of a wish, the same for making a video and for asking what it would cost, and the body they become."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

from gateway.cli.images import reference
from gateway.policy.durations import DURATION_HINT, duration
from schema.frame import FrameEnd
from schema.money import parse_micros
from schema.video import LONGEST_SECONDS, AspectRatio, OnMaxWait, OnUnknown, OnUnsupported, Priority, Quality, Strategy

if TYPE_CHECKING:
    from gateway.cli.client import Client

Command = TypeVar("Command", bound=Callable[..., Any])


def _checked_money(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    try:
        parse_micros(value or "0")
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return value


def _checked_pairs(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    if any("=" not in value for value in values):
        raise click.BadParameter("write NAME=VALUE")
    return dict(value.split("=", 1) for value in values)


def _checked_duration(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    return None if value is None else _seconds(value, least=1)


def _checked_wait(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    return None if value is None else _seconds(value, least=0)


def _seconds(value: str, *, least: int) -> int:
    seconds = duration(value)
    if seconds is None or not least <= seconds <= LONGEST_SECONDS:
        raise click.BadParameter(f"write {DURATION_HINT}; from {least} to {LONGEST_SECONDS} seconds")
    return seconds


_OPTIONS = (
    click.option("--model", help="auto, or a name from `GET /v1/models`."),
    click.option("--aspect", type=click.Choice([one.value for one in AspectRatio])),
    click.option("--seconds", type=click.IntRange(1, 60)),
    click.option("--quality", type=click.Choice([one.value for one in Quality])),
    click.option(
        "--image",
        "--image-url",
        "image",
        metavar="FILE|URL|ID",
        help="The picture to start from: a file, which is sent; a link; or one of `filmgate images list`.",
    ),
    click.option("--from-video", metavar="ID", help="A finished video of yours: start from a frame of it."),
    click.option(
        "--frame", type=click.Choice([one.value for one in FrameEnd]), help="Which frame; the first unless said."
    ),
    click.option(
        "--metadata", multiple=True, metavar="NAME=VALUE", callback=_checked_pairs, help="Kept with the video."
    ),
    click.option("--only", multiple=True, metavar="NAME", help="An account or provider that may make it; repeatable."),
    click.option("--exclude", multiple=True, metavar="NAME", help="An account or provider that may not; repeatable."),
    click.option("--strategy", type=click.Choice([one.value for one in Strategy])),
    click.option("--max-cost", metavar="AMOUNT", callback=_checked_money, help='The most it may cost, such as "0.50".'),
    click.option(
        "--deadline", type=click.IntRange(1, LONGEST_SECONDS), metavar="SECONDS", help="From accepted to ended."
    ),
    click.option(
        "--cancel-after", metavar="TIME", callback=_checked_duration, help="Cancel it by itself then: 90, 30s, 1h30m."
    ),
    click.option("--on-unsupported", type=click.Choice([one.value for one in OnUnsupported])),
    click.option("--on-unknown", type=click.Choice([one.value for one in OnUnknown])),
    click.option(
        "--max-wait",
        metavar="TIME",
        callback=_checked_wait,
        help="How long it may wait for a better account that has no room: 0, 90, 30s, 1h30m.",
    ),
    click.option("--on-max-wait", type=click.Choice([one.value for one in OnMaxWait]), help="And then?"),
    click.option(
        "--priority", type=click.Choice([one.value for one in Priority]), help="Its place among your own videos."
    ),
    click.option("--webhook-url", metavar="URL", help="Told what happens to this video."),
)


def wish_options(command: Command) -> Command:
    """What a video may be asked for with, beside its prompt."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def body(client: "Client", prompt: str, wish: dict[str, Any]) -> dict[str, Any]:
    """The wish as REST takes it, without what was not said; the prompt ``-`` is read from stdin. A picture is sent."""
    text = sys.stdin.read().strip() if prompt == "-" else prompt
    seconds = wish["seconds"]
    fields = {
        "prompt": text,
        "model": wish["model"],
        "seconds": str(seconds) if seconds is not None else None,
        "aspect_ratio": wish["aspect"],
        "quality": wish["quality"],
        "input_reference": _reference(client, wish),
        "metadata": wish["metadata"],
        "gateway": _said(
            {
                "only": list(wish["only"]),
                "exclude": list(wish["exclude"]),
                "strategy": wish["strategy"],
                "max_cost": wish["max_cost"],
                "deadline_seconds": wish["deadline"],
                "cancel_after_seconds": wish["cancel_after"],
                "quote_id": wish.get("quote"),
                "on_unsupported": wish["on_unsupported"],
                "on_unknown": wish["on_unknown"],
                "max_wait_seconds": wish["max_wait"],
                "on_max_wait": wish["on_max_wait"],
                "priority": wish["priority"],
                "webhook_url": wish["webhook_url"],
            }
        ),
    }
    return {"prompt": text, **_said(fields)}


def _reference(client: "Client", wish: dict[str, Any]) -> dict[str, str] | None:
    """What it starts from. Raises UsageError when that is two things, or a frame of nothing."""
    image, video, frame = wish["image"], wish["from_video"], wish["frame"]
    if image and video:
        raise click.UsageError("say --image or --from-video, not both")
    if frame and not video:
        raise click.UsageError("--frame is of a video; say which: --from-video ID")
    if video:
        return {"video_id": video, "frame": frame or FrameEnd.FIRST.value}
    return reference(client, image) if image else None


def _said(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}
