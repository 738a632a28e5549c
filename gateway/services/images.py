"""Pictures to start videos from: sent once, kept once, named by any number of videos. Both doors end here."""

import binascii
from base64 import b64decode
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import structlog

from gateway.assets import Assets as AssetStore
from gateway.assets import AssetStoreFailed
from gateway.config.settings import ImagesSettings
from gateway.services.pages import check_page, cut
from gateway.spool import Received, Spool
from gateway.store.database import CommitUnknown
from gateway.store.store import Store, Transaction
from schema.clock import Clock, Millis, millis
from schema.errors import ImageInUse, InvalidRequest, NotFound, Overloaded, TooManyRequests
from schema.ids import IMAGE, Ids
from schema.image import Image

log = structlog.get_logger()

REFERENCE = "input_reference"
DATA = "data:"


class Kept(msgspec.Struct, frozen=True):
    """A picture; ``fresh`` unless its tenant had one of the same bytes."""

    image: Image
    fresh: bool


class ImagePage(msgspec.Struct, frozen=True):
    """Some pictures in order; ``more`` when there are others beyond, in the direction of travel."""

    images: list[Image]
    more: bool


class Images:
    def __init__(
        self,
        *,
        store: Store,
        assets: AssetStore,
        folder: Path,
        settings: ImagesSettings,
        orphan_seconds: float,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._store = store
        self._assets = assets
        self._folder = folder
        self._settings = settings
        self._orphan_seconds = orphan_seconds
        self._clock = clock
        self._ids = ids
        self._arriving: Counter[str] = Counter()
        folder.mkdir(parents=True, exist_ok=True)

    # sending

    def begin(self, tenant: str, field: str) -> Spool:
        """Where a tenant's picture is written while it comes; whoever asks lets go of it.

        Raises:
            TooManyRequests: as many of this tenant's are on their way as may be.
        """
        most = self._settings.at_once
        if self._arriving[tenant] >= most:
            detail = f"{most} pictures of yours are on their way in; send the next when one of them has arrived"
            raise TooManyRequests(detail, retry_after_seconds=1)
        self._arriving[tenant] += 1

        def released() -> None:
            self._arriving[tenant] -= 1
            if not self._arriving[tenant]:
                del self._arriving[tenant]

        try:
            return self.spool(field, released)
        except BaseException:
            released()
            raise

    def spool(self, field: str, released: Callable[[], None] = lambda: None) -> Spool:
        """The same for a picture that we fetch ourselves: no tenant is counted."""
        path = self._folder / f"{self._ids.make(IMAGE, self._clock.now())}.part"
        return Spool(
            path,
            field=field,
            max_bytes=self._settings.max_bytes,
            max_pixels=self._settings.max_pixels,
            released=released,
        )

    async def keep(self, tenant: str, spool: Spool) -> Kept:
        """A received picture as the tenant's own; the same bytes are the same picture.

        Raises:
            InvalidRequest: it is no picture, or not whole, or has too many pixels.
            Overloaded: it can not be kept now.
        """
        received = await spool.finish()
        earlier = await self._store.write(lambda tx: self._again(tx, tenant, received), tenant=tenant)
        if earlier is not None:
            return Kept(earlier, fresh=False)
        image = self._named(tenant, received)
        await self._publish(image, received.path)
        kept = await self._added(image, received)
        return Kept(kept, fresh=kept.id == image.id)

    async def _publish(self, image: Image, path: Path) -> None:
        """Write down that the file is published, and do it: what is written down and nobody's is swept away."""
        due = self._clock.now() + millis(self._orphan_seconds)
        await self._store.write(lambda tx: tx.files.announce(image.key, image.tenant, due), tenant=image.tenant)
        try:
            await self._assets.put(image.key, path)
        except AssetStoreFailed as failure:
            log.error("image.store_failed", tenant=image.tenant, error=str(failure))  # noqa: TRY400 - it names the cause
            raise Overloaded("The picture can not be kept now; send it again later") from failure

    async def keep_data(self, tenant: str, url: str) -> Image:
        """The picture that a data URL holds. Raises InvalidRequest, and as ``begin`` and ``keep`` do."""
        field = f"{REFERENCE}.image_url"
        head, comma, body = url.partition(",")
        if not comma or not head.endswith(";base64"):
            raise InvalidRequest.field(field, "invalid_value", "must be data:image/png;base64,… when it is a data URL")
        spool = self.begin(tenant, field)
        try:
            spool.write(b64decode(body, validate=True))
            return (await self.keep(tenant, spool)).image
        except binascii.Error as error:
            raise InvalidRequest.field(field, "invalid_value", "holds no base64 behind its comma") from error
        finally:
            spool.let_go()

    def _named(self, tenant: str, received: Received) -> Image:
        now = self._clock.now()
        return Image(
            id=self._ids.make(IMAGE, now),
            tenant=tenant,
            sha256=received.sha256,
            size=received.size,
            media_type=received.frame.media_type,
            width=received.frame.width,
            height=received.frame.height,
            created_at=now,
            expires_at=self.until(now),
        )

    def until(self, now: Millis) -> Millis:
        """How long a picture is kept that is sent or used now."""
        return now + millis(self._settings.keep_seconds)

    async def _again(self, tx: Transaction, tenant: str, received: Received) -> Image | None:
        """The tenant's picture of these bytes, kept for longer."""
        earlier = await tx.images.by_content(tenant, received.sha256)
        if earlier is None:
            return None
        return await tx.images.use(tenant, earlier.id, self.until(self._clock.now()))

    async def _added(self, image: Image, received: Received) -> Image:
        """The picture as it is kept: this one, or its twin that was first; then its own file is swept away."""

        async def add(tx: Transaction) -> Image | None:
            if not await tx.images.add(image):
                return await self._again(tx, image.tenant, received)
            if not await tx.files.take(image.tenant, image.key):
                raise Overloaded("The picture was too slow to be kept; send it again")
            return image

        try:
            kept = await self._store.write(add, tenant=image.tenant)
        except CommitUnknown as error:
            kept = await self._store.read(
                lambda tx: tx.images.by_content(image.tenant, image.sha256), tenant=image.tenant
            )
            if kept is None:
                raise Overloaded("The database did not keep this; try again", retry_after_seconds=1) from error
        if kept is None:  # its twin was removed in the same moment
            raise Overloaded("Another request is in the way; try again", retry_after_seconds=1)
        return kept

    # reading

    async def get(self, tenant: str, id: str) -> Image:
        """One of a tenant's pictures. Raises NotFound."""
        image = await self._store.read(lambda tx: tx.images.get(tenant, id), tenant=tenant)
        if image is None:
            raise NotFound
        return image

    async def page(
        self, tenant: str, *, after: str | None, before: str | None, limit: int, newest_first: bool
    ) -> ImagePage:
        """Some of a tenant's pictures. Raises InvalidRequest: the limit is out of range, or both cursors are given."""
        check_page(limit, after, before)
        images = await self._store.read(
            lambda tx: tx.images.page(tenant, after=after, before=before, limit=limit + 1, newest_first=newest_first),
            tenant=tenant,
        )
        return ImagePage(*cut(images, limit, backward=before is not None))

    def content(self, image: Image) -> AsyncIterator[bytes]:
        """The file's bytes."""
        return self._assets.read(image.key, 0, image.size)

    # removing

    async def delete(self, tenant: str, id: str) -> None:
        """Forget one of a tenant's pictures; its file goes with the next sweep.

        Raises:
            NotFound: there is none.
            ImageInUse: a video that has not ended starts from it.
        """

        async def remove(tx: Transaction) -> None:
            image = await tx.images.lock(tenant, id)
            if image is None:
                raise NotFound
            if await tx.images.needed(id):
                raise ImageInUse
            await tx.images.remove(tenant, id)
            await tx.files.let_go(tenant, [image.key], self._clock.now())

        await self._store.write(remove, tenant=tenant)


def unknown_image() -> InvalidRequest:
    """A wish names a picture that is not there, or not any more."""
    detail = "names no picture of yours; it may have expired: send it again to /v1/images"
    return InvalidRequest.field(f"{REFERENCE}.image_id", "unknown_image", detail)
