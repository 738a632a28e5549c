"""What a remix comes to, and which wishes are the same."""

from msgspec.structs import replace

from gateway.policy.orders import accepted
from gateway.policy.remaking import remade, routed_as
from gateway.policy.signing import fingerprint, spec_digest
from schema.frame import FrameEnd, VideoFrame
from schema.image import ImageRef
from schema.video import Order, Priority, Quality, RoutingWish, VideoSpec

ROUTING = RoutingWish(
    only=("a",), priority=Priority.HIGH, quote_id="quote_x", webhook_url="https://example.com/h", deadline_seconds=60
)
SOURCE = accepted(
    Order(
        tenant="acme",
        spec=VideoSpec(prompt="a", model="veo-3", seconds=8, quality=Quality.HIGH, image=ImageRef(id="img_1")),
        routing=ROUTING,
        metadata={"a": "b"},
        key=None,
        fingerprint="",
    ),
    "video_1",
    0,
    60,
)
FIRST = VideoFrame(video_id="video_1", frame=FrameEnd.FIRST)


def test_a_remix_wishes_what_its_source_did_from_a_frame_of_it():
    assert remade(SOURCE, "b", FrameEnd.FIRST) == VideoSpec(
        prompt="b", model="veo-3", seconds=8, quality=Quality.HIGH, video=FIRST
    )
    assert remade(SOURCE, "b", FrameEnd.LAST, 5).seconds == 5


def test_a_source_that_started_from_a_link_does_not_pass_it_on():
    source = replace(SOURCE, spec=replace(SOURCE.spec, image=None, image_url="https://example.com/a.png"))

    assert remade(source, "b", FrameEnd.FIRST).image_url is None


def test_a_quote_is_of_one_wish_and_a_client_token_tells_no_address():
    assert routed_as(SOURCE, by_key=True) == replace(ROUTING, quote_id=None)
    assert routed_as(SOURCE, by_key=False) == replace(ROUTING, quote_id=None, webhook_url=None)


def test_a_frame_is_the_same_wish_before_and_after_it_was_looked_at():
    spec = remade(SOURCE, "b", FrameEnd.FIRST)
    seen = replace(spec, image=ImageRef(id="img_2", sha256="0" * 64, size=9))
    last = replace(spec, video=replace(FIRST, frame=FrameEnd.LAST))
    other = replace(spec, video=replace(FIRST, video_id="video_2"))

    assert spec_digest(spec) == spec_digest(seen)
    assert fingerprint(spec, ROUTING, {}) == fingerprint(seen, ROUTING, {})
    assert len({spec_digest(one) for one in (spec, last, other, replace(spec, video=None))}) == 4
