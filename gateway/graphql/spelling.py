"""How fields of wishes are called at this door: REST's names in camelCase, and ``routing`` for ``gateway``."""

import re
from typing import NamedTuple

from schema.remedy import Change, Party

_SPELLINGS: dict[str, str] = {
    "image_url": "inputReference.imageUrl",
    "image.id": "inputReference.imageId",
    "input_reference.video_id": "inputReference.videoFrame.videoId",
    "video.video_id": "inputReference.videoFrame.videoId",
    "gateway.max_cost_micros": "routing.maxCost",
    "gateway.webhook_url": "webhookUrl",
    "limit": "first",
    "expires_at": "expires.at",
    "expires_in_seconds": "expires.inSeconds",
}
_UNDERSCORE = re.compile("_([a-z])")
_WISH = re.compile(r"videos\[\d+\]\.")
"""Which wish of a batch a field is of."""


def spell(field: str) -> str:
    """A field as GraphQL's inputs spell it: ``gateway.on_unknown`` is ``routing.onUnknown`` here."""
    wish = _WISH.match(field)
    place = "" if wish is None else wish[0]
    inside = field.removeprefix(place)
    spelled = _SPELLINGS.get(inside, inside).replace("gateway.", "routing.", 1)
    return place + _UNDERSCORE.sub(lambda match: match[1].upper(), spelled)


class Spelled(NamedTuple):
    """A change of a remedy: its field, and as text what to make of it."""

    field: str
    to: str | None


def spell_change(change: Change) -> Spelled:
    """A change as this door tells it: the caller's own fields are those of the input."""
    field = spell(change.field) if change.by is Party.CALLER else change.field
    return Spelled(field, None if change.to is None else str(change.to))
