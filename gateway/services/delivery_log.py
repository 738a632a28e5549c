"""The log of a tenant's deliveries, and sending again what is in it."""

import msgspec

from gateway.services.endpoints import Endpoints
from gateway.services.pages import check_limit, cut
from gateway.store.store import Store, Transaction
from schema.clock import Clock, Millis
from schema.delivery import Delivery, DeliveryState, DeliveryTry
from schema.endpoint import Endpoint
from schema.errors import NotFound, NotReady
from schema.event import EventType
from schema.ids import MESSAGE, could_be, names_video

MOST_AGAIN = 10_000
"""Deliveries that one request sends again."""

_AT_ONCE = 500


class DeliveryPage(msgspec.Struct, frozen=True):
    """Some deliveries, newest first; ``more`` when there are older ones."""

    deliveries: list[Delivery]
    more: bool


class DeliveryRecord(msgspec.Struct, frozen=True):
    """A delivery and its tries, the oldest first."""

    delivery: Delivery
    tries: list[DeliveryTry]


class DeliveryLog:
    def __init__(self, *, store: Store, endpoints: Endpoints, clock: Clock) -> None:
        self._store = store
        self._endpoints = endpoints
        self._clock = clock

    async def page(
        self, tenant: str, of: str, *, after: str | None, limit: int, state: DeliveryState | None = None
    ) -> DeliveryPage:
        """What an endpoint, or the address that a video was given, was told and is to be told, newest first.

        Raises:
            NotFound: the tenant has no such endpoint or video.
            InvalidRequest: the limit is out of range.
        """
        check_limit(limit)
        if not names_video(of):
            self._endpoint(tenant, of)

        async def work(tx: Transaction) -> list[Delivery]:
            if not names_video(of):
                return await tx.deliveries.page(tenant, of, after=after, limit=limit + 1, state=state)
            if await tx.videos.get(tenant, of) is None:
                raise NotFound("There is no such video")
            return await tx.deliveries.of_video(tenant, of, after=after, limit=limit + 1, state=state)

        deliveries, more = cut(await self._store.read(work, tenant=tenant), limit)
        return DeliveryPage(deliveries, more)

    async def get(self, tenant: str, id: str, *, of: str | None = None) -> DeliveryRecord:
        """A delivery and how it was tried.

        Args:
            of: the endpoint it must have gone to, or the video whose address it must have.

        Raises:
            NotFound: the tenant has no such delivery.
        """

        async def work(tx: Transaction) -> tuple[Delivery | None, list[DeliveryTry]]:
            return await tx.deliveries.get(tenant, id), await tx.deliveries.tries(tenant, id)

        if not could_be(MESSAGE, id):
            raise _missing()
        delivery, tries = await self._store.read(work, tenant=tenant)
        if delivery is None or of not in (None, _whose(delivery)):
            raise _missing()
        return DeliveryRecord(delivery, tries)

    async def replay(self, tenant: str, id: str, *, of: str | None = None) -> DeliveryRecord:
        """Send what has ended once more, under the same ``webhook-id``; what has not is sent anyway.

        Raises:
            NotFound: the tenant has no such delivery, or its endpoint was removed.
            NotReady: its endpoint is disabled.
        """
        now = self._clock.now()
        found = await self.get(tenant, id, of=of)
        if found.delivery.url is None:
            self._listening(tenant, found.delivery.endpoint)
        await self._again(tenant, [id], now)
        return await self.get(tenant, id)

    async def replay_since(
        self,
        tenant: str,
        endpoint: str,
        since: Millis,
        *,
        types: frozenset[EventType] = frozenset(),
        failed_only: bool = False,
    ) -> int:
        """Send what has ended since then once more, in order, each under its ``webhook-id``. How many these are.

        Args:
            types: only of events of these; none named is all.
            failed_only: not what was delivered.

        Raises:
            NotFound: the tenant has no such endpoint.
            NotReady: it is disabled.
        """
        now = self._clock.now()
        self._listening(tenant, endpoint)
        ids = await self._store.read(
            lambda tx: tx.deliveries.ended_since(
                tenant, endpoint, since, MOST_AGAIN, types=types, failed_only=failed_only
            ),
            tenant=tenant,
        )
        return sum([await self._again(tenant, ids[n : n + _AT_ONCE], now) for n in range(0, len(ids), _AT_ONCE)])

    def _endpoint(self, tenant: str, id: str) -> Endpoint:
        record = self._endpoints.get(id)
        if record is None or record.endpoint.tenant != tenant:
            raise NotFound("There is no such webhook endpoint")
        return record.endpoint

    def _listening(self, tenant: str, id: str) -> None:
        if self._endpoint(tenant, id).disabled_at is not None:
            raise NotReady("The webhook endpoint is disabled; switch it on first, then send again")

    async def _again(self, tenant: str, ids: list[str], now: Millis) -> int:
        async def work(tx: Transaction) -> int:
            await tx.deliveries.hold(tenant)
            return await tx.deliveries.again(tenant, ids, now)

        return await self._store.write(work, tenant=tenant)


def _whose(delivery: Delivery) -> str | None:
    """The endpoint it goes to, or the video whose address it goes to."""
    return delivery.endpoint if delivery.url is None else delivery.video


def _missing() -> NotFound:
    return NotFound("There is no such delivery")
