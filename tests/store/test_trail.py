"""The audit trail in the database: added, read, and refused to be changed whoever asks, on both engines."""

import pytest

from gateway.store.database import StoreError
from schema.trail import TrailEntry, TrailWish

pytestmark = pytest.mark.asyncio


def entry(number: int, **more: object) -> TrailEntry:
    base = {"actor": "house …abcd", "action": "account.paused", "tenant": None, "subject": "veo"}
    return TrailEntry(id=f"aud_{number:026d}", at=number, **{**base, **more})  # type: ignore[arg-type]  # made by name


@pytest.mark.parametrize("statement", ["UPDATE trail SET actor = 'nobody'", "DELETE FROM trail"])
async def test_what_is_written_down_is_neither_changed_nor_removed(store, database, statement):
    await store.write(lambda tx: tx.trail.add(entry(1)))

    with pytest.raises(StoreError, match="never changed"):
        await database.write(lambda connection: connection.run(statement))

    assert await store.read(lambda tx: tx.trail.page(None, 10)) == [entry(1)]


async def test_entries_are_found_by_all_that_is_asked(store):
    entries = [entry(1), entry(2, tenant="acme", action="tenant.created"), entry(3, tenant="acme", subject="key_1")]
    for one in entries:
        await store.write(lambda tx, one=one: tx.trail.add(one))

    async def found(wish, *, oldest_first=False, beyond=None):
        page = await store.read(lambda tx: tx.trail.page(beyond, 10, wish, oldest_first=oldest_first))
        return [one.at for one in page]

    assert await found(TrailWish()) == [3, 2, 1]
    assert await found(TrailWish(), oldest_first=True, beyond=entry(1).id) == [2, 3]
    assert await found(TrailWish(tenant="acme")) == [3, 2]
    assert await found(TrailWish(action="tenant.")) == [2]
    assert await found(TrailWish(action="%")) == []
    assert await found(TrailWish(since=2, until=3)) == [2]
    assert await found(TrailWish(tenant="acme", subject="key_1")) == [3]
