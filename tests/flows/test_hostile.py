"""What would keep videos waiting for ever, or a gateway busy with nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.config.settings import WorkerSettings
from gateway.policy.standing import LONG_REST
from gateway.sandbox.server import serve
from gateway.sandbox.settings import AccountSettings, SandboxSettings
from gateway.store.database import connect
from gateway.store.migrate import packaged
from gateway.store.queue import Line, Place
from gateway.store.store import Store, Transaction
from gateway.store.tasks import Task, TaskKind
from gateway.wiring import Gateway, Seams, gateway
from gateway.worker import Worker
from schema.account import AccountState, Circuit, CreditsSource, Limits, Secret
from schema.clock import Millis, SystemClock
from schema.lifecycle import AttemptState, Substate, VideoStatus
from tests.flows.engine import Engine, an_account, settings, until, working
from tests.store.rows import a_video, an_attempt, keep
from tests.support.certificates import certificates
from tests.support.running import FAST

NOBODY = "http://127.0.0.1:9"


class CountingClock(SystemClock):
    """The system's, which knows how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def now(self) -> Millis:
        self.asked += 1
        return super().now()


async def always() -> bool:
    """Nothing stands against sending."""
    return True


async def test_a_worker_whose_every_place_for_sends_is_taken_does_not_spin_until_one_is_free(tmp_path):
    """Somebody was to be called at a moment that is over by now, and nobody can be."""
    database = await connect(f"sqlite:///{tmp_path}/work.db")
    await database.migrate(packaged())
    store, clock = Store(database), CountingClock()
    began, free = asyncio.Event(), asyncio.Event()

    async def silent(task: Task) -> None:
        began.set()
        await free.wait()
        await store.write(lambda tx: tx.tasks.finish(task))

    async def overdue() -> Millis:
        return 1

    worker = Worker(
        name="one",
        store=store,
        handlers={TaskKind.SUBMIT: silent},
        clock=clock,
        luck=lambda: 0.5,
        timing=replace(FAST, lease_seconds=30, lease_beat_seconds=30),
        settings=WorkerSettings(concurrency=2, poll_seconds=0.1),
        may_send=always,
        call=overdue,
    )
    await store.write(lambda tx: tx.tasks.add(TaskKind.SUBMIT, "video_1", SystemClock().now()))
    work = asyncio.create_task(worker.run())
    await began.wait()
    before = clock.asked
    await asyncio.sleep(0.5)
    asked = clock.asked - before
    free.set()
    worker.stop()
    await work
    await database.close()

    assert asked < 50


@pytest.fixture
async def idle(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway whose worker does not run, with an account for one video at a time."""
    veo = an_account("veo-main", "veo3o1", NOBODY, limits=Limits(concurrent=1))
    free = an_account("veo-free", "veo3o1", NOBODY, limits=Limits())
    async with gateway(settings(tmp_path, veo, free), Seams(verify=certificates())) as built:
        yield built


async def test_a_video_that_an_accounts_credits_do_not_cover_holds_up_nobody_whom_they_do(tmp_path):
    upstream = SandboxSettings(
        speed=200, accounts=(AccountSettings(name="b", provider="doitong", key="key of b", credits=10**9),)
    )
    async with serve(upstream) as sandbox:
        account = an_account(
            "b", "doitong", sandbox.doitong_url, credential=Secret("key of b"), limits=Limits(concurrent=1)
        )
        async with working(settings(tmp_path, account, allow=(sandbox.url,))) as engine:
            await engine.gateway.operators.credits("b", 250, actor="house")
            dear = await engine.accept("dear", quality="high", seconds=10)
            await until(lambda: _waits(engine, dear.id))
            assert await engine.gateway.store.read(lambda tx: tx.queue.lines()) == []

            cheap = await engine.accept("cheap", quality="standard", seconds=5)

            assert (await engine.ended(cheap.id)).status is VideoStatus.COMPLETED
            assert (await engine.video(dear.id)).status is VideoStatus.QUEUED
            await engine.gateway.operators.credits("b", 10_000, actor="house", note="paid")
            assert (await engine.ended(dear.id)).status is VideoStatus.COMPLETED


async def test_a_removed_test_tenants_video_is_never_made_by_an_account_that_costs_money(tmp_path):
    upstream = SandboxSettings(speed=200, accounts=(AccountSettings(name="v", provider="veo3o1", key="k", credits=99),))
    async with serve(upstream) as sandbox:
        test = an_account("test", "veo3o1", sandbox.veo3o1_url, credential=Secret("k"))
        live = replace(test, id="live", sandbox=False)
        chosen = settings(tmp_path, test, live, allow=(sandbox.url,))
        async with working(chosen) as engine:
            assert engine.tenant.test
            await engine.gateway.operators.pause("test", actor="house")
            video = await engine.accept()
            await until(lambda: _waits(engine, video.id))

        removed = replace(chosen, tenants=tuple(one for one in chosen.tenants if one.tenant.id != engine.tenant.id))
        async with gateway(removed, Seams(verify=certificates())) as built:
            await built.operators.resume("test", actor="house")
            work = asyncio.create_task(built.worker.run())
            await built.queue.call()
            ended = await built.events.wait(engine.tenant.id, video.id, 15)
            built.worker.stop()
            await work

    assert (ended.status, ended.account) == (VideoStatus.COMPLETED, "test")


async def _waits(engine: Engine, video: str) -> bool:
    return (await engine.video(video)).substate is Substate.WAITING_CAPACITY


async def test_a_half_open_circuit_has_room_for_its_trial_beside_what_the_account_is_making(idle):
    running = a_video(substate=Substate.RUNNING, status=VideoStatus.IN_PROGRESS)
    await keep(idle.store, running, an_attempt(account="veo-free", state=AttemptState.RUNNING, ref="job_1"))
    half = AccountState(id="veo-free", circuit=Circuit.HALF_OPEN, circuit_at=1, failed_at=1)
    await idle.store.write(lambda tx: tx.accounts.update(half))

    await idle.accounts.snapshot(tenant_tests=True, fresh=True)
    known = idle.accounts.known("veo-free")

    assert known is not None
    assert (known.standing, known.room) == ((), 1)


@pytest.mark.parametrize(
    ("source", "age", "left"),
    [
        pytest.param(CreditsSource.PROVIDER, 0, 1, id="a-provider-is-believed-at-first"),
        pytest.param(CreditsSource.PROVIDER, LONG_REST, None, id="and-no-longer-than-its-refusal-counts"),
        pytest.param(CreditsSource.OPERATOR, LONG_REST, 1, id="an-operator-is-believed-for-good"),
    ],
)
async def test_an_account_that_said_it_had_too_few_credits_is_tried_again(idle, source, age, left):
    told = AccountState(
        id="veo-free",
        credits=1,
        credits_at=idle.clock.now() - age,
        credits_source=source,
        credits_spent=0,
        credits_full=1,
    )
    await idle.store.write(lambda tx: tx.accounts.update(told))

    await idle.accounts.snapshot(tenant_tests=True, fresh=True)
    known = idle.accounts.known("veo-free")

    assert known is not None
    assert known.known.credits_left == left


async def test_turns_are_counted_where_only_an_upstreams_headers_set_an_end_to_them(idle):
    async def learned(tx: Transaction) -> None:
        await tx.meters.ensure("veo-free")
        meter = await tx.meters.lock("veo-free")
        assert meter is not None
        await tx.meters.update("veo-free", replace(meter, learned=10))

    await idle.store.write(learned)
    await idle.accounts.snapshot(tenant_tests=True, fresh=True)
    account, _ = idle.accounts.get("veo-free")

    await idle.store.write(lambda tx: idle.queue.served(tx, account, "acme"))

    assert (await idle.store.read(lambda tx: tx.queue.shares("veo-free")))["acme"] > 0


async def test_who_was_called_in_vain_a_moment_ago_holds_up_no_other_tenant(idle):
    now = idle.clock.now()

    async def waits(video: str, tenant: str, passes_until: Millis) -> None:
        await idle.store.write(lambda tx: tx.tasks.add(TaskKind.SUBMIT, video, now))
        (task,) = await idle.store.write(lambda tx: tx.tasks.claim("w", now=now, until=now + 30_000, limit=1))
        place = Place(line=Line(("veo-main",), tenant), priority=0, passes_until=passes_until)
        await idle.store.write(lambda tx: tx.queue.park(task, place, now + 60_000))

    await waits("video_1", "acme", now + 60_000)
    await waits("video_2", "other", 0)

    await idle.queue.call()

    due = await idle.store.write(
        lambda tx: tx.tasks.claim("w", now=idle.clock.now(), until=now + 30_000, limit=9, kinds=(TaskKind.SUBMIT,))
    )
    assert [task.subject for task in due] == ["video_2"]
