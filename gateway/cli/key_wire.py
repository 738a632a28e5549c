"""What the gateway answers about API keys, as far as the command line reads it."""

import msgspec


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key, and its text when it was made just now; moments in seconds since the epoch."""

    id: str
    hint: str
    status: str
    scopes: tuple[str, ...]
    created_at: int
    name: str = ""
    origins: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    managed_by: str = ""
    source: str | None = None
    expires_at: int | None = None
    revoked_at: int | None = None
    used_at: int | None = None
    rotates: str | None = None
    key: str | None = None


class ApiKeyPage(msgspec.Struct, frozen=True):
    """Some keys, newest first, and whether there are older ones than ``last_id``."""

    data: tuple[ApiKey, ...]
    has_more: bool = False
    last_id: str | None = None
