"""What a picture file is, read off its frame alone: format, size, and that it is whole. No pixel is decoded.

What is read has the file's own length as its bound: chunks are stepped over, never loaded.
"""

import struct
from collections.abc import Callable
from typing import BinaryIO
from zlib import crc32

import msgspec

from schema.image import ImageType

FORMATS = "JPEG, PNG or WebP"
HEAD = 12
"""First bytes that tell the format."""

_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_PARTS = 50_000
_MOST_FILL = 16
_STRANGERS = (
    (b"GIF8", "a GIF"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "XML"),
    (b"<!doc", "a web page"),
    (b"<html", "a web page"),
    (b"%PDF", "a PDF"),
    (b"BM", "a bitmap"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"PK", "an archive"),
    (b"\x1f\x8b", "compressed by gzip"),
)


class BadPicture(Exception):
    """The file is none that is taken; the text ends a sentence about it, and says what to do."""


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What a picture's header says."""

    media_type: ImageType
    width: int
    height: int


def check_head(head: bytes) -> ImageType:
    """The format by its first bytes; whatever the file is called, and whatever was said of it.

    Raises:
        BadPicture: it is none of ours.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return ImageType.JPEG
    if head.startswith(_PNG):
        return ImageType.PNG
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return ImageType.WEBP
    if head[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif"):
        raise BadPicture(f"is a HEIF or AVIF; convert it to {FORMATS}")
    begin = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    kind = next((name for first, name in _STRANGERS if begin.startswith(first.lower())), "none that is known here")
    raise BadPicture(f"is {kind}; send {FORMATS}")


def look(file: BinaryIO, size: int) -> Frame:
    """A whole picture's frame.

    Args:
        size: bytes of the file.

    Raises:
        BadPicture: no picture of ours, animated, cut short, or something stands behind its end.
    """
    file.seek(0)
    kind = check_head(file.read(HEAD))
    try:
        width, height = _READERS[kind](file, size)
    except (struct.error, IndexError) as error:
        raise BadPicture("is cut short; send the whole file") from error
    if not width or not height:
        raise BadPicture("has no pixels; send a picture that has some")
    return Frame(media_type=kind, width=width, height=height)


def _png(file: BinaryIO, size: int) -> tuple[int, int]:
    """Chunks from the first, which must be IHDR, to IEND, which must be the end."""
    file.seek(len(_PNG))
    length, name = struct.unpack(">I4s", file.read(8))
    header = file.read(13)
    width, height = struct.unpack(">II", header[:8])
    (checksum,) = struct.unpack(">I", file.read(4))
    if (length, name) != (13, b"IHDR") or crc32(name + header) != checksum:
        raise BadPicture("begins like a PNG and is none; save it anew as PNG")
    drawn = False
    for _ in range(_MOST_PARTS):
        length, name = struct.unpack(">I4s", file.read(8))
        at = file.seek(length + 4, 1)
        if at > size:
            raise BadPicture("is cut short; send the whole file")
        if name == b"acTL":
            raise BadPicture("is animated; send a still picture")
        drawn = drawn or name == b"IDAT"
        if name == b"IEND":
            _check_end(at, size, drawn=drawn)
            return width, height
    raise BadPicture("has too many parts; save it anew as PNG")


def _webp(file: BinaryIO, size: int) -> tuple[int, int]:
    """One RIFF chunk as long as the file says."""
    file.seek(4)
    (length,) = struct.unpack("<I", file.read(4))
    end = 8 + length + length % 2
    if size < 8 + length:
        raise BadPicture("is cut short; send the whole file")
    _check_end(end if size > 8 + length else size, size, drawn=True)
    file.seek(HEAD)
    name, body = file.read(4), file.read(14)[4:]
    if name == b"VP8X":
        if body[0] & 0x02:
            raise BadPicture("is animated; send a still picture")
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if name == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if name == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", body[6:10])
        return width & 0x3FFF, height & 0x3FFF
    raise BadPicture("begins like a WebP and is none; save it anew as WebP")


_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
_SCAN = 0xDA


def _jpeg(file: BinaryIO, size: int) -> tuple[int, int]:
    """Segments from the start to the first scan, one of which is the frame; the last bytes are the end's."""
    found: tuple[int, int] | None = None
    file.seek(2)
    for _ in range(_MOST_PARTS):
        marker = _marker(file)
        if marker in _BARE:
            continue
        (length,) = struct.unpack(">H", file.read(2))
        if length < 2:
            raise BadPicture("begins like a JPEG and is none; save it anew as JPEG")
        if marker in _FRAMES:
            _, height, width = struct.unpack(">BHH", file.read(5))
            found = (width, height)
            length -= 5
        if file.seek(length - 2, 1) > size:
            raise BadPicture("is cut short; send the whole file")
        if marker == _SCAN:
            break
    file.seek(max(size - 2, 0))
    if file.read(2) != b"\xff\xd9":
        raise BadPicture("does not end like a JPEG: it is cut short, or something stands behind it; save it anew")
    if found is None:
        raise BadPicture("begins like a JPEG and is none; save it anew as JPEG")
    return found


def _marker(file: BinaryIO) -> int:
    """The next segment's kind; bytes that only fill may stand before it."""
    if file.read(1) != b"\xff":
        raise BadPicture("begins like a JPEG and is none; save it anew as JPEG")
    byte = next((byte for _ in range(_MOST_FILL) if (byte := file.read(1)) != b"\xff"), b"")
    return byte[0]


def _check_end(at: int, size: int, *, drawn: bool) -> None:
    if not drawn:
        raise BadPicture("has no pixels; send a picture that has some")
    if at < size:
        raise BadPicture(f"has {size - at} bytes behind its end; save it anew")


_READERS: dict[ImageType, Callable[[BinaryIO, int], tuple[int, int]]] = {
    ImageType.JPEG: _jpeg,
    ImageType.PNG: _png,
    ImageType.WEBP: _webp,
}
