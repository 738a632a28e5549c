"""What every route asks of its request: the gateway behind it, who is calling, and which video is meant."""

from typing import Any

from litestar import Request
from litestar.types import HTTPScope

from gateway import turnstile
from gateway.auth import principal_of, require
from gateway.wiring import Gateway
from schema.errors import NotFound
from schema.ids import names_video
from schema.tenant import Principal, Scope

Call = Request[Any, Any, Any]


def gateway_of(call: Call) -> Gateway:
    """The gateway this application was built for."""
    gateway: Gateway = call.app.state.gateway
    return gateway


def caller(call: Call, scope: Scope) -> tuple[Gateway, Principal]:
    """The gateway, and who is calling it.

    Raises:
        Unauthenticated: no key, or one nobody has.
        RateLimited: its tenant has made too many requests lately.
        Forbidden: the key has not this scope, or is not for the page that sends it.
    """
    gateway, principal = _who(call)
    turnstile.reads(gateway, principal, call.scope["state"])
    require(principal, scope)
    return gateway, principal


async def creator(call: Call) -> tuple[Gateway, Principal]:
    """The same for who asks for videos: those are counted, not the request."""
    gateway, principal = _who(call)
    await turnstile.creates(gateway, principal, call.scope["state"])
    require(principal, Scope.VIDEOS_WRITE)
    return gateway, principal


def _who(call: Call) -> tuple[Gateway, Principal]:
    gateway, state = gateway_of(call), call.scope["state"]
    principal = principal_of(gateway, header(call.scope, b"authorization"), page=state.get("page"))
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
