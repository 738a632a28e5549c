"""The asset store: finished videos by key, on this disk or in an object store, read by range."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from schema.clock import Millis

PIECE = 1 << 18
_PART = 8 << 20
"""Bytes of one part of an upload; of each there are at most two in memory."""

_AT_ONCE = 2
_PATIENCE = timedelta(seconds=30)
"""How long one operation is tried again while an object store does not answer; whoever asked tries again later."""


class AssetStoreFailed(Exception):
    """Our own storage can not be read or written now."""


class Assets:
    """Thin over obstore: ``file://``, ``s3://``, ``gs://`` and ``az://`` look alike behind it.

    Args:
        options: what its kind of store is told beside the address, such as ``{"region": "eu-central-1"}``; what is not
            said here stands in the usual environment (``AWS_…``, ``GOOGLE_…``, ``AZURE_…``).

    Raises:
        AssetStoreFailed: the address or an option means nothing, or the folder can not be made.
    """

    def __init__(self, url: str, options: Mapping[str, str] | None = None) -> None:
        self._url = url
        self.folder = Path(url.removeprefix("file://")).absolute() if url.startswith("file://") else None
        try:
            self._store = _open(url, self.folder, options or {})
        except (OSError, ValueError, TypeError, BaseError) as error:
            raise AssetStoreFailed(f"{url} can not be used: {_said(error)}") from error

    async def check(self) -> None:
        """Write, read and delete a small file. Raises AssetStoreFailed, which says what does not work."""
        key, said = f"filmgate-check-{token_hex(8)}", b"filmgate"
        try:
            await obstore.put_async(self._store, key, said)
            found = await obstore.get_range_async(self._store, key, start=4, end=len(said))
            await obstore.delete_async(self._store, key)
        except (OSError, BaseError) as error:
            raise AssetStoreFailed(f"{self._url} can not be written: {_said(error)}") from error
        if bytes(found) != said[4:]:
            raise AssetStoreFailed(f"{self._url} does not give back what was written")

    async def put(self, key: str, path: Path) -> None:
        """Publish a file under a key, at once and whole, with as much memory for a long one as for a short one.

        Raises:
            AssetStoreFailed: the disk is full, a credential is refused, the folder is gone …
        """
        try:
            if self.folder is not None:
                await asyncio.to_thread(_publish, path, self.folder / key)
            else:
                await obstore.put_async(self._store, key, path, chunk_size=_PART, max_concurrency=_AT_ONCE)
        except (OSError, BaseError) as error:
            raise AssetStoreFailed(_said(error)) from error

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from ``start`` up to, not including, ``end``, in pieces of at most 256 KiB.

        Raises:
            FileNotFoundError: there is no such file.
        """
        for at in range(start, end, PIECE):
            piece = await obstore.get_range_async(self._store, key, start=at, end=min(at + PIECE, end))
            yield bytes(piece)

    async def delete(self, key: str) -> None:
        """Delete a file, if it is there, and what is left of a try to publish it. Raises AssetStoreFailed."""
        try:
            if self.folder is not None:
                await asyncio.to_thread(_remove, self.folder, key)
            else:
                with suppress(FileNotFoundError):
                    await obstore.delete_async(self._store, key)
        except (OSError, BaseError) as error:
            raise AssetStoreFailed(_said(error)) from error


def clear(folder: Path, before: Millis) -> None:
    """Delete what was begun in a folder of downloads and last written to before a moment."""
    for path in folder.glob("*.part"):
        with suppress(FileNotFoundError):  # whoever it was has ended it
            if path.stat().st_mtime * 1000 <= before:
                path.unlink()


def _open(url: str, folder: Path | None, options: Mapping[str, str]) -> ObjectStore:
    if folder is not None:
        return LocalStore(prefix=folder, mkdir=True)
    settings: Any = dict(options)
    client: Any = {name: settings.pop(name) for name in ("allow_http", "timeout") if name in settings}
    return from_url(url, config=settings, client_options=client, retry_config={"retry_timeout": _PATIENCE})


def _publish(path: Path, target: Path) -> None:
    """A second name for a file that lies on the same disk; on another one a copy, named once it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, target)
    except OSError as error:
        if isinstance(error, FileExistsError | FileNotFoundError):
            raise
        part = _part(target)
        with path.open("rb") as source, part.open("wb") as copy:
            shutil.copyfileobj(source, copy, PIECE)
            copy.flush()
            os.fsync(copy.fileno())
        part.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name too must outlive a power cut
    finally:
        os.close(folder)


def _remove(folder: Path, key: str) -> None:
    """The file, and the folders that are empty without it."""
    target = folder / key
    for path in (target, _part(target)):
        with suppress(FileNotFoundError):
            path.unlink()
    for parent in target.relative_to(folder).parents:
        if parent == Path():
            return
        try:
            (folder / parent).rmdir()
        except OSError:
            return


def _part(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def _said(error: Exception) -> str:
    """In one line, and no longer than a log needs."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
