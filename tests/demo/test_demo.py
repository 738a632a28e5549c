"""The first five minutes: what the demo prints works as printed, and the videos are real."""

import io
import json
import re
from base64 import b64encode
from typing import Any

import av
import httpx
import pytest

from tests.demo.conftest import Demo
from tests.support.pictures import png

pytestmark = pytest.mark.xdist_group("demo")  # one demo serves all tests here

RATIOS = {"16:9": 16 / 9, "9:16": 9 / 16, "1:1": 1.0}


def block(printed: str, label: str) -> str:
    """The command behind a label, with its continuation lines."""
    lines = printed.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(label))
    end = start
    while lines[end].endswith("\\"):
        end += 1
    return "\n".join([lines[start].removeprefix(label), *lines[start + 1 : end + 1]]).strip()


def test_the_printed_curl_line_creates_a_video(demo: Demo) -> None:
    answer = demo.sh(block(demo.printed, "Try it"))

    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["id"].startswith("video_")


def test_the_printed_graphql_line_lists_videos(demo: Demo) -> None:
    answer = demo.sh(block(demo.printed, "GraphQL"))

    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("label", ["Watch it", "Break it", "Pin it"])
def test_a_printed_command_makes_a_video_and_says_so(demo: Demo, label: str) -> None:
    answer = demo.sh(block(demo.printed, label))

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "completed" in answer.stdout + answer.stderr


def test_the_pinned_command_saved_a_film(demo: Demo) -> None:
    demo.sh(block(demo.printed, "Pin it"))

    assert decoded((demo.folder / "boat.mp4").read_bytes())["frames"] > 0


@pytest.mark.parametrize(
    ("wish", "provider", "ratio", "seconds"),
    [
        pytest.param({"model": "veo3o1/veo-3.1", "aspect_ratio": "9:16"}, "veo3o1", "9:16", 8, id="veo3o1"),
        pytest.param(
            {"model": "doitong/veo3", "aspect_ratio": "1:1", "seconds": 6, "gateway": {"only": ["doitong-demo"]}},
            "doitong",
            "1:1",
            6,
            id="Doitong over GraphQL",
        ),
        pytest.param(
            {"aspect_ratio": "16:9", "seconds": 7, "gateway": {"only": ["doitong-rest-demo"]}},
            "doitong",
            "16:9",
            7,
            id="Doitong over REST",
        ),
        pytest.param(
            {"input_reference": {"image_url": f"data:image/png;base64,{b64encode(png(64, 36)).decode()}"}},
            "veo3o1",
            "16:9",
            8,
            id="image to video",
        ),
    ],
)
def test_a_pinned_video_is_made_there_and_decodes_as_asked(
    demo: Demo, wish: dict[str, Any], provider: str, ratio: str, seconds: int
) -> None:
    with httpx.Client(base_url=demo.url, headers={"authorization": f"Bearer {demo.key}"}, timeout=30) as client:
        created = client.post("/v1/videos", json={"prompt": "a lighthouse at dusk", **wish}).json()
        video = client.get(f"/v1/videos/{created['id']}", headers={"prefer": "wait=25"}).json()
        film = client.get(f"/v1/videos/{created['id']}/content").content

    assert (video["status"], video["gateway"]["provider"]) == ("completed", provider), video
    found = decoded(film)
    assert found["ratio"] == pytest.approx(RATIOS[ratio], rel=0.02)
    assert found["seconds"] == pytest.approx(seconds, abs=0.5)


def decoded(film: bytes) -> dict[str, Any]:
    """What FFmpeg makes of a film: every frame is decoded."""
    with av.open(io.BytesIO(film), mode="r") as container:
        stream = container.streams.video[0]
        frames = len(list(container.decode(stream)))
        assert stream.duration is not None
        assert stream.time_base is not None
        return {
            "frames": frames,
            "seconds": float(stream.duration * stream.time_base),
            "ratio": stream.width / stream.height,
        }


def test_the_key_is_for_this_user_alone(demo: Demo) -> None:
    saved = demo.folder / ".filmgate" / "demo.json"

    assert saved.stat().st_mode & 0o077 == 0


def test_what_is_printed_fits_a_narrow_terminal(demo: Demo) -> None:
    wide = [line for line in demo.printed.splitlines() if len(line) > 110]

    assert not wide
    assert re.search(r"http://127\.0\.0\.1:\d+/graphql", demo.printed)
