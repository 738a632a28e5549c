"""/v1/images"""

from typing import Annotated, Literal

import msgspec
from litestar import delete as litestar_delete
from litestar import get, post
from litestar.exceptions import HTTPException

from gateway.rest.answers import JSON, Answer, Download, Header
from gateway.rest.headers import matches
from gateway.rest.pages import PAGE_NAMES, cut, given, links
from gateway.rest.requests import Call, caller, headers
from gateway.rest.uploads import MULTIPART_TYPE, FormReader, read_file
from gateway.rest.videos import PRIVATE, VARY
from gateway.rest.views import Moment, encode
from gateway.services.images import Kept
from schema.errors import Gone, InvalidRequest, NotFound
from schema.ids import IMAGE, names_image, pattern
from schema.image import ENDINGS, LARGEST_IMAGE, Digest, Image, ImageType
from schema.tenant import Scope

PATH = "/v1/images"
FIELD = "file"
IMAGE_TYPES = tuple(ImageType)
BODY_TYPES = (MULTIPART_TYPE, *IMAGE_TYPES)
_FEW = 64 * 1024
"""Bytes of text that may stand beside the file."""

_INERT: Header = (b"content-security-policy", b"default-src 'none'; sandbox; frame-ancestors 'none'")
_Pixels = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
_Id = Annotated[str, msgspec.Meta(pattern=pattern(IMAGE), max_length=32)]


class ImageView(msgspec.Struct, frozen=True, kw_only=True):
    """One of your pictures.

    Attributes:
        id: give it as `input_reference[image_id]`.
        bytes: its length.
        media_type: what its bytes say it is.
        width: pixels.
        height: pixels.
        sha256: hex digest of the bytes: the same bytes are the same picture.
        created_at: seconds since the Unix epoch.
        expires_at: when it goes, unless a video needs it then; sending or using it again puts that off.
    """

    id: _Id
    object: Literal["image"] = "image"
    bytes: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_IMAGE)]
    media_type: ImageType
    width: _Pixels
    height: _Pixels
    sha256: Digest
    created_at: Moment
    expires_at: Moment


class ImagePageView(msgspec.Struct, frozen=True, kw_only=True):
    """Some of your pictures."""

    object: Literal["list"] = "list"
    data: Annotated[tuple[ImageView, ...], msgspec.Meta(max_length=100)]
    first_id: _Id | None
    last_id: _Id | None
    has_more: bool


class DeletedImageView(msgspec.Struct, frozen=True, kw_only=True):
    """The picture is gone."""

    id: _Id
    object: Literal["image.deleted"] = "image.deleted"
    deleted: Literal[True] = True


@post(PATH, request_max_body_size=None)
async def create(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.VIDEOS_WRITE)
    tenant, kind = principal.tenant.id, request.content_type[0]
    most = gateway.settings.images.max_bytes
    if kind not in BODY_TYPES:
        said = ", ".join(BODY_TYPES)
        raise HTTPException(status_code=415, detail=f"Send one of {said}", headers={"accept-post": said})
    if kind != MULTIPART_TYPE:
        spool = gateway.images.begin(tenant, FIELD)
        try:
            await read_file(request, spool, most)
            return _kept(await gateway.images.keep(tenant, spool))
        finally:
            spool.let_go()
    reader = FormReader(
        request, field=FIELD, begin=lambda: gateway.images.begin(tenant, FIELD), largest=most, texts=_FEW
    )
    form = await reader.read()
    if form.file is None:
        raise InvalidRequest.field(FIELD, "required", "is required: the picture, as a file of the form")
    try:
        if form.fields:
            raise InvalidRequest.field(form.fields[0][0][:64], "unknown_field", f"is not known; the form has {FIELD}")
        return _kept(await gateway.images.keep(tenant, form.file))
    finally:
        form.file.let_go()


@get(PATH)
async def list_(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.VIDEOS_READ)
    query: bytes = request.scope["query_string"]
    wish = cut(given(query, PAGE_NAMES), names_image, "an image")
    page = await gateway.images.page(
        principal.tenant.id, after=wish.after, before=wish.before, limit=wish.limit, newest_first=wish.newest_first
    )
    shown = tuple(map(image_view, page.images))
    view = ImagePageView(
        data=shown,
        first_id=shown[0].id if shown else None,
        last_id=shown[-1].id if shown else None,
        has_more=page.more,
    )
    link = links(PATH, query, wish, view)
    neighbours = ((b"link", link.encode()),) if link else ()
    return Answer(encode(view), headers=(JSON, PRIVATE, VARY, *neighbours))


@get(PATH + "/{image_id:str}")
async def retrieve(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.VIDEOS_READ)
    image = await gateway.images.get(principal.tenant.id, _id(request))
    return Answer(encode(image_view(image)), headers=(JSON, PRIVATE, VARY))


@litestar_delete(PATH + "/{image_id:str}", status_code=200)
async def delete(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.VIDEOS_WRITE)
    id = _id(request)
    await gateway.images.delete(principal.tenant.id, id)
    return Answer(encode(DeletedImageView(id=id)))


@get(PATH + "/{image_id:str}/content")
async def content(request: Call) -> Answer:
    """Whatever it is, opened in a browser it is nobody's page."""
    gateway, principal = caller(request, Scope.VIDEOS_READ)
    image = await gateway.images.get(principal.tenant.id, _id(request))
    tag = f'"{image.sha256}"'
    common = ((b"etag", tag.encode()), PRIVATE, VARY, _INERT)
    if matches(headers(request.scope, b"if-none-match"), tag):
        return Answer(status=304, headers=common)
    name = f"{image.id}.{ENDINGS[image.media_type]}"
    about = (
        *common,
        (b"content-type", image.media_type.encode()),
        (b"content-disposition", f'attachment; filename="{name}"'.encode()),
    )
    if request.scope["state"].get("head"):
        return Answer(headers=about, length=image.size)
    pieces = gateway.images.content(image)
    try:
        first = await anext(pieces)
    except FileNotFoundError as error:
        raise Gone("The file is no longer in the asset store") from error
    return Download(first, pieces, length=image.size, status=200, headers=about)


def image_view(image: Image) -> ImageView:
    return ImageView(
        id=image.id,
        bytes=image.size,
        media_type=image.media_type,
        width=image.width,
        height=image.height,
        sha256=image.sha256,
        created_at=image.created_at // 1000,
        expires_at=image.expires_at // 1000,
    )


def _kept(kept: Kept) -> Answer:
    """201 for a new one, 200 for bytes that are known."""
    location = (b"location", f"{PATH}/{kept.image.id}".encode())
    return Answer(encode(image_view(kept.image)), status=201 if kept.fresh else 200, headers=(JSON, location))


def _id(call: Call) -> str:
    """The id in the path. Raises NotFound for what can not be one, without asking the database."""
    id: str = call.path_params["image_id"]
    if not names_image(id):
        raise NotFound
    return id
