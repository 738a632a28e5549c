"""What an order becomes."""

from gateway.policy.signing import spec_digest
from schema.clock import Millis, millis
from schema.lifecycle import VideoStatus
from schema.video import Order, Video


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
