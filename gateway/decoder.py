"""``python -m gateway.decoder FILM``: a frame of a film as a JPEG, on standard output, within bounds of its own."""

import resource
import sys
from fractions import Fraction
from itertools import islice

MEMORY = 1 << 30
"""Bytes of address space: a decoder's own libraries take a third of it."""

CPU_SECONDS = 15
WIDEST = 640
LARGEST_FRAME = 40_000_000
"""Pixels of a frame that is decoded at all."""

FRAMES = 12
"""How many of the first are looked at: the very first one is often black."""


def main(film: str) -> int:
    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, CPU_SECONDS), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(what, (most, most))
    sys.stdout.buffer.write(jpeg(film))
    return 0


def jpeg(film: str) -> bytes:
    import av

    with av.open(film, mode="r", format="mp4") as container:
        stream = container.streams.video[0]
        if stream.codec_context.width * stream.codec_context.height > LARGEST_FRAME:
            raise ValueError("the frames are too large")
        *_, frame = islice(container.decode(stream), FRAMES)
        width = min(WIDEST, frame.width) // 2 * 2
        height = max(2, round(frame.height * width / frame.width) // 2 * 2)
        encoder = av.CodecContext.create("mjpeg", "w")
        encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
        encoder.time_base = Fraction(1, 25)
        picture = frame.reformat(width=width, height=height, format="yuvj420p")
        picture.pts = 0
        return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
