"""What the gateway answers about tenants and accounts as they are set up, as far as the command line reads it."""

from typing import Any

import msgspec


class AccountSetup(msgspec.Struct, frozen=True, kw_only=True):
    """An account as it is set up."""

    id: str
    provider: str
    base_url: str
    version: int
    owner: str | None = None
    price_per_credit: str | None = None
    limits: dict[str, int | None] = {}
    options: dict[str, Any] = {}
    sandbox: bool = False
    credential_version: int = 1
    credential_at: int | None = None
    webhook_secrets: int = 0
    managed_by: str = ""
    file: str | None = None
    updated_at: int = 0
    removed_at: int | None = None


class AccountSetups(msgspec.Struct, frozen=True):
    """All of them that may be seen."""

    data: tuple[AccountSetup, ...]


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """What a free question to an account showed."""

    account: str
    asked: bool
    reached: bool
    credential: str | None = None
    failure: str | None = None
    detail: str = ""
    limit: dict[str, int | None] = {}


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of a tenant but its routing."""

    name: str
    version: int
    test: bool = False
    origins: tuple[str, ...] = ()
    funding: dict[str, Any] = {}
    limits: dict[str, int | None] = {}
    managed_by: str = ""
    file: str | None = None
    updated_at: int = 0


class Stamp(msgspec.Struct, frozen=True):
    """Which version its policy is at."""

    version: int


class TenantSetup(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant; ``policy`` is told where one alone is."""

    id: str
    setup: Setup
    policy: Stamp | None = None

    @property
    def etag(self) -> str:
        """Both versions, as a change names them."""
        return f"{self.policy.version if self.policy else 0}.{self.setup.version}"


class TenantPage(msgspec.Struct, frozen=True):
    """Some tenants, and whether there are others behind ``last_id``."""

    data: tuple[TenantSetup, ...]
    has_more: bool = False
    last_id: str | None = None
