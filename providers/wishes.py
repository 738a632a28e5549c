"""What a wish asks that a provider can not be told: an adapter refuses it before anything is sent."""

from providers.base import Capabilities
from schema.errors import FailureKind, ProviderFailure
from schema.video import AspectRatio, Quality, VideoSpec


def refuse_inexpressible(spec: VideoSpec, can: Capabilities) -> None:
    """Nothing is dropped in silence, not even by mistake: routing excludes or adjusts first, this is the last guard.

    Raises:
        ProviderFailure: UNSUPPORTED, naming the fields.
    """
    fields = [name for name, told in _told(spec, can).items() if not told]
    if fields:
        raise ProviderFailure(FailureKind.UNSUPPORTED, f"can not be told: {', '.join(fields)}")


def _told(spec: VideoSpec, can: Capabilities) -> dict[str, bool]:
    return {
        "prompt": len(spec.prompt) <= can.max_prompt,
        "aspect_ratio": spec.aspect_ratio in (None, AspectRatio.AUTO, *can.aspect_ratios),  # auto is said by silence
        "seconds": spec.seconds is None
        or (can.seconds is not None and can.seconds[0] <= spec.seconds <= can.seconds[1]),
        "quality": spec.quality in (None, Quality.STANDARD, *can.qualities),
        "image_url": not spec.pictured or can.image_input,
    }
