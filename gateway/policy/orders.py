"""What an order becomes."""

from collections.abc import Callable

from gateway.policy.signing import spec_digest
from schema.clock import Millis, millis
from schema.lifecycle import VideoStatus
from schema.tenant import Grant
from schema.video import Order, Video

Shows = Callable[[Video], bool]
"""Whether whoever asks may know of a video."""


def accepted(order: Order, id: str, now: Millis, usual_seconds: float) -> Video:
    """The queued video of an order, of whose price nothing is said yet; ``usual_seconds``: unless it has a deadline."""
    return Video(
        id=id,
        tenant=order.tenant,
        spec=order.spec,
        routing=order.routing,
        metadata=order.metadata,
        key=order.key,
        fingerprint=order.fingerprint,
        status=VideoStatus.QUEUED,
        substate=None,
        progress=0,
        version=1,
        created_at=now,
        deadline_at=now + millis(order.routing.deadline_seconds or usual_seconds),
        end_user=order.end_user,
        client_token=order.client_token,
        image=None if order.spec.image is None else order.spec.image.id,
        wish=spec_digest(order.spec),
    )


def shown_to(order: Order) -> Shows:
    """Whoever gave an order knows of all its tenant's videos, or of those that its client token shows."""
    if order.client_token is None:
        return shown_by(None)
    return shown_by(Grant(token=order.client_token, end_user=order.end_user, expires_at=0))


def shown_by(grant: Grant | None) -> Shows:
    """The same for whoever asks with a grant, or with a key."""
    return (lambda _: True) if grant is None else grant.shows
