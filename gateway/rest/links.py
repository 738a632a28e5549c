"""/v1/videos/{id}/links, which makes links to a file that need no key; and /content/{token}, where they lead."""

from typing import Annotated, Literal

import msgspec
from litestar import get, post

from gateway.arriving import gateway_of
from gateway.rest.answers import Answer
from gateway.rest.bodies import read_body
from gateway.rest.files import file_answer
from gateway.rest.requests import Call, caller, video_id
from gateway.rest.videos import PATH as VIDEOS
from gateway.rest.views import Moment, encode
from gateway.services.links import PATH as _PATH
from schema.link import Disposition, LinkWish, Variant
from schema.tenant import Scope

PATH = _PATH
_Url = Annotated[str, msgspec.Meta(max_length=4096)]


class ContentLinkView(msgspec.Struct, frozen=True, kw_only=True):
    """A link to a file, which needs no key.

    Attributes:
        url: where it leads; a path at this gateway unless its public address is configured.
        expires_at: when it ends, seconds since the Unix epoch.
    """

    object: Literal["content_link"] = "content_link"
    url: _Url
    expires_at: Moment
    disposition: Disposition
    variant: Variant


@post(VIDEOS + "/{video_id:str}/links", status_code=201)
async def create(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.VIDEOS_READ)
    id = video_id(request)
    made = await gateway.links.make(principal.tenant.id, id, await read_body(request, LinkWish))
    view = ContentLinkView(
        url=made.url,
        expires_at=made.expires_at // 1000,
        disposition=made.wish.disposition,
        variant=made.wish.variant,
    )
    return Answer(encode(view), status=201)  # nobody stores it: the edge says no-store where nothing else is said


@get(PATH + "/{token:str}")
async def follow(request: Call) -> Answer:
    gateway = gateway_of(request.scope)
    opened = await gateway.links.open(request.path_params["token"])
    request.scope["state"]["tenant"] = opened.tenant  # pages of its origins may read what is answered
    gateway.rates.read(opened.tenant.id)
    asset = await gateway.posters.of(opened.tenant.id, opened.asset, opened.link.variant)
    return await file_answer(request, gateway, asset, opened.stem, opened.link.disposition)
