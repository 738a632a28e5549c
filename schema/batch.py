"""A batch: wishes that are accepted together, all or none, or as many of the first as there is money and room for."""

from enum import StrEnum

import msgspec

from schema.clock import Millis
from schema.money import Micros

MAX_BATCH = 100
"""Wishes in one batch: they are accepted in one transaction, for which others may have to wait."""


class BatchMode(StrEnum):
    """What to do when money, or room among those who wait, does not cover every wish."""

    ALL = "all"  # accept none
    AFFORDABLE = "affordable"  # accept the first ones, as many as it covers


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Wishes that were accepted together. Its videos' ids sort as the wishes were given.

    Attributes:
        wished: how many were asked for.
        accepted: how many of them, from the first on, were.
        missing: micros that lacked for the others when it was accepted.
        missing_places: how many of the others found no room among the tenant's waiting videos.
    """

    id: str
    tenant: str
    key: str | None
    fingerprint: str
    created_at: Millis
    mode: BatchMode
    wished: int
    accepted: int
    missing: Micros = 0
    missing_places: int = 0
