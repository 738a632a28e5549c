"""The doors for untrusted wishes: what is wrong is named by field and code, the same for both edges."""

from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import InvalidRequest
from schema.lifecycle import ENDED, VideoStatus
from schema.video import (
    AspectRatio,
    OnUnknown,
    Quality,
    RoutingWish,
    Strategy,
    Video,
    VideoSpec,
    checked_metadata,
    checked_routing,
    checked_spec,
    invalid,
)

PROMPT = {"prompt": "a fox in the snow"}


def refusal(check, fields) -> tuple[str, str]:
    with pytest.raises(InvalidRequest) as refused:
        check(fields)
    (error,) = refused.value.errors
    assert error.detail
    assert str(refused.value) == f"{error.field}: {error.detail}"
    return error.field, error.code


def test_a_prompt_alone_is_a_whole_spec():
    assert checked_spec(PROMPT) == VideoSpec(prompt="a fox in the snow")


def test_a_spec_in_full_is_read_as_values():
    fields = {
        **PROMPT,
        "model": "veo-3",
        "aspect_ratio": "9:16",
        "seconds": 8,
        "quality": "high",
        "image_url": "https://example.com/fox.png",
    }

    spec = checked_spec(fields)

    assert (spec.aspect_ratio, spec.seconds, spec.quality) == (AspectRatio.TALL, 8, Quality.HIGH)
    assert msgspec.to_builtins(spec) == fields


@pytest.mark.parametrize(
    "wishes",
    [
        pytest.param({"prompt": "x"}, id="the-shortest-prompt"),
        pytest.param({"prompt": "x" * 2000}, id="the-longest-prompt"),
        pytest.param({"prompt": "🦊" * 2000}, id="characters-count-and-not-bytes"),
        pytest.param({"model": "m"}, id="the-shortest-model"),
        pytest.param({"model": "m" * 64}, id="the-longest-model"),
        pytest.param({"seconds": 1}, id="the-shortest"),
        pytest.param({"seconds": 60}, id="the-longest"),
        pytest.param({"image_url": "http://a"}, id="the-shortest-image"),
        pytest.param({"image_url": "https://a/".ljust(2048, "b")}, id="the-longest-image"),
    ],
)
def test_a_spec_at_its_bounds_is_a_spec(wishes):
    assert msgspec.to_builtins(checked_spec({**PROMPT, **wishes})) == {**PROMPT, **wishes}


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        pytest.param({}, "prompt", "required", id="no-prompt"),
        pytest.param({"prompt": ""}, "prompt", "invalid_value", id="empty-prompt"),
        pytest.param({"prompt": "x" * 2001}, "prompt", "invalid_value", id="long-prompt"),
        pytest.param({"prompt": None}, "prompt", "invalid_value", id="null-prompt"),
        pytest.param({"prompt": ["x"]}, "prompt", "invalid_value", id="list-prompt"),
        pytest.param({**PROMPT, "model": ""}, "model", "invalid_value", id="empty-model"),
        pytest.param({**PROMPT, "model": "m" * 65}, "model", "invalid_value", id="long-model"),
        pytest.param({**PROMPT, "model": None}, "model", "invalid_value", id="null-model"),
        pytest.param({**PROMPT, "aspect_ratio": "4:3"}, "aspect_ratio", "invalid_value", id="unknown-ratio"),
        pytest.param({**PROMPT, "aspect_ratio": 16 / 9}, "aspect_ratio", "invalid_value", id="numeric-ratio"),
        pytest.param({**PROMPT, "seconds": 0}, "seconds", "invalid_value", id="no-seconds"),
        pytest.param({**PROMPT, "seconds": 61}, "seconds", "invalid_value", id="too-many-seconds"),
        pytest.param({**PROMPT, "seconds": -5}, "seconds", "invalid_value", id="negative-seconds"),
        pytest.param({**PROMPT, "seconds": "8"}, "seconds", "invalid_value", id="text-seconds"),
        pytest.param({**PROMPT, "seconds": 7.5}, "seconds", "invalid_value", id="half-seconds"),
        pytest.param({**PROMPT, "seconds": True}, "seconds", "invalid_value", id="true-seconds"),
        pytest.param({**PROMPT, "seconds": 10**30}, "seconds", "invalid_value", id="huge-seconds"),
        pytest.param({**PROMPT, "quality": "ultra"}, "quality", "invalid_value", id="unknown-quality"),
        pytest.param({**PROMPT, "image_url": "ftp://x.example/a"}, "image_url", "invalid_value", id="ftp-image"),
        pytest.param({**PROMPT, "image_url": "fox.png"}, "image_url", "invalid_value", id="relative-image"),
        pytest.param({**PROMPT, "image_url": "https://a b/c"}, "image_url", "invalid_value", id="space-in-image"),
        pytest.param({**PROMPT, "image_url": "https://a.example/c\n"}, "image_url", "invalid_value", id="line-end"),
        pytest.param({**PROMPT, "image_url": "\nhttps://a.example/"}, "image_url", "invalid_value", id="line-begin"),
        pytest.param(
            {**PROMPT, "image_url": "https://a/".ljust(2049, "b")}, "image_url", "invalid_value", id="long-image"
        ),
        pytest.param({**PROMPT, "image_url": ""}, "image_url", "invalid_value", id="empty-image"),
        pytest.param({**PROMPT, "image_url": "http://"}, "image_url", "invalid_value", id="no-host-in-image"),
        pytest.param({**PROMPT, "duration": 8}, "duration", "unknown_field", id="unknown-field"),
        pytest.param({**PROMPT, "Prompt": "x"}, "Prompt", "unknown_field", id="other-case"),
        pytest.param([], "body", "invalid_value", id="a-list"),
        pytest.param("fox", "body", "invalid_value", id="a-text"),
    ],
)
def test_a_bad_spec_is_refused_by_field_and_code(fields, field, code):
    assert refusal(checked_spec, fields) == (field, code)


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        pytest.param({"only": "veo-main"}, "gateway.only", "invalid_value", id="only-is-text"),
        pytest.param({"only": [""]}, "gateway.only[0]", "invalid_value", id="only-holds-nothing"),
        pytest.param({"only": ["x" * 65]}, "gateway.only[0]", "invalid_value", id="only-holds-a-long-name"),
        pytest.param({"exclude": [1]}, "gateway.exclude[0]", "invalid_value", id="exclude-holds-a-number"),
        pytest.param({"exclude": ["x"] * 33}, "gateway.exclude", "invalid_value", id="exclude-holds-too-many"),
        pytest.param({"strategy": "luckiest"}, "gateway.strategy", "invalid_value", id="unknown-strategy"),
        pytest.param({"max_cost_micros": -1}, "gateway.max_cost_micros", "invalid_value", id="negative-cap"),
        pytest.param({"max_cost_micros": 10**15 + 1}, "gateway.max_cost_micros", "invalid_value", id="huge-cap"),
        pytest.param({"max_cost_micros": "1.00"}, "gateway.max_cost_micros", "invalid_value", id="text-cap"),
        pytest.param({"deadline_seconds": 0}, "gateway.deadline_seconds", "invalid_value", id="no-time"),
        pytest.param({"deadline_seconds": 86_401}, "gateway.deadline_seconds", "invalid_value", id="over-a-day"),
        pytest.param({"on_unsupported": "ignore"}, "gateway.on_unsupported", "invalid_value", id="unknown-leniency"),
        pytest.param({"max_wait_seconds": -1}, "gateway.max_wait_seconds", "invalid_value", id="negative-wait"),
        pytest.param({"max_wait_seconds": 86_401}, "gateway.max_wait_seconds", "invalid_value", id="wait-over-a-day"),
        pytest.param({"on_max_wait": "pay"}, "gateway.on_max_wait", "invalid_value", id="unknown-end-of-a-wait"),
        pytest.param({"priority": "urgent"}, "gateway.priority", "invalid_value", id="unknown-priority"),
        pytest.param({"on_unknown": "pay_twice"}, "gateway.on_unknown", "invalid_value", id="unknown-consent"),
        pytest.param({"prefer": []}, "gateway.prefer", "unknown_field", id="unknown-field"),
        pytest.param([], "gateway", "invalid_value", id="a-list"),
    ],
)
def test_a_bad_routing_wish_is_refused_under_gateway(fields, field, code):
    assert refusal(checked_routing, fields) == (field, code)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"only": ["x"] * 32, "exclude": ["y" * 64] * 32}, id="as-many-names-as-may-be"),
        pytest.param({"max_cost_micros": 0}, id="nothing-may-be-spent"),
        pytest.param({"max_cost_micros": 10**15}, id="the-largest-amount"),
        pytest.param({"deadline_seconds": 1}, id="the-shortest-deadline"),
        pytest.param({"deadline_seconds": 86_400}, id="the-longest-deadline"),
        pytest.param({"max_wait_seconds": 0, "on_max_wait": "fail", "priority": "low"}, id="no-wait-at-all"),
        pytest.param({"max_wait_seconds": 86_400}, id="the-longest-wait"),
    ],
)
def test_a_routing_wish_at_its_bounds_is_a_wish(fields):
    assert msgspec.json.decode(msgspec.json.encode(checked_routing(fields))) == fields


def test_what_is_wrong_is_said_in_words_without_marks():
    with pytest.raises(InvalidRequest, match=r"^seconds: expected int <= 60$"):
        checked_spec({**PROMPT, "seconds": 61})


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    a: int


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    inner: Inner | None = None
    many: list[Inner] = []
    pairs: dict[Annotated[str, msgspec.Meta(max_length=3)], int] = {}


@pytest.mark.parametrize(
    ("fields", "prefix", "field", "code"),
    [
        pytest.param({"inner": {"a": 1, "x": 1}}, "", "inner.x", "unknown_field", id="unknown"),
        pytest.param({"inner": {}}, "", "inner.a", "required", id="missing"),
        pytest.param({"inner": {"a": "1"}}, "", "inner.a", "invalid_value", id="wrong"),
        pytest.param({"many": [{"a": 1}, {}]}, "", "many[1].a", "required", id="missing-in-a-list"),
        pytest.param({"pairs": {"long": 1}}, "", "pairs", "invalid_value", id="a-key"),
        pytest.param({"inner": {}}, "outer.", "outer.inner.a", "required", id="under-a-prefix"),
        pytest.param({"x": 1}, "outer.", "outer.x", "unknown_field", id="unknown-under-a-prefix"),
        pytest.param({"inner": {"a": 1, "x" * 99: 1}}, "", f"inner.{'x' * 64}", "unknown_field", id="a-long-name"),
    ],
)
def test_what_is_wrong_inside_an_object_is_named_with_the_object(fields, prefix, field, code):
    with pytest.raises(msgspec.ValidationError) as complaint:
        msgspec.convert(fields, Outer)

    (error,) = invalid(complaint.value, prefix).errors

    assert (error.field, error.code) == (field, code)


def test_a_routing_wish_in_full_is_read_as_values():
    wish = checked_routing(
        {
            "only": ["veo-main"],
            "strategy": "ordered",
            "max_cost_micros": 0,
            "deadline_seconds": 60,
            "on_unknown": "wait",
        }
    )

    assert (wish.only, wish.strategy, wish.on_unknown) == (("veo-main",), Strategy.ORDERED, OnUnknown.WAIT)
    assert checked_routing({}) == RoutingWish()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        pytest.param(None, "invalid_type", id="nothing"),
        pytest.param(["a"], "invalid_type", id="a-list"),
        pytest.param({"a": 1}, "invalid_type", id="a-number-for-a-value"),
        pytest.param({"a": None}, "invalid_type", id="null-for-a-value"),
        pytest.param({1: "a"}, "invalid_type", id="a-number-for-a-key"),
        pytest.param({str(n): "" for n in range(17)}, "too_many", id="seventeen-pairs"),
        pytest.param({"": "a"}, "too_long", id="an-empty-key"),
        pytest.param({"k" * 65: "a"}, "too_long", id="a-long-key"),
        pytest.param({"a": "v" * 513}, "too_long", id="a-long-value"),
    ],
)
def test_bad_metadata_is_refused(fields, code):
    assert refusal(checked_metadata, fields) == ("metadata", code)


def test_sixteen_pairs_of_the_longest_texts_are_metadata():
    fields = {f"{n:064}": "v" * 512 for n in range(16)}

    assert checked_metadata(fields) == fields
    assert checked_metadata({"k": ""}) == {"k": ""}
    assert checked_metadata({}) == {}


@pytest.mark.parametrize(
    ("check", "fields", "said"),
    [
        (checked_spec, {"prompt": ""}, "prompt: must not be empty"),
        (checked_spec, {**PROMPT, "quality": "zzz"}, "quality: must be one of standard, high"),
        (checked_spec, {**PROMPT, "aspect_ratio": 3}, "aspect_ratio: must be one of auto, 16:9, 9:16, 1:1"),
        (
            checked_routing,
            {"strategy": "zzz"},
            "gateway.strategy: must be one of cheapest, fastest, reliable, balanced, ordered",
        ),
        (checked_routing, {"on_unknown": ""}, "gateway.on_unknown: must be one of fail, wait, retry, failover"),
        (checked_routing, {"only": [""]}, "gateway.only[0]: must not be empty"),
    ],
)
def test_a_refusal_says_what_to_write_and_no_library_s_words(check, fields, said):
    with pytest.raises(InvalidRequest) as refused:
        check(fields)

    assert refused.value.detail == said
    assert [error.code for error in refused.value.errors] == ["invalid_value"]


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=5)
anything = st.recursive(values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))
field_names = st.sampled_from([*VideoSpec.__struct_fields__, *RoutingWish.__struct_fields__]) | st.text(max_size=12)


@pytest.mark.parametrize("check", [checked_spec, checked_routing, checked_metadata])
@given(fields=st.dictionaries(field_names, anything, max_size=5) | anything)
def test_no_input_breaks_a_door(check, fields):
    refusal = None
    try:
        check(fields)
    except InvalidRequest as refused:
        refusal = refused

    assert refusal is None or all(error.field and error.code and error.detail for error in refusal.errors)


@given(
    st.builds(
        VideoSpec,
        prompt=st.text(min_size=1, max_size=50),
        aspect_ratio=st.none() | st.sampled_from(AspectRatio),
        seconds=st.none() | st.integers(1, 60),
        quality=st.none() | st.sampled_from(Quality),
    )
)
def test_a_spec_survives_being_written_and_read(spec):
    assert msgspec.json.decode(msgspec.json.encode(spec), type=VideoSpec) == spec
    assert checked_spec(msgspec.to_builtins(spec)) == spec


@pytest.mark.parametrize("status", VideoStatus)
def test_a_video_has_ended_exactly_in_the_terminal_statuses(status):
    video = Video(
        id="video_1",
        tenant="acme",
        spec=VideoSpec(prompt="x"),
        routing=RoutingWish(),
        metadata={},
        key=None,
        fingerprint="f",
        status=status,
        substate=None,
        progress=0,
        version=1,
        created_at=0,
        deadline_at=1,
    )

    assert video.ended == (status in ENDED)
