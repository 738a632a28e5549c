"""What callers can do with videos. REST and GraphQL both end here."""

from collections.abc import AsyncIterator

import msgspec
from msgspec.structs import replace

from gateway.assets import Assets as AssetStore
from gateway.policy.orders import shown_to
from gateway.probe import Point, Probe
from gateway.services.addresses import Addresses
from gateway.services.admission import Admission, affordable
from gateway.services.backlog import Backlog
from gateway.services.decisions import Decisions
from gateway.services.films import EXPIRED, film_of
from gateway.services.forecasts import Forecasts
from gateway.services.pages import check_page, cut
from gateway.services.quarantine import Quarantine
from gateway.services.rates import Rates
from gateway.services.references import References
from gateway.services.reusing import Reusing
from gateway.store.database import CommitUnknown
from gateway.store.store import Store, Transaction
from schema.attempt import Attempt
from schema.clock import Clock
from schema.errors import (
    Gone,
    IdempotencyKeyReused,
    InsufficientFunds,
    NotFound,
    Overloaded,
    RateLimited,
)
from schema.forecast import NOTHING, Forecast
from schema.lifecycle import AttemptState, VideoStatus
from schema.output import ExtraOutput
from schema.tenant import Grant, Tenant
from schema.video import Asset, Order, Video

RESENT_WITHIN = 900_000
"""Milliseconds in which a wish that an SDK sends again, without a key, is the earlier one (standards, IDEM-14)."""


class Accepted(msgspec.Struct, frozen=True):
    """The video of an order; ``replayed`` when an earlier equal order had made it."""

    video: Video
    replayed: bool
    forecast: Forecast = NOTHING


class Seen(msgspec.Struct, frozen=True):
    """A video, its attempts and its extra outputs, of one moment, and what can be said of its future."""

    video: Video
    attempts: list[Attempt]
    outputs: list[ExtraOutput] = []
    forecast: Forecast = NOTHING


class PageWish(msgspec.Struct, frozen=True, kw_only=True):
    """Which videos of a list: ``after`` or ``before`` a video id, at most ``limit``, newest first unless said.

    Attributes:
        grant: only those that it shows.
    """

    after: str | None = None
    before: str | None = None
    limit: int = 20
    newest_first: bool = True
    status: VideoStatus | None = None
    grant: Grant | None = None


class Page(msgspec.Struct, frozen=True):
    """Some videos in order; ``more`` when there are others beyond, in the direction of travel."""

    videos: list[Video]
    more: bool


class Videos:
    def __init__(
        self,
        *,
        store: Store,
        admission: Admission,
        decisions: Decisions,
        backlog: Backlog,
        rates: Rates,
        forecasts: Forecasts,
        references: References,
        reusing: Reusing,
        addresses: Addresses,
        quarantine: Quarantine,
        assets: AssetStore,
        clock: Clock,
        probe: Probe,
    ) -> None:
        self._store = store
        self._admission = admission
        self._decisions = decisions
        self._backlog = backlog
        self._rates = rates
        self._forecasts = forecasts
        self._references = references
        self._reusing = reusing
        self._addresses = addresses
        self._quarantine = quarantine
        self._assets = assets
        self._clock = clock
        self._probe = probe

    async def accept(self, tenant: Tenant, order: Order) -> Accepted:
        """Take an order on: it is durable when this returns, and will end. Nothing is sent upstream here.

        Raises:
            IdempotencyKeyReused: the key was used for another wish.
            InvalidRequest: nobody has ever heard of the model, or of the picture; its link must not be followed, or
                it must not be told of where it says.
            NotReady, Gone: the video that it starts from has no file yet, or no more.
            Forbidden: a client token says where.
            NoRoute: no account can ever make it; the error names the fields to change.
            InsufficientFunds: the tenant's balance, a budget or the client token's allowance has not enough for it.
            CreatesUsedUp: the client token has created as many as it may.
            Unauthenticated: it has ended.
            Quarantined: the database was restored, and no operator has confirmed it yet.
            RateLimited: the tenant has created as many as it may in a minute.
            TooManyRequests: the tenant has too many videos waiting to start.
            QueueFull: all tenants together have.
        """
        earlier = await self._earlier(order)
        if earlier is not None:
            return _replay(order, earlier)
        await self._quarantine.refuse()
        try:
            await self._rates.check(tenant.id, 1)
        except RateLimited:  # perhaps by a twin of this one, which was first
            earlier = await self._earlier(order)
            if earlier is None:
                raise
            return _replay(order, earlier)
        order = replace(order, spec=await self._references.known(tenant.id, order.spec, shown_to(order)))
        await self._addresses.check(order)
        reused = None if order.routing.reuse is None else await self._reuse(tenant, order)
        if reused is not None:
            return reused
        await self._backlog.room(tenant, 1, least=1)
        try:
            accepted = await self._accept(tenant, order, None)
        except InsufficientFunds as short:  # somebody cheaper may do
            accepted = await self._accept(tenant, order, short)
        if not accepted.replayed:
            self._backlog.added(tenant.id)
        return accepted

    async def _earlier(self, order: Order) -> Video | None:
        """The video of this order, when it was accepted before; looked up before anything that could refuse it."""
        key = order.key
        if key is not None:
            return await self._store.read(lambda tx: tx.videos.by_key(order.tenant, key), tenant=order.tenant)
        if not order.resent:
            return None
        return await self._store.read(lambda tx: self._resent(tx, order), tenant=order.tenant)

    async def _resent(self, tx: Transaction, order: Order) -> Video | None:
        """The video of a wish that an SDK sends again without a key."""
        if not order.resent or order.key is not None:
            return None
        return await tx.videos.keyless(order.tenant, order.fingerprint, self._clock.now() - RESENT_WITHIN)

    async def _accept(self, tenant: Tenant, order: Order, short: InsufficientFunds | None) -> Accepted:
        now = self._clock.now()
        most = None if short is None else short.available
        decision = await self._decisions.decide(tenant, order.spec, order.routing, now, affordable=most)
        if short is not None and not any(map(affordable, decision.candidates)):
            raise short
        plan = self._admission.plan(order, decision, now)

        async def add(tx: Transaction) -> Accepted:
            earlier = await self._resent(tx, order)
            if earlier is not None:
                return _replay(order, earlier)
            try:
                turnstile = await self._rates.admit(tx, tenant.id, 1)
            except RateLimited:  # perhaps by a twin of this one, which was first
                twin = None if order.key is None else await tx.videos.by_key(order.tenant, order.key)
                if twin is None:
                    raise
                return _replay(order, twin)
            video = await self._admission.keep(tx, plan, now)
            if video is None:  # a racing twin with the same key was first
                return _replay(order, await tx.videos.by_key(order.tenant, order.key or ""))
            await self._rates.created(tx, turnstile)
            return Accepted(video, replayed=False)

        self._probe(Point.BEFORE_ACCEPT)
        try:
            accepted = await self._store.write(add, tenant=order.tenant)
        except CommitUnknown as error:
            accepted = await self._kept(order, plan.video.id, error)
        self._probe(Point.ACCEPTED)
        if accepted.replayed:
            return accepted
        return replace(accepted, forecast=await self._forecasts.fresh(accepted.video, decision))

    async def _reuse(self, tenant: Tenant, order: Order) -> Accepted | None:
        """The order's video, which has the file of an equal one; None when there is no such file."""
        now = self._clock.now()
        id = self._reusing.fresh(now)

        async def reuse(tx: Transaction) -> Accepted | None:
            earlier = await self._resent(tx, order)
            if earlier is not None:
                return _replay(order, earlier)
            turnstile = await self._rates.admit(tx, tenant.id, 1)
            try:
                video = await self._reusing.keep(tx, id, tenant, order, now)
            except LookupError:  # a racing twin with the same key was first
                return _replay(order, await tx.videos.by_key(order.tenant, order.key or ""))
            if video is None:
                return None
            await self._rates.created(tx, turnstile)
            return Accepted(video, replayed=False)

        try:
            return await self._store.write(reuse, tenant=order.tenant)
        except CommitUnknown as error:
            return await self._kept(order, id, error)

    async def _kept(self, order: Order, id: str, error: CommitUnknown) -> Accepted:
        """What became of a create whose commit was sent and not answered: it, its twin, or nothing at all."""
        kept = await self._store.read(lambda tx: tx.videos.get(order.tenant, id), tenant=order.tenant)
        if kept is not None:
            return Accepted(kept, replayed=False)
        twin = await self._earlier(order)
        if twin is None:
            raise Overloaded("The database did not keep this; try again", retry_after_seconds=1) from error
        return _replay(order, twin)

    async def get(self, tenant: str, id: str, grant: Grant | None = None) -> Video:
        """One of a tenant's videos.

        Raises:
            NotFound: there is none, it is another tenant's, or the grant does not show it.
        """
        video = await self._store.read(lambda tx: tx.videos.get(tenant, id), tenant=tenant)
        if video is None or (grant is not None and not grant.shows(video)):
            raise NotFound
        return video

    async def some(self, tenant: str, ids: list[str], grant: Grant | None = None) -> dict[str, Video]:
        """Id → video, of those that are a tenant's and that the grant shows."""
        videos = await self._store.read(lambda tx: tx.videos.own(tenant, ids), tenant=tenant)
        return {video.id: video for video in videos if grant is None or grant.shows(video)}

    async def seen(self, tenant: str, id: str) -> Seen:
        """One of a tenant's videos with its attempts, in one read: callers poll, so this is done most of all.

        Raises:
            NotFound: the tenant has no such video.
        """

        async def look(tx: Transaction) -> Seen:
            video = await tx.videos.get(tenant, id)
            if video is None:
                raise NotFound
            attempts = await tx.attempts.of_tenant(tenant, [id]) if _may_have_attempts(video) else []
            late = _may_have_outputs(video, attempts)
            return Seen(video, attempts, await tx.outputs.of_video(tenant, id) if late else [])

        seen = await self._store.read(look, tenant=tenant)
        if seen.video.ended:
            return seen
        return replace(seen, forecast=await self._forecasts.of(seen.video, seen.attempts))

    async def whole(self, tenant: str, videos: list[Video]) -> list[Seen]:
        """A tenant's videos, each with all that belongs to it."""
        attempts = await self.attempts(tenant, videos)
        outputs = await self.outputs(tenant, videos, attempts)
        forecasts = await self.forecasts(videos, attempts)
        return [
            Seen(video, attempts[video.id], outputs.get(video.id, []), forecast)
            for video, forecast in zip(videos, forecasts, strict=True)
        ]

    async def forecasts(self, videos: list[Video], attempts: dict[str, list[Attempt]]) -> list[Forecast]:
        """What can be said of each video. ``attempts`` as ``attempts()`` gave them."""
        return [await self._forecasts.of(video, attempts[video.id]) for video in videos]

    async def attempts(self, tenant: str, videos: list[Video]) -> dict[str, list[Attempt]]:
        """Video id → its attempts, first to last, of a tenant's videos."""
        found: dict[str, list[Attempt]] = {video.id: [] for video in videos}
        started = [video.id for video in videos if _may_have_attempts(video)]
        if started:
            for attempt in await self._store.read(lambda tx: tx.attempts.of_tenant(tenant, started), tenant=tenant):
                found[attempt.video].append(attempt)
        return found

    async def outputs(
        self, tenant: str, videos: list[Video], attempts: dict[str, list[Attempt]]
    ) -> dict[str, list[ExtraOutput]]:
        """Video id → its extra outputs, for those that have any. ``attempts`` as ``attempts()`` gave them."""
        ids = [video.id for video in videos if _may_have_outputs(video, attempts[video.id])]
        if not ids:
            return {}
        return await self._store.read(lambda tx: tx.outputs.of_videos(tenant, ids), tenant=tenant)

    async def page(self, tenant: str, wish: PageWish) -> Page:
        """Some of a tenant's videos.

        Raises:
            InvalidRequest: the limit is out of range, or both cursors are given.
        """
        check_page(wish.limit, wish.after, wish.before)
        videos = await self._store.read(
            lambda tx: tx.videos.page(
                tenant,
                after=wish.after,
                before=wish.before,
                limit=wish.limit + 1,
                newest_first=wish.newest_first,
                status=wish.status,
                grant=wish.grant,
            ),
            tenant=tenant,
        )
        return Page(*cut(videos, wish.limit, backward=wish.before is not None))

    async def decision(self, tenant: str, id: str) -> bytes:
        """The routing decision stored with a video, JSON. Raises NotFound."""
        await self.get(tenant, id)
        decision = await self._store.read(lambda tx: tx.videos.decision(tenant, id), tenant=tenant)
        if decision is None:
            raise NotFound
        return decision

    async def asset(self, tenant: str, id: str) -> Asset:
        """The finished file's facts. Raises NotFound, NotReady while it is made, Gone when it failed or expired."""
        video, now = await self.get(tenant, id), self._clock.now()
        return await self._store.read(lambda tx: film_of(tx, video, now), tenant=tenant)

    async def output(self, tenant: str, id: str, attempt: str) -> Asset:
        """An extra output's facts. Raises NotFound when the video has no such one, Gone when it expired."""
        await self.get(tenant, id)
        output = await self._store.read(lambda tx: tx.outputs.get(tenant, id, attempt), tenant=tenant)
        if output is None:
            raise NotFound
        if not output.there(self._clock.now()):
            raise Gone(EXPIRED)
        return output.asset

    def content(self, asset: Asset, start: int, end: int) -> AsyncIterator[bytes]:
        """The file's bytes from ``start`` up to, not including, ``end``."""
        return self._assets.read(asset.key, start, end)


def _may_have_attempts(video: Video) -> bool:
    """Before the first look at the accounts there is none."""
    return video.substate is not None or video.ended


def _may_have_outputs(video: Video, attempts: list[Attempt]) -> bool:
    """More was made than the one file that a completed video has."""
    made = sum(attempt.state is AttemptState.SUCCEEDED for attempt in attempts)
    return video.ended and made > (video.status is VideoStatus.COMPLETED)


def _replay(order: Order, earlier: Video | None) -> Accepted:
    if earlier is None:
        raise Overloaded("Another request with this key is in the way; try again", retry_after_seconds=1)
    if earlier.deleted_at is not None:
        raise IdempotencyKeyReused("The video of this Idempotency-Key was deleted; use a new key for a new wish")
    if earlier.fingerprint != order.fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key was used for a different video; use a new key for a new wish")
    return Accepted(earlier, replayed=True)
