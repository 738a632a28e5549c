"""Real, playable MP4 clips made at run time: honest size, length and shape, and no dependency."""

import struct
from functools import lru_cache
from hashlib import sha256

from gateway.sandbox.h264 import FPS, Scene, parameter_sets, pictures

HUES = 8
SIZES = {"16:9": (640, 360), "9:16": (360, 640), "1:1": (480, 480), "auto": (640, 360)}

_TIMESCALE = 12_288
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)  # no rotation, no scaling
_FTYP = b"isom" + struct.pack(">I", 512) + b"isomiso2avc1mp41"


def hue_of(prompt: str) -> int:
    """One of a few hues, so that many prompts share few clips and yet look different."""
    return sha256(prompt.encode()).digest()[0] % HUES


@lru_cache(maxsize=64)
def clip(aspect: str, seconds: int, hue: int) -> bytes:
    """A whole file, `moov` first, so that a player can start before the end has arrived."""
    width, height = SIZES[aspect]
    scene = Scene(width, height, hue / HUES)
    sets = parameter_sets(scene)
    samples = list(pictures(scene, seconds * FPS))
    ftyp = _box(b"ftyp", _FTYP)
    head = len(ftyp) + len(_moov(scene, sets, samples, 0)) + 8
    return ftyp + _moov(scene, sets, samples, head) + _box(b"mdat", *samples)


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _moov(scene: Scene, sets: tuple[bytes, bytes], samples: list[bytes], offset: int) -> bytes:
    length = len(samples) * _TIMESCALE // FPS
    movie = _box(
        b"mvhd",
        struct.pack(">IIIII", 0, 0, 0, _TIMESCALE, length),
        struct.pack(">IH10x", 0x10000, 0x100),
        _MATRIX,
        struct.pack(">24xI", 2),
    )
    track = _box(
        b"tkhd",
        struct.pack(">IIIIII16x", 3, 0, 0, 1, 0, length),
        _MATRIX,
        struct.pack(">II", scene.width << 16, scene.height << 16),
    )
    return _box(b"moov", movie, _box(b"trak", track, _media(scene, sets, samples, offset, length)))


def _media(scene: Scene, sets: tuple[bytes, bytes], samples: list[bytes], offset: int, length: int) -> bytes:
    header = _box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, _TIMESCALE, length, 0x55C4, 0))
    handler = _box(b"hdlr", struct.pack(">II4s12x", 0, 0, b"vide"), b"video\0")
    here = _box(b"dinf", _box(b"dref", struct.pack(">II", 0, 1), _box(b"url ", struct.pack(">I", 1))))
    info = _box(b"minf", _box(b"vmhd", struct.pack(">I8x", 1)), here, _table(scene, sets, samples, offset))
    return _box(b"mdia", header, handler, info)


def _table(scene: Scene, sets: tuple[bytes, bytes], samples: list[bytes], offset: int) -> bytes:
    count = len(samples)
    return _box(
        b"stbl",
        _box(b"stsd", struct.pack(">II", 0, 1), _sample_entry(scene, *sets)),
        _box(b"stts", struct.pack(">IIII", 0, 1, count, _TIMESCALE // FPS)),
        _box(b"stss", struct.pack(">III", 0, 1, 1)),
        _box(b"stsc", struct.pack(">IIIII", 0, 1, 1, count, 1)),
        _box(b"stsz", struct.pack(f">III{count}I", 0, 0, count, *map(len, samples))),
        _box(b"stco", struct.pack(">III", 0, 1, offset)),
    )


def _sample_entry(scene: Scene, sps: bytes, pps: bytes) -> bytes:
    config = _box(
        b"avcC",
        b"\x01" + sps[1:4] + b"\xff",
        b"\xe1" + struct.pack(">H", len(sps)) + sps,
        b"\x01" + struct.pack(">H", len(pps)) + pps,
    )
    return _box(
        b"avc1",
        struct.pack(">6xH16x", 1),
        struct.pack(">HHIIIH", scene.width, scene.height, 0x480000, 0x480000, 0, 1),
        struct.pack(">32xHh", 24, -1),
        config,
    )
