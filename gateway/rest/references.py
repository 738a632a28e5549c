"""What a video starts from, as the body of a wish says it."""

from typing import Annotated, Any

import msgspec

from gateway.services.images import DATA, REFERENCE
from schema.errors import InvalidRequest
from schema.frame import FrameEnd, VideoId
from schema.image import ImageId

PictureUrl = Annotated[
    str, msgspec.Meta(min_length=8, max_length=1 << 26, pattern=r"^(https?://[^\s]{1,2040}|data:[^\s]+)$(?!\n)")
]
HINT = (
    'must be a file of the form, or {"image_url": "https://…"}, or {"image_id": "img_…"}, or '
    '{"video_id": "video_…", "frame": "first"} (or "last")'
)


class ImageReference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to start from: exactly one of these.

    Attributes:
        image_url: where a picture lies, https; we fetch it before the video is sent. Or the picture itself, as a data
            URL.
        image_id: one of your pictures, as `POST /v1/images` gave it.
        file_id: the same, by OpenAI's word.
        video_id: one of your finished videos: a frame of it.
        frame: which, with `video_id`; the first unless said.
    """

    image_url: PictureUrl | None = None
    image_id: ImageId | None = None
    file_id: ImageId | None = None
    video_id: VideoId | None = None
    frame: FrameEnd | None = None

    def fields(self) -> dict[str, Any]:
        """The same as a spec has it, without a picture that it brings itself. Raises InvalidRequest unless it is one.

        Raises:
            InvalidRequest: it is not exactly one.
        """
        given = [one for one in (self.image_url, self.image_id, self.file_id, self.video_id) if one is not None]
        if len(given) != 1 or (self.frame is not None and self.video_id is None):
            raise InvalidRequest.field(REFERENCE, "invalid_value", HINT)
        if self.video_id is not None:
            return {"video": {"video_id": self.video_id, "frame": self.frame or FrameEnd.FIRST}}
        if self.image_url is not None:
            return {} if self.picture else {"image_url": self.image_url}
        return {"image": {"id": self.image_id or self.file_id}}

    @property
    def picture(self) -> str | None:
        """The picture that it brings, as a data URL."""
        return self.image_url if self.image_url is not None and self.image_url.startswith(DATA) else None
