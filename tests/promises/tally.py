"""What really happened in a run: how often each rule and each fault did, and what must not be missing."""

from collections import Counter
from collections.abc import Iterable


class Tally:
    """Counts of all walks of a run. A fault that never happened proves nothing, so the run says so."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def note(self, what: str, times: int = 1) -> None:
        self._counts[what] += times

    def counts(self) -> dict[str, int]:
        return dict(self._counts)

    def missing(self, wanted: Iterable[str]) -> list[str]:
        return [what for what in wanted if not self._counts[what]]

    def report(self) -> str:
        lines = [f"  {count:>7}  {what}" for what, count in sorted(self._counts.items())]
        return "\n".join(["what happened:", *lines])
