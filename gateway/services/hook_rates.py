"""How many hooks are heard in a minute, at this replica: forgeries by where they come from, genuine ones by provider.

A forgery costs whoever sends it, never who shares an address with him: from an address that has sent too many, calls
are still heard that come to an address of ours. What nobody signed counts for nobody but its sender.
"""

from gateway.config.settings import HookSettings
from gateway.policy import rates
from gateway.policy.addresses import block_of
from gateway.policy.rates import Recent
from schema.clock import Clock
from schema.errors import RateLimited
from schema.luck import Luck

MOST_BLOCKS = 10_000
"""Addresses that are remembered; with more of them whoever has been quiet longest is forgotten."""

IN_ALL = 20
"""From all addresses together so many times what one may send."""

_ALL = ""


class HookRates:
    def __init__(self, *, settings: HookSettings, clock: Clock, luck: Luck) -> None:
        self._settings = settings
        self._clock = clock
        self._luck = luck
        self._failures: dict[str, Recent] = {}
        self._heard: dict[str, Recent] = {}

    def check(self, address: str | None) -> None:
        """Raises RateLimited when so much that nobody signed came from there, or from everywhere, lately."""
        for block, limit in self._limits(address):
            self._admit(self._failures.get(block, ()), limit, "calls that nobody signed were made")

    def failed(self, address: str | None) -> None:
        """Nobody signed what came from there. Raises RateLimited when there were too many before it."""
        self.check(address)
        for block, _ in self._limits(address):
            recent = self._failures.pop(block, ())  # whoever was heard last stands last
            self._failures[block] = rates.taken(recent, self._clock.now())
        if len(self._failures) > MOST_BLOCKS + 1:
            del self._failures[next(block for block in self._failures if block != _ALL)]

    def heard(self, provider: str) -> None:
        """A provider that we know has signed one. Raises RateLimited when it has sent too many."""
        recent = self._heard.get(provider, ())
        self._admit(recent, self._settings.per_minute, "calls of one provider are heard")
        self._heard[provider] = rates.taken(recent, self._clock.now())

    def _limits(self, address: str | None) -> tuple[tuple[str, int], ...]:
        limit = self._settings.failures_per_minute
        return (block_of(address), limit), (_ALL, limit * IN_ALL)

    def _admit(self, recent: Recent, limit: int, said: str) -> None:
        now = self._clock.now()
        until = rates.full_until(recent, limit, now)
        if until is not None:
            raise RateLimited(
                f"More {said} than may be in a minute; wait as long as Retry-After says",
                retry_after_seconds=rates.retry_after(until, now, self._luck()),
            )
