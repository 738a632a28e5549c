"""A picture on its way in: written to this disk as it comes, hashed, and looked at; memory holds one piece of it."""

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from gateway.frames import HEAD, BadPicture, Frame, check_head, look
from schema.errors import InvalidRequest, Overloaded, PayloadTooLarge


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A whole picture on this disk: ``size`` in bytes, ``sha256`` in hex."""

    path: Path
    size: int
    sha256: str
    frame: Frame


class Spool:
    """One file. Whoever began it lets go of it, whatever happens.

    Args:
        field: what the caller calls it, for what is said about it.
        released: called once when it is let go of.
    """

    def __init__(
        self, path: Path, *, field: str, max_bytes: int, max_pixels: int, released: Callable[[], None]
    ) -> None:
        self._path = path
        self._field = field
        self._max_bytes = max_bytes
        self._max_pixels = max_pixels
        self._released: Callable[[], None] | None = released
        self._digest = hashlib.sha256()
        self._size = 0
        self._head = b""
        try:
            self._file = path.open("w+b")
        except OSError as error:
            raise Overloaded("There is no room for a picture now; try again later") from error

    def write(self, piece: bytes | bytearray) -> None:
        """Take a piece in.

        Raises:
            PayloadTooLarge: that is more than a picture may have.
            InvalidRequest: it does not begin like a picture.
            Overloaded: the disk is full.
        """
        self._size += len(piece)
        if self._size > self._max_bytes:
            raise PayloadTooLarge(f"{self._field} has more than {self._max_bytes} bytes; send a smaller picture")
        if len(self._head) < HEAD:
            self._head += piece[: HEAD - len(self._head)]
            if len(self._head) >= HEAD:
                with _refusing(self._field):
                    check_head(self._head)
        self._digest.update(piece)
        try:
            self._file.write(piece)
        except OSError as error:
            raise Overloaded("There is no room for a picture now; try again later") from error

    async def finish(self) -> Received:
        """The whole picture.

        Raises:
            InvalidRequest: it is none, or not whole, or has too many pixels.
            Overloaded: the disk is full.
        """
        if not self._size:
            raise InvalidRequest.field(self._field, "empty", "is empty; send a picture")
        try:
            frame = await asyncio.to_thread(self._look)
        except OSError as error:
            raise Overloaded("There is no room for a picture now; try again later") from error
        if frame.width * frame.height > self._max_pixels:
            detail = f"has {frame.width} x {frame.height} pixels; send one of at most {self._max_pixels} in all"
            raise InvalidRequest.field(self._field, "too_many_pixels", detail)
        return Received(path=self._path, size=self._size, sha256=self._digest.hexdigest(), frame=frame)

    def let_go(self) -> None:
        """Forget it; of use more than once."""
        if self._released is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)
            self._released()
            self._released = None

    def _look(self) -> Frame:
        self._file.flush()
        os.fsync(self._file.fileno())
        with _refusing(self._field):
            return look(self._file, self._size)


@contextmanager
def _refusing(field: str) -> Iterator[None]:
    try:
        yield
    except BadPicture as bad:
        raise InvalidRequest.field(field, "unsupported_image", str(bad)) from bad
