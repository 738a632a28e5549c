"""Downloads finished videos from providers' links: guarded, streamed with constant memory, checked while they come."""

import asyncio
import errno
import hashlib
import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import aiohttp
import httpx
import msgspec
from httpx_aiohttp import AiohttpTransport

from gateway.policy.egress import is_public, origin, usable

CHUNK = 1 << 18
_MP4_BOXES = (b"ftyp",)
_HEAD = 12


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


class Fetcher:
    """One client for links that somebody else gave us: no redirects, no private addresses, identity encoding."""

    def __init__(
        self,
        *,
        folder: Path,
        max_bytes: int,
        deadline: float,
        exempt: tuple[str, ...],
        verify: ssl.SSLContext | bool = True,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._deadline = deadline
        self._exempt = exempt
        self._guarded = _client(is_public, verify, transport)
        self._open = _client(None, verify, transport)
        folder.mkdir(parents=True, exist_ok=True)

    def allow(self, origins: tuple[str, ...]) -> None:
        """From now on these origins are exempt from the guard, and no others."""
        self._exempt = origins

    async def close(self) -> None:
        await self._guarded.aclose()
        await self._open.aclose()

    async def fetch(self, url: str, *, name: str, hosts: tuple[str, ...]) -> Fetched:
        """Download a video to a file called ``name`` in the folder; the caller moves or deletes it.

        Raises:
            FetchFailed: refused, unreachable, too long, too short, or not a video; nothing is left on the disk.
        """
        if not usable(url, hosts=hosts, exempt=self._exempt):
            raise FetchFailed("the link is not https on a host this provider is known to use")
        path = self._folder / f"{name}.part"
        try:
            async with asyncio.timeout(self._deadline):
                return await self._download(url, path)
        except (httpx.HTTPError, aiohttp.ClientError, TimeoutError, OSError) as error:
            path.unlink(missing_ok=True)
            raise FetchFailed(f"{type(error).__name__}: {error}"[:300]) from error
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    async def _download(self, url: str, path: Path) -> Fetched:
        exempted = origin(urlsplit(url)) in self._exempt
        client = self._open if exempted else self._guarded
        async with client.stream("GET", url, headers={"accept-encoding": "identity"}) as response:
            expected = _expected(response, self._max_bytes)
            with path.open("wb") as file:
                size, sha256 = await self._copy(response, file)
                file.flush()
                await asyncio.get_running_loop().run_in_executor(None, os.fsync, file.fileno())
        if expected is not None and size != expected:
            raise FetchFailed(f"{size} bytes came of {expected}")
        return Fetched(path=path, size=size, sha256=sha256, media_type="video/mp4")

    async def _copy(self, response: httpx.Response, file: BinaryIO) -> tuple[int, str]:
        digest, size, head = hashlib.sha256(), 0, b""
        async for chunk in response.aiter_raw(CHUNK):
            size += len(chunk)
            if size > self._max_bytes:
                raise FetchFailed(f"the file is longer than {self._max_bytes} bytes")
            if len(head) < _HEAD:
                head += chunk[: _HEAD - len(head)]
                _check_head(head)
            digest.update(chunk)
            file.write(chunk)
        if len(head) < _HEAD:
            raise FetchFailed(f"the file has only {size} bytes")
        return size, digest.hexdigest()


def _expected(response: httpx.Response, max_bytes: int) -> int | None:
    """The promised length of a good answer."""
    if response.status_code != httpx.codes.OK:
        raise FetchFailed(f"HTTP {response.status_code}", gone=response.status_code in {403, 404, 410})
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise FetchFailed("the file is encoded though we asked for identity")
    length = response.headers.get("content-length", "")
    if not length.isascii() or not length.isdigit():
        return None
    if int(length) > max_bytes:
        raise FetchFailed(f"the file is longer than {max_bytes} bytes")
    return int(length)


def _check_head(head: bytes) -> None:
    """An MP4 begins with a box whose kind, at byte 4, is ``ftyp``."""
    if len(head) == _HEAD and head[4:8] not in _MP4_BOXES:
        raise FetchFailed("the file is not an MP4 video")


def _client(
    allow: Callable[[str], bool] | None, verify: ssl.SSLContext | bool, transport: httpx.AsyncBaseTransport | None
) -> httpx.AsyncClient:
    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=32, force_close=True, socket_factory=_guarded(allow), ssl=verify)
        return aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False
        )

    return httpx.AsyncClient(
        transport=transport or AiohttpTransport(client=session, verify=verify),
        timeout=httpx.Timeout(30, connect=10, pool=60),
        follow_redirects=False,
        trust_env=False,
    )


def _guarded(allow: Callable[[str], bool] | None) -> Callable[[Any], socket.socket]:
    """The address is judged where the socket is made for it: nothing can change between the check and the use."""

    def make(info: Any) -> socket.socket:
        family, kind, protocol, _, address = info
        if allow is not None and not allow(str(address[0])):
            raise PermissionError(errno.EACCES, f"address {address[0]} is not public")
        return socket.socket(family, kind, protocol)

    return make
