"""Who is calling: an Authorization header to a principal, and what its key or token may do. Both doors ask here."""

import structlog

from gateway.services.callers import MAX_KEY
from gateway.store.database import StoreError
from gateway.wiring import Gateway
from schema.errors import Forbidden, Overloaded, Unauthenticated
from schema.tenant import Principal, Scope

log = structlog.get_logger()


def principal_of(gateway: Gateway, authorization: str | None, *, address: str | None = None) -> Principal:
    """Whose key an ``Authorization: Bearer`` header carries; what is logged from here on names the tenant.

    Args:
        address: where the caller is, when that is known.

    Raises:
        Unauthenticated: there is no such header, it is no bearer token, or nobody has this key.
        Forbidden: the key may not be used from there.
        Overloaded: it can not be looked up now whether the key still works.
    """
    scheme, _, key = (authorization or "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise Unauthenticated("Send your API key in the header Authorization: Bearer <key>")
    gateway.ground.keeper.check()
    principal = gateway.ground.callers.principal(key, address=address)
    structlog.contextvars.bind_contextvars(tenant=principal.tenant.id)
    return principal


def actor_of(principal: Principal) -> str:
    """Who did something, as its records name them: the tenant, and the end of the key."""
    return f"{principal.tenant.id} …{principal.key_hint}"


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


def check_alive(gateway: Gateway, principal: Principal) -> None:
    """Raises Unauthenticated when a client token has ended since it was seen: sockets and streams outlive requests."""
    if principal.grant is not None:
        gateway.ground.checks.check(principal)


async def learn(gateway: Gateway, authorization: str | None) -> None:
    """Before a client token is judged: if its key is none we have seen, look whether another replica has made it."""
    text = (authorization or "").partition(" ")[2].strip()
    if len(text) > MAX_KEY and gateway.ground.checks.stranger(text):
        try:
            await gateway.ground.keeper.glance()
        except (StoreError, Overloaded) as error:
            log.warning("directory.unread", error=str(error))
