"""Looking at films that are kept: a few at a time, wherever they lie."""

import asyncio
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from gateway.assets import Assets as AssetStore
from gateway.assets import AssetStoreFailed
from gateway.pictures import Take, available, picture_of
from schema.errors import Gone, NotInstalled, Overloaded
from schema.video import Asset

AT_ONCE = 1
"""Films that are decoded at a time; whoever asks for another one waits."""


class Decoding:
    """Args: ``folder`` is where a film from an object store lies while it is looked at."""

    def __init__(self, *, assets: AssetStore, folder: Path) -> None:
        self._assets = assets
        self._folder = folder
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def picture(self, film: Asset, take: Take) -> bytes:
        """A JPEG of a film.

        Raises:
            NotInstalled: this gateway has no decoder.
            NoPicture: of this film none can be made.
            Gone: the film is there no more.
            Overloaded: our own storage can not be used now.
        """
        if not available():
            raise NotInstalled("Pictures of films take a decoder: install filmgate[thumbnails]")
        async with self._turn:
            part = self._folder / f"film.{token_hex(8)}.part"
            try:
                return await picture_of(await self._film(film, part), take)
            except FileNotFoundError as error:
                raise Gone("The file is no longer in the asset store") from error
            except (AssetStoreFailed, OSError) as error:
                raise Overloaded("The film can not be looked at now; try again", retry_after_seconds=5) from error
            finally:
                with suppress(OSError):
                    part.unlink(missing_ok=True)

    async def _film(self, film: Asset, part: Path) -> Path:
        """The film as a file on this machine. Raises FileNotFoundError."""
        if self._assets.folder is not None:
            return self._assets.folder / film.key
        with part.open("wb") as file:
            async for piece in self._assets.read(film.key, 0, film.size):
                await asyncio.to_thread(file.write, piece)
        return part
