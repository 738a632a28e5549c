"""A client token as it is remembered, and the keys that sign them: what a browser was given, never the token itself."""

import msgspec

from schema.account import Secret
from schema.clock import Millis
from schema.money import Micros
from schema.tenant import Grant, Scope

GRANTABLE = frozenset({Scope.VIDEOS_READ, Scope.VIDEOS_WRITE})
"""What a client token can be given; the rest stays with keys."""

LIFETIME_SECONDS = 600
LONGEST_SECONDS = 3600


class ClientToken(msgspec.Struct, frozen=True, kw_only=True):
    """What was given to somebody's browser.

    Attributes:
        api_key: the id of the key that made it; it ends with that key.
        created: videos it has created.
        revoked_at: None unless it was ended before its time.
    """

    id: str
    tenant: str
    api_key: str
    scopes: frozenset[Scope]
    end_user: str | None = None
    video: str | None = None
    allowance: Micros | None = None
    creates: int | None = None
    created: int = 0
    created_at: Millis
    expires_at: Millis
    revoked_at: Millis | None = None

    @property
    def grant(self) -> Grant:
        return Grant(
            token=self.id,
            end_user=self.end_user,
            video=self.video,
            allowance=self.allowance,
            creates=self.creates,
            expires_at=self.expires_at,
        )


class SigningKeyFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A key that client tokens are signed with, without its private half.

    Attributes:
        kid: what names it in a token's header.
        retired_at: when a newer one took its place; None for the one that signs.
    """

    kid: str
    created_at: Millis
    retired_at: Millis | None = None


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """The same with its private half, base64."""

    facts: SigningKeyFacts
    secret: Secret
