"""A forecast: what can be said of a video that has not ended, from what was observed. No promise."""

import msgspec

from schema.clock import Millis


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """How a video stands among those who wait, and after how long it will probably have ended.

    Attributes:
        position: its place among those who wait, from 1; None when it does not wait.
        eta: milliseconds until it has probably ended; None when nobody can tell.
    """

    position: int | None = None
    eta: Millis | None = None

    @property
    def eta_seconds(self) -> int | None:
        """The same in whole seconds, never 0: it has not ended."""
        return None if self.eta is None else max(-(-self.eta // 1000), 1)


NOTHING = Forecast()
