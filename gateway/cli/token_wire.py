"""What the gateway answers about client tokens, as far as the command line reads it."""

import msgspec


class ClientToken(msgspec.Struct, frozen=True, kw_only=True):
    """A client token; its text only when it was just made."""

    id: str
    created_at: int
    expires_at: int
    revoked_at: int | None = None
    scopes: tuple[str, ...]
    end_user: str | None = None
    video: str | None = None
    allowance_micros: int | None = None
    creates: int | None = None
    created: int = 0
    committed_micros: int = 0
    token: str | None = None


class ClientTokenPage(msgspec.Struct, frozen=True):
    """Some of them, newest first, and whether there are more behind ``last_id``."""

    data: tuple[ClientToken, ...]
    has_more: bool = False
    last_id: str | None = None


class SigningKey(msgspec.Struct, frozen=True):
    """A key that client tokens are signed with."""

    id: str
    created_at: int
