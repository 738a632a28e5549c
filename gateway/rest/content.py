"""/v1/videos/{id}/content: the finished file or an extra output, whole or in parts."""

from litestar import get
from litestar.exceptions import HTTPException

from gateway.rest.answers import Answer, Download, Header
from gateway.rest.headers import Unsatisfiable, byte_range, matches
from gateway.rest.requests import Call, header, headers, watcher
from gateway.rest.videos import PATH, PRIVATE, VARY
from gateway.wiring import Gateway
from schema.errors import Gone, InvalidRequest, NotFound
from schema.ids import names_attempt
from schema.tenant import Scope
from schema.video import Asset

_SUFFIXES = {"video/mp4": "mp4", "video/webm": "webm", "video/quicktime": "mov"}
VARIANT = "video"
_INERT: Header = (b"content-security-policy", b"default-src 'none'; sandbox; frame-ancestors 'none'")
"""Whatever a provider gave us as a video: opened in a browser it is nobody's page and runs nothing."""


@get(PATH + "/{video_id:str}/content")
async def content(request: Call) -> Answer:
    gateway, principal, id = await watcher(request, Scope.VIDEOS_READ, linked=True)
    if request.query_params.get("variant", VARIANT) != VARIANT:
        raise InvalidRequest.field("variant", "unsupported", f"must be {VARIANT}; this version makes no pictures of it")
    output = request.query_params.get("output")
    if output is None:
        asset = await gateway.videos.asset(principal.tenant.id, id)
    else:
        asset = await _output(gateway, principal.tenant.id, id, output)
    tag = f'"{asset.sha256}"'
    common = ((b"etag", tag.encode()), (b"accept-ranges", b"bytes"), PRIVATE, VARY, _INERT)
    if matches(headers(request.scope, b"if-none-match"), tag):
        return Answer(status=304, headers=common)
    part = _part(request, asset, tag)
    start, end = part or (0, asset.size)
    about = (*common, *_describe(output or id, asset), *_position(part, asset.size))
    status = 200 if part is None else 206
    if request.scope["state"].get("head"):
        return Answer(status=status, headers=about, length=end - start)
    pieces = gateway.videos.content(asset, start, end)
    try:
        first = await anext(pieces)
    except FileNotFoundError as error:
        raise Gone("The file is no longer in the asset store") from error
    return Download(first, pieces, length=end - start, status=status, headers=about)


async def _output(gateway: Gateway, tenant: str, id: str, attempt: str) -> Asset:
    """An extra output. Raises NotFound, without asking the database for what can not be an attempt."""
    if not names_attempt(attempt):
        raise NotFound
    return await gateway.videos.output(tenant, id, attempt)


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


def _describe(stem: str, asset: Asset) -> tuple[Header, ...]:
    name = f"{stem}.{_SUFFIXES.get(asset.media_type, 'bin')}"
    return (
        (b"content-type", asset.media_type.encode()),
        (b"content-disposition", f'attachment; filename="{name}"'.encode()),
    )


def _position(part: tuple[int, int] | None, size: int) -> tuple[Header, ...]:
    if part is None:
        return ()
    start, end = part
    return ((b"content-range", f"bytes {start}-{end - 1}/{size}".encode()),)
