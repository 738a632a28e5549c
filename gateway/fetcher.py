"""Downloads finished videos from providers' links: streamed with constant memory, resumed, checked while they come."""

import asyncio
import errno
import hashlib
import os
import shutil
from pathlib import Path
from typing import BinaryIO

import msgspec
import structlog

from gateway.egress import Egress, Incoming
from gateway.policy.egress import EgressFailed, Kind, Rules, usable
from gateway.policy.resuming import strong_tag, total_of
from gateway.policy.sniffing import FEWEST, HEAD, video_type

log = structlog.get_logger()

RESUMES = 20
"""How often one download goes on after its connection broke."""

FRUITLESS = 3
"""After so many connections in a row that brought nothing new it is given up."""

PAUSE = 0.5
"""Seconds between two connections; twice as long after each that brought nothing."""

SPARE = 64 << 20
"""Bytes of the disk that are left to others."""

_RULES = Rules(ports=(443,))
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE})
_GOES_ON = frozenset({Kind.BROKEN, Kind.UNREACHABLE, Kind.TIMEOUT})
_OK, _PARTIAL = 200, 206
_GONE = frozenset({403, 404, 410})


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """A whole file on this disk: ``size`` in bytes, ``sha256`` in hex."""

    path: Path
    size: int
    sha256: str
    media_type: str


class FetchFailed(Exception):
    """The file did not arrive. ``gone``: the link itself is dead, a fresh one is needed."""

    def __init__(self, message: str, *, gone: bool = False) -> None:
        super().__init__(message)
        self.gone = gone


class NoRoom(Exception):
    """Our own disk can not take the file now; nothing is wrong with the link."""


class Fetcher:
    """Brings files to a folder; a file that is not whole is not left in it."""

    def __init__(
        self,
        *,
        folder: Path,
        max_bytes: int,
        deadline: float,
        egress: Egress,
        pause: float = PAUSE,
    ) -> None:
        self._pause = pause
        self._folder = folder
        self._max_bytes = max_bytes
        self._deadline = deadline
        self._egress = egress
        folder.mkdir(parents=True, exist_ok=True)

    async def fetch(
        self, url: str, *, name: str, hosts: tuple[str, ...], types: tuple[str, ...] = ("video/mp4",)
    ) -> Fetched:
        """Download a video to a file called ``name`` in the folder; the caller moves or deletes it.

        Args:
            hosts: those it may come from, beside origins that are exempt.
            types: what it may be, judged by its first bytes.

        Raises:
            FetchFailed: refused, unreachable, too long, too short, or not such a video; nothing is left on the disk.
            NoRoom: our disk is full; neither is anything.
        """
        if not usable(url, hosts=hosts, exempt=self._egress.exempt):
            raise FetchFailed("the link is not https on a host this provider is known to use")
        path = self._folder / f"{name}.part"
        try:
            async with asyncio.timeout(self._deadline):
                return await self._download(url, path, types)
        except EgressFailed as failure:
            path.unlink(missing_ok=True)
            raise FetchFailed(f"{failure.kind}: {failure.detail}"[:300]) from failure
        except TimeoutError as error:
            path.unlink(missing_ok=True)
            raise FetchFailed(f"it took longer than {self._deadline:g} seconds") from error
        except OSError as error:
            path.unlink(missing_ok=True)
            if error.errno in _FULL:
                raise NoRoom(f"{type(error).__name__}: {error}"[:300]) from error
            raise FetchFailed(f"{type(error).__name__}: {error}"[:300]) from error
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    async def _download(self, url: str, path: Path, types: tuple[str, ...]) -> Fetched:
        with path.open("wb", buffering=0) as file:
            part, fruitless = _Part(file, types), 0
            for _ in range(RESUMES + 1):
                reached = part.furthest
                try:
                    await self._go_on(url, part)
                    break
                except EgressFailed as failure:
                    fruitless = fruitless + 1 if part.furthest == reached else 0
                    if failure.kind not in _GOES_ON or part.tag is None or fruitless >= FRUITLESS:
                        raise
                    log.info("asset.resumed", file=path.stem, bytes=part.size, detail=failure.detail)
                    await asyncio.sleep(self._pause * 2**fruitless)
            else:
                raise FetchFailed(f"its connection broke more than {RESUMES} times")
            media_type = part.ended()
            await asyncio.get_running_loop().run_in_executor(None, os.fsync, file.fileno())
        return Fetched(path=path, size=part.size, sha256=part.digest.hexdigest(), media_type=media_type)

    async def _go_on(self, url: str, part: "_Part") -> None:
        """One connection: from where the last one broke if the server lets us, else from the beginning."""
        stream = self._egress.stream(
            url, headers=part.wish(), deadline=self._deadline, max_bytes=self._max_bytes, rules=_RULES
        )
        async with stream as answer:
            part.begin(answer)
            if part.total is not None:
                self._check_room(part.total, part.size)
            async for piece in answer:
                part.add(piece)
                if part.size > self._max_bytes:
                    raise EgressFailed(Kind.TOO_LONG, detail=f"more than {self._max_bytes} bytes came")
            if part.total is not None and part.size != part.total:
                raise EgressFailed(Kind.BROKEN, detail=f"{part.size} bytes came of {part.total}")

    def _check_room(self, total: int, there: int) -> None:
        if total > self._max_bytes:
            raise EgressFailed(Kind.TOO_LONG, detail=f"{total} bytes were promised")
        free = shutil.disk_usage(self._folder).free
        if total - there + SPARE > free:
            raise OSError(errno.ENOSPC, f"{total - there} bytes are to come, and {free} are free")


class _Part:
    """What has come of a file, and how to ask for the rest.

    Attributes:
        tag: the version that is being read; None when another answer could be another file.
        total: bytes of the whole, as promised.
        furthest: the most bytes that any connection brought it to.
    """

    def __init__(self, file: BinaryIO, types: tuple[str, ...]) -> None:
        self._file = file
        self._types = types
        self._media_type: str | None = None
        self._head = b""
        self.digest = hashlib.sha256()
        self.size = self.furthest = 0
        self.tag: str | None = None
        self.total: int | None = None

    def wish(self) -> dict[str, str]:
        return {} if self.tag is None or not self.size else {"range": f"bytes={self.size}-", "if-range": self.tag}

    def begin(self, answer: Incoming) -> None:
        """Judge the answer's head: the rest of the file, or all of it anew."""
        tag = strong_tag(answer.headers.get("etag"))
        if answer.status == _PARTIAL and self.size:
            total = total_of(answer.headers.get("content-range", ""), self.size)
            if total is None or self.total not in {None, total} or tag not in {None, self.tag}:
                raise FetchFailed("the server went on with another file")
            self.total = total
            return
        if answer.status != _OK:
            raise FetchFailed(f"HTTP {answer.status}", gone=answer.status in _GONE)
        self._file.seek(0)
        self._file.truncate()
        self._head, self._media_type, self.size, self.digest = b"", None, 0, hashlib.sha256()
        self.tag, self.total = tag, answer.length

    def add(self, piece: bytes) -> None:
        if self._media_type is None:
            self._head += piece[: HEAD - len(self._head)]
            if len(self._head) == HEAD:
                self._media_type = self._judged()
        self.digest.update(piece)
        view = memoryview(piece)
        while view:  # a disk that is nearly full takes a part
            view = view[self._file.write(view) :]
        self.size += len(piece)
        self.furthest = max(self.furthest, self.size)

    def ended(self) -> str:
        """What it is, now that it is whole."""
        if self.size < FEWEST:
            raise FetchFailed(f"the file has only {self.size} bytes")
        return self._media_type or self._judged()

    def _judged(self) -> str:
        found = video_type(self._head)
        if found is None or found not in self._types:
            raise FetchFailed(f"the file is not {' or '.join(self._types)}" + (f" but {found}" if found else ""))
        return found
