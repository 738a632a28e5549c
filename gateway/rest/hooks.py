"""/hooks: where providers call us back. The token in the path and the signature are all the authentication there is."""

from litestar import post

from gateway.arriving import gateway_of
from gateway.auth import address_of
from gateway.rest.answers import Answer
from gateway.rest.requests import Call, header
from gateway.services.hooks import MAX_HOOK, Heard
from providers.base import Hook

PATH = "/hooks/{provider:str}/{token:str}"

_STATUS = {Heard.APPLIED: 204, Heard.AGAIN: 204, Heard.PARKED: 202}


@post(PATH, request_max_body_size=MAX_HOOK)
async def hear(request: Call) -> Answer:
    gateway, path = gateway_of(request.scope), request.path_params
    address = address_of(gateway, request.scope)
    gateway.hooks.check(path["token"], address)
    compressed = header(request.scope, b"content-encoding") is not None  # nobody believes it, and nobody reads it
    hook = Hook(
        headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.scope["headers"]),
        body=b"" if compressed else await request.body(),
    )
    heard = await gateway.hooks.hear(path["provider"], path["token"], hook, address=address)
    return Answer(status=_STATUS[heard], headers=())
