"""Addresses that videos are given to be told at: judged before they are kept; a tenant's secret must sign."""

from collections.abc import Awaitable, Callable

from gateway.policy.egress import EgressFailed
from gateway.services.directory import Keeper
from gateway.services.endpoints import Endpoints
from schema.clock import Clock
from schema.errors import Forbidden, InvalidRequest
from schema.video import Order

FIELD = "gateway.webhook_url"


class Addresses:
    """Args:
    judge: raises EgressFailed for what may not be called; its text finishes "url …".
    """

    def __init__(
        self, *, endpoints: Endpoints, keeper: Keeper, judge: Callable[[str], Awaitable[None]], clock: Clock
    ) -> None:
        self._endpoints = endpoints
        self._keeper = keeper
        self._judge = judge
        self._clock = clock

    async def check(self, order: Order) -> None:
        """Whether a video may be told of at the address it was given, if it was.

        Raises:
            Forbidden: a client token asks: what it names would be signed in its tenant's name.
            InvalidRequest: the address may not be called, or there is nothing yet to sign with.
        """
        url = order.routing.webhook_url
        if url is None:
            return
        if order.client_token is not None:
            raise Forbidden(f"{FIELD}: a client token may not say where a video is told of; leave it out")
        if not await self._signs(order.tenant):
            detail = "needs your tenant's webhook secret, which signs what it is told: rotate it once to make it"
            raise InvalidRequest.field(FIELD, "no_webhook_secret", detail)
        try:
            await self._judge(url)
        except EgressFailed as failure:
            raise InvalidRequest.field(FIELD, "invalid_value", str(failure)) from failure

    async def _signs(self, tenant: str) -> bool:
        if self._endpoints.default_signing(tenant, self._clock.now()):
            return True
        await self._keeper.refresh()  # it may have been made a moment ago, elsewhere
        return bool(self._endpoints.default_signing(tenant, self._clock.now()))
