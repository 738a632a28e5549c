"""Lines of those who wait: in order, called in turn, left by who begins, and shares that are remembered."""

import msgspec
import pytest

from gateway.store.queue import Line, Place
from gateway.store.tasks import StaleLease, Task, TaskKind
from tests.store.rows import NOW, a_video, keep

SUBMIT = TaskKind.SUBMIT
LATER = NOW + 60_000
VEO = Line(("veo",), "acme")
EITHER = Line(("doitong", "veo"), "acme")
OTHERS = Line(("veo",), "other")


async def claimed(store, video: str, at: int = NOW) -> Task:
    await store.write(lambda tx: tx.tasks.add(SUBMIT, video, at))
    tasks: list[Task] = await store.write(lambda tx: tx.tasks.claim("w1", now=at, until=at + 30_000, limit=1))
    (task,) = tasks
    return task


async def waits(store, video: str, line: Line = VEO, priority: int = 0, passes_until: int = 0) -> None:
    task = await claimed(store, video)
    place = Place(line=line, priority=priority, passes_until=passes_until)
    await store.write(lambda tx: tx.queue.park(task, place, LATER))


async def heads(store, line: Line = VEO, limit: int = 10, now: int = NOW) -> list[str]:
    return [video for _, video in await store.read(lambda tx: tx.queue.heads(line, limit, now))]


async def called(store, *videos: str, now: int = NOW + 1) -> set[str]:
    """Those of the videos whose task is due after they were called."""
    await store.write(lambda tx: tx.queue.call(list(videos), now))
    tasks = await store.write(lambda tx: tx.tasks.claim("w2", now=now, until=now + 30_000, limit=10))
    return {task.subject for task in tasks}


async def test_nobody_waits_at_first(store):
    assert await store.read(lambda tx: tx.queue.lines()) == []
    assert await store.read(lambda tx: tx.queue.counts()) == {}
    assert await heads(store) == []


async def test_every_line_is_known_once_however_many_wait_in_it(store):
    for n in range(3):
        await waits(store, f"video_{n}")
    await waits(store, "video_3", EITHER)
    await waits(store, "video_4", OTHERS)

    assert set(await store.read(lambda tx: tx.queue.lines())) == {VEO, EITHER, OTHERS}
    assert await store.read(lambda tx: tx.queue.counts()) == {VEO: 3, EITHER: 1, OTHERS: 1}


async def test_the_highest_priority_goes_first_then_the_oldest(store):
    await waits(store, "video_1")
    await waits(store, "video_3", priority=1)
    await waits(store, "video_2", priority=1)
    await waits(store, "video_0", priority=-1)

    assert await heads(store) == ["video_2", "video_3", "video_1", "video_0"]
    assert await heads(store, limit=2) == ["video_2", "video_3"]


async def test_one_that_was_called_in_vain_lets_others_go_first_for_a_while(store):
    await waits(store, "video_1", passes_until=NOW + 200)
    await waits(store, "video_2")

    assert await heads(store) == ["video_2"]
    assert await heads(store, now=NOW + 200) == ["video_1", "video_2"]


async def test_who_waits_is_not_due_before_it_is_called(store):
    await waits(store, "video_1")
    await waits(store, "video_2")

    assert await called(store) == set()
    assert await called(store, "video_2") == {"video_2"}
    assert await heads(store) == ["video_1", "video_2"]


async def test_who_waits_is_looked_at_at_the_time_that_was_set_though_nobody_called(store):
    await waits(store, "video_1")

    assert await called(store, now=LATER) == {"video_1"}


async def test_one_that_is_being_looked_at_is_not_called_again(store):
    await waits(store, "video_1")
    assert await called(store, "video_1") == {"video_1"}

    assert await store.write(lambda tx: tx.queue.call(["video_1"], NOW + 2)) == 0


@pytest.mark.parametrize("how", ["hold", "snooze", "add", "finish"])
async def test_who_begins_or_goes_waits_no_more(store, how):
    await waits(store, "video_1")
    await called(store, "video_1")
    task = Task(kind=SUBMIT, subject="video_1", epoch=2, errors=0, lease=30_000)

    async def leave(tx):
        await {
            "hold": lambda: tx.tasks.hold(task, LATER),
            "snooze": lambda: tx.tasks.snooze(task, LATER),
            "add": lambda: tx.tasks.add(SUBMIT, "video_1", NOW),
            "finish": lambda: tx.tasks.finish(task),
        }[how]()

    await store.write(leave)

    assert await store.read(lambda tx: tx.queue.lines()) == []


async def test_a_lease_that_is_lost_parks_nothing(store):
    task = await claimed(store, "video_1")
    stale = msgspec.structs.replace(task, epoch=task.epoch - 1)

    with pytest.raises(StaleLease):
        await store.write(lambda tx: tx.queue.park(stale, Place(line=VEO, priority=0), LATER))


async def test_a_video_knows_its_line_and_how_many_of_it_go_before(store):
    await keep(store, a_video("video_2"))
    await waits(store, "video_1")
    await waits(store, "video_2")
    await waits(store, "video_3", priority=1)

    place = await store.read(lambda tx: tx.queue.place("acme", "video_2"))
    assert place == (VEO, 0)
    assert await store.read(lambda tx: tx.queue.before(VEO, 0, "video_2")) == 2
    assert await store.read(lambda tx: tx.queue.before(VEO, 1, "video_3")) == 0
    assert await store.read(lambda tx: tx.queue.place("acme", "video_9")) is None
    assert await store.read(lambda tx: tx.queue.place("other", "video_2")) is None


async def test_shares_are_remembered_for_each_account_and_tenant(store):
    assert await store.read(lambda tx: tx.queue.passed("veo", "acme")) == (0, 0)

    await store.write(lambda tx: tx.queue.serve("veo", "acme", passed=10, virtual=4))
    await store.write(lambda tx: tx.queue.serve("veo", "other", passed=14, virtual=10))
    await store.write(lambda tx: tx.queue.serve("doitong", "acme", passed=1, virtual=0))

    assert await store.read(lambda tx: tx.queue.passed("veo", "acme")) == (10, 10)
    assert await store.read(lambda tx: tx.queue.shares("veo")) == {"": 10, "acme": 10, "other": 14}
