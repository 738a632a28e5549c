"""Hard cases: a crash beside a cancel, storage of ours that fails, an answer that comes after all."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.config.settings import WorkerSettings
from gateway.policy.verdict import Outcome
from gateway.sandbox.settings import SandboxSettings, Variant
from gateway.services.books import Books
from gateway.services.records import Records
from gateway.services.updates import Updates
from gateway.store.database import connect
from gateway.store.migrate import packaged
from gateway.store.store import Store, Transaction
from gateway.store.tasks import Task, TaskKind
from gateway.wiring import Gateway, Seams, gateway
from gateway.worker import Worker
from providers.base import Accepted
from schema.attempt import Reason, Verdict
from schema.clock import SystemClock
from schema.errors import FailureKind
from schema.ids import Ids
from schema.lifecycle import AttemptState, Substate, VideoStatus
from tests.flows.engine import QUICK, an_account, settings, until, working
from tests.store.rows import a_video, an_attempt, keep
from tests.support.certificates import certificates
from tests.support.luck import steady
from tests.support.running import FAST, SPEED, Setup, running

NOBODY = "http://127.0.0.1:9"


def evenly() -> float:
    """Luck, always the middle one."""
    return 0.5


async def always() -> bool:
    """Nothing stands against sending."""
    return True


async def nobody() -> None:
    """Nobody waits in line."""


def veo(**changes):
    return an_account("veo-main", "veo3o1", NOBODY, **changes)


@pytest.fixture
async def idle(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway whose worker does not run: the test says what happens."""
    async with gateway(settings(tmp_path, veo()), Seams(verify=certificates())) as built:
        yield built


def updates(built: Gateway) -> Updates:
    return Updates(
        accounts=built.accounts,
        tenants=built.tenants,
        pacing=steady(built, QUICK),
        ids=Ids(),
        timing=QUICK,
        luck=evenly,
        egress_allow=(),
    )


async def conclude(built: Gateway, attempt: str, outcome: Outcome) -> None:
    now = built.clock.now()

    async def work(tx: Transaction) -> None:
        books = Books(accounts=built.accounts, tenants=built.tenants, ids=Ids(), luck=evenly)
        case = await Records(Ids(), books).case(tx, "video_1", attempt, now)
        assert case is not None
        await updates(built).outcome(case, outcome)

    await built.store.write(work)


async def test_a_canceled_video_whose_sender_died_gives_its_account_s_place_back(tmp_path):
    async with gateway(settings(tmp_path, veo()), Seams(verify=certificates())) as built:
        now = built.clock.now()
        canceled = a_video(
            status=VideoStatus.CANCELED, substate=None, completed_at=now, created_at=now, deadline_at=now + 60_000
        )
        await keep(built.store, canceled, an_attempt(started_at=now))
        await built.store.write(lambda tx: tx.tasks.add(TaskKind.SUBMIT, "video_1", now))

    async with working(settings(tmp_path, veo())) as engine:

        async def concluded() -> bool:
            return [one.state for one in await engine.attempts("video_1")] == [AttemptState.UNKNOWN]

        await until(concluded)


async def test_nobody_else_is_asked_once_a_lost_attempt_turns_out_to_have_arrived(idle: Gateway):
    now = idle.clock.now()
    video = a_video(status=VideoStatus.IN_PROGRESS, substate=Substate.SUBMITTING, started_at=now)
    lost = an_attempt("att_1", state=AttemptState.UNKNOWN, verdict=Verdict.UNKNOWN)
    await keep(idle.store, video, lost, an_attempt("att_2", n=2))
    await conclude(idle, "att_1", Outcome(verdict=Verdict.ACCEPTED, accepted=Accepted(ref="ref-1")))

    await conclude(idle, "att_2", Outcome(verdict=Verdict.REJECTED, reason=Reason(FailureKind.BUSY)))

    after = await idle.store.read(lambda tx: tx.videos.peek("video_1"))
    assert after is not None
    assert (after.status, after.substate) == (VideoStatus.IN_PROGRESS, Substate.RUNNING)
    assert await kinds_of_tasks(idle.store) == ["watch"]


async def test_a_video_does_not_fail_while_another_attempt_is_known_to_be_made(idle: Gateway):
    now = idle.clock.now()
    video = a_video(status=VideoStatus.IN_PROGRESS, substate=Substate.SUBMITTING, started_at=now)
    found = an_attempt("att_1", state=AttemptState.UNKNOWN, verdict=Verdict.ACCEPTED, ref="ref-1")
    await keep(idle.store, video, found, an_attempt("att_2", n=2))

    await conclude(idle, "att_2", Outcome(verdict=Verdict.REJECTED, reason=Reason(FailureKind.CONTENT_REJECTED)))

    after = await idle.store.read(lambda tx: tx.videos.peek("video_1"))
    assert after is not None
    assert after.status is VideoStatus.IN_PROGRESS


async def kinds_of_tasks(store: Store) -> list[str]:
    rows = await store.database.read(lambda connection: connection.all("SELECT kind FROM tasks"))
    return [str(row[0]) for row in rows]


async def test_a_video_ends_in_time_even_when_our_own_storage_is_broken(tmp_path):
    async with running(Setup(folder=tmp_path)) as pair:
        shutil.rmtree(tmp_path / "assets")
        (tmp_path / "assets").touch()

        created = await pair.create("[sim:instant] a boat", gateway={"deadline_seconds": 3})
        video = await pair.finished(created["id"])

        assert (video["status"], video["error"]["code"]) == ("failed", "asset_lost")
        assert list((tmp_path / "filmgate-data" / "incoming").iterdir()) == []


async def test_an_upstream_that_can_not_be_asked_is_left_alone_after_the_video_ended(tmp_path):
    mute = SandboxSettings(speed=SPEED, variant=Variant(doitong_polling=False))
    async with running(Setup(folder=tmp_path, sandbox=mute, hooks=False)) as pair:
        wish = {"model": "doitong/veo3", "gateway": {"deadline_seconds": 2}}
        created = await pair.create("[sim:stuck] a boat", **wish)
        await pair.begun(created["id"])
        await pair.client.post(f"/v1/videos/{created['id']}/cancel")

        async def rests() -> bool:
            due = await pair.gateway.store.read(lambda tx: tx.tasks.next_due())
            return due is not None and due > pair.gateway.clock.now() + 300_000

        await until(rests)
        calls = sum((await pair.truth())["calls"].values())
        assert calls < 10


async def test_a_task_is_never_run_twice_at_once_by_a_worker_that_lost_its_lease(tmp_path):
    database = await connect(f"sqlite:///{tmp_path}/work.db")
    await database.migrate(packaged())
    store, clock = Store(database), SystemClock()
    at_once, most, runs = 0, 0, 0

    async def slow(task: Task) -> None:
        nonlocal at_once, most, runs
        at_once, runs = at_once + 1, runs + 1
        most = max(most, at_once)
        await asyncio.sleep(0.4)
        at_once -= 1
        await store.write(lambda tx: tx.tasks.drop(task.kind, task.subject))

    worker = Worker(
        name="one",
        store=store,
        handlers={TaskKind.SUBMIT: slow},
        clock=clock,
        luck=evenly,
        timing=replace(FAST, lease_seconds=0.05, lease_beat_seconds=30),
        settings=WorkerSettings(poll_seconds=0.02),
        may_send=always,
        call=nobody,
    )
    await store.write(lambda tx: tx.tasks.add(TaskKind.SUBMIT, "video_1", clock.now()))
    work = asyncio.create_task(worker.run())

    async def done() -> bool:
        return runs > 0 and at_once == 0

    await until(done)
    worker.stop()
    await work
    await database.close()

    assert most == 1
