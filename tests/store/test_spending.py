"""What a tenant with a budget has committed, counted beside its videos."""

import asyncio

from schema.ids import VIDEO, first_of
from tests.store.rows import NOW, a_video, keep

DAY = 24 * 3_600_000
FIRST, LAST = VIDEO + first_of(NOW), VIDEO + first_of(NOW + DAY)
PERIOD = "2023-11-14"


def of_the_day(n: int, **facts):
    return a_video(f"{VIDEO}{first_of(NOW + n)}", **facts)


async def opened(store, beside: str = "") -> None:
    await store.write(lambda tx: tx.spending.open("acme", PERIOD, first=FIRST, last=LAST, beside=beside))


async def committed(store) -> int:
    amount: int = await store.read(lambda tx: tx.spending.of("acme", PERIOD))
    return amount


async def test_a_period_begins_with_what_its_videos_hold_and_were_charged(store):
    await keep(store, of_the_day(1, held=5), of_the_day(2, held=0, charged=7), of_the_day(3))
    await keep(store, a_video(f"{VIDEO}{first_of(NOW - 1)}", held=100), of_the_day(4, tenant="other", held=100))

    await opened(store)

    assert await committed(store) == 12


async def test_the_video_that_opens_a_period_is_counted_by_itself(store):
    video = of_the_day(1, held=5)
    await keep(store, video, of_the_day(2, held=7))

    await opened(store, beside=video.id)

    assert await committed(store) == 7


async def test_opening_it_twice_counts_nothing_twice(store):
    await keep(store, of_the_day(1, held=5))

    await opened(store)
    await opened(store)

    assert await committed(store) == 5


async def test_a_period_that_nobody_opened_counts_nothing(store):
    assert await store.write(lambda tx: tx.spending.add("acme", PERIOD, 5)) is None


async def test_many_who_open_and_count_at_once_are_all_counted(store):
    async def one(tx) -> None:
        if await tx.spending.add("acme", PERIOD, 5) is None:
            await tx.spending.open("acme", PERIOD, first=FIRST, last=LAST, beside="")
            await tx.spending.add("acme", PERIOD, 5)

    await asyncio.gather(*(store.write(one) for _ in range(20)))

    assert await committed(store) == 100


async def test_a_budget_that_was_away_for_a_while_is_counted_anew(store):
    await opened(store)
    await keep(store, of_the_day(1, held=0, charged=9))  # nobody counted it

    await store.write(lambda tx: tx.spending.recount("acme", PERIOD, first=FIRST, last=LAST))

    assert await committed(store) == 9


async def test_a_share_that_was_told_is_remembered(store):
    await opened(store)
    await store.write(lambda tx: tx.spending.warned("acme", PERIOD, 80))

    assert await store.write(lambda tx: tx.spending.add("acme", PERIOD, 1)) == (1, 80)
