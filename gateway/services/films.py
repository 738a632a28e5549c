"""The file of a video, or why it has none."""

from gateway.store.store import Transaction
from schema.clock import Millis
from schema.errors import Gone, NotReady
from schema.lifecycle import VideoStatus
from schema.output import ExtraOutput
from schema.video import Asset, Video

NOT_BEFORE = 5
"""Seconds after which to ask again for a file that is being made."""

EXPIRED = "The file has expired: it was kept as long as your tenant's retention says"


async def film_of(tx: Transaction, video: Video, now: Millis) -> Asset:
    """A video's own file. Raises NotReady while it is made, Gone when it failed or expired."""
    if video.status is VideoStatus.COMPLETED and video.asset is not None:
        if not video.has_file(now):
            raise Gone(EXPIRED)
        return video.asset
    if video.ended:
        raise Gone(_no_file(video, await tx.outputs.of_video(video.tenant, video.id)))
    raise NotReady(
        f"The video is {video.status}, {video.progress} %; its file is there once it has completed",
        retry_after_seconds=NOT_BEFORE,
    )


def _no_file(video: Video, outputs: list[ExtraOutput]) -> str:
    """Why an ended video has no file of its own, and where the newest is that came when it had ended."""
    said = f"The video is {video.status}; it has no file"
    return f"{said} of its own. One came after that: add ?output={outputs[-1].attempt}" if outputs else said
