"""Who takes this process's places: one silent account must not hold them all."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Places:
    """Sends and polls under way in this process, by account, and how many of them one account may have."""

    def __init__(self, *, concurrency: int, sends: int) -> None:
        self._all_sends = sends
        self.sends_each: int | None = None
        self.polls_each = max(concurrency // 4, 1)
        self._sends: Counter[str] = Counter()
        self._polls: Counter[str] = Counter()

    def share(self, accounts: int) -> None:
        """So many accounts share the places from now on."""
        self.sends_each = max(self._all_sends // 2, 1) if accounts > 1 else None

    def sends(self, account: str) -> int:
        return self._sends[account]

    def full(self, account: str) -> bool:
        """Another send to it would take more than its half; alone, an account may have all."""
        return self.sends_each is not None and self._sends[account] >= self.sends_each

    def busy(self, account: str) -> bool:
        """Another poll of it would take more than its quarter."""
        return self._polls[account] >= self.polls_each

    @contextmanager
    def sending(self, account: str) -> Iterator[None]:
        with _counted(self._sends, account):
            yield

    @contextmanager
    def polling(self, account: str) -> Iterator[None]:
        with _counted(self._polls, account):
            yield


ALONE = Places(concurrency=1_000_000, sends=1_000_000)
"""For who sends nothing, or shares with nobody."""


@contextmanager
def _counted(counts: Counter[str], account: str) -> Iterator[None]:
    counts[account] += 1
    try:
        yield
    finally:
        counts[account] -= 1
