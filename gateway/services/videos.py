"""What callers can do with videos. REST and GraphQL both end here."""

from collections.abc import AsyncIterator

import msgspec

from gateway.assets import Assets as AssetStore
from gateway.config.settings import Timing
from gateway.policy.routing import decide, overlay
from gateway.services.accounts import Accounts
from gateway.services.backlog import Backlog
from gateway.services.records import Records
from gateway.store.store import Store, Transaction
from gateway.store.tasks import TaskKind
from schema.attempt import Attempt
from schema.clock import Clock, Millis, millis
from schema.errors import (
    AlreadyEnded,
    FieldError,
    Gone,
    IdempotencyKeyReused,
    InvalidRequest,
    NoRoute,
    NotFound,
    NotReady,
    TooManyRequests,
)
from schema.event import EventType
from schema.ids import Ids
from schema.lifecycle import Substate, VideoMove, VideoStatus
from schema.quote import PASSING, Candidate, Decision, ReasonCode
from schema.tenant import Tenant
from schema.video import ANY_MODEL, Asset, Order, Video

_FIELDS = {
    ReasonCode.OTHER_MODEL: "model",
    ReasonCode.UNSUPPORTED_ASPECT_RATIO: "aspect_ratio",
    ReasonCode.UNSUPPORTED_DURATION: "seconds",
    ReasonCode.UNSUPPORTED_QUALITY: "quality",
    ReasonCode.NO_IMAGE_INPUT: "input_reference",
    ReasonCode.PROMPT_TOO_LONG: "prompt",
    ReasonCode.NOT_IN_ONLY: "gateway.only",
    ReasonCode.EXCLUDED: "gateway.exclude",
    ReasonCode.PRICE_UNKNOWN: "gateway.max_cost",
    ReasonCode.OVER_MAX_COST: "gateway.max_cost",
}
"""Which field of the wish a reason speaks of."""

MAX_PAGE = 100


class Accepted(msgspec.Struct, frozen=True):
    """The video of an order; ``replayed`` when an earlier equal order had made it."""

    video: Video
    replayed: bool


class Seen(msgspec.Struct, frozen=True):
    """A video and its attempts, of one moment."""

    video: Video
    attempts: list[Attempt]


class PageWish(msgspec.Struct, frozen=True, kw_only=True):
    """Which videos of a list: ``after`` or ``before`` a video id, at most ``limit``, newest first unless said."""

    after: str | None = None
    before: str | None = None
    limit: int = 20
    newest_first: bool = True
    status: VideoStatus | None = None


class Page(msgspec.Struct, frozen=True):
    """Some videos in order; ``more`` when there are others beyond, in the direction of travel."""

    videos: list[Video]
    more: bool


class Videos:
    def __init__(
        self,
        *,
        store: Store,
        accounts: Accounts,
        records: Records,
        backlog: Backlog,
        assets: AssetStore,
        clock: Clock,
        ids: Ids,
        timing: Timing,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._records = records
        self._backlog = backlog
        self._assets = assets
        self._clock = clock
        self._ids = ids
        self._timing = timing

    async def accept(self, tenant: Tenant, order: Order) -> Accepted:
        """Take an order on: it is durable when this returns, and will end. Nothing is sent upstream here.

        Raises:
            IdempotencyKeyReused: the key was used for another wish.
            InvalidRequest: nobody has ever heard of the model.
            NoRoute: no account can ever make it; the error names the fields to change.
            TooManyRequests: the tenant has too many videos waiting to start.
        """
        if order.key is not None:
            earlier = await self._store.read(lambda tx: tx.videos.by_key(order.tenant, order.key or ""))
            if earlier is not None:
                return _replay(order, earlier)
        await self._check_backlog(tenant)
        now = self._clock.now()
        decision = await self._decide(tenant, order, now)
        video = self._admit(order, decision, now)
        stored = msgspec.json.encode(decision)

        async def add(tx: Transaction) -> Video | None:
            if not await tx.videos.add(video, stored):  # a racing twin with the same key was first
                return await tx.videos.by_key(order.tenant, order.key or "")
            await self._records.tell(tx, video, EventType.QUEUED, now)
            await tx.tasks.add(TaskKind.SUBMIT, video.id, now)
            return None

        twin = await self._store.write(add)
        if twin is not None:
            return _replay(order, twin)
        self._backlog.added(tenant.id)
        return Accepted(video, replayed=False)

    async def _check_backlog(self, tenant: Tenant) -> None:
        if await self._backlog.of(tenant.id) >= tenant.limits.queued:
            raise TooManyRequests(
                f"{tenant.limits.queued} videos wait to start already; wait for some of them", retry_after_seconds=10
            )

    async def _decide(self, tenant: Tenant, order: Order, now: Millis) -> Decision:
        facts = await self._accounts.facts(tenant.test)
        decision = decide(order.spec, overlay(order.routing, tenant.routing), facts, now=now)
        if decision.hopeful is None:
            self._check_model(tenant, order.spec.model)
            raise refusal(order, decision)
        return decision

    def _check_model(self, tenant: Tenant, model: str) -> None:
        """A model nobody here has ever heard of is a mistake in one field, and is answered as one."""
        known = self.models(tenant)
        if model not in known:
            detail = f"is not known here; the models are {', '.join(known)}"
            raise InvalidRequest.field("model", "unknown_model", detail)

    def _admit(self, order: Order, decision: Decision, now: Millis) -> Video:
        best = decision.chosen or decision.hopeful
        price = None if best is None else best.price
        deadline = order.routing.deadline_seconds or self._timing.video_deadline_seconds
        return Video(
            id=self._ids.video(now),
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
            deadline_at=now + millis(deadline),
            adjustments=() if best is None else best.adjustments,
            quoted_low=None if price is None else price.low,
            quoted_high=None if price is None else price.high,
        )

    async def get(self, tenant: str, id: str) -> Video:
        """One of a tenant's videos. Raises NotFound, for another tenant's too."""
        video = await self._store.read(lambda tx: tx.videos.get(tenant, id))
        if video is None:
            raise NotFound
        return video

    async def seen(self, tenant: str, id: str) -> Seen:
        """One of a tenant's videos with its attempts, in one read: callers poll, so this is done most of all.

        Raises:
            NotFound: the tenant has no such video.
        """

        async def look(tx: Transaction) -> Seen:
            video = await tx.videos.get(tenant, id)
            if video is None:
                raise NotFound
            return Seen(video, await tx.attempts.of_video(id) if _may_have_attempts(video) else [])

        return await self._store.read(look)

    async def attempts(self, videos: list[Video]) -> dict[str, list[Attempt]]:
        """Video id → its attempts, first to last. The videos were read for their tenant already."""
        found: dict[str, list[Attempt]] = {video.id: [] for video in videos}
        started = [video.id for video in videos if _may_have_attempts(video)]
        if started:
            for attempt in await self._store.read(lambda tx: tx.attempts.of_videos(started)):
                found[attempt.video].append(attempt)
        return found

    async def page(self, tenant: str, wish: PageWish) -> Page:
        """Some of a tenant's videos.

        Raises:
            InvalidRequest: the limit is out of range, or both cursors are given.
        """
        if not 1 <= wish.limit <= MAX_PAGE:
            raise InvalidRequest.field("limit", "out_of_range", f"must be from 1 to {MAX_PAGE}")
        if wish.after is not None and wish.before is not None:
            raise InvalidRequest.field("before", "exclusive", "give either after or before, not both")
        videos = await self._store.read(
            lambda tx: tx.videos.page(
                tenant,
                after=wish.after,
                before=wish.before,
                limit=wish.limit + 1,
                newest_first=wish.newest_first,
                status=wish.status,
            )
        )
        more = len(videos) > wish.limit
        if more:
            videos = videos[:-1] if wish.before is None else videos[1:]
        return Page(videos, more)

    async def cancel(self, tenant: str, id: str) -> Video:
        """Stop waiting for a video. No upstream can stop: one that has it may still finish, and bill us.

        Raises:
            NotFound: the tenant has no such video.
            AlreadyEnded: it has completed or failed; canceling a canceled one changes nothing.
        """
        now = self._clock.now()

        async def stop(tx: Transaction) -> Video:
            video = await tx.videos.lock(id)
            if video is None or video.tenant != tenant:
                raise NotFound
            if video.status is VideoStatus.CANCELED:
                return video
            if video.ended:
                raise AlreadyEnded(f"The video has {video.status}; it can not be canceled")
            if video.substate in (None, Substate.WAITING_CAPACITY):
                await tx.tasks.drop(TaskKind.SUBMIT, id)
            return await self._records.video(tx, video, now, move=VideoMove.CANCEL, tell=EventType.CANCELED)

        return await self._store.write(stop)

    async def decision(self, tenant: str, id: str) -> bytes:
        """The routing decision stored with a video, JSON. Raises NotFound."""
        decision = await self._store.read(lambda tx: tx.videos.decision(tenant, id))
        if decision is None:
            raise NotFound
        return decision

    async def asset(self, tenant: str, id: str) -> Asset:
        """The finished file's facts. Raises NotFound, NotReady while it is made, Gone when it failed or expired."""
        video = await self.get(tenant, id)
        if video.status is VideoStatus.COMPLETED and video.asset is not None:
            return video.asset
        if video.ended:
            raise Gone(f"The video has {video.status}; it has no file")
        raise NotReady(f"The video is {video.status}, {video.progress} %; its file is there once it has completed")

    def content(self, asset: Asset, start: int, end: int) -> AsyncIterator[bytes]:
        """The file's bytes from ``start`` up to, not including, ``end``."""
        return self._assets.read(asset.key, start, end)

    def models(self, tenant: Tenant) -> dict[str, list[str]]:
        """Model name → the accounts that serve it for this tenant."""
        models: dict[str, list[str]] = {ANY_MODEL: []}
        for account, provider in self._accounts.all():
            if account.sandbox == tenant.test:
                for model in (ANY_MODEL, *provider.capabilities.models):
                    models.setdefault(model, []).append(account.id)
        return models


def _may_have_attempts(video: Video) -> bool:
    """Before the first look at the accounts there is none."""
    return video.substate is not None or video.ended


def _replay(order: Order, earlier: Video) -> Accepted:
    if earlier.fingerprint != order.fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key was used for a different video; use a new key for a new wish")
    return Accepted(earlier, replayed=True)


def refusal(order: Order, decision: Decision) -> NoRoute:
    """Nobody can ever make it: which fields stand against which account."""
    errors = tuple(
        FieldError(_FIELDS.get(reason.code, "model"), reason.code.value, _explain(candidate, reason.params))
        for candidate in decision.candidates
        for reason in candidate.excluded
        if reason.code not in PASSING
    )
    asked = "" if order.spec.model == ANY_MODEL else f" with model {order.spec.model}"
    return NoRoute(
        f"No provider account can make this video as asked{asked}; see errors for what to change", errors=errors
    )


def _explain(candidate: Candidate, params: dict[str, str | int]) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in params.items())
    return f"{candidate.account}: {facts}" if facts else candidate.account
