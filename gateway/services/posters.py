"""Pictures of finished videos: made when somebody first asks for one, then kept beside the film."""

import asyncio
import hashlib
from pathlib import Path
from secrets import token_hex

from gateway.assets import Assets as AssetStore
from gateway.assets import AssetStoreFailed
from gateway.pictures import MEDIA_TYPE, NoPicture, available, picture_of
from gateway.services.sweeping import poster_key
from gateway.store.store import Store
from schema.errors import Gone, InvalidRequest, NotInstalled, Overloaded
from schema.output import Poster
from schema.video import Asset

AT_ONCE = 1
"""Films that are decoded at a time; whoever asks for another one waits."""


class Posters:
    """Args: ``folder`` is where a film from an object store lies while it is looked at."""

    def __init__(self, *, store: Store, assets: AssetStore, folder: Path) -> None:
        self._store = store
        self._assets = assets
        self._folder = folder
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def of(self, tenant: str, asset: Asset) -> Asset:
        """The picture of a film, which is kept from then on.

        Raises:
            NotInstalled: this gateway has no decoder.
            InvalidRequest: of this film none can be made.
            Gone: the film is there no more.
            Overloaded: our own storage can not be used now.
        """
        known = await self._known(tenant, asset)
        if known is not None:
            return known
        if not available():
            raise NotInstalled("Pictures take a decoder: install filmgate[thumbnails]")
        async with self._turn:
            return await self._known(tenant, asset) or await self._make(tenant, asset)

    async def _known(self, tenant: str, asset: Asset) -> Asset | None:
        poster = await self._store.read(lambda tx: tx.files.poster(tenant, asset.key), tenant=tenant)
        return None if poster is None else _asset(asset, poster)

    async def _make(self, tenant: str, asset: Asset) -> Asset:
        part = self._folder / f"poster.{token_hex(8)}.part"
        try:
            picture = await picture_of(await self._film(asset, part))
            poster = Poster(size=len(picture), sha256=hashlib.sha256(picture).hexdigest(), media_type=MEDIA_TYPE)
            await asyncio.to_thread(part.unlink, missing_ok=True)
            await asyncio.to_thread(part.write_bytes, picture)
            await self._assets.put(poster_key(asset.key), part)
        except FileNotFoundError as error:
            raise Gone("The file is no longer in the asset store") from error
        except NoPicture as error:
            raise InvalidRequest.field(
                "variant", "no_picture", f"no picture can be made of this film: {error}"
            ) from error
        except (AssetStoreFailed, OSError) as error:
            raise Overloaded("The picture can not be kept now; try again", retry_after_seconds=5) from error
        finally:
            part.unlink(missing_ok=True)
        if not await self._store.write(lambda tx: tx.files.keep_poster(tenant, asset.key, poster), tenant=tenant):
            await self._assets.delete(poster_key(asset.key))  # the film went meanwhile
            raise Gone("The file is no longer in the asset store")
        return _asset(asset, poster)

    async def _film(self, asset: Asset, part: Path) -> Path:
        """The film as a file on this machine. Raises FileNotFoundError."""
        if self._assets.folder is not None:
            return self._assets.folder / asset.key
        with part.open("wb") as file:
            async for piece in self._assets.read(asset.key, 0, asset.size):
                await asyncio.to_thread(file.write, piece)
        return part


def _asset(film: Asset, poster: Poster) -> Asset:
    return Asset(key=poster_key(film.key), size=poster.size, sha256=poster.sha256, media_type=poster.media_type)
