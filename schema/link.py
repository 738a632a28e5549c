"""A content link: which file, for how long, and what a browser does with it."""

from enum import StrEnum
from typing import Annotated

import msgspec

from schema.ids import ATTEMPT, pattern

SHORTEST_SECONDS, USUAL_SECONDS, LONGEST_SECONDS = 60, 3600, 86_400


class Disposition(StrEnum):
    """What a browser does with what a link leads to."""

    INLINE = "inline"  # shows it
    ATTACHMENT = "attachment"  # saves it


class Variant(StrEnum):
    """What of a video."""

    VIDEO = "video"  # the film
    THUMBNAIL = "thumbnail"  # a picture of it
    SPRITESHEET = "spritesheet"  # twenty of them in a grid


class LinkWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a link is to be.

    Attributes:
        expires_in_seconds: how long it works.
        disposition: whether a browser shows the file or saves it.
        variant: the film, a picture of it, or a sheet of them.
        output: an attempt's id: its extra output is meant, not the video's own file.
    """

    expires_in_seconds: Annotated[int, msgspec.Meta(ge=SHORTEST_SECONDS, le=LONGEST_SECONDS)] = USUAL_SECONDS
    disposition: Disposition = Disposition.INLINE
    variant: Variant = Variant.VIDEO
    output: Annotated[str, msgspec.Meta(pattern=pattern(ATTEMPT), max_length=30)] | None = None
