"""What is said to whoever resumes behind an event that is not there: it was removed, or it never was."""

from gateway.store.events import Removed
from schema.errors import EventsGone, GatewayError, MalformedRequest
from schema.ids import made_at, names_event


def unknown_event(id: str, removed: Removed, *, known: bool, field: str) -> GatewayError:
    """Why a stream can not resume behind an id.

    Args:
        known: there is such an event, and it is not of this stream.
        field: what the caller calls it.
    """
    if not known and names_event(id) and made_at(id) <= removed.at:
        return EventsGone()
    return MalformedRequest.field(
        field, "unknown_event", "must be the id of an event of this stream, as it was told; leave it out to begin now"
    )
