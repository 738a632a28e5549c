"""What is left of one of a tenant's limits, as answers tell it."""

from enum import StrEnum

import msgspec

MINUTE_SECONDS = 60


class Rate(StrEnum):
    """What is counted by the minute: created videos, or every other request."""

    CREATES = "creates"
    READS = "reads"


QUEUED = "queued"
"""The limit on videos that wait to start; it has no minute."""


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """One limit at one moment.

    Attributes:
        reset: seconds after which there is more than that; 0 when all of it is there.
        window: seconds that it speaks of; None for a limit on how many there are at once.
    """

    name: str
    limit: int
    left: int
    reset: int
    window: int | None = MINUTE_SECONDS
