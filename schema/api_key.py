"""An API key as it is remembered: everything but the key itself, which is shown once and kept as a keyed hash."""

import msgspec

from schema.clock import Millis
from schema.ownership import ManagedBy
from schema.tenant import Scope

HINT = 4
"""The last characters of a key are shown, so that its owner can tell which one it is."""


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


def _reached(moment: Millis | None, now: Millis) -> bool:
    return moment is not None and now >= moment
