"""Meters of accounts: kept as they are, locked before they change, on both engines."""

import asyncio

from gateway.policy.metering import Bucket, Meter, Told
from tests.store.rows import NOW

FULL = Meter(
    minute=(Bucket(NOW, 1, 2), Bucket(NOW + 1, 0, 3)),
    day=(Bucket(NOW, 4, 5),),
    learned=10,
    told=Told(left=0, until=NOW + 9, at=NOW),
    owed_until=NOW,
)


async def test_a_meter_comes_back_as_it_was_kept(store):
    await store.write(lambda tx: tx.meters.ensure("a"))
    assert await store.read(lambda tx: tx.meters.get("a")) == Meter()

    await store.write(lambda tx: tx.meters.update("a", FULL))
    await store.write(lambda tx: tx.meters.ensure("a"))

    assert await store.write(lambda tx: tx.meters.lock("a")) == FULL
    assert await store.read(lambda tx: tx.meters.all()) == {"a": FULL}


async def test_an_account_that_was_never_counted_has_no_meter(store):
    assert await store.read(lambda tx: tx.meters.get("a")) is None
    assert await store.write(lambda tx: tx.meters.lock("a")) is None


async def test_whoever_counts_at_once_loses_no_call(store):
    await store.write(lambda tx: tx.meters.ensure("a"))

    async def count(tx):
        meter = await tx.meters.lock("a")
        creates = sum(one.creates for one in meter.minute)
        await tx.meters.update("a", Meter(minute=(Bucket(NOW, creates + 1),)))

    await asyncio.gather(*(store.write(count) for _ in range(20)))

    assert (await store.read(lambda tx: tx.meters.get("a"))).minute == (Bucket(NOW, 20),)
