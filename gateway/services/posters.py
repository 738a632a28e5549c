"""Pictures of finished videos: made when somebody first asks for one, then kept beside the film."""

import asyncio
import hashlib
from pathlib import Path
from secrets import token_hex

from gateway.assets import Assets as AssetStore
from gateway.assets import AssetStoreFailed
from gateway.pictures import MEDIA_TYPE, NoPicture, Take
from gateway.services.decoding import Decoding
from gateway.services.sweeping import picture_key
from gateway.store.store import Store
from schema.errors import Gone, InvalidRequest, Overloaded
from schema.link import Variant
from schema.output import Poster
from schema.video import Asset


class Posters:
    """Args: ``folder`` is where a picture lies on its way to the asset store."""

    def __init__(self, *, store: Store, assets: AssetStore, decoding: Decoding, folder: Path) -> None:
        self._store = store
        self._assets = assets
        self._decoding = decoding
        self._folder = folder
        self._turn = asyncio.Lock()

    async def of(self, tenant: str, asset: Asset, variant: Variant) -> Asset:
        """A picture of a film, which is kept from then on; or the film itself.

        Raises:
            NotInstalled: this gateway has no decoder.
            InvalidRequest: of this film none can be made.
            Gone: the film is there no more.
            Overloaded: our own storage can not be used now.
        """
        if variant is Variant.VIDEO:
            return asset
        known = await self._known(tenant, asset, variant)
        if known is not None:
            return known
        async with self._turn:  # whoever waited finds what the one before made
            return await self._known(tenant, asset, variant) or await self._make(tenant, asset, variant)

    async def _known(self, tenant: str, asset: Asset, variant: Variant) -> Asset | None:
        poster = await self._store.read(lambda tx: tx.files.poster(tenant, asset.key, variant), tenant=tenant)
        return None if poster is None else _asset(asset, variant, poster)

    async def _make(self, tenant: str, asset: Asset, variant: Variant) -> Asset:
        try:
            picture = await self._decoding.picture(asset, Take(variant))
        except NoPicture as error:
            raise InvalidRequest.field(
                "variant", "no_picture", f"no picture can be made of this film: {error}"
            ) from error
        poster = Poster(size=len(picture), sha256=hashlib.sha256(picture).hexdigest(), media_type=MEDIA_TYPE)
        key = picture_key(asset.key, variant)
        await self._publish(key, picture)
        kept = await self._store.write(
            lambda tx: tx.files.keep_poster(tenant, asset.key, variant, poster), tenant=tenant
        )
        if not kept:
            await self._assets.delete(key)  # the film went meanwhile
            raise Gone("The file is no longer in the asset store")
        return _asset(asset, variant, poster)

    async def _publish(self, key: str, picture: bytes) -> None:
        part = self._folder / f"poster.{token_hex(8)}.part"
        try:
            await asyncio.to_thread(part.write_bytes, picture)
            await self._assets.put(key, part)
        except (AssetStoreFailed, OSError) as error:
            raise Overloaded("The picture can not be kept now; try again", retry_after_seconds=5) from error
        finally:
            part.unlink(missing_ok=True)


def _asset(film: Asset, variant: Variant, poster: Poster) -> Asset:
    key = picture_key(film.key, variant)
    return Asset(key=key, size=poster.size, sha256=poster.sha256, media_type=poster.media_type)
