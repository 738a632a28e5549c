"""Resolutions and unknown attempts as both engines keep them: found, counted, and for ever as they were written."""

import pytest

from gateway.store.database import ConstraintViolation, StoreError
from gateway.store.migrate import packaged
from gateway.store.store import Store
from schema.lifecycle import AttemptState
from schema.resolution import Resolution, Verb
from tests.store.rows import NOW, a_video, an_attempt, keep

UNKNOWN = AttemptState.UNKNOWN


def a_resolution(id: str = "res_1", **facts) -> Resolution:
    whole = {"at": NOW, "verb": Verb.BIND, "attempt": "att_1", "video": "video_1", "tenant": "acme", "account": "main"}
    return Resolution(id=id, **{**whole, "actor": "house …ijkl", "note": "seen", "ref": "uuid-1", **facts})


async def written(store, *resolutions: Resolution) -> None:
    await keep(store, a_video(), an_attempt())

    async def add(tx):
        for resolution in resolutions:
            await tx.resolutions.add(resolution)

    await store.write(add)


async def page(store, after: str | None = None, limit: int = 10) -> list[str]:
    return [one.id for one in await store.read(lambda tx: tx.resolutions.page(after, limit))]


async def test_a_resolution_comes_back_as_it_was_written(store):
    bound = a_resolution("res_1", note="🦊 'quoted'")
    voided = a_resolution("res_2", verb=Verb.VOID, ref=None, credits=2**53)

    await written(store, bound, voided)

    assert await store.read(lambda tx: tx.resolutions.page(None, 10)) == [voided, bound]
    assert await store.read(lambda tx: tx.resolutions.of_attempt("att_1")) == [bound, voided]
    assert await store.read(lambda tx: tx.resolutions.of_attempt("att_2")) == []


async def test_resolutions_are_read_newest_first_a_page_at_a_time(store):
    await written(store, *(a_resolution(f"res_{letter}") for letter in "cadb"))

    assert await page(store, limit=3) == ["res_d", "res_c", "res_b"]
    assert await page(store, "res_b", limit=3) == ["res_a"]
    assert await page(store, "res_a") == []


@pytest.mark.parametrize("statement", ["UPDATE resolutions SET actor = 'nobody'", "DELETE FROM resolutions"])
async def test_whoever_has_the_database_open_a_resolution_stays(store, statement):
    await written(store, a_resolution())

    with pytest.raises(ConstraintViolation):
        await store.database.write(lambda connection: connection.run(statement))

    assert await store.read(lambda tx: tx.resolutions.page(None, 10)) == [a_resolution()]


async def test_postgres_refuses_to_empty_the_table_too(postgres):
    await postgres.migrate(packaged())
    await written(Store(postgres), a_resolution())

    with pytest.raises(StoreError):
        await postgres.write(lambda connection: connection.run("TRUNCATE resolutions"))

    assert await page(Store(postgres)) == ["res_1"]


async def test_unknown_attempts_are_found_oldest_first_by_account_and_by_tenant(store):
    rows = [("att_3", "veo-main", "acme"), ("att_1", "doitong-main", "acme"), ("att_2", "veo-main", "other")]
    for number, (id, account, tenant) in enumerate(rows):
        video = a_video(f"video_{number}", tenant=tenant)
        await keep(store, video, an_attempt(id, video=video.id, account=account, tenant=tenant, state=UNKNOWN))
    await keep(store, a_video("video_9"), an_attempt("att_0", video="video_9", state=AttemptState.RUNNING))

    async def found(**asked) -> list[str]:
        whole = {"account": None, "tenant": None, "after": None, "limit": 10, **asked}
        return [one.id for one in await store.read(lambda tx: tx.attempts.unknown(**whole))]

    assert await found() == ["att_1", "att_2", "att_3"]
    assert await found(limit=2) == ["att_1", "att_2"]
    assert await found(after="att_1") == ["att_2", "att_3"]
    assert await found(account="veo-main") == ["att_2", "att_3"]
    assert await found(account="veo-main", tenant="acme") == ["att_3"]


async def test_unknown_attempts_are_counted_by_account_with_the_oldest_start(store):
    for number, account in enumerate(["veo-main", "veo-main", "doitong-main"]):
        video, begun = a_video(f"video_{number}"), NOW + number
        attempt = an_attempt(f"att_{number}", video=video.id, account=account, state=UNKNOWN, started_at=begun)
        await keep(store, video, attempt)

    counts = await store.read(lambda tx: tx.attempts.unknowns())

    assert counts == {"veo-main": (2, NOW), "doitong-main": (1, NOW + 2)}


async def test_several_videos_are_found_by_their_ids(store):
    await keep(store, a_video("video_1"), a_video("video_2"), a_video("video_3"))

    found = await store.read(lambda tx: tx.videos.some(["video_3", "video_1", "video_9"]))

    assert set(found) == {"video_1", "video_3"}
    assert await store.read(lambda tx: tx.videos.some([])) == {}
