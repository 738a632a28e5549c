"""Sizes as OpenAI writes them ("1280x720") and aspect ratios as we do: we say the shape, the provider the pixels."""

import re
from typing import Final

from schema.video import AspectRatio

SIZES: Final = {AspectRatio.WIDE: "1280x720", AspectRatio.TALL: "720x1280", AspectRatio.SQUARE: "1024x1024"}
"""The size that stands for a shape in answers."""

UNDECIDED: Final = "auto"
"""What stands where the provider decides and has not said what it decided."""

_SHAPES: Final = {AspectRatio.WIDE: 16 / 9, AspectRatio.TALL: 9 / 16, AspectRatio.SQUARE: 1.0}
_TOLERANCE = 0.03
"""1792x1024, which OpenAI's SDKs offer, is 1.6 % off 16:9."""

_SIZE = re.compile(r"([1-9][0-9]{1,4})x([1-9][0-9]{1,4})")


def shape_of(size: str) -> AspectRatio | None:
    """The aspect ratio a size has; None when it is none we can ask for."""
    match = _SIZE.fullmatch(size)
    if match is None:
        return None
    ratio = int(match[1]) / int(match[2])
    return next((shape for shape, exact in _SHAPES.items() if abs(ratio / exact - 1) <= _TOLERANCE), None)
