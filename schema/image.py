"""A picture to start videos from: a tenant's own, kept once, and what providers were given of it."""

from enum import StrEnum
from typing import Annotated

import msgspec

from schema.clock import Millis
from schema.ids import IMAGE, pattern

ImageId = Annotated[str, msgspec.Meta(pattern=pattern(IMAGE) + r"(?!\n)", max_length=32)]
Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", max_length=64)]

MEGABYTE = 1024 * 1024
LARGEST_IMAGE = 50 * MEGABYTE
"""Bytes: no provider takes more (upstreams, V6)."""


class ImageType(StrEnum):
    """The formats that are taken."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"


ENDINGS = {ImageType.JPEG: "jpg", ImageType.PNG: "png", ImageType.WEBP: "webp"}
"""How a file of each format is called."""


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """One of a tenant's pictures. The same bytes are the same picture.

    Attributes:
        size: bytes.
        sha256: hex digest of them.
        expires_at: when it goes, unless a video needs it then; every video that starts from it puts that off.
    """

    id: str
    tenant: str
    sha256: str
    size: int
    media_type: ImageType
    width: int
    height: int
    created_at: Millis
    expires_at: Millis

    @property
    def key(self) -> str:
        """Where its file lies in the asset store; another picture never lies there."""
        return f"{self.tenant}/images/{self.id}"


class ImageRef(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A picture in a wish: by its id, and what a decision minds of it once that was looked up.

    Attributes:
        sha256: known from the start when the caller sent the bytes: then they say which wish this is, not the id.
    """

    id: ImageId
    sha256: Digest | None = None
    size: Annotated[int, msgspec.Meta(ge=1)] | None = None

    @classmethod
    def of(cls, image: Image) -> "ImageRef":
        return cls(id=image.id, sha256=image.sha256, size=image.size)


class UploadedImage(msgspec.Struct, frozen=True, kw_only=True):
    """Where an upstream keeps a picture we gave it."""

    url: str
    key: str | None = None
