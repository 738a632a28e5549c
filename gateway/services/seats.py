"""Seats: how much of one tenant's this replica has room for at once: streams that are open, operations in execution."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from schema.errors import TooManyRequests

RETRY_SECONDS = 5

WATCHING = "You watch {most} things at once here, which is the most; end some of these streams"
EXECUTING = "{most} of your GraphQL operations are in execution here, which is the most; wait for some of them"


class Seats:
    """Seats of one sort.

    Args:
        most: of a tenant; asked every time.
        full: what is said when there is none left.
    """

    def __init__(self, most: Callable[[], int], full: str) -> None:
        self._most = most
        self._full = full
        self._taken: Counter[str] = Counter()

    def taken(self) -> int:
        """How many are taken here."""
        return self._taken.total()

    @contextmanager
    def seat(self, tenant: str) -> Iterator[None]:
        """Until the end of the block. Raises TooManyRequests when a tenant has no seat left."""
        most = self._most()
        if self._taken[tenant] >= most:
            raise TooManyRequests(self._full.format(most=most), retry_after_seconds=RETRY_SECONDS)
        self._taken[tenant] += 1
        try:
            yield
        finally:
            self._taken[tenant] -= 1
            if not self._taken[tenant]:
                del self._taken[tenant]
