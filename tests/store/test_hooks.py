"""Hooks are remembered for ever: what was heard once does not act twice, on any replica."""

import asyncio

import pytest

from tests.store.rows import NOW

HEARD = {"provider": "doitong", "attempt": "att_1", "body_sha256": "a" * 64, "now": NOW}


async def hear(store, **facts) -> bool:
    new: bool = await store.write(lambda tx: tx.hooks.add(**{**HEARD, **facts}))
    return new


async def test_a_hook_is_new_once(store):
    assert await hear(store)
    assert not await hear(store)
    assert not await hear(store, now=NOW + 10**11)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"attempt": "att_2"}, id="another-attempt"),
        pytest.param({"provider": "other"}, id="another-provider"),
        pytest.param({"body_sha256": "b" * 64}, id="another-body"),
    ],
)
async def test_a_hook_that_differs_is_another(store, other):
    await hear(store)

    assert await hear(store, **other)


async def test_of_many_copies_at_once_one_is_new(store):
    news = await asyncio.gather(*(hear(store) for _ in range(20)))

    assert news.count(True) == 1


async def test_a_hook_whose_news_were_undone_may_come_again(store):
    async def fail_on_it(tx):
        await tx.hooks.add(**HEARD)
        raise LookupError

    with pytest.raises(LookupError):
        await store.write(fail_on_it)

    assert await hear(store)
