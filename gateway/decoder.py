"""``python -m gateway.decoder TAKE FILM``: a JPEG of a film, on standard output, within bounds of its own."""

import resource
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

MEMORY = 1 << 30
"""Bytes of address space: a decoder's own libraries take a third of it."""

CPU_SECONDS = 15
WIDEST = 640
LARGEST_FRAME = 40_000_000
"""Pixels of a frame that is decoded at all."""

FRAMES = 12
"""How many of the first are looked at for a picture of the film: the very first one is often black."""

ACROSS, DOWN = 5, 4
"""Tiles of a sheet."""

TILE = 320
"""Pixels of a tile's longer side."""

FORMAT = "yuvj420p"
BLACK = (0, 128, 128)
FINE = 3
"""How a frame is compressed that a film is to start from, by MJPEG's own scale: 1 is the finest, 31 the coarsest."""

BACK_SECONDS = 5
"""How far before the end the last frame is looked for; in one key frame's reach before that, in truth."""


def main(take: str, film: str) -> int:
    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, CPU_SECONDS), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(what, (most, most))
    sys.stdout.buffer.write(picture(take, film))
    return 0


def picture(take: str, film: str) -> bytes:
    """A film as a JPEG, in one of the ways there are."""
    import av

    with av.open(film, mode="r", format="mp4") as container:
        stream = container.streams.video[0]
        if stream.codec_context.width * stream.codec_context.height > LARGEST_FRAME:
            raise ValueError("the frames are too large")
        return TAKES[take](container, stream)


def thumbnail(container: "InputContainer", stream: "VideoStream") -> bytes:
    *_, frame = islice(container.decode(stream), FRAMES)
    return jpeg(scaled(frame, *fitting(frame, WIDEST, None)))


def first(container: "InputContainer", stream: "VideoStream") -> bytes:
    """The first frame as it is, as far as a JPEG can be."""
    return jpeg(whole(next(container.decode(stream))), fineness=FINE)


def last(container: "InputContainer", stream: "VideoStream") -> bytes:
    """The last frame, as the first."""
    length = span(container, stream)
    seek(container, stream, max(0.0, length - BACK_SECONDS))
    final = None
    for frame in container.decode(stream):
        final = frame
    if final is None:
        raise ValueError("there is no frame")
    return jpeg(whole(final), fineness=FINE)


def spritesheet(container: "InputContainer", stream: "VideoStream") -> bytes:
    """Frames from the middles of equal parts of the film, row by row."""
    tiles = ACROSS * DOWN
    length = span(container, stream)
    moments = [length * (number + 0.5) / tiles for number in range(tiles)]
    sheet: Sheet | None = None
    for number, frame in enumerate(frames_at(container, stream, moments)):
        width, height = fitting(frame, TILE, TILE)
        sheet = sheet or Sheet(width, height)
        sheet.put(number, scaled(frame, sheet.width, sheet.height))
    if sheet is None:
        raise ValueError("there is no frame")
    return jpeg(sheet.frame())


TAKES: "dict[str, Callable[[InputContainer, VideoStream], bytes]]" = {
    "thumbnail": thumbnail,
    "spritesheet": spritesheet,
    "first": first,
    "last": last,
}


def span(container: "InputContainer", stream: "VideoStream") -> float:
    """How long the film is, in seconds; 0 when it does not say."""
    import av

    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base


def seek(container: "InputContainer", stream: "VideoStream", moment: float) -> None:
    """To the key frame at a moment, or before it."""
    if stream.time_base is not None:
        container.seek(int((began(stream) + moment) / stream.time_base), stream=stream)


def frames_at(container: "InputContainer", stream: "VideoStream", moments: list[float]) -> "Iterator[VideoFrame]":
    """The frame that is shown at each moment; no frame is decoded twice, and those between key frames are passed over.

    A film that ends before it says so gives its last frame again.
    """
    keys = key_moments(stream)
    frames = container.decode(stream)
    shown: VideoFrame | None = None
    coming = next(frames, None)
    for moment in moments:
        key = max((one for one in keys if one <= moment), default=0.0)
        if coming is not None and key > at(coming, stream):
            seek(container, stream, key)
            frames = container.decode(stream)
            coming = next(frames, None) or coming
        while coming is not None and (shown is None or at(coming, stream) <= moment):
            shown, coming = coming, next(frames, None)
        if shown is not None:
            yield shown


def key_moments(stream: "VideoStream") -> list[float]:
    """When the film's key frames are, as its index says."""
    base = stream.time_base or Fraction(0)
    index = getattr(stream, "index_entries", ())  # PyAV 16 does not tell: then every frame is decoded
    return [float(entry.timestamp * base) - began(stream) for entry in index if entry.is_keyframe]


def at(frame: "VideoFrame", stream: "VideoStream") -> float:
    """When a frame is shown, in seconds from the film's beginning."""
    return (frame.time or 0.0) - began(stream)


def began(stream: "VideoStream") -> float:
    return float((stream.start_time or 0) * (stream.time_base or 0))


def whole(frame: "VideoFrame") -> "VideoFrame":
    """A frame at its own size, which an odd number of pixels makes one smaller."""
    return scaled(frame, max(2, frame.width // 2 * 2), max(2, frame.height // 2 * 2))


def fitting(frame: "VideoFrame", width: int, height: int | None) -> tuple[int, int]:
    """The largest even size of a frame's shape that is no larger than it, and fits."""
    scale = min(1.0, width / frame.width, 1.0 if height is None else height / frame.height)
    return max(2, round(frame.width * scale) // 2 * 2), max(2, round(frame.height * scale) // 2 * 2)


def scaled(frame: "VideoFrame", width: int, height: int) -> "VideoFrame":
    return frame.reformat(width=width, height=height, format=FORMAT)


class Sheet:
    """Tiles of one size in a grid, held as the planes of the picture that they become."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._planes = [
            bytearray([shade]) * (ACROSS * width // part * (DOWN * height // part))
            for shade, part in zip(BLACK, (1, 2, 2), strict=True)
        ]

    def put(self, number: int, tile: "VideoFrame") -> None:
        """A tile in its place, from the top left, row by row."""
        row, column = divmod(number, ACROSS)
        for plane, source, part in zip(self._planes, tile.planes, (1, 2, 2), strict=True):
            pixels = memoryview(source)
            width, height = self.width // part, self.height // part
            for line in range(height):
                start = (row * height + line) * width * ACROSS + column * width
                plane[start : start + width] = pixels[line * source.line_size : line * source.line_size + width]

    def frame(self) -> "VideoFrame":
        import av

        frame = av.VideoFrame(ACROSS * self.width, DOWN * self.height, FORMAT)
        for plane, target in zip(self._planes, frame.planes, strict=True):
            width, height = target.width, target.height
            lines = [plane[line * width : (line + 1) * width] for line in range(height)]
            target.update(b"".join(line.ljust(target.line_size, b"\0") for line in lines))
        return frame


def jpeg(frame: "VideoFrame", *, fineness: int | None = None) -> bytes:
    import av

    encoder = av.VideoCodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, FORMAT
    encoder.time_base = Fraction(1, 25)
    if fineness is not None:
        encoder.qmin = encoder.qmax = fineness
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
