"""Taking a wish on: the video that it becomes, and all that is written down with it. Creates and batches share it."""

import msgspec
from msgspec.structs import replace

from gateway.config.settings import Timing
from gateway.policy.orders import accepted
from gateway.services.books import Books
from gateway.services.budgets import Shortage
from gateway.services.images import Images, unknown_image
from gateway.services.quotes import Quotes
from gateway.services.records import Records
from gateway.store.store import Transaction
from gateway.store.tasks import TaskKind
from schema.clock import Millis, millis
from schema.event import EventType
from schema.ids import Ids
from schema.money import Micros
from schema.quote import Candidate, Decision, ReasonCode
from schema.video import Order, Video


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A video before it is kept, and the decision behind it, JSON."""

    video: Video
    decision: bytes

    @property
    def top(self) -> Micros:
        """What is to be held for it; nothing when its price is not known."""
        return self.video.held or 0


class Admission:
    def __init__(
        self, *, records: Records, books: Books, quotes: Quotes, images: Images, ids: Ids, timing: Timing
    ) -> None:
        self._records = records
        self._books = books
        self._quotes = quotes
        self._images = images
        self._ids = ids
        self._timing = timing

    def plan(self, order: Order, decision: Decision, now: Millis, *, id: str | None = None) -> Plan:
        """What an order would become. Nothing is written down.

        Raises:
            InvalidRequest: the quote it names does not fit.
        """
        best = best_of(decision)
        price = None if best is None else best.price
        promised = self._quotes.promised(order, now)
        top = promised if promised is not None else None if price is None else price.high
        video = replace(
            accepted(order, id or self._ids.video(now), now, self._timing.video_deadline_seconds),
            adjustments=() if best is None else best.adjustments,
            quoted_low=None if price is None else price.low,
            quoted_high=top,
            held=top,
            held_from=None if top is None else self._books.source(order.tenant),
        )
        return Plan(video=video, decision=msgspec.json.encode(decision))

    async def keep(self, tx: Transaction, plan: Plan, now: Millis, *, batch: str | None = None) -> Video | None:
        """Write it all down: the video, its hold, its event, its tasks. None when its key is used already.

        Raises:
            InvalidRequest: the picture it starts from is gone.
            InsufficientFunds: the tenant has not so much, or the client token.
            Unauthenticated: the client token has ended.
            CreatesUsedUp: it has created as many as it may.
        """
        video = plan.video
        if not await tx.videos.add(video, plan.decision, batch=batch):
            return None
        if video.image is not None and await tx.images.use(video.tenant, video.image, self._images.until(now)) is None:
            raise unknown_image()
        await self._books.allowances.create(tx, video)
        held = await self._books.hold(tx, video, plan.top, now)
        if isinstance(held, Shortage):
            raise held.refusal(plan.top)
        self._records.tell(tx, video, EventType.QUEUED, now)
        await tx.tasks.add(TaskKind.SUBMIT, video.id, now)
        if video.routing.cancel_after_seconds is not None:
            await tx.tasks.add(TaskKind.CANCEL, video.id, now + millis(video.routing.cancel_after_seconds))
        return await self._records.warn(tx, video, held, now)


def best_of(decision: Decision) -> Candidate | None:
    """Who would make it: the best who can now, else the best who can later, for the money there is if anybody can."""
    if decision.chosen is not None:
        return decision.chosen
    return next((one for one in decision.candidates if affordable(one)), decision.hopeful)


def affordable(candidate: Candidate) -> bool:
    """It could make the video, now or later, with the money there is."""
    return candidate.waitable and all(reason.code is not ReasonCode.OVER_BUDGET for reason in candidate.excluded)
