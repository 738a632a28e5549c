"""veo3o1's adapter: the contract, and what is peculiar to it."""

import msgspec
import pytest

from providers.base import Image, Replay, Submission
from providers.veo3o1 import VEO3O1
from providers.veo3o1.adapter import MEGABYTE, Options, build
from schema.account import Secret
from schema.errors import FailureKind, ProviderFailure
from schema.video import AspectRatio, Quality, VideoSpec
from tests.providers.contract import ProviderContract
from tests.providers.play import answer, asked, play

SUNSET = VideoSpec(prompt="A beautiful sunset")
SUBMISSION = Submission(key="att_01key", callback_url="https://gateway.example/hooks/t0ken")
CREATED = answer({"code": 0, "msg": "Success", "data": {"uuid": "video-uuid-123", "status": "pending"}})
UPLOADED = answer({"code": 0, "msg": "Upload successful", "data": {"imageUrl": "https://img.example/a.png"}})

veo3o1 = build(None)


class TestVeo3o1(ProviderContract):
    kind = VEO3O1
    accepted = CREATED
    wishes = (
        SUNSET,
        VideoSpec(prompt="p", aspect_ratio=AspectRatio.AUTO),
        VideoSpec(prompt="p", aspect_ratio=AspectRatio.WIDE),
        VideoSpec(prompt="p", aspect_ratio=AspectRatio.TALL, quality=Quality.STANDARD),
        VideoSpec(prompt="p", image_url="https://img.example/a.png"),
    )
    beyond = (
        VideoSpec(prompt="p", aspect_ratio=AspectRatio.SQUARE),
        VideoSpec(prompt="p", seconds=8),
        VideoSpec(prompt="p", quality=Quality.HIGH),
    )
    ref = "video-uuid-123"


def sent(spec: VideoSpec) -> dict[str, object]:
    body: dict[str, object] = msgspec.json.decode(asked(veo3o1.adapter.submit(spec, SUBMISSION)).body)
    return body


def test_a_submit_is_never_replayed_because_no_key_would_tell_it_from_a_second_wish():
    request = asked(veo3o1.adapter.submit(SUNSET, SUBMISSION))

    assert (request.method, request.path, request.replay) == ("POST", "/generate-video", Replay.NEVER)


def test_neither_our_key_nor_our_callback_is_sent_because_it_documents_no_field_for_them():
    request = asked(veo3o1.adapter.submit(SUNSET, SUBMISSION))

    assert "att_01key" not in repr(request)
    assert "t0ken" not in repr(request)


@pytest.mark.parametrize(
    ("spec", "body"),
    [
        pytest.param(SUNSET, {"generationType": "text_to_video", "prompt": "A beautiful sunset"}, id="plain"),
        pytest.param(
            VideoSpec(prompt="p", aspect_ratio=AspectRatio.AUTO),
            {"generationType": "text_to_video", "prompt": "p", "aspectRatio": "auto"},
            id="auto-is-said",
        ),
        pytest.param(
            VideoSpec(prompt="p", aspect_ratio=AspectRatio.TALL),
            {"generationType": "text_to_video", "prompt": "p", "aspectRatio": "9:16"},
            id="tall",
        ),
        pytest.param(
            VideoSpec(prompt="p", image_url="https://img.example/a.png"),
            {"generationType": "image_to_video", "prompt": "p", "imageUrl": "https://img.example/a.png"},
            id="a-picture-makes-it-image-to-video",
        ),
    ],
)
def test_a_wish_is_spelled_as_the_documents_spell_it(spec, body):
    assert sent(spec) == body


def test_the_credential_is_a_bearer_token():
    request = asked(veo3o1.adapter.submit(SUNSET, SUBMISSION))

    assert veo3o1.adapter.authorize(request, Secret("k")).headers["authorization"] == "Bearer k"


def test_a_poll_asks_by_the_ref_and_a_strange_ref_stays_in_its_place():
    assert veo3o1.polls is not None

    assert asked(veo3o1.polls.poll("v-1")).path == "/video-status/v-1"
    assert asked(veo3o1.polls.poll("a/../b?c")).path == "/video-status/a%2F..%2Fb%3Fc"


def test_it_is_polled_and_never_calls_back():
    assert veo3o1.polls is not None
    assert veo3o1.webhooks is None


def test_every_video_costs_two_credits():
    quote = veo3o1.rates.quote(SUNSET)

    assert (quote.low, quote.high, veo3o1.rates.estimate(SUNSET)) == (2, 2, 2)


# uploads

PNG = b"\x89PNG\r\n\x1a\n----"
JPEG = b"\xff\xd8\xff\xe0----"
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8 "


def upload(data: bytes, options: Options | None = None):
    uploads = build(options).uploads
    assert uploads is not None
    return uploads.upload(Image(filename='me "at" home\r\n.exe', media_type="text/html", data=data))


def test_an_upload_is_safe_to_repeat_and_the_same_picture_is_the_same_bytes():
    first, second = asked(upload(PNG)), asked(upload(PNG))

    assert (first.method, first.path, first.replay) == ("POST", "/upload-video-image", Replay.SAFE)
    assert first == second


@pytest.mark.parametrize(
    ("data", "name", "media_type"),
    [
        pytest.param(PNG, b"image.png", b"image/png", id="png"),
        pytest.param(JPEG, b"image.jpg", b"image/jpeg", id="jpeg"),
        pytest.param(WEBP, b"image.webp", b"image/webp", id="webp"),
    ],
)
def test_a_picture_is_what_its_bytes_say_and_its_own_name_is_not_told(data, name, media_type):
    request = asked(upload(data))
    boundary = request.headers["content-type"].removeprefix("multipart/form-data; boundary=").encode()

    assert request.body == (
        b"--" + boundary + b'\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n'
        b"Content-Type: " + media_type + b"\r\n\r\n" + data + b"\r\n--" + boundary + b"--\r\n"
    )


def test_a_boundary_does_not_occur_in_its_picture():
    boundary = asked(upload(PNG)).headers["content-type"].partition("boundary=")[2].encode()

    request = asked(upload(PNG + b"\r\n--" + boundary + b"--\r\n"))

    assert boundary not in request.headers["content-type"].encode()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GIF89a", id="gif"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"RIFF\x00\x00\x00\x00WAVE", id="riff-but-sound"),
        pytest.param(b"<svg/>", id="svg"),
    ],
)
def test_what_is_no_jpeg_png_or_webp_is_refused_before_it_is_sent(data):
    with pytest.raises(ProviderFailure) as refused:
        asked(upload(data))

    assert refused.value.kind is FailureKind.UNSUPPORTED


def test_a_picture_may_have_ten_megabytes_unless_the_account_says_more():
    large = JPEG + bytes(10 * MEGABYTE)

    with pytest.raises(ProviderFailure) as refused:
        asked(upload(large))

    assert refused.value.kind is FailureKind.UNSUPPORTED
    assert asked(upload(large, Options(max_image_bytes=50 * MEGABYTE))).body


def test_an_upload_tells_where_the_picture_is_kept():
    _, uploaded = play(upload(PNG), UPLOADED)

    assert (uploaded.url, uploaded.key) == ("https://img.example/a.png", None)


# options


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"max_image_bytes": 50 * MEGABYTE + 1}, id="beyond-the-larger-documented-limit"),
        pytest.param({"max_prompt": 0}, id="no-prompt"),
        pytest.param({"video_hosts": ["https://cdn.example.com"]}, id="an-address-is-no-host"),
    ],
)
def test_an_option_out_of_bounds_is_refused(options):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(options, Options)


def test_a_smaller_prompt_limit_holds():
    small = build(Options(max_prompt=5))

    assert small.capabilities.max_prompt == 5
    with pytest.raises(ProviderFailure):
        asked(small.adapter.submit(VideoSpec(prompt="123456"), SUBMISSION))
