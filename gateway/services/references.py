"""What a wish says it starts from, made into what a decision minds of it: its picture, or a frame of a video."""

from collections.abc import Callable

from msgspec.structs import replace

from gateway.pictures import NoPicture, Take
from gateway.policy.orders import Shows
from gateway.services.decoding import Decoding
from gateway.services.films import film_of
from gateway.services.images import REFERENCE, Images, unknown_image
from gateway.store.store import Store, Transaction
from schema.clock import Clock
from schema.errors import FieldError, Gone, InvalidRequest, NotReady
from schema.frame import FrameEnd, VideoFrame
from schema.image import Image, ImageRef
from schema.video import Asset, VideoSpec

SOURCE = f"{REFERENCE}.video_id"
_TAKES = {FrameEnd.FIRST: Take.FIRST, FrameEnd.LAST: Take.LAST}

LinkCheck = Callable[[str], None]
"""Judges a link without asking anybody. Raises InvalidRequest."""


class References:
    def __init__(
        self, *, store: Store, images: Images, decoding: Decoding, check_link: LinkCheck, clock: Clock
    ) -> None:
        self._store = store
        self._images = images
        self._decoding = decoding
        self._check_link = check_link
        self._clock = clock

    async def known(self, tenant: str, spec: VideoSpec, shows: Shows) -> VideoSpec:
        """A wish with what a decision minds of its picture; a frame is one of the tenant's pictures from then on.

        Raises:
            InvalidRequest: it names none of the tenant's pictures or videos that whoever asks may know of, a link that
                must not be followed, or a film that can not be decoded.
            NotReady, Gone: the video it names has no file yet, or no more.
            NotInstalled: this gateway has no decoder.
            TooManyRequests, Overloaded: as for a picture that is sent.
        """
        if spec.image_url is not None:
            self._check_link(spec.image_url)
        if spec.video is not None:
            return replace(spec, image=ImageRef.of(await self._frame(tenant, spec.video, shows)))
        named = spec.image
        if named is None or named.size is not None:
            return spec
        image = await self._store.read(lambda tx: tx.images.get(tenant, named.id), tenant=tenant)
        if image is None:
            raise unknown_image()
        return replace(spec, image=ImageRef.of(image))

    async def _frame(self, tenant: str, wanted: VideoFrame, shows: Shows) -> Image:
        film = await self._store.read(lambda tx: self._film(tx, tenant, wanted.video_id, shows), tenant=tenant)
        spool = self._images.begin(tenant, SOURCE)
        try:
            spool.write(await self._decoding.picture(film, _TAKES[wanted.frame]))
            return (await self._images.keep(tenant, spool)).image
        except NoPicture as error:
            detail = f"is a film of which no picture can be made: {error}"
            raise InvalidRequest.field(SOURCE, "no_picture", detail) from error
        except Gone as error:
            raise _named(error) from error
        finally:
            spool.let_go()

    async def _film(self, tx: Transaction, tenant: str, id: str, shows: Shows) -> Asset:
        video = await tx.videos.get(tenant, id)
        if video is None or not shows(video):
            raise InvalidRequest.field(SOURCE, "unknown_video", "names no video of yours; it may have been deleted")
        try:
            return await film_of(tx, video, self._clock.now())
        except (NotReady, Gone) as error:
            raise _named(error) from error


def _named(error: NotReady | Gone) -> NotReady | Gone:
    """The same of the field that names the video."""
    errors = (FieldError(SOURCE, error.code, error.detail),)
    return type(error)(error.detail, errors=errors, retry_after_seconds=error.retry_after_seconds)
