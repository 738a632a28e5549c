"""The clips are real: FFmpeg decodes every frame of them and has nothing to say."""

import io

import av
import av.logging
import pytest

from gateway.sandbox.h264 import FPS
from gateway.sandbox.mp4 import HUES, SIZES, clip, hue_of


@pytest.mark.parametrize("seconds", [5, 8, 10])
@pytest.mark.parametrize("aspect", ["16:9", "9:16", "1:1", "auto"])
def test_a_clip_decodes_without_a_warning_and_is_as_long_and_wide_as_asked(aspect, seconds):
    av.logging.set_level(av.logging.WARNING)
    with (
        av.logging.Capture() as said,
        av.open(io.BytesIO(clip(aspect, seconds, 0)), "r", options={"err_detect": "explode"}) as file,
    ):
        stream = file.streams.video[0]
        frames = [(frame.width, frame.height) for frame in file.decode(stream)]
        length = (file.duration or 0) / av.time_base
    av.logging.set_level(None)

    assert said == []
    assert frames == [SIZES[aspect]] * (seconds * FPS)
    assert length == pytest.approx(seconds, abs=0.5)


def test_the_picture_moves():
    with av.open(io.BytesIO(clip("16:9", 5, 3)), "r") as file:
        pictures = [bytes(frame.planes[0]) for frame in file.decode(video=0)]

    assert len(set(pictures)) == len(pictures)


def test_the_index_comes_before_the_pictures():
    data = clip("16:9", 5, 0)

    assert data[4:8] == b"ftyp"
    assert data.index(b"moov") < data.index(b"mdat")


def test_prompts_share_a_few_clips_of_different_hue():
    hues = {hue_of(f"prompt {number}") for number in range(200)}

    assert hues == set(range(HUES))
    assert len({clip("1:1", 5, hue) for hue in hues}) == HUES
    assert clip("1:1", 5, 0) is clip("1:1", 5, 0)
