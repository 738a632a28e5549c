"""Seats: how many streams and subscriptions of one tenant this replica has room for."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from schema.errors import TooManyRequests

RETRY_SECONDS = 5


class Seats:
    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()

    def taken(self) -> int:
        """How many watch here."""
        return self._taken.total()

    @contextmanager
    def seat(self, tenant: str) -> Iterator[None]:
        """Watch until the end of the block. Raises TooManyRequests when a tenant has no seat left."""
        if self._taken[tenant] >= self._most:
            detail = f"You watch {self._most} things at once here, which is the most; end some of these streams"
            raise TooManyRequests(detail, retry_after_seconds=RETRY_SECONDS)
        self._taken[tenant] += 1
        try:
            yield
        finally:
            self._taken[tenant] -= 1
            if not self._taken[tenant]:
                del self._taken[tenant]
