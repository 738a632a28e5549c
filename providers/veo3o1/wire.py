"""veo3o1's own JSON, spelled as its API reference spells it (read 2026-11-20).

What we send is typed strictly. What we read is typed as far as a decision rests on it; the adapter's readers judge the
rest, because its documents leave those fields open.
"""

from typing import Any, Literal

import msgspec


class GenerateVideo(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True, kw_only=True):
    """The body of ``POST /generate-video``. Singular image, as documented (V14); there is no other parameter."""

    generation_type: Literal["text_to_video", "image_to_video"]
    prompt: str
    aspect_ratio: Literal["auto", "16:9", "9:16"] | None = None
    image_url: str | None = None
    image_key: str | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope of every answer, good and bad."""

    code: Any = None
    msg: Any = None
    data: Any = None


class Task(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """``data`` of a creation and of a status; the four last fields are guesses (V4)."""

    uuid: Any = None
    status: Any = None
    video_url: Any = None
    progress: Any = None
    estimated_time: Any = None
    error: Any = None
    error_message: Any = None
    fail_reason: Any = None
    message: Any = None


class Shortage(msgspec.Struct, frozen=True, kw_only=True):
    """``data`` of code 1001."""

    required: Any = None
    current: Any = None


class UploadedFile(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """``data`` of ``POST /upload-video-image``."""

    image_url: str
    image_key: str | None = None
