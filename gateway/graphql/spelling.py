"""How fields of wishes are called at this door: REST's names in camelCase, and ``routing`` for ``gateway``."""

import re

_SPELLINGS: dict[str, str] = {
    "image_url": "inputReference.imageUrl",
    "gateway.max_cost_micros": "routing.maxCost",
}
_UNDERSCORE = re.compile("_([a-z])")


def spell(field: str) -> str:
    """A field as GraphQL's inputs spell it: ``gateway.on_unknown`` is ``routing.onUnknown`` here."""
    spelled = _SPELLINGS.get(field, field)
    return _UNDERSCORE.sub(lambda match: match[1].upper(), spelled.replace("gateway.", "routing.", 1))
