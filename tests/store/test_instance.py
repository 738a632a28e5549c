"""The row that says which life of the database this is, and the questions an operator asks before confirming it."""

import pytest

from gateway.store.database import StoreError
from gateway.store.tasks import TaskKind
from schema.instance import Instance
from schema.lifecycle import AttemptState, VideoStatus
from tests.store.rows import NOW, a_video, an_attempt, keep


async def state(store):
    return await store.read(lambda tx: tx.instance.get())


async def test_a_new_database_lives_its_first_life_and_is_free(store):
    assert await state(store) == Instance(epoch=1)
    assert not (await state(store)).quarantined


async def test_a_quarantine_begins_a_life_and_says_where_it_came_from(store):
    await store.write(lambda tx: tx.instance.quarantine(NOW, "monday.db"))

    assert await state(store) == Instance(epoch=2, quarantined_at=NOW, restored_from="monday.db")
    assert await store.write(lambda tx: tx.instance.lock()) == await state(store)


async def test_a_release_is_remembered_and_happens_once(store):
    await store.write(lambda tx: tx.instance.quarantine(NOW, "monday.db"))

    assert await store.write(lambda tx: tx.instance.release(NOW + 1, "ann")) is True
    assert await store.write(lambda tx: tx.instance.release(NOW + 2, "bob")) is False

    assert await state(store) == Instance(epoch=2, restored_from="monday.db", released_at=NOW + 1, released_by="ann")


async def test_a_second_quarantine_forgets_the_release_of_the_first(store):
    await store.write(lambda tx: tx.instance.quarantine(NOW, "monday.db"))
    await store.write(lambda tx: tx.instance.release(NOW + 1, "ann"))

    await store.write(lambda tx: tx.instance.quarantine(NOW + 2))

    assert await state(store) == Instance(epoch=3, quarantined_at=NOW + 2)


@pytest.mark.parametrize(("behind", "next_life"), [(0, 2), (1, 2), (2, 3), (7, 8)])
async def test_a_quarantine_begins_a_life_behind_another_database_s_too(store, behind, next_life):
    await store.write(lambda tx: tx.instance.quarantine(NOW, behind=behind))

    assert (await state(store)).epoch == next_life


async def test_there_is_one_row_only(store):
    with pytest.raises(StoreError):
        await store.database.write(lambda tx: tx.run("INSERT INTO instance (id, epoch) VALUES (2, 1)"))


async def test_without_its_row_nobody_is_told_that_all_is_well(store):
    await store.database.write(lambda tx: tx.run("DELETE FROM instance"))

    with pytest.raises(StoreError, match="has lost its row"):
        await state(store)


@pytest.mark.parametrize(
    ("attempts", "unsent"),
    [
        ([], True),
        ([{"state": AttemptState.SUBMITTING}], True),
        ([{"state": AttemptState.UNKNOWN}], True),
        ([{"state": AttemptState.UNKNOWN, "ref": "r"}], False),
        ([{"state": AttemptState.RUNNING, "ref": "r"}], False),
        ([{"state": AttemptState.SUCCEEDED, "ref": "r"}], False),
        ([{"state": AttemptState.FAILED}], True),
        ([{"state": AttemptState.FAILED, "ref": "r"}], True),
        ([{"state": AttemptState.UNKNOWN}, {"state": AttemptState.RUNNING, "ref": "r"}], False),
    ],
    ids=lambda value: (
        "+".join(one["state"] + ("*" * ("ref" in one)) for one in value) if isinstance(value, list) else None
    ),
)
async def test_a_video_is_unsent_while_no_upstream_is_known_to_have_it(store, attempts, unsent):
    rows = [an_attempt(f"att_{n}", n=n, **facts) for n, facts in enumerate(attempts, 1)]
    await keep(store, a_video(), *rows)

    assert await store.read(lambda tx: tx.instance.unsent(10)) == (["video_1"] if unsent else [])
    assert await store.read(lambda tx: tx.instance.count_unsent()) == unsent


async def test_what_has_ended_is_not_unsent(store):
    await keep(store, a_video("video_1", status=VideoStatus.FAILED, substate=None, completed_at=NOW))
    await keep(store, a_video("video_2", status=VideoStatus.CANCELED, substate=None, completed_at=NOW))

    assert await store.read(lambda tx: tx.instance.unsent(10)) == []


async def test_the_unsent_are_listed_some_at_a_time_the_oldest_first(store):
    await keep(store, *(a_video(f"video_{n}") for n in (3, 1, 2)))

    assert await store.read(lambda tx: tx.instance.unsent(2)) == ["video_1", "video_2"]
    assert await store.read(lambda tx: tx.instance.count_unsent()) == 3


async def test_the_census_counts_by_status_and_kind(store):
    await keep(store, a_video("video_1"), a_video("video_2"))
    await keep(store, a_video("video_3", status=VideoStatus.FAILED, substate=None, completed_at=NOW))
    await store.write(lambda tx: tx.tasks.add(TaskKind.SUBMIT, "video_1", NOW))

    census = await store.read(lambda tx: tx.instance.census())

    assert (census.videos, census.tasks, census.unsent) == ({"failed": 1, "queued": 2}, {"submit": 1}, 2)
