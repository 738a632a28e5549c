"""API keys as texts: how they are made, and how a mistyped one is told without asking anybody.

``fg_live_`` or ``fg_test_``, then 30 random characters of base 62 (178 bits), then a CRC-32 of all before it in six
more, as GitHub's keys have it: whoever finds one can tell that it is one, and scanners can too.
"""

import re
import zlib

from schema.ids import Entropy

LIVE = "fg_live_"
TEST = "fg_test_"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM = 30
_CHECK = 6
_BYTES = 32
"""More than the characters need: what a remainder favours is less than one in 2**70."""

_OURS = re.compile(rf"fg_(?:live|test)_[0-9A-Za-z]{{{_RANDOM + _CHECK}}}")


def make_key(*, test: bool, entropy: Entropy) -> str:
    """A fresh key."""
    begun = (TEST if test else LIVE) + _base62(int.from_bytes(entropy(_BYTES), "big"), _RANDOM)
    return begun + _check(begun)


def mistyped(key: str) -> bool:
    """It looks like a key we made, and is none: a character is wrong."""
    return _OURS.fullmatch(key) is not None and _check(key[:-_CHECK]) != key[-_CHECK:]


def wrong_mode(key: str, *, test: bool) -> bool:
    """Its beginning says that it is for the other kind of tenant."""
    return key.startswith(LIVE if test else TEST)


def _check(begun: str) -> str:
    return _base62(zlib.crc32(begun.encode()), _CHECK)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
