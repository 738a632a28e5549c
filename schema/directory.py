"""Who there is: tenants, their keys, and the accounts, each with who manages it. What a gateway works from."""

import msgspec

from schema.account import Account, Secret
from schema.api_key import ApiKey
from schema.client_token import SigningKey
from schema.endpoint import EndpointRecord, TenantSecret
from schema.ownership import ManagedBy, Ownership
from schema.tenant import Tenant


class TenantRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant as it is configured.

    Attributes:
        tenant: its ``routing`` is what the file says; where the API manages that, what it began with.
        routed_by_file: the file says how it is routed, so nobody else may.
    """

    tenant: Tenant
    routed_by_file: bool = False
    ownership: Ownership = Ownership()


class AccountRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An account as it is configured, with its secrets.

    Attributes:
        credentials: every version of its credential that is kept, for attempts that were sent with a former one.
    """

    account: Account
    credentials: dict[int, Secret] = {}
    ownership: Ownership = Ownership()


class StoredKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key and the hash it is found by, hexadecimal."""

    key: ApiKey
    hash: str


class Directory(msgspec.Struct, frozen=True, kw_only=True):
    """All of it at one revision; tenants and accounts removed are in it too: what they began is brought to its end.

    Attributes:
        signing: the keys client tokens are signed with, oldest first; the last one signs.
        revoked_tokens: client tokens that were ended before their time.
    """

    revision: int = 0
    tenants: tuple[TenantRecord, ...] = ()
    keys: tuple[StoredKey, ...] = ()
    accounts: tuple[AccountRecord, ...] = ()
    endpoints: tuple[EndpointRecord, ...] = ()
    webhook_secrets: tuple[TenantSecret, ...] = ()
    signing: tuple[SigningKey, ...] = ()
    revoked_tokens: frozenset[str] = frozenset()


def managed_by_file(ownership: Ownership) -> bool:
    """Nobody but the file may change it."""
    return ownership.managed_by is ManagedBy.FILE
