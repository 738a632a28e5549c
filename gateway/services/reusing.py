"""Reuse: a new video that has the file of an equal one of its tenant's, at once and for nothing."""

import msgspec
from msgspec.structs import replace

from gateway.config.settings import Timing
from gateway.policy.orders import Shows, accepted, shown_to
from gateway.policy.signing import spec_digest
from gateway.services.books import Books
from gateway.services.records import Records
from gateway.services.sweeping import expiry
from gateway.store.store import Transaction
from schema.clock import Millis
from schema.event import EventType
from schema.ids import Ids
from schema.lifecycle import VideoMove
from schema.quote import Decision
from schema.tenant import Tenant
from schema.video import OnUnsupported, Order, RoutingWish, Video, VideoSpec

LOOKED_AT = 20
"""Of the latest equal videos, so many are looked at: those that the wish's own bounds leave out are passed over."""


class Reusing:
    def __init__(self, *, records: Records, books: Books, ids: Ids, timing: Timing) -> None:
        self._records = records
        self._books = books
        self._ids = ids
        self._timing = timing

    async def source(
        self, tx: Transaction, tenant: str, spec: VideoSpec, routing: RoutingWish, now: Millis, *, shows: Shows
    ) -> Video | None:
        """Whose file a wish would have; None when it asks for none, or there is none."""
        if routing.reuse is None:
            return None
        since = now - routing.reuse.within_seconds * 1000
        equal = await tx.videos.reusable(tenant, spec_digest(spec), since, now, LOOKED_AT)
        return next((video for video in equal if shows(video) and _fits(video, routing)), None)

    async def keep(self, tx: Transaction, id: str, tenant: Tenant, order: Order, now: Millis) -> Video | None:
        """The video of an order that has another's file, completed and written down; None when there is no such file.

        Raises:
            LookupError: the order's key was used already.
            Unauthenticated, CreatesUsedUp: of the client token, as for any other video.
        """
        source = await self.source(tx, order.tenant, order.spec, order.routing, now, shows=shown_to(order))
        if source is None or source.asset is None or not await tx.files.take(order.tenant, source.asset.key):
            return None
        video = replace(
            accepted(order, id, now, self._timing.video_deadline_seconds),
            quoted_low=0,
            quoted_high=0,
            held=0,
            reused_from=source.id,
        )
        decision = Decision(at=now, strategy=order.routing.strategy or tenant.routing.strategy, candidates=())
        if not await tx.videos.add(video, msgspec.json.encode(decision)):
            raise LookupError(order.key)
        await self._books.allowances.create(tx, video)
        self._records.tell(tx, video, EventType.QUEUED, now)
        return await self._records.video(
            tx,
            video,
            now,
            move=VideoMove.REUSE,
            tell=EventType.COMPLETED,
            about={"reused_from": source.id},
            progress=100,
            account=source.account,
            provider=source.provider,
            adjustments=source.adjustments,
            asset=source.asset,
            expires_at=expiry(now, tenant.retention.days),
        )

    def fresh(self, now: Millis) -> str:
        """The id of a video to be."""
        return self._ids.video(now)


def _fits(video: Video, routing: RoutingWish) -> bool:
    """The wish's own bounds hold for who made it; and what was bent will do only where it says so."""
    made_by = {video.account, video.provider}
    allowed = not routing.only or not made_by.isdisjoint(routing.only)
    bent = bool(video.adjustments) and routing.on_unsupported is not OnUnsupported.ADJUST
    return allowed and made_by.isdisjoint(routing.exclude) and not bent
