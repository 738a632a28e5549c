"""Receipts of videos that have ended, and the public keys to verify them with."""

import hashlib

from litestar import get

from gateway.arriving import gateway_of
from gateway.policy.receipts import WELL_KNOWN
from gateway.rest.answers import JSON, Answer, Header
from gateway.rest.headers import matches
from gateway.rest.requests import Call, caller, headers, video_id
from gateway.rest.videos import PATH, PRIVATE, VARY
from gateway.rest.views import encode
from schema.tenant import Scope

KEYS_TYPE = "application/jwk-set+json"
_HOUR: Header = (b"cache-control", b"public, max-age=3600")


@get(PATH + "/{video_id:str}/receipt")
async def receipt(request: Call) -> Answer:
    gateway, principal = caller(request, Scope.VIDEOS_READ)
    signed = await gateway.receipts.of(principal.tenant.id, video_id(request))
    tag = f'"{hashlib.sha256(signed.document).hexdigest()}"'
    common = ((b"etag", tag.encode()), PRIVATE, VARY)
    if matches(headers(request.scope, b"if-none-match"), tag):
        return Answer(status=304, headers=common)
    return Answer(signed.document, headers=(JSON, *common))


@get(WELL_KNOWN)
async def keys(request: Call) -> Answer:
    content_type = (b"content-type", KEYS_TYPE.encode())
    return Answer(encode(gateway_of(request.scope).receipts.keys), headers=(content_type, _HOUR))
