"""Who is calling: an Authorization header to a principal, and what its key may do. Both doors ask here."""

import structlog

from gateway.wiring import Gateway
from schema.errors import Forbidden, Unauthenticated
from schema.tenant import Principal, Scope


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
    """Raises Forbidden unless the caller's key has the scope."""
    if scope not in principal.scopes:
        raise Forbidden(f"This key (…{principal.key_hint}) has no scope {scope.value}; use one that has")
