"""A tenant's policy through starts, changes and replicas: who may change it, and when a change counts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gateway.config.settings import Settings
from gateway.sandbox.server import Sandbox, serve
from gateway.sandbox.settings import SandboxSettings
from gateway.services.policies import SEEN_LASTS
from gateway.wiring import Seams
from schema.errors import InvalidRequest, ManagedByFile, NoRoute, NotFound, VersionConflict
from schema.policy import PolicyVersion
from schema.quote import Decision
from schema.tenant import RoutingPolicy
from schema.video import Strategy
from tests.flows.engine import QUICK, Engine, until, working
from tests.store.postgres_server import PostgresServer
from tests.support.certificates import certificates
from tests.support.running import SPEED, Setup, sandbox_accounts, settings_for

CHEAPEST = RoutingPolicy()
VEO_FIRST = RoutingPolicy(strategy=Strategy.ORDERED, order=("veo-main",))
TO_VEO = {"strategy": "ordered", "order": ["veo-main"]}


class At:
    """A clock that stands until it is told."""

    def __init__(self, now: int) -> None:
        self.time = now

    def now(self) -> int:
        return self.time


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with serve(SandboxSettings(speed=SPEED)) as running:
        yield running


def configured(sandbox: Sandbox, folder: Path, policy: RoutingPolicy | None = None, **setup: Any) -> Settings:
    """Settings in which the file says ``policy``, or nothing of how acme is routed."""
    chosen = Setup(
        folder=folder,
        timing=QUICK,
        routing=policy or RoutingPolicy(),
        routed_by_file=policy is not None,
        **setup,
    )
    made = settings_for(chosen, sandbox_accounts(sandbox, chosen), sandbox_url=sandbox.url, public_url="")
    return replace(made, server=replace(made.server, public_url=None))


async def versions(engine: Engine, tenant: str = "acme") -> list[tuple[int, str, RoutingPolicy]]:
    """First to last."""
    page = await engine.gateway.policies.history(tenant, before=None, limit=100)
    return [(one.version, one.author, one.policy) for one in page.versions[::-1]]


async def change(engine: Engine, expected: int, changes: Any, note: str = "") -> PolicyVersion:
    tenant = engine.gateway.tenants.get("acme")
    assert tenant is not None
    return await engine.gateway.policies.change(tenant, expected, changes, author="acme …key", note=note)


async def made_by(engine: Engine) -> str | None:
    return (await engine.ended((await engine.accept("[sim:instant] a boat")).id)).account


@asynccontextmanager
async def database(server: PostgresServer, name: str) -> AsyncIterator[str]:
    yield await server.create(name)
    await server.drop(name)


# what starts leave behind


async def test_every_tenant_has_a_version_from_its_first_start_on(sandbox, tmp_path):
    async with working(configured(sandbox, tmp_path)) as engine:
        assert [await versions(engine, id) for id in ("acme", "other", "house")] == [[(1, "default", CHEAPEST)]] * 3
        assert engine.tenant.policy_version == 1
        video = await engine.accept("[sim:stuck] a boat")
        decision = await engine.gateway.videos.decision("acme", video.id)
        assert b'"policy":1' in decision


async def test_what_was_changed_is_still_so_after_a_restart(sandbox, tmp_path):
    async with working(configured(sandbox, tmp_path)) as engine:
        await change(engine, 1, TO_VEO)
    async with working(configured(sandbox, tmp_path)) as engine:
        assert engine.tenant.routing == VEO_FIRST
        assert engine.tenant.policy_version == 2
        assert await made_by(engine) == "veo-main"


async def test_the_file_makes_a_version_when_it_says_something_new(sandbox, tmp_path):
    fast = RoutingPolicy(strategy=Strategy.FASTEST)
    for policy in (VEO_FIRST, VEO_FIRST, fast):
        async with working(configured(sandbox, tmp_path, policy)) as engine:
            told = await versions(engine)
            assert engine.tenant.routing == policy

    assert told == [(1, "file", VEO_FIRST), (2, "file", fast)]


async def test_a_tenant_the_file_lets_go_of_keeps_its_policy_and_may_change_it(sandbox, tmp_path):
    async with working(configured(sandbox, tmp_path, VEO_FIRST)) as engine:
        with pytest.raises(ManagedByFile) as refused:
            await change(engine, 1, {"strategy": "fastest"})
        with pytest.raises(ManagedByFile):
            await engine.gateway.policies.restore(engine.tenant, 1, 1, author="", note="")
        assert "`routing` of the tenant 'acme'" in refused.value.detail
    async with working(configured(sandbox, tmp_path)) as engine:
        assert engine.tenant.routing == VEO_FIRST
        await change(engine, 1, {"strategy": "fastest"})
    async with working(configured(sandbox, tmp_path, VEO_FIRST)) as engine:
        told = await versions(engine)

    assert [(version, author) for version, author, _ in told] == [(1, "file"), (2, "acme …key"), (3, "file")]


async def test_replicas_that_start_together_agree_on_one_first_version(sandbox, tmp_path, postgres, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with database(postgres, "policies_starts") as url:
        settings = configured(sandbox, tmp_path, VEO_FIRST, database_url=url)

        async def start() -> list[tuple[int, str, RoutingPolicy]]:
            async with working(settings) as engine:
                return await versions(engine)

        assert await asyncio.gather(*(start() for _ in range(4))) == [[(1, "file", VEO_FIRST)]] * 4


# who changes it


async def test_a_change_counts_at_once_where_it_was_made(sandbox, tmp_path):
    async with working(configured(sandbox, tmp_path)) as engine:
        assert await made_by(engine) == "doitong-main"

        made = await change(engine, 1, TO_VEO, note="doitong is slow today")

        assert (made.version, made.author, made.note, made.policy) == (
            2,
            "acme …key",
            "doitong is slow today",
            VEO_FIRST,
        )
        assert await made_by(engine) == "veo-main"


async def test_a_change_of_another_version_is_refused_with_both(sandbox, tmp_path):
    async with working(configured(sandbox, tmp_path)) as engine:
        second = await change(engine, 1, TO_VEO)

        with pytest.raises(VersionConflict) as late:
            await change(engine, 1, {"strategy": "fastest"})
        with pytest.raises(VersionConflict) as unheard_of:
            await change(engine, 2**60, {"strategy": "fastest"})

        first = await engine.gateway.store.read(lambda tx: tx.policies.get("acme", 1))
        assert (late.value.expected, late.value.known, late.value.current) == (1, first, second)
        assert (unheard_of.value.known, unheard_of.value.current) == (None, second)
        assert len(await versions(engine)) == 2


async def test_what_changes_nothing_makes_no_version(sandbox, tmp_path):
    async with working(configured(sandbox, tmp_path)) as engine:
        for changes in ({}, {"strategy": "cheapest"}, {"max_cost": None}):
            assert (await change(engine, 1, changes)).version == 1


async def test_what_is_wrong_changes_nothing(sandbox, tmp_path):
    async with working(configured(sandbox, tmp_path)) as engine:
        wrong: tuple[Any, ...] = ({"order": ["nobody"]}, {"strategy": 7}, [])
        for changes in wrong:
            with pytest.raises(InvalidRequest):
                await change(engine, 1, changes)
        with pytest.raises(InvalidRequest):
            await change(engine, 1, TO_VEO, note="n" * 1001)

        assert await versions(engine) == [(1, "default", CHEAPEST)]


async def test_an_old_version_comes_back_as_a_new_one(sandbox, tmp_path):
    async with working(configured(sandbox, tmp_path)) as engine:
        await change(engine, 1, TO_VEO)
        restored = await engine.gateway.policies.restore(engine.tenant, 2, 1, author="acme …key", note="")

        assert (restored.version, restored.policy, restored.note) == (3, CHEAPEST, "version 1 again")
        for missing in (0, 4, 2**60):
            with pytest.raises(NotFound):
                await engine.gateway.policies.restore(engine.tenant, 3, missing, author="", note="")


async def test_of_many_changes_at_once_one_is_made(sandbox, tmp_path):
    async with working(configured(sandbox, tmp_path)) as engine:
        tries = (change(engine, 1, {"max_wait_seconds": seconds}) for seconds in range(8))
        made = await asyncio.gather(*tries, return_exceptions=True)

        assert sorted(type(one).__name__ for one in made) == ["PolicyVersion", *["VersionConflict"] * 7]
        assert len(await versions(engine)) == 2


# when it counts


async def test_a_change_made_at_one_replica_is_used_by_another(sandbox, tmp_path, postgres, monkeypatch):
    """The second has decided for the tenant just before: it looks again when half a second has passed on its clock."""
    monkeypatch.chdir(tmp_path)
    async with database(postgres, "policies_replicas") as url:
        settings = configured(sandbox, tmp_path, database_url=url)
        clock = At(1_800_000_000_000)
        seams = Seams(verify=certificates(), clock=clock)
        async with working(settings) as first, working(settings, seams) as second:
            before = await second.accept("[sim:stuck] a boat")
            await change(first, 1, TO_VEO)
            clock.time += SEEN_LASTS
            within = await second.accept("[sim:stuck] a boat")
            clock.time += 1
            after = await second.accept("[sim:stuck] a boat")

            policies = [await policy_of(second, video.id) for video in (before, within, after)]
            assert policies[0] == 1
            assert policies[2] == 2
            known = second.gateway.tenants.get("acme")
            assert known is not None
            assert known.routing == VEO_FIRST


async def test_a_video_that_was_accepted_is_sent_by_the_policy_there_is_when_it_is_sent(sandbox, tmp_path):
    """It waits for an account that has no room; meanwhile the policy sends it elsewhere."""
    async with working(configured(sandbox, tmp_path, concurrent=1)) as engine:
        await change(engine, 1, {"only": ["veo-main"]})
        first = await engine.accept("[sim:stuck] a boat")
        await until(lambda: _sent(engine, first.id))
        waiting = await engine.accept("[sim:instant] a boat")

        await change(engine, 2, {"only": ["doitong-main"]})

        assert (await engine.ended(waiting.id)).account == "doitong-main"
        assert await policy_of(engine, waiting.id) == 3


async def _sent(engine: Engine, video: str) -> bool:
    return bool(await engine.attempts(video))


async def test_a_policy_that_leaves_nobody_is_kept_and_refuses_every_video(sandbox, tmp_path):
    async with working(configured(sandbox, tmp_path)) as engine:
        await change(engine, 1, {"exclude": ["doitong-main", "veo-main"]})

        with pytest.raises(NoRoute):
            await engine.accept("[sim:instant] a boat")


async def policy_of(engine: Engine, video: str) -> int:
    stored = await engine.gateway.videos.decision("acme", video)
    policy = msgspec.json.decode(stored, type=Decision).policy
    assert policy is not None
    return policy
