"""/hooks: where providers call us back. The token in the path and the signature are all the authentication there is."""

from litestar import post

from gateway.rest.answers import Answer
from gateway.rest.requests import Call, gateway_of
from gateway.services.hooks import MAX_HOOK
from providers.base import Hook

PATH = "/hooks/{provider:str}/{token:str}"


@post(PATH, request_max_body_size=MAX_HOOK)
async def hear(request: Call) -> Answer:
    hook = Hook(
        headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.scope["headers"]),
        body=await request.body(),
    )
    await gateway_of(request).hooks.hear(request.path_params["provider"], request.path_params["token"], hook)
    return Answer(status=204, headers=())
