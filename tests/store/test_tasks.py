"""Work that is due: claimed once, leased for a while, fenced by its epoch, and never lost."""

import asyncio

import msgspec
import pytest

from gateway.store.tasks import StaleLease, TaskKind
from tests.store.rows import NOW

SUBMIT, WATCH, FETCH = TaskKind.SUBMIT, TaskKind.WATCH, TaskKind.FETCH
LEASE = 30_000


async def due(store, subject="video_1", at=NOW, kind=SUBMIT):
    await store.write(lambda tx: tx.tasks.add(kind, subject, at))


async def claim(store, worker="w1", now=NOW, limit=10):
    return await store.write(lambda tx: tx.tasks.claim(worker, now=now, until=now + LEASE, limit=limit))


async def the_claimed(store, **how):
    (task,) = await claim(store, **how)
    return task


async def next_due(store):
    return await store.read(lambda tx: tx.tasks.next_due())


# claims


async def test_nothing_is_due_when_nothing_was_added(store):
    assert await claim(store) == []
    assert await next_due(store) is None


async def test_a_due_task_is_claimed_with_its_lease(store):
    await due(store)

    task = await the_claimed(store)

    assert (task.kind, task.subject, task.errors, task.lease) == (SUBMIT, "video_1", 0, LEASE)
    assert await next_due(store) == NOW + LEASE


@pytest.mark.parametrize(("now", "claimed"), [(NOW - 1, False), (NOW, True), (NOW + 1, True)])
async def test_a_task_is_claimed_when_it_is_due_and_not_before(store, now, claimed):
    await due(store)

    assert bool(await claim(store, now=now)) == claimed


async def test_the_longest_due_are_claimed_first_and_no_more_than_asked(store):
    for n in range(5):
        await due(store, f"video_{n}", at=NOW - n)

    assert {task.subject for task in await claim(store, limit=2)} == {"video_4", "video_3"}
    assert {task.subject for task in await claim(store, limit=2)} == {"video_2", "video_1"}
    assert {task.subject for task in await claim(store, limit=2)} == {"video_0"}


async def test_the_same_subject_may_have_work_of_several_kinds(store):
    for kind in TaskKind:
        await due(store, kind=kind)

    assert {task.kind for task in await claim(store)} == set(TaskKind)


async def test_a_leased_task_is_claimed_by_nobody_else_until_its_lease_lapses(store):
    await due(store)
    held = await the_claimed(store, worker="w1")

    assert await claim(store, worker="w2", now=NOW + LEASE - 1) == []
    taken = await the_claimed(store, worker="w2", now=NOW + LEASE)

    assert taken.epoch > held.epoch


async def test_concurrent_claimers_never_claim_the_same_task(store):
    for n in range(60):
        await due(store, f"video_{n}")

    async def drain(worker):
        mine = []
        while claimed := await claim(store, worker=worker, limit=7):
            mine += [task.subject for task in claimed]
        return mine

    claimed = await asyncio.gather(*(drain(f"w{n}") for n in range(6)))

    subjects = [subject for mine in claimed for subject in mine]
    # skipped rows may end one claimer's round early, so what is left over is taken by the next round
    subjects += await drain("last")
    assert sorted(subjects) == sorted(f"video_{n}" for n in range(60))


async def test_when_the_next_is_due_counts_leases_too(store):
    await due(store, "video_1", at=NOW)
    await due(store, "video_2", at=NOW + 10 * LEASE)
    assert await next_due(store) == NOW

    await claim(store)

    assert await next_due(store) == NOW + LEASE


# adding what is there already


@pytest.mark.parametrize(
    ("first", "second", "at"),
    [
        pytest.param(NOW, NOW + 5, NOW, id="the-earlier-stays"),
        pytest.param(NOW + 5, NOW, NOW, id="an-earlier-one-counts"),
        pytest.param(NOW, NOW, NOW, id="the-same"),
    ],
)
async def test_of_two_times_the_earlier_counts(store, first, second, at):
    await due(store, at=first)
    await due(store, at=second)

    assert await next_due(store) == at
    assert len(await claim(store, now=NOW + LEASE)) == 1


@pytest.mark.parametrize("again", [NOW - 5, NOW + 5, NOW + 10 * LEASE])
async def test_a_leased_task_added_again_is_due_when_said_and_its_lease_is_stale(store, again):
    await due(store)
    held = await the_claimed(store)

    await due(store, at=again)

    assert await next_due(store) == again
    with pytest.raises(StaleLease):
        await store.write(lambda tx: tx.tasks.finish(held))
    assert (await the_claimed(store, worker="w2", now=again)).epoch > held.epoch


async def test_adding_wakes_a_snoozed_task(store):
    await due(store)
    held = await the_claimed(store)
    await store.write(lambda tx: tx.tasks.snooze(held, NOW + 10 * LEASE))

    await due(store, at=NOW + 1)

    assert await next_due(store) == NOW + 1


# what the holder may do, and a stale one may not


async def test_a_finished_task_is_gone(store):
    await due(store)
    held = await the_claimed(store)

    await store.write(lambda tx: tx.tasks.finish(held))

    assert await next_due(store) is None


async def test_a_snoozed_task_comes_back_later_to_anybody_and_is_no_failure(store):
    await due(store)
    held = await the_claimed(store)

    await store.write(lambda tx: tx.tasks.snooze(held, NOW + 5))

    assert await claim(store, now=NOW + 4) == []
    back = await the_claimed(store, worker="w2", now=NOW + 5)
    assert (back.errors, back.epoch) == (0, held.epoch + 1)


async def test_errors_are_counted_as_told(store):
    await due(store)
    held = await the_claimed(store)

    await store.write(lambda tx: tx.tasks.snooze(held, NOW, errors=3))
    failed = await the_claimed(store)
    await store.write(lambda tx: tx.tasks.snooze(failed, NOW))
    cured = await the_claimed(store)

    assert (failed.errors, cured.errors) == (3, 0)


async def test_a_held_task_stays_with_its_holder_for_longer(store):
    await due(store)
    held = await the_claimed(store)

    await store.write(lambda tx: tx.tasks.hold(held, NOW + 3 * LEASE))

    assert await claim(store, worker="w2", now=NOW + 2 * LEASE) == []
    await store.write(lambda tx: tx.tasks.finish(held))


MOVES = {
    "finish": lambda task: lambda tx: tx.tasks.finish(task),
    "snooze": lambda task: lambda tx: tx.tasks.snooze(task, NOW),
    "hold": lambda task: lambda tx: tx.tasks.hold(task, NOW + 9 * LEASE),
}


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
async def test_who_lost_the_task_to_another_changes_nothing(store, move):
    await due(store)
    lost = await the_claimed(store, worker="w1")
    taken = await the_claimed(store, worker="w2", now=NOW + LEASE)

    with pytest.raises(StaleLease):
        await store.write(move(lost))

    assert await next_due(store) == NOW + 2 * LEASE
    await store.write(lambda tx: tx.tasks.finish(taken))


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
async def test_who_let_go_of_the_task_changes_nothing_once_another_took_it(store, move):
    await due(store)
    held = await the_claimed(store, worker="w1")
    await store.write(lambda tx: tx.tasks.snooze(held, NOW))
    await the_claimed(store, worker="w2")

    with pytest.raises(StaleLease):
        await store.write(move(held))


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
async def test_a_task_that_is_gone_has_no_holder(store, move):
    await due(store)
    held = await the_claimed(store)
    await store.write(lambda tx: tx.tasks.drop(SUBMIT, "video_1"))

    with pytest.raises(StaleLease):
        await store.write(move(held))
    assert await next_due(store) is None


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
async def test_a_lease_that_lapsed_counts_until_another_takes_the_task(store, move):
    await due(store)
    held = await the_claimed(store, now=NOW + LEASE)
    assert await store.read(lambda tx: tx.tasks.next_due()) == NOW + 2 * LEASE

    await store.write(move(held))

    assert await store.read(lambda tx: tx.tasks.next_due()) != NOW + 2 * LEASE


async def test_a_stale_lease_undoes_the_whole_transaction(store):
    await due(store)
    held = await the_claimed(store, worker="w1")
    await the_claimed(store, worker="w2", now=NOW + LEASE)

    async def late(tx):
        await tx.tasks.add(FETCH, "video_1", NOW)
        await tx.tasks.finish(held)

    with pytest.raises(StaleLease):
        await store.write(late)

    assert await claim(store) == []


async def test_dropping_what_is_not_there_is_no_error_and_drops_nothing_else(store):
    await due(store)

    await store.write(lambda tx: tx.tasks.drop(WATCH, "video_1"))
    await store.write(lambda tx: tx.tasks.drop(SUBMIT, "video_2"))

    assert len(await claim(store)) == 1


# a worker's whole lot


async def test_a_worker_renews_everything_it_holds_and_nothing_else(store):
    for n in range(4):
        await due(store, f"video_{n}", at=NOW + n)
    mine = await claim(store, worker="w1", now=NOW + 1)
    theirs = await the_claimed(store, worker="w2", now=NOW + 2, limit=1)

    renewed = await store.write(lambda tx: tx.tasks.renew("w1", NOW + 5 * LEASE))

    assert renewed == len(mine) == 2
    later = await claim(store, worker="w3", now=NOW + 2 * LEASE)
    assert {task.subject for task in later} == {theirs.subject, "video_3"}
    for task in mine:
        await store.write(lambda tx, task=task: tx.tasks.finish(task))


async def test_what_was_snoozed_or_taken_away_is_not_renewed(store):
    await due(store, "video_1")
    await due(store, "video_2")
    first, second = sorted(await claim(store, worker="w1"), key=lambda task: task.subject)
    await store.write(lambda tx: tx.tasks.snooze(first, NOW + 1))
    await due(store, second.subject, at=NOW + 2)

    assert await store.write(lambda tx: tx.tasks.renew("w1", NOW + 5 * LEASE)) == 0
    assert len(await claim(store, worker="w2", now=NOW + 2)) == 2


async def test_a_lease_another_took_is_not_renewed(store):
    await due(store)
    await claim(store, worker="w1")
    await the_claimed(store, worker="w2", now=NOW + LEASE)

    assert await store.write(lambda tx: tx.tasks.renew("w1", NOW + 9 * LEASE)) == 0
    assert await next_due(store) == NOW + 2 * LEASE


async def test_a_worker_that_stops_gives_back_what_it_holds(store):
    await due(store, "video_1")
    await due(store, "video_2")
    given = await the_claimed(store, worker="w1", limit=1)
    kept = await the_claimed(store, worker="w2", limit=1)

    assert await store.write(lambda tx: tx.tasks.release("w1", NOW + 1)) == 1

    with pytest.raises(StaleLease):
        await store.write(lambda tx: tx.tasks.finish(given))
    assert (await the_claimed(store, worker="w3", now=NOW + 1)).subject == given.subject
    await store.write(lambda tx: tx.tasks.finish(kept))


async def test_giving_back_does_not_hurry_what_was_snoozed_or_put_off_by_another(store):
    await due(store, "video_1")
    await due(store, "video_2")
    held, put_off = await claim(store, worker="w1")
    await store.write(lambda tx: tx.tasks.snooze(held, NOW + 5))
    await due(store, put_off.subject, at=NOW + 6)

    assert await store.write(lambda tx: tx.tasks.release("w1", NOW)) == 0
    assert await next_due(store) == NOW + 5


async def test_orphans_are_due_again_and_their_old_holders_are_fenced(store):
    await due(store, "video_1")
    await due(store, "video_2")
    await due(store, "video_3", at=NOW + 9 * LEASE)
    lost = await claim(store, worker="dead")

    assert await store.write(lambda tx: tx.tasks.orphaned(NOW + 1)) == 2

    for task in lost:
        with pytest.raises(StaleLease):
            await store.write(lambda tx, task=task: tx.tasks.finish(task))
    again = await claim(store, worker="w1", now=NOW + 1)
    assert {task.subject for task in again} == {"video_1", "video_2"}
    assert await store.write(lambda tx: tx.tasks.orphaned(NOW + 1)) == 2  # what w1 holds now


async def test_an_epoch_only_grows_while_the_task_lives(store):
    await due(store)
    epochs = []
    for round_ in range(5):
        task = await the_claimed(store, now=NOW + round_ * LEASE)
        epochs.append(task.epoch)
        if round_ % 2:
            await store.write(lambda tx, task=task: tx.tasks.snooze(task, NOW))
            await due(store, at=NOW)

    assert epochs == sorted(set(epochs))


async def test_many_finishers_of_one_claim_finish_it_once(store):
    await due(store)
    held = await the_claimed(store)

    outcomes = await asyncio.gather(
        *(store.write(lambda tx: tx.tasks.finish(held)) for _ in range(10)), return_exceptions=True
    )

    assert outcomes.count(None) == 1
    assert sum(isinstance(outcome, StaleLease) for outcome in outcomes) == 9


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
async def test_a_forged_epoch_holds_nothing(store, move):
    await due(store)
    held = await the_claimed(store)

    for epoch in (held.epoch - 1, held.epoch + 1):
        with pytest.raises(StaleLease):
            await store.write(move(msgspec.structs.replace(held, epoch=epoch)))


async def test_a_task_exists_until_it_is_done(store):
    await store.write(lambda tx: tx.tasks.add(FETCH, "att_1", NOW))

    assert await store.read(lambda tx: tx.tasks.exists(FETCH, "att_1"))
    assert not await store.read(lambda tx: tx.tasks.exists(WATCH, "att_1"))
    await store.write(lambda tx: tx.tasks.drop(FETCH, "att_1"))
    assert not await store.read(lambda tx: tx.tasks.exists(FETCH, "att_1"))
