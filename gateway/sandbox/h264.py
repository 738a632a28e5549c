"""A moving picture as H.264, written bit by bit: one raw picture, then pictures that change a few blocks of it."""

import math
import re
import struct
from collections.abc import Iterator

FPS = 12

_WHITE = 235
_SUN = 215
_COPY_LEFT = (
    2  # I_16x16, horizontal prediction, no residual: every row of the block repeats its left neighbour's last pixel
)
_RAW_IN_I = 25  # I_PCM: 384 bytes of pixels as they are
_RAW_IN_P = 30


class Bits:
    """Bits on their way into bytes, most significant first."""

    def __init__(self) -> None:
        self._value = 0
        self._count = 0
        self._done = bytearray()

    def put(self, value: int, width: int) -> None:
        self._value = (self._value << width) | value
        self._count += width
        while self._count >= 8:
            self._count -= 8
            self._done.append((self._value >> self._count) & 255)
        self._value &= (1 << self._count) - 1

    def golomb(self, *values: int) -> None:
        """Exp-Golomb, `ue(v)` in the standard. For 0 it is also `se(v)`."""
        for value in values:
            self.put(value + 1, 2 * (value + 1).bit_length() - 1)

    def align(self) -> None:
        if self._count:
            self.put(0, 8 - self._count)

    def raw(self, data: bytes) -> None:
        self.align()
        self._done += data

    def nal(self, header: int) -> bytes:
        """Close with the stop bit, and escape what would look like a start code."""
        self.put(1, 1)
        self.align()
        return bytes([header]) + re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", bytes(self._done))


class Scene:
    """A sky in the prompt's hue, a sun that stands still, and a bar along the bottom that fills as time passes."""

    def __init__(self, width: int, height: int, hue: float) -> None:
        self.width, self.height = width, height
        self.columns, self.rows = -(-width // 16), -(-height // 16)
        self.bar_row = (height - 20) // 16
        tall = self.rows * 16
        self._luma = [bytearray([70 + 110 * y // tall]) * (self.columns * 16) for y in range(tall)]
        self._blue = self._plane(128 + 56 * math.cos(math.tau * hue))
        self._red = self._plane(128 + 56 * math.sin(math.tau * hue))
        self._drawn: set[tuple[int, int]] = set()
        self._draw_sun()

    def _plane(self, value: float) -> list[bytearray]:
        return [bytearray([round(value)]) * (self.columns * 8) for _ in range(self.rows * 8)]

    def _draw_sun(self) -> None:
        radius = min(self.width, self.height) // 8
        middle, level = self.width * 2 // 3, self.height // 3
        for y in range(level - radius, level + radius):
            half = math.isqrt(radius * radius - (y - level) ** 2)
            left, right = middle - half, middle + half
            self._luma[y][left:right] = bytes([_SUN]) * (right - left)
            self._drawn.update((column, y // 16) for column in range(left // 16, right // 16 + 1))

    def fill_bar(self, start: int, end: int) -> None:
        top = self.bar_row * 16 + 4
        for y in range(top, top + 8):
            self._luma[y][start:end] = bytes([_WHITE]) * (end - start)

    def is_sky(self, column: int, row: int) -> bool:
        return (column, row) not in self._drawn

    def pixels(self, column: int, row: int) -> bytes:
        """One macroblock: 16 x 16 of luma, then 8 x 8 of each chroma."""
        luma = (self._luma[row * 16 + y][column * 16 : column * 16 + 16] for y in range(16))
        blue = (self._blue[row * 8 + y][column * 8 : column * 8 + 8] for y in range(8))
        red = (self._red[row * 8 + y][column * 8 : column * 8 + 8] for y in range(8))
        return b"".join((*luma, *blue, *red))


def parameter_sets(scene: Scene) -> tuple[bytes, bytes]:
    """What a decoder must know before the first picture: constrained baseline, one reference, pictures in order."""
    sps = Bits()
    sps.raw(b"\x42\xc0\x1e")  # profile 66, constraint sets 0 and 1, level 3.0
    sps.golomb(0, 4, 2, 1)  # id, 8 bits of frame number, output in decoding order, one reference picture
    sps.put(0, 1)
    sps.golomb(scene.columns - 1, scene.rows - 1)
    sps.put(0b11, 2)
    right, bottom = (scene.columns * 16 - scene.width) // 2, (scene.rows * 16 - scene.height) // 2
    sps.put(1 if right or bottom else 0, 1)
    if right or bottom:
        sps.golomb(0, right, 0, bottom)
    sps.put(0, 1)
    pps = Bits()
    pps.golomb(0, 0)
    pps.put(0, 2)
    pps.golomb(0, 0, 0)
    pps.put(0, 3)
    pps.golomb(0, 0, 0)
    pps.put(0b100, 3)  # the deblocking filter is switched off in each slice
    return sps.nal(0x67), pps.nal(0x68)


def pictures(scene: Scene, count: int) -> Iterator[bytes]:
    """Every picture as a length-prefixed NAL unit, as MP4 stores them."""
    for number in range(count):
        unit = _first(scene) if number == 0 else _next(scene, number, count)
        yield struct.pack(">I", len(unit)) + unit


def _slice(kind: int, number: int) -> Bits:
    bits = Bits()
    bits.golomb(0, kind, 0)
    bits.put(number % 256, 8)
    return bits


def _first(scene: Scene) -> bytes:
    bits = _slice(7, 0)
    bits.golomb(0)
    bits.put(0, 2)
    bits.golomb(0, 1)  # no change of quantiser, no deblocking
    for row in range(scene.rows):
        for column in range(scene.columns):
            if _is_raw(scene, column, row):
                bits.golomb(_RAW_IN_I)
                bits.raw(scene.pixels(column, row))
            else:
                bits.golomb(_COPY_LEFT, 1, 0)  # chroma is predicted the same way
                _no_coefficients(bits, scene, column, row)
    return bits.nal(0x65)


def _is_raw(scene: Scene, column: int, row: int) -> bool:
    """A block of sky to the right of another block of sky is its repetition; all others are sent as they are."""
    return column == 0 or not (scene.is_sky(column, row) and scene.is_sky(column - 1, row))


def _no_coefficients(bits: Bits, scene: Scene, column: int, row: int) -> None:
    """`coeff_token` for zero coefficients: its code depends on the neighbours, and a raw one counts as full."""
    raw_left = _is_raw(scene, column - 1, row)
    raw_above = row > 0 and _is_raw(scene, column, row - 1)
    bits.put(0b000011, 6) if raw_left or raw_above else bits.put(1, 1)


def _next(scene: Scene, number: int, count: int) -> bytes:
    start, end = scene.width * (number - 1) // (count - 1), scene.width * number // (count - 1)
    scene.fill_bar(start, end)
    bits = _slice(5, number)
    bits.put(0, 3)
    bits.golomb(0, 1)
    first, last = start // 16, min(scene.columns - 1, (end - 1) // 16)
    skip = scene.bar_row * scene.columns + first
    for column in range(first, last + 1):
        bits.golomb(skip, _RAW_IN_P)
        bits.raw(scene.pixels(column, scene.bar_row))
        skip = 0
    bits.golomb(scene.columns * scene.rows - (scene.bar_row * scene.columns + last + 1))
    return bits.nal(0x41)
