"""Deliveries to webhook endpoints: claimed, called once each, and written down; the log of them, and sending again.

A body is frozen in the transaction of its first claim, and every try is counted there: whoever dies between a call and
its record leaves a lease that lapses, and the same bytes go out again under the same id.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec
import structlog
from msgspec.structs import replace

from gateway.policy import delivering
from gateway.policy.delivering import Terms, Verdict
from gateway.policy.egress import EgressFailed
from gateway.policy.sampling import sample
from gateway.policy.standard_webhooks import signature
from gateway.policy.telling import event_json
from gateway.services.directory import Keeper
from gateway.services.disabling import Disabling
from gateway.services.endpoints import Endpoints
from gateway.services.pages import cut
from gateway.store.deliveries import message_id
from gateway.store.store import Store, Transaction
from schema.clock import Clock, Millis, millis
from schema.delivery import Delivery, DeliveryState, DeliveryTry
from schema.endpoint import EndpointRecord
from schema.errors import NotFound
from schema.event import EventType
from schema.ids import Ids
from schema.luck import Luck

log = structlog.get_logger()

USER_AGENT = "filmgate-webhooks/1"
CONNECT_SECONDS = 5.0
MAX_ANSWER = 64 << 10
MOST_AGAIN = 10_000
"""Deliveries that one request sends again."""

_AT_ONCE = 500


class Answer(Protocol):
    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


class Caller(Protocol):
    """Calls an address that somebody gave us, guarded (gateway/egress.py). Raises EgressFailed."""

    async def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        deadline: float,
        connect: float,
        max_bytes: int,
    ) -> Answer: ...


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """How a call went, and what it means. ``asked``: for how long the endpoint wants to be left alone."""

    one: DeliveryTry
    verdict: Verdict
    asked: Millis | None = None


class Deliveries:
    """``shaky``: endpoints whose last call from here failed.

    Args:
        timeout: seconds for one call, in total.
        spare: how much longer than its call a lease is, for the record of it.
        keep: how long the log shows what has ended.
    """

    def __init__(
        self,
        *,
        store: Store,
        endpoints: Endpoints,
        keeper: Keeper,
        disabling: Disabling,
        caller: Caller,
        clock: Clock,
        ids: Ids,
        luck: Luck,
        terms: Terms,
        timeout: float,
        spare: Millis,
        keep: Millis,
    ) -> None:
        self._store = store
        self._endpoints = endpoints
        self._keeper = keeper
        self._disabling = disabling
        self._caller = caller
        self._clock = clock
        self._ids = ids
        self._luck = luck
        self._terms = terms
        self._timeout = timeout
        self._spare = spare
        self._keep = keep
        self.shaky: set[str] = set()

    # whose turn it is

    async def claim(self, limit: int, *, healthy_only: bool) -> list[Delivery]:
        """Some whose turn it is, leased for one try each, their bodies frozen."""
        now = self._clock.now()
        if not await self._store.read(lambda tx: tx.deliveries.due(now)):
            return []
        until = now + millis(self._timeout) + self._spare

        async def work(tx: Transaction) -> list[Delivery]:
            claimed = await tx.deliveries.claim(now=now, until=until, limit=limit, healthy_only=healthy_only)
            return [await self._frozen(tx, delivery) for delivery in claimed]

        return await self._store.write(work)

    @staticmethod
    async def _frozen(tx: Transaction, delivery: Delivery) -> Delivery:
        if delivery.body is not None:
            return delivery
        event = await tx.events.get(delivery.tenant, delivery.event)
        if event is None:  # it was removed from the log before anybody could be told of it
            return delivery
        body = event_json(event).decode()
        await tx.deliveries.freeze(delivery.id, body)
        return replace(delivery, body=body)

    async def next_due(self) -> Millis | None:
        """How long until the next one is due."""
        now = self._clock.now()
        due = await self._store.read(lambda tx: tx.deliveries.next_due(now))
        return None if due is None else due - now

    # one try

    async def deliver(self, delivery: Delivery) -> None:
        """Call its endpoint once, and write down how that went."""
        record = await self._record(delivery)
        if record is None or delivery.body is None:
            await self._skip(delivery)
            return
        tried = await self._call(record, delivery, delivery.body.encode())
        await self._write_down(delivery, tried)
        if tried.verdict is Verdict.GONE:
            await self._disabling.disable(delivery.endpoint, "it answered 410 Gone")

    async def _record(self, delivery: Delivery) -> EndpointRecord | None:
        """The endpoint as it is now; None when it is not to be called."""
        record = self._endpoints.get(delivery.endpoint)
        if record is None or not record.secrets:
            await self._keeper.refresh()  # it may be newer than what is known here
            record = self._endpoints.get(delivery.endpoint)
        return None if record is None or record.endpoint.disabled_at is not None else record

    async def _call(self, record: EndpointRecord, delivery: Delivery, body: bytes) -> Tried:
        now = self._clock.now()
        secrets = record.signing(now)
        if not secrets:
            error = "the endpoint has no secret to sign with; rotate its secret"
            return Tried(one=DeliveryTry(n=delivery.tries, at=now, took=0, error=error), verdict=Verdict.FAILED)
        headers = {
            "content-type": "application/json",
            "user-agent": USER_AGENT,
            "webhook-id": delivery.id,
            "webhook-timestamp": str(now // 1000),
            "webhook-signature": signature(secrets, delivery.id, now // 1000, body),
        }
        try:
            answer = await self._caller.send(
                "POST",
                record.endpoint.url,
                headers,
                body,
                deadline=self._timeout,
                connect=min(CONNECT_SECONDS, self._timeout),
                max_bytes=MAX_ANSWER,
            )
        except EgressFailed as failure:
            one = DeliveryTry(n=delivery.tries, at=now, took=self._clock.now() - now, error=str(failure))
            return Tried(one=one, verdict=Verdict.FAILED)
        return self._judged(answer, delivery.tries, now)

    def _judged(self, answer: Answer, n: int, began: Millis) -> Tried:
        now, verdict = self._clock.now(), delivering.verdict(answer.status)
        one = DeliveryTry(
            n=n,
            at=began,
            took=now - began,
            status=answer.status,
            error=None if verdict is Verdict.DELIVERED else delivering.failure(answer.status),
            answer=delivering.head(answer.body),
        )
        throttled = verdict is Verdict.THROTTLED
        asked = delivering.asked_rest(answer.headers.get("retry-after"), now) if throttled else None
        return Tried(one=one, verdict=verdict, asked=asked)

    async def _write_down(self, delivery: Delivery, tried: Tried) -> None:
        now = self._clock.now()
        if tried.verdict is Verdict.DELIVERED:
            self.shaky.discard(delivery.endpoint)
        else:
            self.shaky.add(delivery.endpoint)
        if await self._store.write(lambda tx: self._keep_try(tx, delivery, tried, now)):
            await self._disabling.disable(delivery.endpoint, "it failed for days, and nothing succeeded")
        log.info(
            "delivery.tried",
            delivery=delivery.id,
            endpoint=delivery.endpoint,
            n=tried.one.n,
            status=tried.one.status,
            error=tried.one.error,
        )

    async def _keep_try(self, tx: Transaction, delivery: Delivery, tried: Tried, now: Millis) -> bool:
        """Whether the endpoint is to be given up."""
        await tx.deliveries.hold(delivery.tenant)
        await tx.deliveries.tried(delivery, tried.one)
        state = await tx.deliveries.state(delivery.endpoint, delivery.tenant)
        if tried.verdict is Verdict.DELIVERED:
            await tx.deliveries.end(delivery, DeliveryState.DELIVERED, now)
            if state.failures:
                await tx.deliveries.keep(delivering.succeeded(state))
            return False
        after = delivering.failed(state, self._terms, now, self._luck, tried.asked)
        await tx.deliveries.keep(after)
        wait = delivering.next_try(self._terms, delivery.tries - delivery.since, self._luck())
        if wait is None:
            await tx.deliveries.end(delivery, DeliveryState.EXHAUSTED, now)
        else:
            await tx.deliveries.retry(delivery, now + max(wait, tried.asked or 0))
        return delivering.given_up(after, self._terms, now)

    async def test(self, tenant: str, endpoint: str, type: EventType) -> DeliveryTry:
        """Send an endpoint a sample event now, signed as all are, also while it is disabled; neither is kept.

        Raises:
            NotFound: the tenant has no such endpoint.
        """
        record = self._endpoints.get(endpoint)
        if record is None or record.endpoint.tenant != tenant:
            raise NotFound(f"There is no webhook endpoint {endpoint}")
        now = self._clock.now()
        event = sample(type, tenant, self._ids.event(now), now)
        delivery = Delivery(
            id=message_id(event, endpoint),
            tenant=tenant,
            endpoint=endpoint,
            event=event.id,
            position=0,
            type=type,
            state=DeliveryState.PENDING,
            created_at=now,
            tries=1,
        )
        return (await self._call(record, delivery, event_json(event))).one

    async def _skip(self, delivery: Delivery) -> None:
        """It can not be told; when its endpoint is gone, nor can all that waits for it."""
        now = self._clock.now()

        async def work(tx: Transaction) -> None:
            await tx.deliveries.hold(delivery.tenant)
            if delivery.body is None:
                await tx.deliveries.end(delivery, DeliveryState.SKIPPED, now)
            else:
                await tx.deliveries.skip(delivery.endpoint, now)

        await self._store.write(work)

    async def give_back(self, delivery: Delivery) -> None:
        """It was not tried to its end: somebody else may."""
        await self._store.write(lambda tx: tx.deliveries.retry(delivery, self._clock.now()))

    # the log of a tenant

    async def page(
        self, tenant: str, endpoint: str, *, after: str | None, limit: int, state: DeliveryState | None = None
    ) -> tuple[list[Delivery], bool]:
        """What an endpoint was told and is to be told, newest first; and whether there is more."""
        found = await self._store.read(
            lambda tx: tx.deliveries.page(tenant, endpoint, after=after, limit=limit + 1, state=state), tenant=tenant
        )
        return cut(found, limit)

    async def get(self, tenant: str, id: str) -> tuple[Delivery, list[DeliveryTry]]:
        """A delivery, and how it was tried. Raises NotFound."""

        async def work(tx: Transaction) -> tuple[Delivery | None, list[DeliveryTry]]:
            return await tx.deliveries.get(tenant, id), await tx.deliveries.tries(tenant, id)

        delivery, tries = await self._store.read(work, tenant=tenant)
        if delivery is None:
            raise NotFound(f"There is no delivery {id}")
        return delivery, tries

    async def replay(self, tenant: str, id: str) -> Delivery:
        """Send what has ended once more, under the same ``webhook-id``. Raises NotFound."""
        now = self._clock.now()
        await self.get(tenant, id)
        await self._again(tenant, [id], now)
        return (await self.get(tenant, id))[0]

    async def replay_since(
        self,
        tenant: str,
        endpoint: str,
        since: Millis,
        *,
        types: frozenset[EventType] = frozenset(),
        failed_only: bool = False,
    ) -> int:
        """Send what has ended since then once more, in order, each under its ``webhook-id``. How many these are."""
        now = self._clock.now()
        ids = await self._store.read(
            lambda tx: tx.deliveries.ended_since(
                tenant, endpoint, since, MOST_AGAIN, types=types, failed_only=failed_only
            ),
            tenant=tenant,
        )
        return sum([await self._again(tenant, ids[n : n + _AT_ONCE], now) for n in range(0, len(ids), _AT_ONCE)])

    async def _again(self, tenant: str, ids: list[str], now: Millis) -> int:
        async def work(tx: Transaction) -> int:
            await tx.deliveries.hold(tenant)
            return await tx.deliveries.again(tenant, ids, now)

        return await self._store.write(work, tenant=tenant)

    async def sweep(self) -> int:
        """Forget what ended long ago. How much that was."""
        before, dropped = self._clock.now() - self._keep, 0
        while some := await self._store.write(lambda tx: tx.deliveries.forget(before, _AT_ONCE)):
            dropped += some
        return dropped
