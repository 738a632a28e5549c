"""Deliveries to webhook endpoints: claimed, called once each, and written down.

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
from gateway.store.deliveries import message_id
from gateway.store.store import Store, Transaction
from schema.account import Secret
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


class Addressee(msgspec.Struct, frozen=True, kw_only=True):
    """Where a delivery goes, and what signs it there."""

    url: str
    secrets: tuple[Secret, ...]


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
        """Some whose turn it is, leased for one try each, their bodies frozen; those that will be answered first."""
        now = self._clock.now()
        if not await self._store.read(lambda tx: tx.deliveries.ready(now, healthy_only=healthy_only)):
            return []
        until = now + millis(self._timeout) + self._spare

        async def work(tx: Transaction) -> list[Delivery]:
            claimed = await tx.deliveries.claim(now=now, until=until, limit=limit, healthy_only=healthy_only)
            return [await self._frozen(tx, delivery) for delivery in claimed]

        claimed = await self._store.write(work)
        return sorted(claimed, key=lambda delivery: delivery.endpoint in self.shaky)

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
        to = await self._addressee(delivery)
        if to is None or delivery.body is None:
            await self._skip(delivery)
            return
        tried = await self._call(to, delivery, delivery.body.encode())
        await self._write_down(delivery, tried)
        if tried.verdict is Verdict.GONE:
            await self._gone(delivery)

    async def _addressee(self, delivery: Delivery) -> Addressee | None:
        """Where it goes as it is now; None when nobody is to be called."""
        found = self._known(delivery)
        if found is None or not found.secrets:
            await self._keeper.refresh()  # it may be newer than what is known here
            found = self._known(delivery)
        return found

    def _known(self, delivery: Delivery) -> Addressee | None:
        now = self._clock.now()
        if delivery.url is not None:
            return Addressee(url=delivery.url, secrets=self._endpoints.default_signing(delivery.tenant, now))
        record = self._endpoints.get(delivery.endpoint)
        if record is None or record.endpoint.disabled_at is not None:
            return None
        return _addressee(record, now)

    async def _gone(self, delivery: Delivery) -> None:
        """An endpoint that is gone is disabled; an address of a video is told nothing that waits for it."""
        if delivery.url is None:
            await self._disabling.disable(delivery.endpoint, "it answered 410 Gone")
            return
        now = self._clock.now()

        async def work(tx: Transaction) -> None:
            await tx.deliveries.hold(delivery.tenant)
            await tx.deliveries.skip(delivery.endpoint, now, video=delivery.video)

        await self._store.write(work)

    async def _call(self, to: Addressee, delivery: Delivery, body: bytes) -> Tried:
        now = self._clock.now()
        if not to.secrets:
            error = "there is no secret to sign with; rotate it"
            return Tried(one=DeliveryTry(n=delivery.tries, at=now, took=0, error=error), verdict=Verdict.FAILED)
        headers = {
            "content-type": "application/json",
            "user-agent": USER_AGENT,
            "webhook-id": delivery.id,
            "webhook-timestamp": str(now // 1000),
            "webhook-signature": signature(to.secrets, delivery.id, now // 1000, body),
        }
        try:
            answer = await self._caller.send(
                "POST",
                to.url,
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
        return (await self._call(_addressee(record, now), delivery, event_json(event))).one

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

    async def sweep(self) -> int:
        """Forget what ended long ago. How much that was."""
        before, dropped = self._clock.now() - self._keep, 0
        while some := await self._store.write(lambda tx: tx.deliveries.forget(before, _AT_ONCE)):
            dropped += some
        return dropped


def _addressee(record: EndpointRecord, now: Millis) -> Addressee:
    return Addressee(url=record.endpoint.url, secrets=record.signing(now))
