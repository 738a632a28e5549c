"""Can a provider be told this wish? The rule: what its wire can not say excludes it, or is adjusted and listed."""

import msgspec

from providers.base import Capabilities, RateCard
from schema.money import CreditRange
from schema.quote import Exclusion, ReasonCode
from schema.video import ANY_MODEL, Adjustment, AspectRatio, OnUnsupported, Quality, VideoSpec


class Fit(msgspec.Struct, frozen=True):
    """A spec against a provider: the spec as it would be sent, what was bent, and what stands against it."""

    spec: VideoSpec
    adjustments: tuple[Adjustment, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()


def fit(spec: VideoSpec, able: Capabilities, on_unsupported: OnUnsupported) -> Fit:
    """How well a provider can be told a spec. Model and image can not be adjusted; the rest can, if allowed."""
    result = Fit(spec, exclusions=(*_model(spec, able), *_image(spec, able), *_prompt(spec, able)))
    for misfit in (_aspect_ratio(spec, able), _duration(spec, able), _quality(spec, able)):
        if misfit is not None:
            result = _bend(result, *misfit) if on_unsupported is OnUnsupported.ADJUST else _refuse(result, misfit[0])
    return result


def price_list(rates: RateCard, able: Capabilities) -> tuple[tuple[Quality, CreditRange], ...]:
    """What a video costs in each quality a provider can be told, credits, when nothing else is asked for."""
    qualities = (Quality.STANDARD, *(quality for quality in able.qualities if quality is not Quality.STANDARD))
    return tuple((quality, rates.quote(VideoSpec(prompt="-", quality=quality))) for quality in qualities)


def _model(spec: VideoSpec, able: Capabilities) -> tuple[Exclusion, ...]:
    if spec.model == ANY_MODEL or spec.model in able.models:
        return ()
    return (Exclusion(ReasonCode.OTHER_MODEL, {"asked": spec.model, "able": ", ".join(able.models)}),)


def _image(spec: VideoSpec, able: Capabilities) -> tuple[Exclusion, ...]:
    if not spec.pictured:
        return ()
    most, size = able.max_image_bytes, None if spec.image is None else spec.image.size
    if not able.image_input or (spec.image_url is None and most is None):  # what is no link must be given to it
        return (Exclusion(ReasonCode.NO_IMAGE_INPUT),)
    if size is not None and most is not None and size > most:
        return (Exclusion(ReasonCode.IMAGE_TOO_LARGE, {"asked": size, "able": most}),)
    return ()


def _prompt(spec: VideoSpec, able: Capabilities) -> tuple[Exclusion, ...]:
    if len(spec.prompt) <= able.max_prompt:
        return ()
    return (Exclusion(ReasonCode.PROMPT_TOO_LONG, {"asked": len(spec.prompt), "able": able.max_prompt}),)


_Misfit = tuple[Exclusion, str, str, AspectRatio | int | Quality | None]


def _aspect_ratio(spec: VideoSpec, able: Capabilities) -> _Misfit | None:
    asked = spec.aspect_ratio
    if asked is None or asked in able.aspect_ratios:
        return None
    given = able.default_aspect_ratio
    params: dict[str, str | int] = {"asked": asked.value, "able": ", ".join(able.aspect_ratios)}
    return Exclusion(ReasonCode.UNSUPPORTED_ASPECT_RATIO, params), "aspect_ratio", asked.value, given


def _duration(spec: VideoSpec, able: Capabilities) -> _Misfit | None:
    asked = spec.seconds
    if asked is None or (able.seconds and able.seconds[0] <= asked <= able.seconds[1]):
        return None
    able_text = f"{able.seconds[0]}-{able.seconds[1]}" if able.seconds else "not adjustable"
    given = min(max(asked, able.seconds[0]), able.seconds[1]) if able.seconds else None
    return Exclusion(ReasonCode.UNSUPPORTED_DURATION, {"asked": asked, "able": able_text}), "seconds", str(asked), given


def _quality(spec: VideoSpec, able: Capabilities) -> _Misfit | None:
    asked = spec.quality
    if asked is None or asked is Quality.STANDARD or asked in able.qualities:
        return None
    params: dict[str, str | int] = {"asked": asked.value, "able": Quality.STANDARD.value}
    return Exclusion(ReasonCode.UNSUPPORTED_QUALITY, params), "quality", asked.value, None


def _refuse(result: Fit, exclusion: Exclusion) -> Fit:
    return msgspec.structs.replace(result, exclusions=(*result.exclusions, exclusion))


def _bend(result: Fit, _: Exclusion, field: str, asked: str, given: AspectRatio | int | Quality | None) -> Fit:
    shown = "provider's choice" if given is None else str(given)
    return msgspec.structs.replace(
        result,
        spec=msgspec.structs.replace(result.spec, **{field: given}),
        adjustments=(*result.adjustments, Adjustment(field, asked, shown)),
    )
