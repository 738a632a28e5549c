"""Batches as they are kept, on both engines."""

import pytest
from msgspec.structs import replace

from gateway.store.database import ConstraintViolation
from gateway.store.store import Store
from schema.batch import Batch, BatchMode
from tests.store.rows import NOW, a_video


def a_batch(id: str = "batch_1", **facts: object) -> Batch:
    plain = Batch(
        id=id,
        tenant="acme",
        key="k",
        fingerprint="f",
        created_at=NOW,
        mode=BatchMode.AFFORDABLE,
        wished=3,
        accepted=3,
    )
    return replace(plain, **facts)


async def test_a_batch_is_found_again_by_its_tenant_only(store: Store) -> None:
    assert await store.write(lambda tx: tx.batches.add(a_batch()))

    assert await store.read(lambda tx: tx.batches.get("acme", "batch_1")) == a_batch()
    assert await store.read(lambda tx: tx.batches.by_key("acme", "k")) == a_batch()
    assert await store.read(lambda tx: tx.batches.get("other", "batch_1")) is None
    assert await store.read(lambda tx: tx.batches.by_key("other", "k")) is None


async def test_a_key_makes_one_batch_for_each_tenant_and_none_makes_as_many_as_wished(store: Store) -> None:
    await store.write(lambda tx: tx.batches.add(a_batch()))

    assert not await store.write(lambda tx: tx.batches.add(a_batch("batch_2")))
    assert await store.write(lambda tx: tx.batches.add(a_batch("batch_3", tenant="other")))
    assert await store.write(lambda tx: tx.batches.add(a_batch("batch_4", key=None)))
    assert await store.write(lambda tx: tx.batches.add(a_batch("batch_5", key=None)))


async def test_a_batch_can_be_cut_to_what_was_accepted(store: Store) -> None:
    await store.write(lambda tx: tx.batches.add(a_batch()))
    cut = a_batch(accepted=1, missing=500, missing_places=1)

    await store.write(lambda tx: tx.batches.cut(cut))

    assert await store.read(lambda tx: tx.batches.get("acme", "batch_1")) == cut


async def test_more_than_was_wished_can_not_be_accepted(store: Store) -> None:
    with pytest.raises(ConstraintViolation):
        await store.write(lambda tx: tx.batches.add(a_batch(accepted=4)))


async def test_a_batchs_videos_come_by_id_and_others_do_not(store: Store) -> None:
    async def add(tx):
        await tx.batches.add(a_batch())
        for id, batch in (("video_3", "batch_1"), ("video_2", None), ("video_1", "batch_1")):
            await tx.videos.add(a_video(id), b"{}", batch=batch)

    await store.write(add)

    found = await store.read(lambda tx: tx.videos.of_batch("acme", "batch_1"))
    assert [video.id for video in found] == ["video_1", "video_3"]
    assert await store.read(lambda tx: tx.videos.of_batch("other", "batch_1")) == []


async def test_a_wish_sent_again_by_itself_is_not_a_batchs_video(store: Store) -> None:
    async def add(tx):
        await tx.batches.add(a_batch())
        await tx.videos.add(a_video("video_1"), b"{}", batch="batch_1")

    await store.write(add)

    assert await store.read(lambda tx: tx.videos.keyless("acme", "f", NOW)) is None
