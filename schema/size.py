"""Sizes as OpenAI writes them ("1280x720") and aspect ratios as we do: we say the shape, the provider the pixels."""

import re
from typing import Final

from schema.errors import InvalidRequest
from schema.video import AspectRatio

SIZES: Final = {AspectRatio.WIDE: "1280x720", AspectRatio.TALL: "720x1280", AspectRatio.SQUARE: "1024x1024"}
"""The size that stands for a shape in answers."""

UNDECIDED: Final = "auto"
"""What stands where the provider decides and has not said what it decided."""

SIZE_HINT: Final = f'must be written as WIDTHxHEIGHT, such as "1280x720", or be "{UNDECIDED}"'

_RATIOS: Final = {AspectRatio.WIDE: 16 / 9, AspectRatio.TALL: 9 / 16, AspectRatio.SQUARE: 1.0}
_TOLERANCE = 0.03
"""1792x1024, which OpenAI's SDKs offer, is 1.6 % off 16:9."""

_SIZE = re.compile(r"([1-9][0-9]{1,4})x([1-9][0-9]{1,4})")


def shape_of(size: str) -> AspectRatio | None:
    """The aspect ratio a size has; None when it is none we can ask for."""
    match = _SIZE.fullmatch(size)
    if match is None:
        return None
    ratio = int(match[1]) / int(match[2])
    return next((shape for shape, exact in _RATIOS.items() if abs(ratio / exact - 1) <= _TOLERANCE), None)


def wished_shape(size: str | None, asked: AspectRatio | None) -> AspectRatio | None:
    """The aspect ratio that a size, an aspect ratio, or both in agreement ask for.

    Raises:
        InvalidRequest: the size can not be read or has no shape we can ask for, or the two do not agree.
    """
    if size is None or size == UNDECIDED:
        return asked
    if _SIZE.fullmatch(size) is None:
        raise InvalidRequest.field("size", "invalid_value", SIZE_HINT)
    shape = shape_of(size)
    if shape is None:
        raise InvalidRequest.field("size", "unsupported_size", "its ratio must be 16:9, 9:16 or 1:1, as 1280x720 has")
    if asked not in (None, shape):
        raise InvalidRequest.field("size", "conflict", f"is {shape} and the aspect ratio is {asked}")
    return shape
