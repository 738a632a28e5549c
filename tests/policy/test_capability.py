"""What a provider's wire can not say excludes it, or is bent and listed; nothing is dropped in silence."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.capability import fit
from providers.base import Capabilities
from schema.quote import PASSING, Exclusion, ReasonCode
from schema.video import Adjustment, AspectRatio, OnUnsupported, Quality, VideoSpec

ABLE = Capabilities(
    models=("veo-3", "p/veo"),
    aspect_ratios=(AspectRatio.WIDE, AspectRatio.TALL),
    default_aspect_ratio=AspectRatio.WIDE,
    seconds=(5, 10),
    default_seconds=5,
    max_prompt=20,
)
PLAIN = Capabilities(models=("veo-3",), aspect_ratios=(), seconds=None, default_aspect_ratio=None)
EVERYTHING = Capabilities(
    models=("veo-3",),
    aspect_ratios=tuple(AspectRatio),
    seconds=(1, 60),
    qualities=(Quality.HIGH,),
    image_input=True,
)


def spec(**wishes) -> VideoSpec:
    return VideoSpec(prompt="a fox", **wishes)


@pytest.mark.parametrize(
    "wish",
    [
        pytest.param(spec(), id="nothing-but-a-prompt"),
        pytest.param(spec(model="veo-3"), id="a-model-it-serves"),
        pytest.param(spec(model="p/veo"), id="its-own-model"),
        pytest.param(spec(aspect_ratio=AspectRatio.TALL), id="a-ratio-it-can-say"),
        pytest.param(spec(seconds=5), id="the-shortest"),
        pytest.param(spec(seconds=10), id="the-longest"),
        pytest.param(spec(quality=Quality.STANDARD), id="the-plain-quality"),
        pytest.param(VideoSpec(prompt="x" * 20), id="the-longest-prompt"),
    ],
)
@pytest.mark.parametrize("leniency", OnUnsupported)
def test_what_it_can_be_told_is_told_as_asked(wish, leniency):
    fitted = fit(wish, ABLE, leniency)

    assert (fitted.spec, fitted.adjustments, fitted.exclusions) == (wish, (), ())


REFUSED = [
    pytest.param(
        ABLE,
        spec(aspect_ratio=AspectRatio.SQUARE),
        Exclusion(ReasonCode.UNSUPPORTED_ASPECT_RATIO, {"asked": "1:1", "able": "16:9, 9:16"}),
        Adjustment("aspect_ratio", "1:1", "16:9"),
        {"aspect_ratio": AspectRatio.WIDE},
        id="another-ratio",
    ),
    pytest.param(
        ABLE,
        spec(aspect_ratio=AspectRatio.AUTO),
        Exclusion(ReasonCode.UNSUPPORTED_ASPECT_RATIO, {"asked": "auto", "able": "16:9, 9:16"}),
        Adjustment("aspect_ratio", "auto", "16:9"),
        {"aspect_ratio": AspectRatio.WIDE},
        id="a-choice-it-does-not-offer",
    ),
    pytest.param(
        PLAIN,
        spec(aspect_ratio=AspectRatio.WIDE),
        Exclusion(ReasonCode.UNSUPPORTED_ASPECT_RATIO, {"asked": "16:9", "able": ""}),
        Adjustment("aspect_ratio", "16:9", "provider's choice"),
        {"aspect_ratio": None},
        id="any-ratio",
    ),
    pytest.param(
        ABLE,
        spec(seconds=4),
        Exclusion(ReasonCode.UNSUPPORTED_DURATION, {"asked": 4, "able": "5-10"}),
        Adjustment("seconds", "4", "5"),
        {"seconds": 5},
        id="too-short",
    ),
    pytest.param(
        ABLE,
        spec(seconds=60),
        Exclusion(ReasonCode.UNSUPPORTED_DURATION, {"asked": 60, "able": "5-10"}),
        Adjustment("seconds", "60", "10"),
        {"seconds": 10},
        id="too-long",
    ),
    pytest.param(
        PLAIN,
        spec(seconds=8),
        Exclusion(ReasonCode.UNSUPPORTED_DURATION, {"asked": 8, "able": "not adjustable"}),
        Adjustment("seconds", "8", "provider's choice"),
        {"seconds": None},
        id="any-duration",
    ),
    pytest.param(
        ABLE,
        spec(quality=Quality.HIGH),
        Exclusion(ReasonCode.UNSUPPORTED_QUALITY, {"asked": "high", "able": "standard"}),
        Adjustment("quality", "high", "provider's choice"),
        {"quality": None},
        id="better-quality",
    ),
]
refused = pytest.mark.parametrize(("able", "wish", "exclusion", "adjustment", "given_instead"), REFUSED)


@refused
def test_what_it_can_not_be_told_excludes_it_with_the_facts(able, wish, exclusion, adjustment, given_instead):
    fitted = fit(wish, able, OnUnsupported.ERROR)

    assert (fitted.spec, fitted.adjustments, fitted.exclusions) == (wish, (), (exclusion,))


@refused
def test_or_is_bent_to_the_nearest_and_listed(able, wish, exclusion, adjustment, given_instead):
    fitted = fit(wish, able, OnUnsupported.ADJUST)

    assert fitted.spec == msgspec.structs.replace(wish, **given_instead)
    assert (fitted.adjustments, fitted.exclusions) == ((adjustment,), ())


@pytest.mark.parametrize("leniency", OnUnsupported)
@pytest.mark.parametrize(
    ("wish", "exclusion"),
    [
        pytest.param(
            spec(model="sora-2"),
            Exclusion(ReasonCode.OTHER_MODEL, {"asked": "sora-2", "able": "veo-3, p/veo"}),
            id="another-model",
        ),
        pytest.param(spec(image_url="https://a.example/b"), Exclusion(ReasonCode.NO_IMAGE_INPUT), id="a-picture"),
        pytest.param(
            VideoSpec(prompt="x" * 21),
            Exclusion(ReasonCode.PROMPT_TOO_LONG, {"asked": 21, "able": 20}),
            id="a-long-prompt",
        ),
    ],
)
def test_model_picture_and_prompt_are_never_bent(leniency, wish, exclusion):
    fitted = fit(wish, ABLE, leniency)

    assert (fitted.spec, fitted.adjustments, fitted.exclusions) == (wish, (), (exclusion,))


specs = st.builds(
    VideoSpec,
    prompt=st.text(min_size=1, max_size=30),
    model=st.sampled_from(["auto", "veo-3", "p/veo", "sora-2"]),
    aspect_ratio=st.none() | st.sampled_from(AspectRatio),
    seconds=st.none() | st.integers(1, 60),
    quality=st.none() | st.sampled_from(Quality),
    image_url=st.none() | st.just("https://a.example/b"),
)
anybody = st.sampled_from([ABLE, PLAIN, EVERYTHING])


@given(specs, anybody)
def test_a_bent_spec_needs_no_second_bending(wish, able):
    bent = fit(wish, able, OnUnsupported.ADJUST)

    again = fit(bent.spec, able, OnUnsupported.ERROR)

    assert (again.spec, again.adjustments, again.exclusions) == (bent.spec, (), bent.exclusions)


@given(specs, anybody)
def test_every_changed_field_is_listed_and_no_other(wish, able):
    bent = fit(wish, able, OnUnsupported.ADJUST)

    changed = {name for name in wish.__struct_fields__ if getattr(wish, name) != getattr(bent.spec, name)}
    assert [adjustment.field for adjustment in bent.adjustments] == sorted(
        changed, key=["aspect_ratio", "seconds", "quality"].index
    )


@given(specs, anybody)
def test_what_a_wire_can_not_say_no_waiting_cures(wish, able):
    assert not {reason.code for reason in fit(wish, able, OnUnsupported.ERROR).exclusions} & PASSING


@given(specs)
def test_who_can_be_told_everything_is_excluded_by_the_model_alone(wish):
    codes = {reason.code for reason in fit(wish, EVERYTHING, OnUnsupported.ERROR).exclusions}

    assert codes == ({ReasonCode.OTHER_MODEL} if wish.model not in {"auto", "veo-3"} else set())


@given(
    st.sampled_from([None, *AspectRatio]),
    st.none() | st.integers(1, 60),
    st.sampled_from([None, *Quality]),
    st.booleans(),
)
def test_what_a_provider_can_be_told_whole_is_the_same_whether_or_not_it_may_be_bent(ratio, seconds, quality, picture):
    """So what was sent can be said again, whatever a policy has become."""
    image = "https://example.com/fox.png" if picture else None
    wish = spec(aspect_ratio=ratio, seconds=seconds, quality=quality, image_url=image)
    strict, lenient = (fit(wish, ABLE, way) for way in (OnUnsupported.ERROR, OnUnsupported.ADJUST))

    if not strict.exclusions:
        assert (lenient.spec, lenient.adjustments) == (strict.spec, ())
