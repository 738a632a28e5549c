"""Webhook endpoints: kept as they are set up, and counted beside their tenant's log."""

import pytest
from msgspec.structs import replace

from schema.endpoint import Endpoint, EndpointRecord
from schema.event import EventType
from schema.ownership import ManagedBy, Ownership
from tests.store.rows import NOW

OWNED = Ownership(created_at=NOW, updated_at=NOW)


def a_record(id: str, tenant: str = "acme", **facts) -> EndpointRecord:
    endpoint = Endpoint(id=id, tenant=tenant, url="https://hooks.example.com/in", **facts)
    return EndpointRecord(endpoint=endpoint, ownership=OWNED)


async def keep(store, *records: EndpointRecord) -> None:
    async def put(tx):
        for record in records:
            await tx.webhook_endpoints.put(record)

    await store.write(put)


async def counted(store, tenant: str) -> int | None:
    """How many endpoints stand beside a tenant's log; None when it has neither."""

    async def ask(connection):
        return await connection.one("SELECT endpoints FROM event_logs WHERE tenant = ?", tenant)

    row = await store.database.read(ask)
    return None if row is None else row[0]


def removed(record: EndpointRecord) -> EndpointRecord:
    return replace(record, ownership=replace(record.ownership, version=2, removed_at=NOW + 1))


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({}, id="all-defaults"),
        pytest.param({"name": "🦊", "events": (EventType.COMPLETED, EventType.BUDGET_WARNING)}, id="some-events"),
        pytest.param({"secret_version": 3, "previous_until": NOW + 5}, id="rotated"),
        pytest.param({"disabled_at": NOW, "disabled_reason": "it is gone (410)"}, id="disabled"),
    ],
)
async def test_an_endpoint_comes_back_as_it_was_set_up(store, facts):
    record = a_record("whe_1", **facts)

    await keep(store, record)

    assert await store.read(lambda tx: tx.webhook_endpoints.get("whe_1")) == record
    assert await store.read(lambda tx: tx.webhook_endpoints.all()) == [record]


async def test_a_change_replaces_what_was_there_and_keeps_when_it_was_made(store):
    first = a_record("whe_1")
    owned = Ownership(managed_by=ManagedBy.FILE, source="filmgate.toml", version=2, created_at=0, updated_at=NOW + 9)
    changed = EndpointRecord(endpoint=replace(first.endpoint, name="night"), ownership=owned)

    await keep(store, first)
    await keep(store, changed)

    (found,) = await store.read(lambda tx: tx.webhook_endpoints.all())
    assert found == replace(changed, ownership=replace(owned, created_at=NOW))


async def test_those_that_are_there_are_counted_for_each_tenant(store):
    gone = a_record("whe_3")

    await keep(store, a_record("whe_1"), a_record("whe_2"), gone, a_record("whe_4", "globex"))
    before = await counted(store, "acme")
    await keep(store, removed(gone), a_record("whe_1", name="again"))

    assert (before, await counted(store, "acme"), await counted(store, "globex")) == (3, 2, 1)
    assert await counted(store, "initech") is None


async def test_one_that_was_removed_is_known_by_its_id_alone(store):
    gone = removed(a_record("whe_1"))

    await keep(store, gone)

    assert await store.read(lambda tx: tx.webhook_endpoints.all()) == []
    assert await store.read(lambda tx: tx.webhook_endpoints.get("whe_1")) == gone
    assert await store.read(lambda tx: tx.webhook_endpoints.get("whe_2")) is None
