"""Tenants' limits, on both engines: what was created is kept, whoever counts at once loses none, who makes is found."""

import asyncio

from gateway.policy.rates import Group, taken
from gateway.store.attempts import Making
from gateway.store.migrate import packaged
from schema.lifecycle import AttemptState
from tests.store.rows import NOW, a_video, an_attempt, keep


async def test_what_a_tenant_created_comes_back_as_it_was_kept(store):
    recent = (Group(NOW, NOW + 5, 3), Group(NOW + 2_000, NOW + 2_000))
    assert await store.read(lambda tx: tx.tenant_limits.created("acme")) == ()
    assert await store.write(lambda tx: tx.tenant_limits.lock_created("acme")) == ()

    await store.write(lambda tx: tx.tenant_limits.keep_created("acme", recent))

    assert await store.write(lambda tx: tx.tenant_limits.lock_created("acme")) == recent
    assert await store.read(lambda tx: tx.tenant_limits.created("acme")) == recent
    assert await store.read(lambda tx: tx.tenant_limits.created("other")) == ()


async def test_whoever_counts_at_once_loses_none_though_nobody_counted_before(store):
    async def count(tx):
        recent = await tx.tenant_limits.lock_created("acme")
        await tx.tenant_limits.keep_created("acme", taken(recent, NOW))

    await asyncio.gather(*(store.write(count) for _ in range(30)))

    assert await store.read(lambda tx: tx.tenant_limits.created("acme")) == (Group(NOW, NOW, 30),)


async def test_who_begins_a_video_and_who_creates_do_not_wait_for_each_other(store):
    async def both(tx):
        await tx.tenant_limits.lock_making("acme")
        return await tx.tenant_limits.lock_created("acme")

    assert await store.write(both) == ()


async def test_what_tenants_have_in_the_making_is_counted_and_the_lost_are_told_apart(store):
    states = [
        ("acme", AttemptState.RUNNING, NOW),
        ("acme", AttemptState.SUBMITTING, NOW + 1),
        ("acme", AttemptState.UNKNOWN, NOW + 2),
        ("acme", AttemptState.UNKNOWN, NOW - 9),
        ("acme", AttemptState.SUCCEEDED, NOW),
        ("other", AttemptState.RUNNING, NOW),
        ("third", AttemptState.RUNNING, NOW),
    ]
    for n, (tenant, state, at) in enumerate(states):
        attempt = an_attempt(f"att_{n}", video=f"video_{n}", tenant=tenant, state=state, started_at=at, account="a")
        await keep(store, a_video(f"video_{n}", tenant=tenant), attempt)

    found = await store.read(lambda tx: tx.attempts.making(["acme", "other"], NOW - 5))
    begun = await store.read(lambda tx: tx.attempts.begun_for("acme", 9))

    assert sorted(found, key=lambda one: (one.tenant, one.begun)) == [
        Making(tenant="acme", lost_at=None, begun=0, count=2),
        Making(tenant="acme", lost_at="a", begun=NOW + 2, count=1),
        Making(tenant="other", lost_at=None, begun=0, count=1),
    ]
    assert begun == [("a", NOW), ("a", NOW + 1)]
    assert await store.read(lambda tx: tx.attempts.making([], NOW)) == []


async def test_what_is_in_the_making_is_found_by_the_index(sqlite):
    asked = (
        "SELECT account FROM attempts WHERE tenant = 'a' AND state IN ('planned', 'submitting', 'running', 'unknown') "
        "AND (state <> 'unknown' OR started_at > 5)"
    )

    async def explain(connection):
        return await connection.all(f"EXPLAIN QUERY PLAN {asked}")

    await sqlite.migrate(packaged())
    rows = await sqlite.write(explain)

    assert "attempts_of_tenant" in str(rows)
