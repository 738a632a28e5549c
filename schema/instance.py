"""An instance: one life of the database. A restore begins a new one, in quarantine until an operator confirms it."""

import msgspec

from schema.clock import Millis


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """Which life it is, and whether anything may be sent in it.

    Attributes:
        epoch: 1 for a database that was never restored; each quarantine begins the next.
        quarantined_at: since when nothing is sent and nothing accepted; None when all is as usual.
        restored_from: the backup of the latest quarantine, if it was said.
        released_at, released_by: when the latest quarantine was ended, and by whom.
    """

    epoch: int
    quarantined_at: Millis | None = None
    restored_from: str | None = None
    released_at: Millis | None = None
    released_by: str | None = None

    @property
    def quarantined(self) -> bool:
        return self.quarantined_at is not None
