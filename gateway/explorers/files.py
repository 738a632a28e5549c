"""The pages' files as they lie in this package: everything a page needs, so that it works where nothing else is."""

import hashlib
from importlib.resources import files

import msgspec

_TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
}


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One file, ready to be sent."""

    body: bytes
    media_type: bytes
    etag: str


def static_files() -> dict[str, File]:
    """Every file by its name."""
    folder = files("gateway.explorers") / "static"
    return {item.name: _file(item.name, item.read_bytes()) for item in folder.iterdir()}


def _file(name: str, body: bytes) -> File:
    suffix = name[name.rindex(".") :]
    return File(body=body, media_type=_TYPES[suffix], etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"')
