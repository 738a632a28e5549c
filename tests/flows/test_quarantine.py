"""A restored backup: nothing is sent until an operator confirms, whatever the lost life of the database had done."""

import asyncio
import hashlib
import hmac
import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from msgspec.structs import replace

from gateway import upkeep
from gateway.policy.signing import callback_token
from gateway.ports import listen
from gateway.sandbox.server import Sandbox, serve
from gateway.sandbox.settings import SandboxSettings
from gateway.services.quarantine import Released, Waiting
from gateway.serving import serving
from gateway.store.tasks import TaskKind
from gateway.wiring import Gateway, Seams, gateway
from schema.clock import Millis, SystemClock
from schema.errors import Quarantined
from schema.incident import IncidentKind
from schema.lifecycle import AttemptState, Substate, VideoStatus
from schema.video import Video, VideoErrorCode
from tests.flows.engine import QUICK, an_account, settings, until
from tests.graphql.asking import CREATE
from tests.store.postgres_server import PostgresServer
from tests.store.rows import NOW, a_video, an_attempt, keep
from tests.support.certificates import certificates
from tests.support.running import (
    ACME_KEY,
    FAST,
    SPEED,
    Running,
    Setup,
    sandbox_accounts,
    settings_for,
)

VEO, DOITONG = {"only": ["veo3o1"]}, {"only": ["doitong"]}
PATIENT = replace(FAST, replay_schedule_seconds=(30, 30))
DAY = 24 * 3_600_000


class Later:
    """A clock that is so many milliseconds ahead."""

    def __init__(self, ahead: Millis) -> None:
        self._ahead = ahead

    def now(self) -> Millis:
        return SystemClock().now() + self._ahead


@dataclass
class World:
    """One sandbox, and a place on disk where one gateway after the other lives."""

    folder: Path
    sandbox: Sandbox

    @property
    def database(self) -> Path:
        return self.folder / "filmgate.db"

    @asynccontextmanager
    async def life(self, *, ahead: Millis = 0, **chosen: Any) -> AsyncIterator[Running]:
        """A gateway from its start to its orderly end."""
        setup = Setup(**{"folder": self.folder, "concurrent": 1, **chosen})
        listener = listen("127.0.0.1", 0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        accounts = sandbox_accounts(self.sandbox, setup)
        made = settings_for(setup, accounts, sandbox_url=self.sandbox.url, public_url=url)
        seams = Seams(verify=certificates(), clock=Later(ahead))
        headers = {"authorization": f"Bearer {ACME_KEY}"}
        async with (
            gateway(made, seams) as built,
            serving(built, listener=listener),
            httpx.AsyncClient(
                base_url=url, headers=headers, timeout=30, trust_env=False, verify=certificates()
            ) as client,
        ):
            yield Running(gateway=built, sandbox=self.sandbox, url=url, client=client, other=client, operator=client)

    def back_up(self) -> Path:
        file = self.folder / "monday.db"
        upkeep.backup(self.database, file)
        return file

    async def restore(self) -> upkeep.Restored:
        return await upkeep.restore(self.folder / "monday.db", self.database, SystemClock())


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with serve(SandboxSettings(speed=SPEED)) as sandbox:
        yield World(tmp_path, sandbox)


async def jobs(here: Running) -> Counter[str]:
    """How often each wish was made and billed."""
    return Counter(job["prompt"] for job in (await here.truth())["jobs"])


async def shown(here: Running, id: str) -> dict[str, Any]:
    video: dict[str, Any] = (await here.client.get(f"/v1/videos/{id}")).json()
    return video


async def waits(here: Running, id: str) -> None:
    async def waiting() -> bool:
        return bool((await shown(here, id))["gateway"]["substate"] == "waiting_capacity")

    await until(waiting)


async def a_lost_window(world: World) -> tuple[str, str]:
    """One video runs and one waits; a backup; then the second is sent, too, and that life of the database is lost."""
    async with world.life() as here:
        first = (await here.create("[sim:slow] the first", gateway=VEO))["id"]
        await here.begun(first)
        second = (await here.create("the second", gateway=VEO, metadata={"n": "2"}))["id"]
        await waits(here, second)
        world.back_up()
        assert (await here.finished(second))["status"] == "completed"
        assert await jobs(here) == {"[sim:slow] the first": 1, "the second": 1}
    await world.restore()
    return first, second


async def test_after_a_restore_nothing_is_sent_and_what_runs_is_still_watched(world):
    first, second = await a_lost_window(world)

    async with world.life(concurrent=8) as here:  # with room: nothing but the quarantine stands against the second
        assert (await here.finished(first))["status"] == "completed"

        assert (await shown(here, second))["gateway"]["substate"] == "waiting_capacity"
        await here.gateway.queue.call()
        due = await here.gateway.store.read(lambda tx: tx.tasks.next_due((TaskKind.SUBMIT,)))
        assert due is not None
        assert due <= here.gateway.clock.now()
        assert await jobs(here) == {"[sim:slow] the first": 1, "the second": 1}


async def test_what_waited_fails_at_the_release_and_nothing_is_paid_twice(world):
    first, second = await a_lost_window(world)

    async with world.life() as here:
        await here.finished(first)
        released = await here.gateway.quarantine.release(Waiting.FAIL, "ann", here.gateway.clock.now())
        failed = await here.finished(second)
        third = await here.finished((await here.create("the third", gateway=VEO))["id"])

        assert released == Released(resumed=0, failed=1)
        assert (failed["status"], failed["error"]["code"]) == ("failed", "submission_outcome_unknown")
        assert "restored" in failed["error"]["message"]
        assert third["status"] == "completed"
        assert await jobs(here) == {"[sim:slow] the first": 1, "the second": 1, "the third": 1}
        assert (await here.gateway.quarantine.state()).released_by == "ann"


async def test_what_waited_is_sent_when_the_operator_says_so(world):
    first, second = await a_lost_window(world)

    async with world.life() as here:
        await here.finished(first)
        released = await here.gateway.quarantine.release(Waiting.RESUME, "ann", here.gateway.clock.now())

        assert released == Released(resumed=1, failed=0)
        assert (await here.finished(second))["status"] == "completed"
        assert (await jobs(here))["the second"] == 2  # the price of a wrong answer, and why it is not the default


async def test_creates_are_refused_at_both_doors_and_a_known_key_is_still_answered(world):
    async with world.life() as here:
        key = {"idempotency-key": "monday"}
        wish = {"prompt": "[sim:stuck] known", "gateway": VEO}
        known = (await here.client.post("/v1/videos", json=wish, headers=key)).json()["id"]
        world.back_up()
    await world.restore()

    async with world.life() as here:
        refused = await here.client.post("/v1/videos", json={"prompt": "new"})
        graphql = await here.client.post(
            "/graphql", json={"query": CREATE, "variables": {"input": {"prompt": "new", "idempotencyKey": "n"}}}
        )
        again = await here.client.post("/v1/videos", json=wish, headers=key)

        assert (refused.status_code, refused.json()["code"]) == (503, "quarantined")
        assert refused.headers["retry-after"] == "60"
        assert "operator" in refused.json()["title"]
        (error,) = graphql.json()["errors"]
        assert (error["extensions"]["code"], error["extensions"]["retryAfterSeconds"]) == ("QUARANTINED", 60)
        assert (again.status_code, again.json()["id"]) == (202, known)
        assert [video["id"] for video in (await here.client.get("/v1/videos")).json()["data"]] == [known]


async def test_a_quarantined_gateway_is_ready_and_says_what_it_is(world):
    async with world.life() as here:
        assert (await here.client.get("/readyz")).json() == {"status": "ok"}
        world.back_up()
    await world.restore()

    async with world.life() as here:
        ready = await here.client.get("/readyz")

        assert (ready.status_code, ready.json()) == (200, {"status": "ok", "quarantined": True})


async def test_what_waits_can_be_canceled_in_quarantine(world):
    first, second = await a_lost_window(world)

    async with world.life() as here:
        canceled = await here.client.post(f"/v1/videos/{second}/cancel")
        await here.gateway.quarantine.release(Waiting.RESUME, "ann", here.gateway.clock.now())
        await here.finished(first)

        assert canceled.json()["status"] == "canceled"
        assert (await jobs(here))["the second"] == 1


async def test_in_quarantine_no_deadline_ends_a_video_and_after_it_every_one_does(world):
    async with world.life() as here:
        made = (await here.create("[sim:slow] made", gateway=VEO))["id"]
        stuck = (await here.create("[sim:stuck] stuck", gateway=DOITONG))["id"]
        await here.begun(made)
        await here.begun(stuck)
        waiting = (await here.create("waiting", gateway=VEO))["id"]
        await waits(here, waiting)
        world.back_up()
    await world.restore()

    async with world.life(ahead=DAY) as here:
        assert (await here.finished(made))["status"] == "completed"

        async def asked() -> bool:
            (attempt,) = await here.gateway.store.read(lambda tx: tx.attempts.of_video(stuck))
            return bool(attempt.polls)

        await until(asked)
        assert (await shown(here, stuck))["status"] == "in_progress"
        assert (await shown(here, waiting))["status"] == "queued"

        await here.gateway.quarantine.release(Waiting.RESUME, "ann", here.gateway.clock.now())

        ended = await here.finished(waiting)
        assert (ended["status"], ended["error"]["code"]) == ("failed", "deadline_exceeded")
        assert await jobs(here) == {"[sim:slow] made": 1, "[sim:stuck] stuck": 1}


async def test_a_file_that_can_not_be_had_yet_ends_no_video_in_quarantine_and_its_deadline_does_after(idle):
    await keep(
        idle.store,
        a_video(status=VideoStatus.IN_PROGRESS, substate=Substate.FETCHING),
        an_attempt(state=AttemptState.SUCCEEDED, ref="r", video_url="http://127.0.0.1:9/v.mp4", ended_at=NOW),
    )
    await idle.store.write(lambda tx: tx.tasks.add(TaskKind.FETCH, "att_1", 0))

    async def tried_twice() -> bool:
        return len([line for line in logged if line["event"] == "asset.fetch_failed"]) >= 2

    async def ended() -> bool:
        video: Video = await idle.videos.get("acme", "video_1")
        return video.ended

    with structlog.testing.capture_logs() as logged:
        work = asyncio.create_task(idle.worker.run())
        await until(tried_twice)  # so that the first try was recorded
        assert (await idle.videos.get("acme", "video_1")).status is VideoStatus.IN_PROGRESS
        await idle.quarantine.release(Waiting.FAIL, "ann", idle.clock.now())
        await until(ended)
        idle.worker.stop()
        await work

    assert (await idle.videos.get("acme", "video_1")).error.code == VideoErrorCode.ASSET_LOST


@pytest.mark.parametrize("waiting", Waiting)
async def test_a_lost_submit_is_not_replayed_in_quarantine(world, waiting):
    async with world.life(timing=PATIENT, hooks=False) as here:
        lost = (await here.create("[sim:drop-after-accept-once] lost", gateway=DOITONG))["id"]

        async def is_lost() -> bool:
            return bool((await shown(here, lost))["gateway"]["substate"] == "outcome_unknown")

        await until(is_lost)
        world.back_up()
    await world.restore()

    async with world.life(timing=PATIENT, hooks=False, ahead=40_000) as here:

        async def looked_at() -> bool:
            due = await here.gateway.store.read(lambda tx: tx.tasks.next_due((TaskKind.WATCH,)))
            return due is None or due > here.gateway.clock.now()

        await until(looked_at)
        assert (await here.truth())["totals"]["submissions"] == 1

        await here.gateway.quarantine.release(waiting, "ann", here.gateway.clock.now())
        ended = await here.finished(lost)

        totals = (await here.truth())["totals"]
        if waiting is Waiting.FAIL:
            assert (ended["error"]["code"], totals["submissions"]) == ("submission_outcome_unknown", 1)
        else:
            assert (ended["status"], totals["submissions"], totals["jobs"]) == ("completed", 2, 1)


# the release itself, on a gateway whose worker does not run


@pytest.fixture(params=["sqlite", "postgres"])
async def idle(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Gateway]:
    """In quarantine, on either engine."""
    nobody = an_account("veo-main", "veo3o1", "http://127.0.0.1:9")
    async with AsyncExitStack() as stack:
        url = None
        if request.param == "postgres":
            server: PostgresServer = request.getfixturevalue("postgres")
            name = f"test_{secrets.token_hex(6)}"
            url = await server.create(name)
            stack.push_async_callback(server.drop, name)
        chosen = settings(tmp_path, nobody, database_url=url, timing=replace(QUICK, asset_tries=50))
        built = await stack.enter_async_context(gateway(chosen, Seams(verify=certificates())))
        await built.store.write(lambda tx: tx.instance.quarantine(built.clock.now(), "monday.db"))
        await built.quarantine.state()  # it looks once a second, and has looked
        yield built


async def test_an_attempt_whose_sender_is_lost_stays_unknown_and_its_video_fails(idle):
    await keep(idle.store, a_video(), an_attempt(state=AttemptState.SUBMITTING))
    await idle.store.write(lambda tx: tx.tasks.add(TaskKind.SUBMIT, "video_1", 0))

    released = await idle.quarantine.release(Waiting.FAIL, "ann", idle.clock.now())

    attempt = await idle.store.read(lambda tx: tx.attempts.get("att_1"))
    video = await idle.videos.get("acme", "video_1")
    assert released == Released(resumed=0, failed=1)
    assert attempt is not None
    assert attempt.state is AttemptState.UNKNOWN
    assert (video.status, video.error.code) == (VideoStatus.FAILED, "submission_outcome_unknown")
    assert await idle.store.read(lambda tx: tx.tasks.next_due()) is None


async def test_many_are_failed_in_turns_and_those_an_upstream_has_go_on(idle):
    ids = [f"video_{n:03}" for n in range(120)]
    await keep(idle.store, *(a_video(id) for id in ids))
    await keep(idle.store, an_attempt(video=ids[7], state=AttemptState.RUNNING, ref="r"))

    released = await idle.quarantine.release(Waiting.FAIL, "ann", idle.clock.now())

    census = await idle.store.read(lambda tx: tx.instance.census())
    assert released == Released(resumed=0, failed=119)
    assert (census.videos, census.unsent) == ({"failed": 119, "queued": 1}, 0)


async def test_a_release_without_a_quarantine_changes_nothing(idle):
    await idle.quarantine.release(Waiting.FAIL, "ann", idle.clock.now())
    await keep(idle.store, a_video())

    assert await idle.quarantine.release(Waiting.FAIL, "bob", idle.clock.now()) == Released(resumed=0, failed=0)
    assert (await idle.videos.get("acme", "video_1")).status is VideoStatus.QUEUED
    assert (await idle.quarantine.state()).released_by == "ann"


async def test_of_two_operators_at_once_one_decides(idle):
    await keep(idle.store, *(a_video(f"video_{n}") for n in range(10)))
    now = idle.clock.now()

    fail, resume = await asyncio.gather(
        idle.quarantine.release(Waiting.FAIL, "ann", now), idle.quarantine.release(Waiting.RESUME, "bob", now)
    )

    assert fail.failed + resume.resumed == 10
    assert (await idle.quarantine.state()).quarantined is False


async def test_whether_it_is_on_is_read_at_most_once_a_second(tmp_path):
    clock = Hand()
    nobody = an_account("veo-main", "veo3o1", "http://127.0.0.1:9")
    async with gateway(settings(tmp_path, nobody), Seams(verify=certificates(), clock=clock)) as built:
        assert await built.quarantine.is_on() is False
        await built.store.write(lambda tx: tx.instance.quarantine(clock.now()))
        assert await built.quarantine.is_on() is False

        clock.at += 1_001

        assert await built.quarantine.is_on() is True
        with pytest.raises(Quarantined):
            await built.quarantine.refuse()


class Hand:
    """A clock that stands where it is put."""

    at: Millis = 1_800_000_000_000

    def now(self) -> Millis:
        return self.at


# jobs that nobody knows any more


def signed(body: bytes) -> dict[str, str]:
    return {"x-doitong-signature": f"sha256={hmac.new(b'sandbox-webhook-secret', body, hashlib.sha256).hexdigest()}"}


async def test_a_signed_hook_for_a_job_nobody_knows_is_an_incident_once(world):
    body = json.dumps({"id": "gen_1", "status": "processing"}).encode()
    async with world.life(timing=replace(QUICK, hook_grace_seconds=0.1)) as here:
        path = f"/hooks/doitong/{callback_token(here.gateway.ground.root, 'att_of_the_lost_window')}"
        answers = [await here.client.post(path, content=body, headers=signed(body)) for _ in range(2)]

        async def written() -> bool:
            return bool(await here.gateway.store.read(lambda tx: tx.incidents.page(None, 10)))

        await until(written)
        incidents = await here.gateway.store.read(lambda tx: tx.incidents.page(None, 10))

    assert [answer.status_code for answer in answers] == [202, 202]
    (incident,) = incidents
    assert (incident.kind, incident.account) == (IncidentKind.ORPHAN_HOOK, "doitong-main")
    assert incident.attempt == "att_of_the_lost_window"
    assert incident.data["news"] == [{"ref": "gen_1", "phase": "running"}]


@pytest.mark.parametrize(
    ("provider", "headers", "status"),
    [("doitong", {}, 401), ("doitong", {"x-doitong-signature": "sha256=00"}, 401), ("veo3o1", {}, 401)],
    ids=["unsigned", "forged", "a provider that never calls"],
)
async def test_an_unsigned_hook_for_a_job_nobody_knows_leaves_no_trace(world, provider, headers, status):
    async with world.life() as here:
        path = f"/hooks/{provider}/{callback_token(here.gateway.ground.root, 'att_of_the_lost_window')}"
        answer = await here.client.post(path, content=b'{"id": "gen_1", "status": "processing"}', headers=headers)

        assert answer.status_code == status
        assert await here.gateway.store.read(lambda tx: tx.incidents.page(None, 10)) == []
