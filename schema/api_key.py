"""An API key as it is remembered: everything but the key itself, which is shown once and kept as a keyed hash."""

from enum import StrEnum

import msgspec

from schema.clock import Millis
from schema.ownership import ManagedBy
from schema.tenant import Scope

HINT = 4
"""The last characters of a key are shown, so that its owner can tell which one it is."""

MAX_KEY_NAME = 100
MAX_PLACES = 64
"""Origins, or networks, of one key."""

LONGEST_LIFE = 10 * 366 * 24 * 3600
"""Seconds ahead at which a key may expire; one for longer has no end at all."""

LONGEST_OVERLAP = 30 * 24 * 3600
USUAL_OVERLAP = 24 * 3600
"""Seconds for which a key goes on when another takes its place."""


class KeyStatus(StrEnum):
    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key of a tenant.

    Attributes:
        hint: the key's last characters.
        origins: web origins it may be used from; empty for any caller.
        networks: where its callers must be, such as ``203.0.113.0/24``; empty for anywhere.
        source: the name of the file that manages it; None when none does.
        used_at: when it was last used, to the minute; None for never.
        rotates: the key whose place it takes.
    """

    id: str
    tenant: str
    name: str = ""
    hint: str
    scopes: frozenset[Scope]
    origins: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    managed_by: ManagedBy = ManagedBy.API
    source: str | None = None
    created_at: Millis
    expires_at: Millis | None = None
    revoked_at: Millis | None = None
    used_at: Millis | None = None
    rotates: str | None = None

    def works(self, now: Millis) -> bool:
        """Neither revoked nor expired."""
        return not _reached(self.revoked_at, now) and not _reached(self.expires_at, now)

    def status(self, now: Millis) -> KeyStatus:
        if _reached(self.revoked_at, now):
            return KeyStatus.REVOKED
        return KeyStatus.EXPIRED if _reached(self.expires_at, now) else KeyStatus.ACTIVE


class KeyWish(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants of a key, new or known; what is unset stays as it is.

    Attributes:
        expires_at: None for never.
        expires_in_seconds: the same, from now on.
    """

    name: str | msgspec.UnsetType = msgspec.UNSET
    scopes: frozenset[Scope] | msgspec.UnsetType = msgspec.UNSET
    origins: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    networks: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    expires_at: Millis | msgspec.UnsetType | None = msgspec.UNSET
    expires_in_seconds: int | msgspec.UnsetType | None = msgspec.UNSET


def _reached(moment: Millis | None, now: Millis) -> bool:
    return moment is not None and now >= moment
