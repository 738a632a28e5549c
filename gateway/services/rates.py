"""What a tenant may ask for in a minute: videos to create, exact over all replicas, and other requests, at this one.

Creates are counted in the transaction that accepts them, with a row held that all replicas share; other requests in
memory, before they are served. Who has no such limit is not counted.
"""

import msgspec

from gateway.policy import rates
from gateway.policy.rates import Recent
from gateway.services.tenants import Tenants
from gateway.store.store import Store, Transaction
from schema.allowance import Allowance, Rate
from schema.clock import Clock, Millis
from schema.errors import InvalidRequest, RateLimited
from schema.luck import Luck

_SAID = {Rate.CREATES: "videos may be created", Rate.READS: "other requests may be made, at each replica,"}


class Turnstile(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant that creates within a limit: its row is held by the transaction, and has room for so many."""

    tenant: str
    recent: Recent
    room: int
    now: Millis


class Rates:
    def __init__(self, *, store: Store, tenants: Tenants, clock: Clock, luck: Luck) -> None:
        self._store = store
        self._tenants = tenants
        self._clock = clock
        self._luck = luck
        self._recent: dict[Rate, dict[str, Recent]] = {rate: {} for rate in Rate}

    def limit(self, tenant: str, rate: Rate) -> int | None:
        """How many a minute, as it is now; None for any number."""
        known = self._tenants.get(tenant)
        if known is None:
            return None
        return known.limits.per_minute if rate is Rate.CREATES else known.limits.reads_per_minute

    def allowance(self, tenant: str, rate: Rate) -> Allowance | None:
        """What is left, as was seen here last; None without a limit."""
        limit = self.limit(tenant, rate)
        if limit is None:
            return None
        return rates.allowance(rate.value, self._recent[rate].get(tenant, ()), limit, self._clock.now())

    def used(self, tenant: str, rate: Rate) -> int | None:
        """How many count now, as was seen here last; None without a limit."""
        if self.limit(tenant, rate) is None:
            return None
        return rates.used(self._recent[rate].get(tenant, ()), self._clock.now())

    # requests that create nothing

    def read(self, tenant: str) -> None:
        """Count a request. Raises RateLimited."""
        limit = self.limit(tenant, Rate.READS)
        if limit is None:
            self._recent[Rate.READS].pop(tenant, None)
            return
        now, recent = self._clock.now(), self._recent[Rate.READS].get(tenant, ())
        until = rates.full_until(recent, limit, now)
        if until is not None:
            raise self._refusal(Rate.READS, recent, limit, now, until)
        self._see(Rate.READS, tenant, rates.taken(recent, now))

    # creates

    async def look(self, tenant: str) -> None:
        """Learn what the tenant created lately at all replicas: so much is known of it whatever becomes of a create."""
        if self.limit(tenant, Rate.CREATES) is not None:
            self._see(Rate.CREATES, tenant, await self._store.read(lambda tx: tx.tenant_limits.created(tenant)))

    async def check(self, tenant: str, least: int, *, field: str | None = None) -> None:
        """Refuse what has no room, before anything is done for it.

        Args:
            field: what asks for so many at once.

        Raises:
            RateLimited: they are too many for the rest of the minute.
            InvalidRequest: they are too many for any minute.
        """
        limit = self.limit(tenant, Rate.CREATES)
        if limit is None:
            return
        if field is not None and least > limit:
            raise InvalidRequest.field(field, "over_limit", f"must be at most {limit}: so many a minute you may create")
        await self.look(tenant)
        self._admit(self._recent[Rate.CREATES].get(tenant, ()), limit, least)

    async def admit(self, tx: Transaction, tenant: str, least: int) -> Turnstile | None:
        """How many a tenant may create now, at least so many; None for any number. Raises RateLimited."""
        limit = self.limit(tenant, Rate.CREATES)
        if limit is None:
            return None
        recent = await tx.tenant_limits.lock_created(tenant)
        self._see(Rate.CREATES, tenant, recent)
        now = self._admit(recent, limit, least)
        return Turnstile(tenant=tenant, recent=recent, room=rates.left(recent, limit, now), now=now)

    async def created(self, tx: Transaction, turnstile: Turnstile | None, count: int = 1) -> None:
        """Count so many, which the same transaction creates."""
        if turnstile is not None and count:
            after = rates.taken(turnstile.recent, turnstile.now, count)
            await tx.tenant_limits.keep_created(turnstile.tenant, after)
            self._see(Rate.CREATES, turnstile.tenant, after)

    def _admit(self, recent: Recent, limit: int, least: int) -> Millis:
        now = self._clock.now()
        until = rates.full_until(recent, limit, now, least)
        if until is not None:
            raise self._refusal(Rate.CREATES, recent, limit, now, until, wanted=least)
        return now

    def _refusal(
        self, rate: Rate, recent: Recent, limit: int, now: Millis, until: Millis, *, wanted: int = 1
    ) -> RateLimited:
        found = rates.allowance(rate.value, recent, limit, now)
        these = f", and {wanted} were wished" if wanted > 1 else ""
        return RateLimited(
            f"{limit} {_SAID[rate]} in a minute: {found.left} are left{these}; wait as long as Retry-After says",
            retry_after_seconds=rates.retry_after(until, now, self._luck()),
            allowance=found,
        )

    def _see(self, rate: Rate, tenant: str, recent: Recent) -> None:
        seen = self._recent[rate]
        if tenant not in seen:  # those that were removed since are forgotten when somebody new comes
            for gone in [one for one in seen if self._tenants.get(one) is None]:
                del seen[gone]
        seen[tenant] = recent
