"""veo3o1's adapter: the contract, and what is peculiar to it."""

import msgspec
import pytest
from msgspec.structs import replace

from providers.base import Attachment, Replay, Submission
from providers.veo3o1 import VEO3O1
from providers.veo3o1.adapter import Options, build
from schema.account import Secret
from schema.errors import FailureKind, ProviderFailure
from schema.image import MEGABYTE, Image, ImageRef, ImageType, UploadedImage
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

PICTURE = Image(
    id="img_01m8g04ak0smy46tw2eyd3fcwk",
    tenant="acme",
    sha256="5" * 64,
    size=1000,
    media_type=ImageType.PNG,
    width=2,
    height=2,
    created_at=0,
    expires_at=1,
)


def upload(image: Image = PICTURE, options: Options | None = None):
    uploads = build(options).uploads
    assert uploads is not None
    return uploads.upload(image)


def test_an_upload_is_safe_to_repeat_and_the_same_picture_is_the_same_bytes():
    first, second = asked(upload()), asked(upload())

    assert (first.method, first.path, first.replay) == ("POST", "/upload-video-image", Replay.SAFE)
    assert first == second


@pytest.mark.parametrize(
    ("kind", "name"),
    [(ImageType.PNG, b"image.png"), (ImageType.JPEG, b"image.jpg"), (ImageType.WEBP, b"image.webp")],
)
def test_a_picture_is_named_by_its_format_and_stands_alone_in_the_form(kind: ImageType, name: bytes):
    request = asked(upload(replace(PICTURE, media_type=kind)))
    boundary = request.headers["content-type"].removeprefix("multipart/form-data; boundary=").encode()

    assert request.body == b""
    assert request.attachment == Attachment(
        head=b"--" + boundary + b'\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n'
        b"Content-Type: " + kind.encode() + b"\r\n\r\n",
        image=replace(PICTURE, media_type=kind),
        tail=b"\r\n--" + boundary + b"--\r\n",
    )


def test_a_picture_may_have_ten_megabytes_unless_the_account_says_more():
    large = replace(PICTURE, size=10 * MEGABYTE + 1)

    with pytest.raises(ProviderFailure) as refused:
        asked(upload(large))

    assert refused.value.kind is FailureKind.UNSUPPORTED
    assert asked(upload(large, Options(max_image_bytes=50 * MEGABYTE))).attachment


def test_what_it_was_given_is_named_by_url_and_key():
    given = UploadedImage(url="https://img.example/a.png", key="k")
    spec = VideoSpec(prompt="p", image=ImageRef(id=PICTURE.id))

    body = msgspec.json.decode(asked(veo3o1.adapter.submit(spec, Submission(key="k", image=given))).body)

    assert (body["generationType"], body["imageUrl"], body["imageKey"]) == ("image_to_video", given.url, "k")
    with pytest.raises(ProviderFailure):
        asked(veo3o1.adapter.submit(spec, SUBMISSION))


def test_an_upload_tells_where_the_picture_is_kept():
    _, uploaded = play(upload(), UPLOADED)

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
