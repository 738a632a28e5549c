"""Ids: a prefix that says what it names, then 26 characters that sort by time.

The body is a ULID (48 bits of milliseconds, 80 random bits, Crockford's base 32): ids sort as they were made,
so they serve as keyset cursors, and nobody can guess the next one.
"""

import hashlib
import os
import re
from collections.abc import Callable

from schema.clock import Millis

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
BODY_LENGTH = 26
_RANDOM_BYTES = 10

Entropy = Callable[[int], bytes]
"""Gives that many random bytes; ``os.urandom`` outside tests."""

VIDEO = "video_"
BATCH = "batch_"
ATTEMPT = "att_"
EVENT = "evt_"
REQUEST = "req_"
WORKER = "wkr_"
INCIDENT = "inc_"
ENTRY = "led_"
RESOLUTION = "res_"
ACCOUNT_EVENT = "aev_"
KEY = "key_"
GRANT = "ctk_"
TRAIL = "aud_"
IMAGE = "img_"
ENDPOINT = "whe_"
MESSAGE = "msg_"
ADDRESS = "adr_"


def pattern(prefix: str) -> str:
    """The regular expression of ids with a prefix, from their first character to their last."""
    return f"^{prefix}[{ALPHABET}]{{{BODY_LENGTH}}}$"


_VIDEO_ID = re.compile(pattern(VIDEO))
_BATCH_ID = re.compile(pattern(BATCH))
_ATTEMPT_ID = re.compile(pattern(ATTEMPT))
_ENTRY_ID = re.compile(pattern(ENTRY))
_IMAGE_ID = re.compile(pattern(IMAGE))
_EVENT_ID = re.compile(pattern(EVENT))


def first_of(moment: Millis) -> str:
    """A body that sorts before those of all ids made at that moment or later."""
    return _base32(moment << 80)


def names_video(id: str) -> bool:
    """Whether an id could be a video's; what could not is never looked up."""
    return _VIDEO_ID.fullmatch(id) is not None


def names_batch(id: str) -> bool:
    """Whether an id could be a batch's."""
    return _BATCH_ID.fullmatch(id) is not None


def names_attempt(id: str) -> bool:
    """Whether an id could be an attempt's."""
    return _ATTEMPT_ID.fullmatch(id) is not None


def names_entry(id: str) -> bool:
    """Whether an id could be that of an entry of the ledger."""
    return _ENTRY_ID.fullmatch(id) is not None


def names_image(id: str) -> bool:
    """Whether an id could be a picture's."""
    return _IMAGE_ID.fullmatch(id) is not None


def names_event(id: str) -> bool:
    """Whether an id could be an event's."""
    return _EVENT_ID.fullmatch(id) is not None


def made_at(id: str) -> Millis:
    """When an id of ours was made; only of what could be one."""
    number = 0
    for character in id[-BODY_LENGTH:]:
        number = number << 5 | ALPHABET.index(character)
    return number >> 80


def derived(prefix: str, moment: Millis, *names: str) -> str:
    """The id of what there is once for these names: the same whoever makes it, and unlike all others."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return prefix + _base32((moment << 80) | int.from_bytes(digest[:_RANDOM_BYTES], "big"))


def could_be(prefix: str, id: str) -> bool:
    """Whether an id could be that of something whose ids have this prefix."""
    return re.fullmatch(pattern(prefix), id) is not None


class Ids:
    """Makes ids from the time it is given and the entropy it was built with."""

    def __init__(self, entropy: Entropy = os.urandom) -> None:
        self._entropy = entropy
        self._last = 0

    def make(self, prefix: str, now: Millis) -> str:
        """A fresh id, such as ``video_01kb…``; ``now`` in milliseconds since the epoch."""
        return prefix + _base32(self._number(now))

    def _number(self, now: Millis) -> int:
        return (now << 80) | int.from_bytes(self._entropy(_RANDOM_BYTES), "big")

    def video(self, now: Millis) -> str:
        return self.make(VIDEO, now)

    def videos(self, now: Millis, count: int) -> list[str]:
        """Several at once, in the order they sort."""
        return sorted(self.video(now) for _ in range(count))

    def batch(self, now: Millis) -> str:
        return self.make(BATCH, now)

    def attempt(self, now: Millis) -> str:
        return self.make(ATTEMPT, now)

    def event(self, now: Millis) -> str:
        return self.make(EVENT, now)

    def entry(self, now: Millis) -> tuple[str, Millis]:
        """An entry's, and its time: what one process books sorts as it was booked, whenever it was begun."""
        self._last = max(self._number(now), self._last + 1)
        return ENTRY + _base32(self._last), self._last >> 80


def _base32(number: int) -> str:
    return "".join([ALPHABET[(number >> shift) & 31] for shift in range(5 * (BODY_LENGTH - 1), -1, -5)])
