"""Versions of routing policies as both engines keep them: in order, once each, and for ever as they were written."""

import asyncio
from functools import partial

import pytest

from gateway.store.database import ConstraintViolation, StoreError
from gateway.store.migrate import packaged
from gateway.store.store import Store, Transaction
from schema.policy import PolicyVersion
from schema.tenant import RoutingPolicy, Rule, Weights, When
from schema.video import AspectRatio, OnUnknown, Strategy
from tests.store.rows import NOW, a_video

POLICY = RoutingPolicy(
    strategy=Strategy.BALANCED,
    weights=Weights(price=0.1, speed=0.2, reliability=0.7),
    order=("veo-main", "doitong"),
    per_video=500_000,
    max_wait_seconds=60,
    on_unknown=OnUnknown.WAIT,
    rules=(Rule(when=When(aspect_ratio=AspectRatio.TALL, image=False), prefer=("doitong",), per_video=2**50),),
)


def a_version(version: int = 1, **facts) -> PolicyVersion:
    whole = {"tenant": "acme", "at": NOW + version, "author": "default", "note": "", "policy": RoutingPolicy()}
    return PolicyVersion(version=version, **{**whole, **facts})


async def add(store: Store, *versions: PolicyVersion) -> list[bool]:
    """For each, whether it was kept."""
    return [await store.write(partial(_add, version=version)) for version in versions]


async def _add(tx: Transaction, version: PolicyVersion) -> bool:
    return await tx.policies.add(version)


async def test_a_version_comes_back_as_it_was_written(store):
    version = a_version(author="acme …ijkl", note="🦊 'quoted'", policy=POLICY)

    assert await add(store, version) == [True]

    assert await store.read(lambda tx: tx.policies.get("acme", 1)) == version
    assert await store.read(lambda tx: tx.policies.latest("acme")) == version
    assert await store.read(lambda tx: tx.policies.get("other", 1)) is None
    assert await store.read(lambda tx: tx.policies.get("acme", 2)) is None


async def test_the_latest_version_is_found_and_only_when_it_is_newer_than_what_is_known(store):
    await add(store, a_version(1), a_version(2), a_version(10), a_version(11, tenant="other"))

    async def latest(than: int) -> int | None:
        found = await store.read(lambda tx: tx.policies.latest("acme", than=than))
        return None if found is None else found.version

    assert [await latest(than) for than in (0, 2, 9, 10, 2**40)] == [10, 10, 10, None, None]


async def test_of_two_who_make_the_same_version_at_once_one_does(store):
    made = await asyncio.gather(*(add(store, a_version(author=name)) for name in "abcd"))

    kept = await store.read(lambda tx: tx.policies.latest("acme"))
    assert sorted(made) == [[False], [False], [False], [True]]
    assert kept is not None
    assert made["abcd".index(kept.author)] == [True]


async def test_versions_are_read_newest_first_a_page_at_a_time(store):
    await add(store, *(a_version(version) for version in range(1, 13)), a_version(1, tenant="other"))

    async def page(before: int | None, limit: int) -> list[int]:
        found = await store.read(lambda tx: tx.policies.page("acme", before=before, limit=limit))
        return [one.version for one in found]

    assert await page(None, 3) == [12, 11, 10]
    assert await page(10, 100) == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert await page(1, 3) == []


@pytest.mark.parametrize("statement", ["UPDATE policies SET author = 'nobody'", "DELETE FROM policies"])
async def test_whoever_has_the_database_open_a_version_stays(store, statement):
    await add(store, a_version())

    with pytest.raises(ConstraintViolation):
        await store.database.write(lambda connection: connection.run(statement))

    assert await store.read(lambda tx: tx.policies.latest("acme")) == a_version()


async def test_postgres_refuses_to_empty_the_table_too(postgres):
    await postgres.migrate(packaged())
    await add(Store(postgres), a_version())

    with pytest.raises(StoreError):
        await postgres.write(lambda connection: connection.run("TRUNCATE policies"))

    assert await Store(postgres).read(lambda tx: tx.policies.latest("acme")) == a_version()


async def test_a_tenant_s_latest_videos_come_with_their_decisions(store):
    videos = [a_video(f"video_{number}", tenant="acme" if number != 2 else "other") for number in range(1, 5)]
    for video in videos:
        await store.write(lambda tx, one=video: tx.videos.add(one, f'{{"of": "{one.id}"}}'.encode()))

    found = await store.read(lambda tx: tx.videos.decided("acme", 2))

    assert found == [(videos[3], b'{"of": "video_4"}'), (videos[2], b'{"of": "video_3"}')]
    assert len(await store.read(lambda tx: tx.videos.decided("acme", 10))) == 3
