"""The hub wakes who watches, gathers equal questions, and keeps nothing of who left."""

import asyncio

from gateway.hub import Hub


async def test_who_watches_a_topic_is_woken_by_its_news_and_by_no_others():
    hub = Hub()
    with hub.watching("video_1", "acme") as one, hub.watching("video_2", "other") as two:
        hub.told(frozenset({"video_1", "nobody watches this"}))
        await one.beyond(0)

        assert (one.news, two.news) == (1, 0)
        hub.missed("other")
        assert (one.news, two.news) == (1, 1)
        hub.missed()
        assert (one.news, two.news) == (2, 2)


async def test_equal_questions_are_one_read_until_there_is_news():
    hub, reads = Hub(), []

    async def read() -> int:
        reads.append(1)
        await asyncio.sleep(0)
        return len(reads)

    with hub.watching("video_1", "acme") as topic:
        assert await asyncio.gather(*(topic.ask(("acme", 4), read) for _ in range(50))) == [1] * 50
        topic.tell()
        assert await topic.ask(("acme", 4), read) == 2


async def test_a_read_that_failed_is_tried_again():
    async def fail() -> int:
        raise ValueError

    async def read() -> int:
        return 1

    with Hub().watching("video_1", "acme") as topic:
        (failed,) = await asyncio.gather(topic.ask("q", fail), return_exceptions=True)

        assert isinstance(failed, ValueError)
        assert await topic.ask("q", read) == 1


def test_nothing_is_kept_of_who_left_and_the_engine_is_no_tenant():
    hub = Hub()
    with hub.watching("video_1", "acme"), hub.watching("video_1", "acme"), hub.watching("deliveries"):
        assert (hub.watchers(), hub.tenants()) == (2, {"acme"})
    assert (hub.watchers(), hub.tenants()) == (0, set())
