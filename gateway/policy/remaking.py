"""What a remix, an edit or a continuation of a video comes to: a wish as its own was, from one of its frames."""

from msgspec.structs import replace

from schema.frame import FrameEnd, VideoFrame
from schema.video import RoutingWish, Video, VideoSpec


def remade(source: Video, prompt: str, frame: FrameEnd, seconds: int | None = None) -> VideoSpec:
    """The source's wish with another prompt, from a frame of it; ``seconds`` is None for as long as that."""
    return replace(
        source.spec,
        prompt=prompt,
        seconds=source.spec.seconds if seconds is None else seconds,
        image_url=None,
        image=None,
        video=VideoFrame(video_id=source.id, frame=frame),
    )


def routed_as(source: Video, *, by_key: bool) -> RoutingWish:
    """How the source was to be routed, without what spoke of it alone: its quote.

    Args:
        by_key: an API key asks; a client token may not say where a video is told of, nor repeat what a key said.
    """
    url = source.routing.webhook_url if by_key else None
    return replace(source.routing, quote_id=None, webhook_url=url)
