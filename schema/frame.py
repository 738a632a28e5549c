"""A frame of a finished video, as a picture that another video starts from."""

from enum import StrEnum
from typing import Annotated

import msgspec

from schema.ids import VIDEO, pattern

VideoId = Annotated[str, msgspec.Meta(pattern=pattern(VIDEO) + r"(?!\n)", max_length=32)]


class FrameEnd(StrEnum):
    """Which frame."""

    FIRST = "first"  # another film from the same beginning
    LAST = "last"  # what comes next


class VideoFrame(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of a tenant's finished videos, and which frame of it."""

    video_id: VideoId
    frame: FrameEnd = FrameEnd.FIRST
