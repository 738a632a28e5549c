"""What the decoder makes of a film: which frames, in which place, at which size."""

import io
from itertools import pairwise
from pathlib import Path

import av
import pytest

from gateway.decoder import ACROSS, DOWN, picture

TILES = ACROSS * DOWN


def film(path: Path, *, frames: int = 100, every: int = 250, size: tuple[int, int] = (640, 360)) -> str:
    """Frames from black to white, with a key frame every so many."""
    width, height = size
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("h264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = every
        for number in range(frames):
            frame = av.VideoFrame(width, height, "yuv420p")
            for plane, shade in zip(frame.planes, (16 + 219 * number // max(frames - 1, 1), 128, 128), strict=True):
                plane.update(bytes([shade]) * plane.buffer_size)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return str(path)


class Shown:
    """A JPEG, decoded."""

    def __init__(self, jpeg: bytes) -> None:
        with av.open(io.BytesIO(jpeg), mode="r", format="jpeg_pipe") as container:
            self._frame = next(container.decode(video=0))
        self.size = (self._frame.width, self._frame.height)

    def shade(self, x: int, y: int) -> int:
        plane = self._frame.planes[0]
        return memoryview(plane)[y * plane.line_size + x]

    def tiles(self) -> list[int]:
        """The shades in the middles of a sheet's tiles, row by row."""
        width, height = self.size[0] // ACROSS, self.size[1] // DOWN
        return [
            self.shade(column * width + width // 2, row * height + height // 2)
            for row in range(DOWN)
            for column in range(ACROSS)
        ]


@pytest.mark.parametrize("every", [250, 10, 1], ids=["one key frame", "some", "nothing else"])
def test_a_sheet_shows_the_whole_film_evenly_whatever_its_key_frames(tmp_path: Path, every: int):
    shown = Shown(picture("spritesheet", film(tmp_path / "film.mp4", every=every)))

    wanted = [round(255 * (part + 0.5) / TILES) for part in range(TILES)]
    assert all(abs(shade - want) <= 8 for shade, want in zip(shown.tiles(), wanted, strict=True))
    assert all(before < after for before, after in pairwise(shown.tiles()))


@pytest.mark.parametrize(
    ("size", "tile"),
    [((640, 360), (320, 180)), ((360, 640), (180, 320)), ((512, 512), (320, 320)), ((160, 90), (160, 90))],
    ids=["wide", "tall", "square", "small"],
)
def test_tiles_have_the_film_s_shape_and_are_never_larger_than_it(
    tmp_path: Path, size: tuple[int, int], tile: tuple[int, int]
):
    shown = Shown(picture("spritesheet", film(tmp_path / "film.mp4", size=size)))

    assert shown.size == (ACROSS * tile[0], DOWN * tile[1])


def test_a_film_of_one_frame_has_a_sheet_too(tmp_path: Path):
    shown = Shown(picture("spritesheet", film(tmp_path / "film.mp4", frames=1)))

    assert len(set(shown.tiles())) == 1


@pytest.mark.parametrize("frames", [1, 2, 100, 300], ids=["one", "two", "short", "longer than is looked back"])
def test_the_first_and_the_last_frame_are_those_at_their_own_size(tmp_path: Path, frames: int):
    path = film(tmp_path / "film.mp4", frames=frames, size=(320, 180))

    first, last = Shown(picture("first", path)), Shown(picture("last", path))

    assert first.size == last.size == (320, 180)
    assert first.shade(9, 9) <= 2
    assert last.shade(9, 9) >= (253 if frames > 1 else 0)


@pytest.mark.parametrize("take", ["thumbnail", "spritesheet", "first", "last"])
def test_the_same_film_gives_the_same_bytes(tmp_path: Path, take: str):
    path = film(tmp_path / "film.mp4", frames=30)

    assert picture(take, path) == picture(take, path)
