"""The picture of a video that is to be sent: fetched when it was given by link, and given to the account that needs it.

Uploads are free and may be repeated, so they go before the intent of the paid request is written down. An account is
given a picture once, and told where it is kept until that may not be so any more.
"""

import asyncio

import msgspec
import structlog
from msgspec.structs import replace

from gateway.assets import Assets as AssetStore
from gateway.picture_links import PictureLinks
from gateway.policy.failover import REFUSED
from gateway.policy.metering import Purpose
from gateway.policy.verdict import Outcome
from gateway.services.images import Images
from gateway.services.limits import Limits
from gateway.services.records import Records
from gateway.store.store import Store, Transaction
from gateway.upstream import Upstream
from providers.base import Provider
from schema.account import Account
from schema.attempt import Reason, Verdict
from schema.clock import Clock, millis
from schema.errors import FailureKind, InvalidRequest, Overloaded, ProviderFailure
from schema.image import Image, ImageRef, UploadedImage
from schema.video import Video

log = structlog.get_logger()

NEVER_GIVEN = UploadedImage(url="")
"""Stands in a request that is not sent."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What became of giving an account a picture.

    Attributes:
        known: it had it from before.
        refusal: it was not given it; what that means for the attempt, whose paid request is not sent.
    """

    uploaded: UploadedImage | None = None
    known: bool = False
    refusal: Outcome | None = None


NOT_NEEDED = Given()


class Pictures:
    def __init__(
        self,
        *,
        store: Store,
        records: Records,
        images: Images,
        links: PictureLinks,
        assets: AssetStore,
        upstream: Upstream,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._store = store
        self._records = records
        self._images = images
        self._links = links
        self._assets = assets
        self._upstream = upstream
        self._limits = limits
        self._clock = clock
        self._under_way: dict[tuple[str, str], asyncio.Task[UploadedImage | None]] = {}

    # at hand

    async def at_hand(self, video: Video) -> tuple[Video, Image | None]:
        """A video with what a decision minds of its picture, and that picture; fetched first when it is a link.

        Raises:
            LinkFailed: it can not be had from where the link leads; whether that may pass.
            InvalidRequest: what lies there is no picture that is taken, or our own file of it is gone.
            Overloaded: our own storage can not be read or written now.
        """
        if not video.spec.pictured:
            return video, None
        if video.image is None and video.spec.image_url is not None:
            video = await self._fetched(video, video.spec.image_url)
        id = video.image
        image = None if id is None else await self._store.read(lambda tx: tx.images.get(video.tenant, id))
        if image is None:
            return video, None
        await self._check_there(image)
        return replace(video, spec=replace(video.spec, image=ImageRef.of(image))), image

    async def _fetched(self, video: Video, url: str) -> Video:
        spool = self._images.spool("input_reference.image_url")
        try:
            await self._links.fetch(url, spool)
            kept = await self._images.keep(video.tenant, spool)
        finally:
            spool.let_go()
        log.info("image.fetched", video=video.id, image=kept.image.id, bytes=kept.image.size)
        now = self._clock.now()

        async def name(tx: Transaction) -> Video | None:
            locked = await tx.videos.lock(video.id)
            used = await tx.images.use(video.tenant, kept.image.id, self._images.until(now))
            if locked is None or locked.ended or used is None:
                return None
            return await self._records.video(tx, locked, now, image=used.id)

        named = await self._store.write(name)
        if named is None:
            raise Overloaded("the video or its picture went away meanwhile")
        return named

    # given to an account

    async def give(self, image: Image | None, account: Account, provider: Provider) -> Given | None:
        """Make sure that an account's provider has a picture; None when the account has no room for an upload now."""
        if image is None or provider.uploads is None:
            return NOT_NEEDED
        since = self._clock.now() - millis(provider.capabilities.image_seconds)
        known = await self._store.read(lambda tx: tx.images.given(image.id, account.id, since))
        if known is not None:
            return Given(uploaded=known, known=True)
        try:
            uploaded = await self._together(image, account, provider)
        except ProviderFailure as failure:
            log.info("image.not_given", image=image.id, account=account.id, kind=failure.kind)
            return Given(refusal=_refusal(failure))
        return None if uploaded is None else Given(uploaded=uploaded)

    async def _together(self, image: Image, account: Account, provider: Provider) -> UploadedImage | None:
        """One upload at a time of a picture to an account: who wants the same meanwhile waits for it."""
        key = (image.id, account.id)
        running = self._under_way.get(key)
        if running is None:
            running = self._under_way[key] = asyncio.create_task(self._upload(image, account, provider))
            running.add_done_callback(lambda _: self._under_way.pop(key, None))
        return await asyncio.shield(running)

    async def _upload(self, image: Image, account: Account, provider: Provider) -> UploadedImage | None:
        if provider.uploads is None:
            return None
        taken_at = self._clock.now()
        if await self._limits.take_for_upload(account) is not None:
            return None
        try:
            asked = await self._upstream.ask(provider.uploads.upload(image), account, provider.adapter)
        except ProviderFailure as failure:
            headers = failure.headers
            await self._store.write(
                lambda tx: self._limits.settle(tx, account, Purpose.CREATE, headers, taken_at=taken_at)
            )
            raise

        async def keep(tx: Transaction) -> None:
            await self._limits.settle(tx, account, Purpose.CREATE, asked.headers, taken_at=taken_at)
            await tx.images.give(image, account.id, asked.result, self._clock.now())

        await self._store.write(keep)
        log.info("image.given", image=image.id, account=account.id, bytes=image.size)
        return asked.result

    async def _check_there(self, image: Image) -> None:
        """Our own storage must not count against a provider. Raises Overloaded, or InvalidRequest when it is gone."""
        try:
            async for _ in self._assets.read(image.key, 0, 1):
                pass
        except FileNotFoundError as error:
            log.error("image.lost", image=image.id, tenant=image.tenant)  # noqa: TRY400 - it names the cause
            raise InvalidRequest.field("input_reference", "image_lost", "is no longer in the asset store") from error
        except Exception as error:  # whatever the store's own trouble is called
            raise Overloaded(f"the asset store can not be read: {type(error).__name__}") from error


def _refusal(failure: ProviderFailure) -> Outcome:
    """What an upload that failed means for its attempt: the paid request was not sent, so nothing is unknown.

    A picture that one provider can not use may suit another; an answer that says nothing is none.
    """
    kind = FailureKind.UNSUPPORTED if failure.kind in _PICTURE else failure.kind
    kind = kind if kind in REFUSED else FailureKind.UNREACHABLE
    reason = Reason(kind, f"the picture was not uploaded: {failure.detail or failure.kind}"[:500])
    return Outcome(
        verdict=Verdict.NOT_SENT,
        reason=reason,
        retry_after=failure.retry_after,
        credits_available=failure.credits_available,
    )


_PICTURE = frozenset({FailureKind.INVALID_REQUEST, FailureKind.CONTENT_REJECTED, FailureKind.UNSUPPORTED})
