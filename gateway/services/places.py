"""Who takes this process's places: one silent account must not hold them all, nor all the accounts of one tenant."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from schema.account import Account


class Places:
    """Sends and polls under way in this process, and how many of them one account may have.

    An operator's accounts have a share each; those of one tenant's own have one together.
    """

    def __init__(self, *, concurrency: int, sends: int) -> None:
        self._all_sends = sends
        self.sends_each: int | None = None
        self.polls_each = max(concurrency // 4, 1)
        self._groups: dict[str, str] = {}
        self._sends: Counter[str] = Counter()
        self._polls: Counter[str] = Counter()

    def share(self, accounts: Iterable[Account], removed: Iterable[Account] = ()) -> None:
        """These accounts share the places from now on; what those removed were sent is still polled."""
        groups = {account.id: _group(account) for account in accounts}
        self._groups = {account.id: _group(account) for account in removed} | groups
        self.sends_each = max(self._all_sends // 2, 1) if len(set(groups.values())) > 1 else None

    def sends(self, account: str) -> int:
        """Sends under way to it, and to those that it shares with."""
        return self._sends[self._of(account)]

    def full(self, account: str) -> bool:
        """Another send to it would take more than its half; alone, an account may have all."""
        return self.sends_each is not None and self.sends(account) >= self.sends_each

    def busy(self, account: str) -> bool:
        """Another poll of it would take more than its quarter."""
        return self._polls[self._of(account)] >= self.polls_each

    @contextmanager
    def sending(self, account: str) -> Iterator[None]:
        with _counted(self._sends, self._of(account)):
            yield

    @contextmanager
    def polling(self, account: str) -> Iterator[None]:
        with _counted(self._polls, self._of(account)):
            yield

    def _of(self, account: str) -> str:
        return self._groups.get(account, account)


ALONE = Places(concurrency=1_000_000, sends=1_000_000)
"""For who sends nothing, or shares with nobody."""


def _group(account: Account) -> str:
    """No account's id begins with that sign."""
    return account.id if account.owner is None else f"~{account.owner}"


@contextmanager
def _counted(counts: Counter[str], account: str) -> Iterator[None]:
    counts[account] += 1
    try:
        yield
    finally:
        counts[account] -= 1
