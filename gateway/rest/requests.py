"""What every route asks of its request: the gateway behind it, who is calling, and which video is meant."""

from typing import Any

from litestar import Request
from litestar.types import HTTPScope

from gateway import turnstile
from gateway.arriving import gateway_of
from gateway.auth import allow, allow_create, caller_of, learn, require
from gateway.wiring import Gateway
from schema.errors import InvalidRequest, NotFound
from schema.ids import names_video
from schema.tenant import Principal, Scope

Call = Request[Any, Any, Any]


def caller(call: Call, scope: Scope) -> tuple[Gateway, Principal]:
    """The gateway, and who is calling it with an API key: what a client token may do asks the functions below.

    Raises:
        Unauthenticated: no key, or one nobody has.
        RateLimited: its tenant has made too many requests lately.
        Forbidden: the key has not this scope, is not for this place or the page that sends it, or is a client token.
    """
    gateway, principal = _who(call)
    turnstile.reads(gateway, principal, call.scope["state"])
    require(principal, scope)
    return gateway, principal


def browser(call: Call, scope: Scope) -> tuple[Gateway, Principal]:
    """The same for what a client token may do too. Whoever answers looks at the principal's grant."""
    gateway, principal = _who(call)
    turnstile.reads(gateway, principal, call.scope["state"])
    allow(principal, scope)
    return gateway, principal


async def creator(call: Call) -> tuple[Gateway, Principal]:
    """The same for whoever asks for videos: those are counted, not the request. A token for one video may not."""
    gateway, principal = _who(call)
    await turnstile.creates(gateway, principal, call.scope["state"])
    allow_create(principal)
    return gateway, principal


async def watcher(call: Call, scope: Scope, *, linked: bool = False) -> tuple[Gateway, Principal, str]:
    """The gateway, who is calling it with a key or a client token, and the video in the path, which that may see.

    Args:
        linked: the token may stand in the query too, for links and ``<video src>`` have no headers.

    Raises:
        Unauthenticated: no key and no token, or one that does not work.
        RateLimited: its tenant has made too many requests lately.
        Forbidden: it has not this scope.
        NotFound: there is no such video, or the token is not for it.
    """
    token, authorization = call.query_params.get("token") if linked else None, None
    if token is not None and header(call.scope, b"authorization") is None:
        authorization = f"Bearer {token}"
        await learn(gateway_of(call.scope), authorization)
    gateway, principal = _who(call, authorization)
    turnstile.reads(gateway, principal, call.scope["state"])
    if token is not None and principal.grant is None:
        raise InvalidRequest.field("token", "not_here", "takes a client token; send a key in the header Authorization")
    allow(principal, scope)
    id = video_id(call)
    if principal.grant is not None:
        await gateway.videos.get(principal.tenant.id, id, principal.grant)
    return gateway, principal, id


def _who(call: Call, authorization: str | None = None) -> tuple[Gateway, Principal]:
    """The gateway, and who is calling it, as a header says, or what stands in its place."""
    gateway, state = gateway_of(call.scope), call.scope["state"]
    principal = caller_of(gateway, call.scope, authorization=authorization, page=state.get("page"))
    state["principal"] = principal  # the edge answers pages of other sites as its key allows
    return gateway, principal


def video_id(call: Call) -> str:
    """The id in the path. Raises NotFound for what can not be one, without asking the database."""
    id: str = call.path_params["video_id"]
    if not names_video(id):
        raise NotFound
    return id


def header(scope: HTTPScope, name: bytes) -> str | None:
    """A header's first value."""
    for key, value in scope["headers"]:
        if key == name:
            return value.decode("latin-1")
    return None


def headers(scope: HTTPScope, name: bytes) -> list[str]:
    """All values of a header, in order."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
