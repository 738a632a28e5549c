"""What both doors do with an authenticated request: count it against its tenant's limits, and know what to say of them.

What is known stands in the request's own state, under two names, until the edge writes the answer's headers.
"""

from typing import Any

from gateway.wiring import Gateway
from schema.allowance import Allowance, Rate
from schema.errors import GatewayError, TooManyRequests
from schema.tenant import Principal

State = dict[str, Any]
"""Of one request; Litestar's ``scope["state"]``."""

_COUNTED, _REFUSED = "counted_as", "refused_by"


def reads(gateway: Gateway, principal: Principal, state: State) -> None:
    """It creates nothing. Raises RateLimited."""
    state[_COUNTED] = (principal.tenant.id, Rate.READS)
    gateway.rates.read(principal.tenant.id)


async def creates(gateway: Gateway, principal: Principal, state: State) -> None:
    """It creates videos: those that are accepted count, and the request itself does not."""
    state[_COUNTED] = (principal.tenant.id, Rate.CREATES)
    await gateway.rates.look(principal.tenant.id)


def refused(state: State, error: GatewayError) -> None:
    """It was refused; perhaps by another limit than those that have a minute."""
    if isinstance(error, TooManyRequests) and error.allowance is not None:
        state[_REFUSED] = error.allowance


def allowances(gateway: Gateway, state: State) -> tuple[Allowance, ...]:
    """The limits that applied to a request as they are now, the one that refused it first."""
    refusing: Allowance | None = state.get(_REFUSED)
    tenant, rate = state.get(_COUNTED, (None, None))
    usual = None if tenant is None else gateway.rates.allowance(tenant, rate)
    if refusing is not None and usual is not None and refusing.name == usual.name:
        usual = None
    return tuple([one for one in (refusing, usual) if one is not None])
