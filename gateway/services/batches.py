"""Wishes that are accepted together: all are checked first, then all are written down in one transaction, or none.

Each wish goes to the account that is best for it, as a single create does, while the money also covers the others at
their cheapest; when it does not, to the best one that leaves enough. So a batch is refused, or cut, only when not even
the cheapest accounts could make it.
"""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from gateway.policy.batching import covered
from gateway.policy.client_tokens import granted, own_key
from gateway.policy.orders import shown_to
from gateway.policy.routing import Snapshot
from gateway.policy.signing import batch_fingerprint
from gateway.probe import Point, Probe
from gateway.services.addresses import Addresses
from gateway.services.admission import Admission, Plan
from gateway.services.allowances import Room
from gateway.services.backlog import Backlog
from gateway.services.books import Books
from gateway.services.budgets import Shortage
from gateway.services.decisions import Decisions
from gateway.services.quarantine import Quarantine
from gateway.services.rates import Rates
from gateway.services.references import References
from gateway.store.database import CommitUnknown
from gateway.store.store import Store, Transaction
from schema.batch import MAX_BATCH, Batch, BatchMode
from schema.clock import Clock, Millis
from schema.errors import (
    CreatesUsedUp,
    FieldError,
    GatewayError,
    Gone,
    IdempotencyKeyReused,
    InvalidRequest,
    NoRoute,
    NotFound,
    NotReady,
    Overloaded,
    RateLimited,
)
from schema.ids import Ids
from schema.money import Micros
from schema.quote import Decision
from schema.tenant import Grant, Tenant
from schema.video import Order, Video

MAX_ERRORS = 256
"""Fields that one refusal names; when there are more, the first of each wrong wish."""


class BatchOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for together: wishes, and what is wrong with those that could not be read."""

    tenant: str
    mode: BatchMode
    key: str | None
    wishes: tuple[Order | InvalidRequest, ...]
    client_token: str | None = None

    @property
    def fingerprint(self) -> str:
        """Of the whole batch; it means something when every wish could be read."""
        return batch_fingerprint([wish.fingerprint for wish in self.wishes if isinstance(wish, Order)], self.mode)

    def granted(self, grant: Grant | None) -> "BatchOrder":
        """The same as a client token's holder gives it."""
        if grant is None:
            return self
        wishes = tuple([granted(wish, grant) if isinstance(wish, Order) else wish for wish in self.wishes])
        return replace(self, key=own_key(self.key, grant), wishes=wishes, client_token=grant.token)


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """A batch and its videos as they are now; ``replayed`` when an earlier equal order had made it."""

    batch: Batch
    videos: list[Video]
    replayed: bool = False


class Bid(msgspec.Struct, frozen=True, kw_only=True):
    """A wish, what it becomes at its best account, and the least it may cost at any."""

    order: Order
    plan: Plan
    least: Micros


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was found out about a batch before its transaction.

    Attributes:
        seen: the accounts the decisions were made from.
        places: how many of the first wishes find room among those who wait.
    """

    tenant: Tenant
    bids: list[Bid]
    seen: Snapshot
    places: int


class Batches:
    def __init__(
        self,
        *,
        store: Store,
        admission: Admission,
        books: Books,
        decisions: Decisions,
        references: References,
        backlog: Backlog,
        rates: Rates,
        quarantine: Quarantine,
        addresses: Addresses,
        clock: Clock,
        ids: Ids,
        probe: Probe,
    ) -> None:
        self._store = store
        self._admission = admission
        self._books = books
        self._decisions = decisions
        self._references = references
        self._backlog = backlog
        self._rates = rates
        self._quarantine = quarantine
        self._addresses = addresses
        self._clock = clock
        self._ids = ids
        self._probe = probe

    async def accept(self, tenant: Tenant, asked: BatchOrder) -> Whole:
        """Take wishes on together: they are durable when this returns. Nothing is sent upstream here.

        Raises:
            IdempotencyKeyReused: the key was used for another batch.
            InvalidRequest: a wish is wrong, or there are too many; ``errors`` name every wrong wish.
            NoRoute: wishes that no account can ever make; ``errors`` name them all.
            InsufficientFunds: the tenant's balance, a budget or the client token's allowance has not enough for all, or
                not even for the first.
            CreatesUsedUp: the client token may not create so many, or none.
            Unauthenticated: it has ended.
            Quarantined: the database was restored, and no operator has confirmed it yet.
            RateLimited: the tenant may not create so many more in this minute.
            TooManyRequests: the tenant has too many videos waiting to start.
            QueueFull: all tenants together have.
        """
        check_size(len(asked.wishes))
        earlier = await self._earlier(asked)
        if earlier is not None:
            return earlier
        await self._quarantine.refuse()
        try:
            await self._rates.check(tenant.id, _least_places(asked.mode, len(asked.wishes)), field="videos")
        except RateLimited:  # perhaps by a twin of this one, which was first
            earlier = await self._earlier(asked)
            if earlier is None:
                raise
            return earlier
        asked = replace(asked, wishes=tuple([await self._looked_at(wish) for wish in asked.wishes]))
        (tenant, seen), now = await self._decisions.seen(tenant), self._clock.now()
        bids = self._bids(tenant, asked, seen, now)
        wished = len(bids)
        places = await self._backlog.room(tenant, wished, least=_least_places(asked.mode, wished))
        offer = Offer(tenant=tenant, bids=bids, seen=seen, places=places)
        self._backlog.added(tenant.id, places)  # so that others who ask meanwhile see them taken
        taken = 0
        try:
            whole = await self._accept(asked, offer, now)
            taken = 0 if whole.replayed else whole.batch.accepted
        finally:
            self._backlog.added(tenant.id, taken - places)
        return whole

    async def get(self, tenant: str, id: str, grant: Grant | None = None) -> Whole:
        """One of a tenant's batches, with its videos as they are now.

        Raises:
            NotFound: there is none, it is another tenant's, or the grant does not show all of it.
        """
        whole = await self._store.read(lambda tx: _whole(tx, tenant, id), tenant=tenant)
        if whole is None or (grant is not None and not all(map(grant.shows, whole.videos))):
            raise NotFound
        return whole

    async def _earlier(self, asked: BatchOrder) -> Whole | None:
        """The batch of this order, when it was accepted before; looked up before anything that could refuse it."""
        if asked.key is None or not all(isinstance(wish, Order) for wish in asked.wishes):
            return None
        return await self._store.read(lambda tx: _replay(tx, asked), tenant=asked.tenant)

    async def _looked_at(self, wish: Order | InvalidRequest) -> Order | InvalidRequest:
        """A wish with what a decision minds of its picture; or what is wrong with that, or with where it is told of."""
        if isinstance(wish, InvalidRequest):
            return wish
        try:
            await self._addresses.check(wish)
            if not wish.spec.pictured:
                return wish
            return replace(wish, spec=await self._references.known(wish.tenant, wish.spec, shown_to(wish)))
        except InvalidRequest as error:
            return error
        except (NotReady, Gone) as error:  # one of several things that are wrong
            return InvalidRequest(error.detail, errors=error.errors)

    def _bids(self, tenant: Tenant, asked: BatchOrder, seen: Snapshot, now: Millis) -> list[Bid]:
        """Every wish with its decision. Raises InvalidRequest or NoRoute for all that are wrong."""
        ids = self._ids.videos(now, len(asked.wishes))
        bids: list[Bid] = []
        wrong: dict[int, GatewayError] = {}
        for n, (id, wish) in enumerate(zip(ids, asked.wishes, strict=True)):
            try:
                bids.append(self._bid(tenant, wish, seen, now, id))
            except (InvalidRequest, NoRoute) as error:
                wrong[n] = error
        if wrong:
            raise _refusal(wrong, len(asked.wishes))
        return bids

    def _bid(self, tenant: Tenant, wish: Order | InvalidRequest, seen: Snapshot, now: Millis, id: str) -> Bid:
        if isinstance(wish, InvalidRequest):
            raise wish
        if wish.routing.reuse is not None:
            raise InvalidRequest.field("gateway.reuse", "unsupported", "is for videos that are asked for one by one")
        decision = self._decisions.among(seen, tenant, wish.spec, wish.routing, now)
        plan = self._admission.plan(wish, decision, now, id=id)
        promised = wish.routing.quote_id is not None
        return Bid(order=wish, plan=plan, least=plan.top if promised else _least(decision))

    async def _accept(self, asked: BatchOrder, offer: Offer, now: Millis) -> Whole:
        wished = len(offer.bids)
        batch = Batch(
            id=self._ids.batch(now),
            tenant=asked.tenant,
            key=asked.key,
            fingerprint=asked.fingerprint,
            created_at=now,
            mode=asked.mode,
            wished=wished,
            accepted=wished,
        )

        async def add(tx: Transaction) -> Whole:
            if not await tx.batches.add(batch):  # a racing twin with the same key was first
                twin = await _replay(tx, asked)
                if twin is None:
                    raise Overloaded("Another request with this key is in the way; try again", retry_after_seconds=1)
                return twin
            turnstile = await self._rates.admit(tx, asked.tenant, _least_places(asked.mode, wished))
            places = offer.places if turnstile is None else min(offer.places, turnstile.room)
            room = await self._books.allowances.room(tx, asked.tenant, asked.client_token, now)
            able = _within_creates(replace(offer, places=places), room, asked.mode)
            plans, missing = await self._afforded(tx, batch, able, room.left)
            await self._rates.created(tx, turnstile, len(plans))
            kept = batch
            if len(plans) < wished:
                kept = replace(batch, accepted=len(plans), missing=missing, missing_places=wished - places)
                await tx.batches.cut(kept)
            return Whole(batch=kept, videos=[await self._keep(tx, plan, batch) for plan in plans])

        self._probe(Point.BEFORE_ACCEPT)
        try:
            whole = await self._store.write(add, tenant=asked.tenant)
        except CommitUnknown as error:
            whole = await self._kept(asked, batch.id, error)
        self._probe(Point.ACCEPTED)
        return whole

    async def _afforded(
        self, tx: Transaction, batch: Batch, offer: Offer, allowed: Shortage | None
    ) -> tuple[list[Plan], Micros]:
        """What is made of the wishes that money and room cover, and what money lacks for the others.

        Args:
            allowed: what is left of a client token's allowance.

        Raises:
            InsufficientFunds: it does not cover all, or not even the first.
        """
        tightest = await self._books.budgets.tightest(tx, batch.tenant, batch.created_at)
        tightest = min((one for one in (allowed, tightest) if one is not None), key=lambda one: one.left, default=None)
        if tightest is None:
            return [bid.plan for bid in offer.bids[: offer.places]], 0
        least = [bid.least for bid in offer.bids]
        count = covered(least, tightest.left, offer.places)
        if count == 0 or (count < batch.wished and batch.mode is BatchMode.ALL):
            raise tightest.refusal(sum(least), f"These {batch.wished} videos" if batch.wished > 1 else "This video")
        spare = tightest.left - sum(least[:count])
        plans: list[Plan] = []
        for bid in offer.bids[:count]:
            plan = self._within(offer, bid, bid.least + spare)
            spare -= plan.top - bid.least
            plans.append(plan)
        return plans, max(sum(least[count:]) - spare, 0)

    def _within(self, offer: Offer, bid: Bid, most: Micros) -> Plan:
        """A wish at its best account, or at the best of those that cost no more than there is for it."""
        if bid.plan.top <= most:
            return bid.plan
        order, video = bid.order, bid.plan.video
        decision = self._decisions.among(
            offer.seen, offer.tenant, order.spec, order.routing, video.created_at, affordable=most
        )
        return self._admission.plan(order, decision, video.created_at, id=video.id)

    async def _keep(self, tx: Transaction, plan: Plan, batch: Batch) -> Video:
        video = await self._admission.keep(tx, plan, batch.created_at, batch=batch.id)
        if video is None:
            raise LookupError("a video without a key has no twin")
        return video

    async def _kept(self, asked: BatchOrder, id: str, error: CommitUnknown) -> Whole:
        """What became of a batch whose commit was sent and not answered: it, its twin, or nothing at all."""
        kept = await self._store.read(lambda tx: _whole(tx, asked.tenant, id), tenant=asked.tenant)
        kept = kept or await self._earlier(asked)
        if kept is None:
            raise Overloaded("The database did not keep this; try again", retry_after_seconds=1) from error
        return kept


def _within_creates(offer: Offer, room: Room, mode: BatchMode) -> Offer:
    """With room for no more wishes than a client token may still create. Raises CreatesUsedUp."""
    if room.creates is None or room.creates >= len(offer.bids):
        return offer
    if room.creates == 0 or mode is BatchMode.ALL:
        raise CreatesUsedUp(f"This token may create {room.creates} more, and these are {len(offer.bids)}")
    return replace(offer, places=min(offer.places, room.creates))


def check_size(count: int) -> None:
    """Raises InvalidRequest when a batch is empty or too large."""
    if not 1 <= count <= MAX_BATCH:
        raise InvalidRequest.field("videos", "out_of_range", f"must be from 1 to {MAX_BATCH} wishes; these are {count}")


def _least_places(mode: BatchMode, wished: int) -> int:
    """How many of a batch must find room."""
    return wished if mode is BatchMode.ALL else 1


async def _whole(tx: Transaction, tenant: str, id: str) -> Whole | None:
    batch = await tx.batches.get(tenant, id)
    return None if batch is None else Whole(batch=batch, videos=await tx.videos.of_batch(tenant, id))


async def _replay(tx: Transaction, asked: BatchOrder) -> Whole | None:
    """The batch with this order's key, as it is now. Raises IdempotencyKeyReused when it is another's."""
    batch = None if asked.key is None else await tx.batches.by_key(asked.tenant, asked.key)
    if batch is None:
        return None
    if batch.fingerprint != asked.fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key was used for a different batch; use a new key for a new one")
    return Whole(batch=batch, videos=await tx.videos.of_batch(asked.tenant, batch.id), replayed=True)


def _least(decision: Decision) -> Micros:
    """What it may cost where it costs least, now or later; nothing where nobody knows a price."""
    able = [candidate for candidate in decision.candidates if candidate.waitable]
    return min((0 if one.price is None else one.price.high for one in able), default=0)


def _refusal(wrong: dict[int, GatewayError], count: int) -> GatewayError:
    """One refusal for all wrong wishes; each field says which wish it is of."""
    placed = {n: [_placed(n, one) for one in error.errors] for n, error in wrong.items()}
    errors = [one for found in placed.values() for one in found]
    if len(errors) > MAX_ERRORS:
        errors = [one for found in placed.values() for one in found[:1]]
    kind = NoRoute if all(isinstance(error, NoRoute) for error in wrong.values()) else InvalidRequest
    return kind(_said(wrong, errors, count), errors=tuple(errors))


def _placed(n: int, error: FieldError) -> FieldError:
    inside = "" if error.field == "body" else f".{error.field}"
    return FieldError(f"videos[{n}]{inside}", error.code, error.detail)


def _said(wrong: dict[int, GatewayError], errors: Sequence[FieldError], count: int) -> str:
    if len(errors) == 1:
        return f"{errors[0].field}: {errors[0].detail}"
    (first, error), *others = wrong.items()
    if not others:
        return f"videos[{first}]: {error.detail}"
    return f"{len(wrong)} of {count} videos can not be accepted as asked; see errors"
