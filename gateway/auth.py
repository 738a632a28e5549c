"""Who is calling: an Authorization header to a principal, and what its key may do. Both doors ask here."""

import structlog

from gateway.policy.origins import stranger
from gateway.wiring import Gateway
from schema.errors import Forbidden, OriginNotAllowed, Unauthenticated
from schema.tenant import Principal, Scope

_SHOWN = 255
"""Characters of an origin that are repeated to whoever sent it."""


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


def require(principal: Principal, scope: Scope) -> None:
    """Raises Forbidden unless the caller's key has the scope."""
    if scope not in principal.scopes:
        raise Forbidden(f"This key (…{principal.key_hint}) has no scope {scope.value}; use one that has")
