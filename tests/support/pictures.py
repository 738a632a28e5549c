"""Small real pictures, made here: formats whose frames are whole, with whatever inside."""

import os
import struct
from zlib import compress, crc32


def png(width: int, height: int, *, says: tuple[int, int] | None = None, more: int = 0) -> bytes:
    """A grey PNG. ``says``: the size its header tells; ``more``: bytes of noise it carries besides."""
    header = struct.pack(">IIBBBBB", *(says or (width, height)), 8, 0, 0, 0, 0)
    rows = compress(b"".join(b"\0" + b"\x80" * width for _ in range(height)))
    noise = _chunk(b"noIs", os.urandom(more)) if more else b""
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + noise + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    """The frame of a JPEG."""
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    scan = b"\x01\x01\x00\x00\x3f\x00"
    return b"\xff\xd8" + _segment(0xC0, frame) + _segment(0xDA, scan) + b"\x12\x34" * 20 + b"\xff\xd9"


def webp(width: int, height: int, *, animated: bool = False) -> bytes:
    """The frame of an extended WebP."""
    flags = b"\x02\0\0\0" if animated else b"\0\0\0\0"
    body = flags + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    inside = b"WEBPVP8X" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(inside)) + inside


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc32(name + data))


def _segment(marker: int, data: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data
