"""What a configuration declares against what there is: the changes that make one the other, and how they are told."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

import msgspec
from msgspec.structs import replace

from schema.account import Account, FormerSecret, Secret
from schema.api_key import ApiKey
from schema.clock import Millis
from schema.directory import AccountRecord, Directory, StoredKey, TenantRecord
from schema.endpoint import EndpointRecord
from schema.ownership import ManagedBy, Ownership


class Kind(StrEnum):
    TENANT = "tenant"
    API_KEY = "api_key"
    ACCOUNT = "account"
    ENDPOINT = "webhook_endpoint"


class Verb(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    ADOPTED = "adopted"  # the file manages from now on what the API did
    REMOVED = "removed"
    REVOKED = "revoked"


class NotChangeable(ValueError):
    """It is for good, for what was begun counts on it; also when the object was removed meanwhile."""


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says there should be. Keys and webhook endpoints have no ids yet: a key is known by its hash, an
    endpoint by its tenant and its address.

    Attributes:
        tenants, keys: None when the file names no tenant: then it says nothing about them.
        accounts: the same of accounts.
    """

    source: str
    tenants: tuple[TenantRecord, ...] | None = ()
    keys: tuple[StoredKey, ...] = ()
    endpoints: tuple[EndpointRecord, ...] = ()
    accounts: tuple[Account, ...] | None = ()


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to be done.

    Attributes:
        record: the object as it is to be.
        before, after: how it is told, without secrets; only what differs, unless it is new or goes.
        credential, webhook_secrets: an account's secrets differ, so that they need new versions.
    """

    kind: Kind
    verb: Verb
    id: str
    tenant: str | None
    record: TenantRecord | StoredKey | AccountRecord | EndpointRecord
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    credential: bool = False
    webhook_secrets: bool = False

    @property
    def action(self) -> str:
        return f"{self.kind}.{self.verb}"


def planned(declared: Declared, known: Directory, now: Millis) -> list[Change]:
    """Everything to be done, accounts and tenants before the keys; nothing when all is as declared.

    Raises:
        NotChangeable: something declared can not become of what there is.
    """
    return [*_accounts(declared, known, now), *_tenants(declared, known, now), *_keys(declared, known, now)]


# tenants


def _tenants(declared: Declared, known: Directory, now: Millis) -> Iterator[Change]:
    if declared.tenants is None:
        return
    records = {record.tenant.id: record for record in known.tenants}
    for wanted in declared.tenants:
        yield from tenant_change(wanted, records.get(wanted.tenant.id), declared.source, now)
    named = {wanted.tenant.id for wanted in declared.tenants}
    for id, record in records.items():
        if id not in named and file_manages(record.ownership):
            yield removal(Kind.TENANT, id, record, now)
            yield from left_behind(id, known, now)


def left_behind(tenant: str, known: Directory, now: Millis) -> Iterator[Change]:
    """What the API manages for a tenant that goes: its own accounts and its keys go with it."""
    for record in known.accounts:
        owned = record.ownership
        if record.account.owner == tenant and owned.removed_at is None and owned.managed_by is ManagedBy.API:
            yield removal(Kind.ACCOUNT, record.account.id, record, now)
    for one in known.keys:
        if one.key.tenant == tenant and one.key.revoked_at is None and one.key.managed_by is ManagedBy.API:
            yield revocation(one, now)


def tenant_change(
    wanted: TenantRecord, known: TenantRecord | None, source: str | None, now: Millis
) -> Iterator[Change]:
    """How a tenant becomes what is wanted; nothing when it is. Raises NotChangeable."""
    id = wanted.tenant.id
    if known is not None and known.tenant.test != wanted.tenant.test:
        raise NotChangeable(f"whether {id} is a test tenant is for good; a tenant of the other kind needs another id")
    before, after = (None if known is None else shown_tenant(known)), shown_tenant(wanted)
    found = verb_of(before, after, None if known is None else known.ownership, source)
    if found is not None:
        record = replace(wanted, ownership=owned_by(known.ownership if known else None, source, now))
        was, becomes = told_of(found, before, after)
        yield Change(kind=Kind.TENANT, verb=found, id=id, tenant=id, record=record, before=was, after=becomes)


def shown_tenant(record: TenantRecord) -> dict[str, Any]:
    """A tenant as changes are told."""
    tenant = record.tenant
    shown = {"name": tenant.name, "test": tenant.test, "origins": list(tenant.origins)}
    shown |= {"funding": msgspec.to_builtins(tenant.funding), "limits": msgspec.to_builtins(tenant.limits)}
    shown |= {"retention": msgspec.to_builtins(tenant.retention)}
    return {**shown, "routing": msgspec.to_builtins(tenant.routing) if record.routed_by_file else None}


# accounts


def _accounts(declared: Declared, known: Directory, now: Millis) -> Iterator[Change]:
    if declared.accounts is None:
        return
    records = {record.account.id: record for record in known.accounts}
    for wanted in declared.accounts:
        yield from account_change(wanted, records.get(wanted.id), declared.source, now)
    named = {wanted.id for wanted in declared.accounts}
    for id, record in records.items():
        if id not in named and file_manages(record.ownership):
            yield removal(Kind.ACCOUNT, id, record, now)


def account_change(wanted: Account, known: AccountRecord | None, source: str | None, now: Millis) -> Iterator[Change]:
    """How an account becomes what is wanted; nothing when it is. Its credential's version is the next one, or stays.

    Raises:
        NotChangeable: it is another provider's.
    """
    account = None if known is None else known.account
    if account is not None and account.provider != wanted.provider:
        raise NotChangeable(f"{wanted.id} is an account at {account.provider} for good; another one needs another id")
    credential = account is None or account.credential != wanted.credential
    secrets = _hook_secrets(wanted) != (((), ()) if account is None else _hook_secrets(account))
    before, after = (None if account is None else shown_account(account)), shown_account(wanted)
    after["credential"] = "new" if credential else "kept"
    after["webhook_secrets"] = "new" if secrets else "kept"
    if before is not None:
        before |= {"credential": "kept", "webhook_secrets": "kept"}
    found = verb_of(before, after, None if known is None else known.ownership, source)
    if found is None:
        return
    version = 1 if account is None else account.credential_version + credential
    was, becomes = told_of(found, before, after)
    yield Change(
        kind=Kind.ACCOUNT,
        verb=found,
        id=wanted.id,
        tenant=wanted.owner,
        record=AccountRecord(
            account=replace(wanted, credential_version=version),
            ownership=owned_by(known.ownership if known else None, source, now),
        ),
        before=was,
        after=becomes,
        credential=credential,
        webhook_secrets=secrets,
    )


def _hook_secrets(account: Account) -> tuple[tuple[Secret, ...], tuple[FormerSecret, ...]]:
    return account.webhook_secrets, account.former_secrets


def shown_account(account: Account) -> dict[str, Any]:
    """An account as changes are told: no secret."""
    return {
        "provider": account.provider,
        "owner": account.owner,
        "base_url": account.base_url,
        "price_per_credit": account.price_per_credit,
        "limits": msgspec.to_builtins(account.limits),
        "options": msgspec.to_builtins(account.options),
        "sandbox": account.sandbox,
        "credits_warn_percent": list(account.credits_warn_percent),
    }


# keys


def _keys(declared: Declared, known: Directory, now: Millis) -> Iterator[Change]:
    stored = {one.hash: one for one in known.keys}
    for wanted in declared.keys:
        yield from key_change(wanted, stored.get(wanted.hash), declared.source)
    named = {wanted.hash for wanted in declared.keys}
    for one in known.keys if declared.tenants is not None else ():
        if one.key.managed_by is ManagedBy.FILE and one.hash not in named and one.key.revoked_at is None:
            yield revocation(one, now)


def key_change(wanted: StoredKey, known: StoredKey | None, source: str | None) -> Iterator[Change]:
    """How a key becomes what is wanted; nothing when it is. It stays the key it was, whatever id is wanted."""
    if known is None:
        key = replace(wanted.key, managed_by=_manager(source), source=source)
        verb = Verb.CREATED
    else:
        key = replace(
            known.key,
            tenant=wanted.key.tenant,
            name=wanted.key.name,
            scopes=wanted.key.scopes,
            origins=wanted.key.origins,
            networks=wanted.key.networks,
            expires_at=wanted.key.expires_at,
            revoked_at=None,
            managed_by=_manager(source),
            source=source,
        )
        if key == known.key:
            return
        verb = Verb.ADOPTED if key.managed_by is not known.key.managed_by else Verb.UPDATED
    before, after = (None if known is None else shown_key(known.key)), shown_key(key)
    was, becomes = told_of(verb, before, after)
    yield Change(
        kind=Kind.API_KEY,
        verb=verb,
        id=key.id,
        tenant=key.tenant,
        record=StoredKey(key=key, hash=wanted.hash),
        before=was,
        after=becomes,
    )


def revocation(stored: StoredKey, now: Millis) -> Change:
    """A key works no more."""
    key = stored.key
    return Change(
        kind=Kind.API_KEY,
        verb=Verb.REVOKED,
        id=key.id,
        tenant=key.tenant,
        record=replace(stored, key=replace(key, revoked_at=now)),
        before={"revoked_at": key.revoked_at},
        after={"revoked_at": now},
    )


def shown_key(key: ApiKey) -> dict[str, Any]:
    """A key as changes are told: its last characters, as everywhere."""
    return {
        "name": key.name,
        "hint": key.hint,
        "scopes": sorted(key.scopes),
        "origins": list(key.origins),
        "networks": list(key.networks),
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }


# all alike


def removal(kind: Kind, id: str, record: TenantRecord | AccountRecord, now: Millis) -> Change:
    """An object goes; what it began is brought to its end."""
    owned = replace(record.ownership, version=record.ownership.version + 1, updated_at=now, removed_at=now)
    shown = shown_tenant(record) if isinstance(record, TenantRecord) else shown_account(record.account)
    tenant = record.tenant.id if isinstance(record, TenantRecord) else record.account.owner
    return Change(
        kind=kind, verb=Verb.REMOVED, id=id, tenant=tenant, record=replace(record, ownership=owned), before=shown
    )


def verb_of(
    before: Mapping[str, Any] | None, after: Mapping[str, Any], owned: Ownership | None, source: str | None
) -> Verb | None:
    if before is None or owned is None or owned.removed_at is not None:
        return Verb.CREATED
    if owned.managed_by is not _manager(source):
        return Verb.ADOPTED
    return Verb.UPDATED if before != after or owned.source != source else None


def told_of(
    verb: Verb, before: dict[str, Any] | None, after: dict[str, Any]
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """What is said of a change: all of what is new, and of the rest what differs."""
    if before is None or verb is Verb.CREATED:
        return None, after
    differing = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in differing}, {name: after[name] for name in differing}


def owned_by(known: Ownership | None, source: str | None, now: Millis) -> Ownership:
    manager = _manager(source)
    if known is None:
        return Ownership(managed_by=manager, source=source, created_at=now, updated_at=now)
    return replace(known, managed_by=manager, source=source, version=known.version + 1, updated_at=now, removed_at=None)


def _manager(source: str | None) -> ManagedBy:
    return ManagedBy.API if source is None else ManagedBy.FILE


def file_manages(owned: Ownership) -> bool:
    return owned.managed_by is ManagedBy.FILE and owned.removed_at is None
