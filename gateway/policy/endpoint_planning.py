"""Webhook endpoints that a file declares against those there are: the changes that make one the other. Pure."""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from gateway.policy.planning import Change, Declared, Kind, Verb, file_manages, owned_by, told_of, verb_of
from schema.account import Secret
from schema.clock import Millis
from schema.directory import Directory
from schema.endpoint import Endpoint, EndpointRecord
from schema.ownership import ManagedBy


def planned_endpoints(declared: Declared, known: Directory, now: Millis, overlap: Millis) -> list[Change]:
    """Everything to be done about endpoints, tenant by tenant; a tenant that goes takes all of its own along."""
    if declared.tenants is None:
        return []
    kept, changes = set[str](), list[Change]()
    for wanted in declared.endpoints:
        found = _same(wanted, known.endpoints, kept)
        if found is not None:
            kept.add(found.endpoint.id)
        changes += endpoint_change(wanted, found, declared.source, now, overlap)
    gone = _gone(declared, known)
    for record in known.endpoints:
        id, tenant = record.endpoint.id, record.endpoint.tenant
        if id not in kept and (file_manages(record.ownership) or tenant in gone):
            changes.append(endpoint_removal(record, now))
    return sorted(changes, key=lambda change: change.tenant or "")  # each locks its tenant's log: always in one order


def _same(wanted: EndpointRecord, known: tuple[EndpointRecord, ...], taken: set[str]) -> EndpointRecord | None:
    """The endpoint that is meant: that tenant's at that address; the file's own before one that the API made."""
    at, whose = wanted.endpoint.url, wanted.endpoint.tenant
    there = [
        record
        for record in known
        if record.endpoint.url == at and record.endpoint.tenant == whose and record.endpoint.id not in taken
    ]
    return min(there, key=lambda record: record.ownership.managed_by is ManagedBy.API, default=None)


def _gone(declared: Declared, known: Directory) -> frozenset[str]:
    """Tenants that the file removes."""
    named = {wanted.tenant.id for wanted in declared.tenants or ()}
    there = {record.tenant.id for record in known.tenants if file_manages(record.ownership)}
    return frozenset(there - named)


def endpoint_change(
    wanted: EndpointRecord, known: EndpointRecord | None, source: str | None, now: Millis, overlap: Millis
) -> Iterator[Change]:
    """How an endpoint becomes what is wanted; nothing when it is. It stays the one it was, whatever id is wanted, and
    one that is disabled stays so.

    Args:
        wanted: with a secret: the one to sign with, unless the file gave none and there is one already.
        overlap: for so long the former secret signs too.
    """
    if known is None:
        record, secret = wanted, "new"
    else:
        record, secret = _changed(wanted, known, now, overlap)
    before, after = (None if known is None else _compared(known.endpoint)), _compared(record.endpoint)
    after["secret"] = secret
    if before is not None:
        before["secret"] = "kept"  # noqa: S105 - a word of ours
    verb = verb_of(before, after, None if known is None else known.ownership, source)
    if verb is not None:
        was, becomes = told_of(verb, before, after)
        owned = owned_by(None if known is None else known.ownership, source, now)
        yield _change(verb, replace(record, ownership=owned), was, becomes)


def _changed(wanted: EndpointRecord, known: EndpointRecord, now: Millis, overlap: Millis) -> tuple[EndpointRecord, str]:
    """The endpoint there is, as it is wanted, and what becomes of its secret."""
    new, given, old = wanted.endpoint, wanted.current, known.endpoint
    endpoint = replace(old, url=new.url, name=new.name, events=new.events, secret_by_file=new.secret_by_file)
    record = replace(known, endpoint=endpoint)
    if not new.secret_by_file or given is None or given == known.current:
        return record, "kept"
    return rotated(record, given, now + overlap if overlap else None), "new"


def rotated(record: EndpointRecord, secret: Secret, until: Millis | None) -> EndpointRecord:
    """An endpoint that signs with another secret; with the one before it too, until then, and with none before that."""
    version = record.endpoint.secret_version + 1
    endpoint = replace(record.endpoint, secret_version=version, previous_until=until)
    return replace(record, endpoint=endpoint, secrets={**record.secrets, version: secret})


def rotation(known: EndpointRecord, secret: Secret, until: Millis | None, now: Millis) -> Change:
    """An endpoint's next secret."""
    record, owned = rotated(known, secret, until), known.ownership
    later = replace(owned, version=owned.version + 1, updated_at=now)
    after = {"secret": "new", "previous_until": until}
    return _change(Verb.UPDATED, replace(record, ownership=later), {"secret": "kept"}, after)


def switch(known: EndpointRecord, disabled_at: Millis | None, reason: str | None, now: Millis) -> Change:
    """An endpoint is told nothing from now on, or again; who manages it stays."""
    old, owned = known.endpoint, known.ownership
    endpoint = replace(old, disabled_at=disabled_at, disabled_reason=reason)
    record = replace(known, endpoint=endpoint, ownership=replace(owned, version=owned.version + 1, updated_at=now))
    before = {"disabled_at": old.disabled_at, "disabled_reason": old.disabled_reason}
    return _change(Verb.UPDATED, record, before, {"disabled_at": disabled_at, "disabled_reason": reason})


def endpoint_removal(known: EndpointRecord, now: Millis) -> Change:
    """An endpoint goes, and its secrets with it."""
    owned = replace(known.ownership, version=known.ownership.version + 1, updated_at=now, removed_at=now)
    return _change(Verb.REMOVED, replace(known, ownership=owned), _compared(known.endpoint), None)


def _compared(endpoint: Endpoint) -> dict[str, Any]:
    """An endpoint as it is declared."""
    shown = {"url": endpoint.url, "name": endpoint.name, "events": [str(type) for type in endpoint.events]}
    return {**shown, "secret_by_file": endpoint.secret_by_file}


def _change(verb: Verb, record: EndpointRecord, before: dict[str, Any] | None, after: dict[str, Any] | None) -> Change:
    return Change(
        kind=Kind.ENDPOINT,
        verb=verb,
        id=record.endpoint.id,
        tenant=record.endpoint.tenant,
        record=record,
        before=_shown(before),
        after=_shown(after),
    )


def _shown(told: dict[str, Any] | None) -> dict[str, Any] | None:
    """As changes are told: receivers may keep a token behind the ? of their address."""
    if told is None or "?" not in told.get("url", ""):
        return told
    return {**told, "url": told["url"].partition("?")[0] + "?…"}
