"""Who manages an object, and its life: made, changed, removed. What a file manages nobody else may change."""

from enum import StrEnum

import msgspec

from schema.clock import Millis


class ManagedBy(StrEnum):
    """Where something is changed."""

    FILE = "file"  # in the configuration file, and nowhere else
    API = "api"


class Ownership(msgspec.Struct, frozen=True, kw_only=True):
    """Who manages an object, and since when it is as it is.

    Attributes:
        source: the name of the file that manages it; None when none does.
        version: from 1; every change makes the next one.
        removed_at: None while it is there.
    """

    managed_by: ManagedBy = ManagedBy.API
    source: str | None = None
    version: int = 1
    created_at: Millis = 0
    updated_at: Millis = 0
    removed_at: Millis | None = None
