"""Which media type to answer with: what Accept prefers among what we speak (GraphQL over HTTP, section 6.3)."""

from enum import StrEnum
from functools import lru_cache


class Media(StrEnum):
    GRAPHQL = "application/graphql-response+json"
    JSON = "application/json"
    EVENTS = "text/event-stream"
    MULTIPART = "multipart/mixed"

    @property
    def streams(self) -> bool:
        """It carries any number of results, so subscriptions too."""
        return self in (Media.EVENTS, Media.MULTIPART)


_RANGES = {
    "application/graphql-response+json": Media.GRAPHQL,
    "application/*": Media.GRAPHQL,
    "application/json": Media.JSON,
    "text/event-stream": Media.EVENTS,
    "text/*": Media.EVENTS,
    "multipart/mixed": Media.MULTIPART,
}
_APOLLO = "subscriptionspec"
"""The parameter that makes ``multipart/mixed`` Apollo's subscription protocol; without, it is incremental delivery."""


@lru_cache(maxsize=256)
def negotiate(accept: str | None, usual: Media = Media.JSON) -> Media | None:
    """The first of the best rated types that we speak; None when there is none.

    Clients list ``text/event-stream`` behind others with every plain query, so only a preferred one is chosen.

    Args:
        usual: for who says nothing, or takes any.
    """
    if not accept:
        return usual
    best, best_quality = None, 0.0
    for entry in accept.split(","):
        media, quality = _entry(entry, usual)
        if media is not None and quality > best_quality:
            best, best_quality = media, quality
    return best


def _entry(entry: str, usual: Media) -> tuple[Media | None, float]:
    name, *parameters = (part.strip().lower() for part in entry.split(";"))
    values = dict(parameter.split("=", 1) for parameter in parameters if "=" in parameter)
    media = usual if name == "*/*" else _RANGES.get(name)
    if media is Media.MULTIPART and _APOLLO not in values:
        return None, 0.0
    try:
        return media, float(values.get("q", "1"))
    except ValueError:
        return None, 0.0
