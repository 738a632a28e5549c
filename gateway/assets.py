"""The asset store: finished videos by key, on this disk or in an object store, read by range."""

from collections.abc import AsyncIterator
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

PIECE = 1 << 18
PUT_AT_ONCE = 2
"""Parts of a file (5 MiB each) that are held while they are stored."""


class AssetStoreFailed(Exception):
    """Our own storage can not be written now."""


class Assets:
    """Thin over obstore: ``file://``, ``s3://``, ``gs://`` and ``az://`` look alike behind it."""

    def __init__(self, url: str) -> None:
        self._store = _open(url)

    async def put(self, key: str, path: Path) -> None:
        """Publish a file under a key, at once and whole.

        Raises:
            AssetStoreFailed: the disk is full, a credential is refused, the folder is gone …
        """
        try:
            await obstore.put_async(self._store, key, path, max_concurrency=PUT_AT_ONCE)
        except (OSError, BaseError) as error:
            raise AssetStoreFailed(f"{type(error).__name__}: {error}"[:300]) from error

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from ``start`` up to, not including, ``end``, in pieces of at most 256 KiB."""
        for at in range(start, end, PIECE):
            piece = await obstore.get_range_async(self._store, key, start=at, end=min(at + PIECE, end))
            yield bytes(piece)

    async def delete(self, key: str) -> None:
        await obstore.delete_async(self._store, key)


def _open(url: str) -> ObjectStore:
    if not url.startswith("file://"):
        return from_url(url)
    folder = Path(url.removeprefix("file://"))
    return LocalStore(prefix=folder.absolute(), mkdir=True)
