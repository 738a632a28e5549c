"""Quotes: what a wish would cost and where it would be made, with nothing sent, nothing counted and nothing kept.

A quote's id carries its promise, signed: any replica honours it, and there is nothing to clean up.
"""

from gateway.config.settings import Timing
from gateway.policy.orders import shown_by
from gateway.policy.signing import Promise, promise_in, promise_of, wish_digest
from gateway.services.books import Books
from gateway.services.decisions import Decisions
from gateway.services.references import References
from gateway.services.reusing import Reusing
from gateway.store.store import Store
from schema.account import Secret
from schema.clock import Clock, Millis, millis
from schema.errors import InvalidRequest
from schema.money import Micros, MicrosRange
from schema.quote import Candidate, Decision, Quote
from schema.tenant import Grant, Tenant
from schema.video import Order, RoutingWish, Video, VideoSpec

_FIELD = "gateway.quote_id"


class Quotes:
    def __init__(
        self,
        *,
        store: Store,
        decisions: Decisions,
        books: Books,
        references: References,
        reusing: Reusing,
        key: Secret,
        clock: Clock,
        timing: Timing,
    ) -> None:
        self._store = store
        self._decisions = decisions
        self._books = books
        self._references = references
        self._reusing = reusing
        self._key = key
        self._clock = clock
        self._timing = timing

    async def quote(self, tenant: Tenant, spec: VideoSpec, routing: RoutingWish, grant: Grant | None = None) -> Quote:
        """What this wish would cost now: nothing, if it would have the file of an equal one that the grant shows.

        Raises:
            InvalidRequest, NoRoute: as a video of this wish would be refused.
        """
        spec = await self._references.known(tenant.id, spec, shown_by(grant))
        now = self._clock.now()
        source = await self._source(tenant, spec, routing, grant, now)
        if source is not None:
            return self._reused(tenant, source, routing, now)
        decision = await self._decisions.decide(tenant, spec, routing, now)
        best = _best(decision)
        expires_at = now + millis(self._timing.quote_seconds)
        top = None if best.price is None else best.price.high
        own = self._books.owned(best.account)  # its price is its owner's to say, so it binds nobody at other accounts
        left = await self._store.read(lambda tx: self._books.budgets.left(tx, tenant.id, now), tenant=tenant.id)
        return Quote(
            id=None if top is None or own else self._sign(tenant, spec, routing, top, expires_at),
            created_at=now,
            expires_at=expires_at,
            account=best.account,
            provider=best.provider,
            price=best.price,
            expected=await self._expected(best, spec),
            missing=0 if left is None or top is None else max(top - left, 0),
            decision=decision,
        )

    async def _source(
        self, tenant: Tenant, spec: VideoSpec, routing: RoutingWish, grant: Grant | None, now: Millis
    ) -> Video | None:
        if routing.reuse is None:
            return None
        shows = shown_by(grant)
        return await self._store.read(
            lambda tx: self._reusing.source(tx, tenant.id, spec, routing, now, shows=shows), tenant=tenant.id
        )

    def _reused(self, tenant: Tenant, source: Video, routing: RoutingWish, now: Millis) -> Quote:
        """Nothing is promised: by then the file may have expired, and the wish is made anew at the usual price."""
        return Quote(
            id=None,
            created_at=now,
            expires_at=now + millis(self._timing.quote_seconds),
            account=source.account or "",
            provider=source.provider or "",
            price=MicrosRange(0, 0),
            expected=0,
            decision=Decision(at=now, strategy=routing.strategy or tenant.routing.strategy, candidates=()),
            reused_from=source.id,
        )

    def promised(self, order: Order, now: Millis) -> Micros | None:
        """The most an order may be charged by the quote it names; None when it names none.

        Raises:
            InvalidRequest: the quote is not ours, not for this tenant or wish, or has expired.
        """
        id = order.routing.quote_id
        if id is None:
            return None
        promise = promise_in(self._key, id)
        if promise is None or promise.tenant != order.tenant:
            raise InvalidRequest.field(_FIELD, "unknown_quote", "is no quote of yours; ask for one first")
        if promise.wish != wish_digest(order.spec, order.routing):
            raise InvalidRequest.field(_FIELD, "other_wish", "was given for another wish; quote this one")
        if promise.expires_at <= now:
            raise InvalidRequest.field(_FIELD, "quote_expired", "has expired; ask for a new quote")
        return promise.top

    async def _expected(self, best: Candidate, spec: VideoSpec) -> Micros | None:
        """What it will probably cost: what such videos have cost there, else the provider's own price list."""
        if best.price is None:
            return None
        credits = await self._store.read(lambda tx: self._books.expected(tx, best.account, spec))
        per_credit = best.price.high // best.credits.high if best.credits.high else 0
        return min(max(credits * per_credit, best.price.low), best.price.high)

    def _sign(self, tenant: Tenant, spec: VideoSpec, routing: RoutingWish, top: Micros, expires_at: Millis) -> str:
        wish = wish_digest(spec, routing)
        return promise_of(self._key, Promise(tenant=tenant.id, wish=wish, top=top, expires_at=expires_at))


def _best(decision: Decision) -> Candidate:
    """Who would make it: decisions without anybody are refused before."""
    best = decision.chosen or decision.hopeful
    if best is None:
        raise LookupError("a decision without a candidate")
    return best
