"""A file as an answer: whole or in parts, only its headers, or the word that the caller has it already."""

from litestar.exceptions import HTTPException

from gateway.rest.answers import Answer, Download, Header
from gateway.rest.headers import Unsatisfiable, byte_range, matches
from gateway.rest.requests import Call, header, headers
from gateway.rest.videos import PRIVATE, VARY
from gateway.wiring import Gateway
from schema.errors import Gone
from schema.link import Disposition
from schema.video import Asset

_SUFFIXES = {"video/mp4": "mp4", "video/webm": "webm", "video/quicktime": "mov", "image/jpeg": "jpg"}
_INERT: Header = (b"content-security-policy", b"default-src 'none'; sandbox; frame-ancestors 'none'")
"""Whatever a provider gave us as a video: opened in a browser it is nobody's page and runs nothing."""

_SHOWN: Header = (
    b"content-security-policy",
    b"default-src 'none'; media-src 'self'; img-src 'self'; sandbox; frame-ancestors 'none'",
)
"""The same for what is meant to be shown: a browser's own player may fetch it."""

_EMBEDDABLE: Header = (b"cross-origin-resource-policy", b"cross-origin")
"""A link is all that it takes, so a page of any site may show what it leads to."""


async def file_answer(
    request: Call, gateway: Gateway, asset: Asset, stem: str, shown: Disposition | None = None
) -> Answer:
    """The file, as the request's Range, If-Range and If-None-Match say.

    Args:
        stem: what it is called, without what follows the dot.
        shown: what a link says; None without one.

    Raises:
        HTTPException: 416 when the range lies outside it.
        Gone: it is no longer there.
    """
    tag = f'"{asset.sha256}"'
    how = Disposition.ATTACHMENT if shown is None else shown
    guard = _SHOWN if how is Disposition.INLINE else _INERT
    embedded = () if shown is None else (_EMBEDDABLE,)
    common = ((b"etag", tag.encode()), (b"accept-ranges", b"bytes"), PRIVATE, VARY, guard, *embedded)
    if matches(headers(request.scope, b"if-none-match"), tag):
        return Answer(status=304, headers=common)
    part = _part(request, asset, tag)
    start, end = part or (0, asset.size)
    about = (*common, *_describe(stem, asset, how), *_position(part, asset.size))
    status = 200 if part is None else 206
    if request.scope["state"].get("head"):
        return Answer(status=status, headers=about, length=end - start)
    pieces = gateway.videos.content(asset, start, end)
    try:
        first = await anext(pieces)
    except FileNotFoundError as error:
        raise Gone("The file is no longer in the asset store") from error
    return Download(first, pieces, length=end - start, status=status, headers=about)


def _part(request: Call, asset: Asset, tag: str) -> tuple[int, int] | None:
    wanted, condition = header(request.scope, b"range"), header(request.scope, b"if-range")
    try:
        return byte_range(wanted, condition, tag, asset.size)
    except Unsatisfiable:
        raise HTTPException(
            status_code=416,
            detail=f"The file has {asset.size} bytes",
            headers={"content-range": f"bytes */{asset.size}"},
        ) from None


def _describe(stem: str, asset: Asset, how: Disposition) -> tuple[Header, ...]:
    """The name twice: plainly, and as RFC 8187 spells it, which says its charset (RFC 6266, 4.3)."""
    name = f"{stem}.{_SUFFIXES.get(asset.media_type, 'bin')}"
    return (
        (b"content-type", asset.media_type.encode()),
        (b"content-disposition", f"{how.value}; filename=\"{name}\"; filename*=UTF-8''{name}".encode()),
    )


def _position(part: tuple[int, int] | None, size: int) -> tuple[Header, ...]:
    if part is None:
        return ()
    start, end = part
    return ((b"content-range", f"bytes {start}-{end - 1}/{size}".encode()),)
