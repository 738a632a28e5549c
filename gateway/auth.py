"""Who is calling: an Authorization header to a principal, and what its key or token may do. Both doors ask here."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

import structlog

from gateway.policy.addresses import caller_address, networks_of
from gateway.policy.origins import stranger
from gateway.services.callers import ENDED, MAX_KEY
from gateway.services.hands import Hand
from gateway.wiring import Gateway
from schema.errors import Forbidden, OriginNotAllowed, Unauthenticated
from schema.tenant import Principal, Scope

T = TypeVar("T")

_SHOWN = 255
"""Characters of an origin that are repeated to whoever sent it."""


def caller_of(
    gateway: Gateway, scope: Mapping[str, Any], *, authorization: str | None = None, page: str | None = None
) -> Principal:
    """Who sent a request, or opened a WebSocket, as its ASGI scope tells. Raises as ``principal_of`` does.

    Args:
        authorization: instead of the header.
    """
    found = _header(scope, b"authorization") if authorization is None else authorization
    return principal_of(gateway, found, address=address_of(gateway, scope), page=page)


def principal_of(
    gateway: Gateway, authorization: str | None, *, address: str | None = None, page: str | None = None
) -> Principal:
    """Whose key an ``Authorization: Bearer`` header carries; what is logged from here on names the tenant.

    Args:
        address: where the caller is, when that is known.
        page: the origin of the web page that sends it, when that is not ours.

    Raises:
        Unauthenticated: there is no such header, it is no bearer token, or nobody has this key.
        Forbidden: the key may not be used from there.
        OriginNotAllowed: the key is for the pages of some origins, and this is not one of them.
        Overloaded: it can not be looked up now whether the key still works.
    """
    scheme, _, key = (authorization or "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise Unauthenticated("Send your API key in the header Authorization: Bearer <key>")
    gateway.ground.keeper.check()
    principal = gateway.ground.callers.principal(key, address=address)
    structlog.contextvars.bind_contextvars(tenant=principal.tenant.id)
    if page is not None and principal.origins and page not in principal.origins:
        raise OriginNotAllowed(
            f"This key (…{principal.key_hint}) is not for pages of {page[:_SHOWN]}; add it to the key's origins"
        )
    return principal


def page_of(gateway: Gateway, origin: str | None, host: str | None) -> str | None:
    """The origin of the web page that asks, when it is another site's; None when it is ours, or no page asks."""
    return stranger(origin, host=host, public_url=gateway.settings.server.public_url)


def actor_of(principal: Principal) -> str:
    """Who did something, as its records name them: the tenant, and the end of the key."""
    return f"{principal.tenant.id} …{principal.key_hint}"


def hand_of(principal: Principal) -> Hand:
    """Who changes what is set up, with which key, and how far it reaches."""
    return Hand(actor=actor_of(principal), scopes=principal.scopes, tenant=principal.tenant.id, key=principal.key)


def require(principal: Principal, scope: Scope) -> None:
    """Raises Forbidden unless the caller has a key, and that the scope. What client tokens may do asks ``allow``."""
    if principal.grant is not None:
        raise Forbidden("A client token may not do that; it takes an API key")
    allow(principal, scope)


def allow(principal: Principal, scope: Scope) -> None:
    """Raises Forbidden unless the caller's key or client token has the scope."""
    if scope not in principal.scopes:
        what = "key" if principal.grant is None else "token"
        raise Forbidden(f"This {what} (…{principal.key_hint}) has no scope {scope.value}; use one that has")


def allow_create(principal: Principal) -> None:
    """Raises Forbidden unless the caller may ask for videos: a client token for one video may not."""
    allow(principal, Scope.VIDEOS_WRITE)
    if principal.grant is not None and principal.grant.video is not None:
        raise Forbidden("This token is for one video; it creates none")


def check_works(gateway: Gateway, principal: Principal) -> None:
    """Raises Unauthenticated when somebody who was let in would not be any more, as far as this replica has heard."""
    if not gateway.ground.callers.works(principal):
        raise Unauthenticated(ENDED, presented=True)


def check_alive(gateway: Gateway, principal: Principal) -> None:
    """Raises Unauthenticated when a client token has ended since it was seen: sockets and streams outlive requests."""
    if principal.grant is not None:
        gateway.ground.checks.check(principal)


async def learn(gateway: Gateway, authorization: str | None) -> None:
    """Before a key or client token is judged: look at what may have changed, when that must not wait for the next look.

    So it is when we have not looked for too long, and when a token's key is none we have seen: another replica may have
    made it.
    """
    text = (authorization or "").partition(" ")[2].strip()
    if not text:
        return
    if len(text) > MAX_KEY and gateway.ground.checks.stranger(text):
        await gateway.ground.keeper.glance()
    else:
        await gateway.ground.keeper.wake()


async def while_it_works(gateway: Gateway, principal: Principal, work: Coroutine[Any, Any, T]) -> T:
    """What the work gives; broken off when the caller's key or token ends before it. Raises Unauthenticated."""
    doing, ending = asyncio.ensure_future(work), asyncio.ensure_future(gateway.ground.callers.ended(principal))
    try:
        await asyncio.wait({doing, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise Unauthenticated(ENDED, presented=True)
        return doing.result()
    finally:
        doing.cancel()
        ending.cancel()
        await asyncio.wait({doing, ending})


def address_of(gateway: Gateway, scope: Mapping[str, Any]) -> str | None:
    peer = scope.get("client")
    trusted = networks_of(gateway.settings.server.trusted_proxies)
    forwarded = _headers(scope, b"x-forwarded-for") if trusted else []
    return caller_address(None if peer is None else peer[0], forwarded, trusted)


def _header(scope: Mapping[str, Any], name: bytes) -> str | None:
    return next(iter(_headers(scope, name)), None)


def _headers(scope: Mapping[str, Any], name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
