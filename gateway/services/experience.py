"""What accounts have shown, read now and then: how long their videos take, how many fail, what they cost."""

from gateway.policy.observing import UNSEEN, Observations, by_account, slot_span
from gateway.store.store import Transaction
from providers.base import Provider
from schema.clock import Millis
from schema.money import Credits
from schema.quote import Facts

LASTS = 2_000
"""Milliseconds for which what was read serves: a hundred videos do not change in less."""


class Experience:
    def __init__(self) -> None:
        self._observed: dict[str, Observations] = {}
        self._costs: dict[str, dict[str, Credits]] = {}
        self._read_at: Millis | None = None

    async def refresh(self, tx: Transaction, now: Millis) -> None:
        """Read it again, unless it was read a moment ago."""
        if self._read_at is not None and now - self._read_at < LASTS:
            return
        self._observed = by_account(await tx.samples.all())
        self._costs = await tx.estimates.all()
        self._read_at = now

    def of(self, account: str) -> Observations:
        return self._observed.get(account, UNSEEN)

    def facts(self, account: str) -> Facts:
        """What of it decisions are made from."""
        seen = self.of(account).all
        return Facts(
            make_ms=None if seen.make is None else seen.make.p50,
            fast_ms=seen.fast_ms,
            made=seen.made,
            failed=seen.failed,
            learned=self._costs.get(account, {}),
        )

    def slot_span(self, account: str, provider: Provider) -> Millis:
        """How long an attempt there whose outcome is unknown counts against the account's concurrency."""
        return slot_span(provider.capabilities.typical_seconds[1], self.of(account).all.make)
