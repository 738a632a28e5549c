"""A webhook endpoint: a tenant's address that is told of its events, and what signs what it is told."""

import msgspec

from schema.account import Secret
from schema.clock import Millis
from schema.event import EventType
from schema.ownership import Ownership

MOST = 32
"""Endpoints of one tenant, the file's among them."""

MAX_NAME = 200
HINT = 4
"""Characters of a secret's end that may be shown."""


def hint(secret: Secret) -> str:
    """The end of a secret, by which its owner knows it again."""
    return f"whsec_…{secret.reveal()[-HINT:]}"


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An address as it is set up.

    Attributes:
        name: what it is for, in its owner's words.
        events: which it is told of; empty for all.
        secret_by_file: the configuration file gives the secret, so nobody else may rotate it.
        secret_version: of the secret that signs; the one before it signs too, until ``previous_until``.
        previous_until: None when it signs alone.
        disabled_at: since when it is told nothing; None while it is told.
        disabled_reason: why, in words for people.
    """

    id: str
    tenant: str
    url: str
    name: str = ""
    events: tuple[EventType, ...] = ()
    secret_by_file: bool = False
    secret_version: int = 1
    previous_until: Millis | None = None
    disabled_at: Millis | None = None
    disabled_reason: str | None = None

    def hears(self, type: EventType) -> bool:
        """Whether it is told of events of this type."""
        return not self.events or type in self.events


class EndpointRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint with its secrets, by version: the current one, and the one before while it signs too."""

    endpoint: Endpoint
    secrets: dict[int, Secret] = {}
    ownership: Ownership = Ownership()

    def signing(self, now: Millis) -> tuple[Secret, ...]:
        """The secrets that sign at that moment, the current one first."""
        current, until = self.endpoint.secret_version, self.endpoint.previous_until
        versions = [current, current - 1] if until is not None and now < until else [current]
        return tuple(self.secrets[version] for version in versions if version in self.secrets)

    @property
    def current(self) -> Secret | None:
        """The secret that signs from now on; None when none lies there."""
        return self.secrets.get(self.endpoint.secret_version)


class TenantSecret(msgspec.Struct, frozen=True, kw_only=True):
    """What signs the webhooks that a tenant asks for video by video, without an endpoint.

    Attributes:
        version: how many there were.
        at: since when the current one signs.
        previous: the one before, while it signs too.
        previous_until: None when there is none before.
    """

    tenant: str
    version: int
    current: Secret
    at: Millis
    previous: Secret | None = None
    previous_until: Millis | None = None

    def signing(self, now: Millis) -> tuple[Secret, ...]:
        """The secrets that sign at that moment, the current one first."""
        if self.previous is None or self.previous_until is None or now >= self.previous_until:
            return (self.current,)
        return (self.current, self.previous)


class EndpointWish(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants of an endpoint, new or known; what is unset stays as it is.

    Attributes:
        events: empty for all.
        disabled: it is to be told nothing, or told again.
    """

    url: str | msgspec.UnsetType = msgspec.UNSET
    name: str | msgspec.UnsetType = msgspec.UNSET
    events: tuple[EventType, ...] | msgspec.UnsetType = msgspec.UNSET
    disabled: bool | msgspec.UnsetType = msgspec.UNSET
