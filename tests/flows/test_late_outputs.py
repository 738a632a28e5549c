"""What is made too late, or twice: it was billed, so its file is kept, and the video it was for stays as it is."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.config.settings import Timing
from gateway.policy.verdict import Outcome
from gateway.sandbox.settings import DEFAULT_ACCOUNTS, SandboxSettings, Variant
from gateway.services.books import Books
from gateway.services.records import Case, Records
from gateway.services.updates import Updates
from gateway.store.store import Transaction
from gateway.store.tasks import TaskKind
from gateway.wiring import Gateway, Seams, gateway
from providers.base import Accepted, Phase, Update
from schema.attempt import Attempt, Verdict
from schema.event import TERMINAL, Event, EventType
from schema.ids import Ids
from schema.incident import Incident, IncidentKind
from schema.lifecycle import AttemptState, Substate, VideoStatus
from schema.output import ExtraOutput
from schema.video import Video
from tests.flows.engine import QUICK, Engine, an_account, settings, until, working
from tests.flows.hostile import VEO3O1, Act, Hostile, Peer, forever, honestly, hostile
from tests.store.rows import a_video, an_attempt, keep
from tests.support.certificates import certificates
from tests.support.luck import steady
from tests.support.running import FAST, Running, Setup, running

VEO, DOITONG = {"only": ["veo3o1"]}, {"only": ["doitong"]}
BOTH = pytest.mark.parametrize("wish", [VEO, DOITONG], ids=["veo3o1", "doitong"])
TIMING = replace(FAST, replay_schedule_seconds=(0.05, 60), asset_tries=2)


def evenly() -> float:
    """Luck, always the middle one."""
    return 0.5


def a_gateway(folder: Path, *, timing: Timing = TIMING, **sandbox: Any) -> AbstractAsyncContextManager[Running]:
    unlimited = tuple(replace(account, concurrent=0) for account in DEFAULT_ACCOUNTS)
    simulated = SandboxSettings(**{"speed": 40.0, "accounts": unlimited, **sandbox})
    return running(Setup(folder=folder, timing=timing, sandbox=simulated, seams=Seams(verify=certificates())))


async def seen(here: Running, id: str) -> dict[str, Any]:
    video: dict[str, Any] = (await here.client.get(f"/v1/videos/{id}")).json()
    return video


async def told(here: Running, id: str) -> list[Event]:
    return await here.gateway.store.read(lambda tx: tx.events.after("acme", id, 0))


async def late_outputs(here: Running, id: str) -> list[dict[str, Any]]:
    """What its late outputs said, once there is one."""

    async def happened() -> bool:
        return (await told(here, id))[-1].type is EventType.LATE_OUTPUT

    await until(happened)
    return [event.data["output"] for event in await told(here, id) if event.type is EventType.LATE_OUTPUT]


async def look_now(here: Running, id: str) -> None:
    """Look after the attempts of a video now, and not in ten minutes."""

    async def hasten(tx: Transaction) -> None:
        for attempt in await tx.attempts.of_video(id):
            if attempt.state is not AttemptState.SUCCEEDED:
                await tx.tasks.add(TaskKind.WATCH, attempt.id, here.gateway.clock.now())

    await here.gateway.store.write(hasten)
    here.gateway.worker.nudge()


async def made_upstream(here: Running) -> None:
    async def over() -> bool:
        return {job["status"] for job in (await here.truth())["jobs"]} == {"completed"}

    await until(over)


def how_it_is(video: dict[str, Any]) -> tuple[Any, ...]:
    return video["status"], video["error"], video["progress"], video["completed_at"], video["gateway"]["cost"]


async def has_the_file(here: Running, id: str, told: dict[str, Any]) -> None:
    """An extra output was told as it is shown, and as it is downloaded; without its name there is no file."""
    [shown] = (await seen(here, id))["gateway"]["extra_outputs"]
    file = await here.client.get(f"/v1/videos/{id}/content", params={"output": shown["attempt"]})

    assert {name: shown[name] for name in ("attempt", "size", "sha256")} == told
    assert (len(file.content), hashlib.sha256(file.content).hexdigest()) == (told["size"], told["sha256"])
    assert file.content[4:8] == b"ftyp"


# too late


@BOTH
async def test_a_success_after_the_deadline_is_kept_as_an_extra_output(tmp_path, wish):
    async with a_gateway(tmp_path, timing=replace(TIMING, video_deadline_seconds=1)) as here:
        id = (await here.create("a boat", gateway=wish))["id"]
        failed = await here.finished(id)
        await made_upstream(here)
        await look_now(here, id)
        [output] = await late_outputs(here, id)
        after = await seen(here, id)
        await has_the_file(here, id, output)
        without = await here.client.get(f"/v1/videos/{id}/content")

    assert how_it_is(after) == how_it_is(failed)
    assert (after["status"], after["error"]["code"]) == ("failed", "deadline_exceeded")
    assert [attempt["state"] for attempt in after["gateway"]["attempts"]] == ["succeeded"]
    assert failed["gateway"]["extra_outputs"] == []
    assert without.status_code == 410


@BOTH
async def test_a_success_after_a_cancel_is_kept_as_an_extra_output(tmp_path, wish):
    async with a_gateway(tmp_path) as here:
        id = (await here.create("a boat", gateway=wish))["id"]
        await here.begun(id)
        canceled = (await here.client.post(f"/v1/videos/{id}/cancel")).json()
        etag = (await here.client.get(f"/v1/videos/{id}")).headers["etag"]
        [output] = await late_outputs(here, id)
        await has_the_file(here, id, output)
        changed = await here.client.get(f"/v1/videos/{id}", headers={"if-none-match": etag})
        ends = [event.type for event in await told(here, id) if event.type in TERMINAL]

    assert (canceled["status"], changed.json()["status"]) == ("canceled", "canceled")
    assert changed.status_code == 200
    assert ends == [EventType.CANCELED]


async def test_a_late_file_that_can_not_be_had_is_told_as_lost_and_changes_nothing(tmp_path):
    async with a_gateway(tmp_path) as here:
        id = (await here.create("a boat [sim:bad-file]", gateway=DOITONG))["id"]
        await here.begun(id)
        canceled = (await here.client.post(f"/v1/videos/{id}/cancel")).json()
        outputs = await late_outputs(here, id)
        after = await seen(here, id)
        tasks = await here.gateway.store.read(lambda tx: tx.tasks.next_due())

    [attempt] = after["gateway"]["attempts"]
    assert outputs == [{"attempt": attempt["id"], "lost": True}]
    assert how_it_is(after)[:-1] == how_it_is(canceled)[:-1]
    assert after["gateway"]["extra_outputs"] == []
    assert tasks is None
    assert not [*tmp_path.glob("assets/**/*.mp4")]


async def test_a_late_file_waits_for_our_own_storage(tmp_path):
    async with a_gateway(tmp_path) as here:
        shutil.rmtree(tmp_path / "assets")
        (tmp_path / "assets").touch()
        id = (await here.create("a boat [sim:instant]", gateway={**DOITONG, "deadline_seconds": 1}))["id"]
        failed = await here.finished(id)
        (tmp_path / "assets").unlink()
        (tmp_path / "assets").mkdir()
        [output] = await late_outputs(here, id)
        await has_the_file(here, id, output)

    assert failed["error"]["code"] == "asset_lost"


def gated(gate: asyncio.Event) -> Act:
    """An honest upstream that keeps its files back until the gate opens."""

    async def act(peer: Peer) -> None:
        while True:
            request = await peer.request()
            if request.path.endswith(".mp4"):
                await gate.wait()
            await honestly(peer, request)

    return act


async def test_the_file_of_a_video_that_ended_while_it_was_copied_is_kept(tmp_path):
    gate = asyncio.Event()
    async with (
        hostile(VEO3O1, *forever(gated(gate))) as upstream,
        working(settings(tmp_path, an_account("main", "veo3o1", upstream.url))) as engine,
    ):
        id = (await engine.accept()).id
        await until(lambda: asked_for_files(upstream))
        await engine.gateway.cancels.cancel("acme", id)
        gate.set()
        await until(lambda: has_outputs(engine.gateway, id, 1))
        video, [attempt], events = await engine.video(id), await engine.attempts(id), await engine.events(id)
        asset = await engine.gateway.videos.output("acme", id, attempt.id)

    assert (video.status, video.asset) == (VideoStatus.CANCELED, None)
    assert [event.type for event in events[-2:]] == [EventType.CANCELED, EventType.LATE_OUTPUT]
    assert (tmp_path / "assets" / asset.key).stat().st_size == asset.size


async def asked_for_files(upstream: Hostile) -> bool:
    return any(request.path.endswith(".mp4") for request in upstream.requests)


async def outputs_of(built: Gateway, video: str) -> list[ExtraOutput]:
    return await built.store.read(lambda tx: tx.outputs.of_video("acme", video))


async def has_outputs(built: Gateway, video: str, count: int) -> bool:
    return len(await outputs_of(built, video)) == count


# twice


async def test_a_replay_that_was_made_and_billed_again_is_an_incident_and_an_attempt_of_its_own(tmp_path):
    forgetful: dict[str, Any] = {
        "variant": Variant(doitong_keys=False),
        "hang_seconds": 3.0,
        "doitong_seconds": (40.0, 40.0),
    }
    async with a_gateway(tmp_path, **forgetful) as here:
        prompt = "a boat [sim:drop-after-accept-once] [sim:hang-after-accept]"
        id = (await here.create(prompt, gateway=DOITONG))["id"]
        completed = await here.finished(id)
        [output] = await late_outputs(here, id)
        await has_the_file(here, id, output)
        after, truth = await seen(here, id), await here.truth()
        first, second = after["gateway"]["attempts"]
        incidents = await here.gateway.store.read(lambda tx: tx.incidents.page(None, 10))
        own = (await here.client.get(f"/v1/videos/{id}/content")).status_code
        events = [event.type for event in await told(here, id)]

    assert {first["provider_ref"], second["provider_ref"]} == {job["id"] for job in truth["jobs"]}
    assert [one["state"] for one in (first, second)] == ["succeeded", "succeeded"]
    assert [submission["billed"] > 0 for submission in truth["submissions"]] == [True, True]
    assert (completed["status"], how_it_is(after), own) == ("completed", how_it_is(completed), 200)
    assert output["attempt"] == second["id"]
    assert events.count(EventType.COMPLETED) == events.count(EventType.LATE_OUTPUT) == 1
    [incident] = incidents
    assert (incident.kind, incident.tenant, incident.video) == (IncidentKind.DUPLICATE_CHARGE, "acme", id)
    assert incident.data == {
        "ref": first["provider_ref"],
        "second": second["provider_ref"],
        "other": second["id"],
    }


# what the engine does with two attempts of one video: the test says what is heard, the files come over real sockets


class Pair:
    """A video in the making by two attempts, at a gateway whose worker does not run yet."""

    def __init__(self, folder: Path, built: Gateway, upstream: Hostile) -> None:
        self.folder, self.gateway, self.upstream = folder, built, upstream

    async def hear(self, attempt: str, phase: Phase, *, file: str = "good") -> None:
        """What a poll of it would tell."""
        url = f"{self.upstream.url}/{file}.mp4" if phase is Phase.SUCCEEDED else None
        await self.apply(attempt, lambda updates, case: updates.news(case, _update(case, phase, url)))

    async def conclude(self, attempt: str, ref: str) -> None:
        """What a replay of it would be answered."""
        outcome = Outcome(verdict=Verdict.ACCEPTED, accepted=Accepted(ref=ref))
        await self.apply(attempt, lambda updates, case: updates.outcome(case, outcome))

    async def apply(self, attempt: str, what: Any) -> None:
        built = self.gateway
        updates = Updates(
            accounts=built.accounts,
            tenants=built.tenants,
            pacing=steady(built, QUICK),
            ids=Ids(),
            timing=QUICK,
            luck=evenly,
            egress_allow=built.settings.egress.allow,
        )
        records = Records(Ids(), Books(accounts=built.accounts, tenants=built.tenants, ids=Ids(), luck=evenly))

        async def work(tx: Transaction) -> None:
            case = await records.case(tx, "video_1", attempt, built.clock.now())
            assert case is not None
            await what(updates, case)

        await built.store.write(work)

    async def video(self) -> Video:
        video = await self.gateway.store.read(lambda tx: tx.videos.peek("video_1"))
        assert video is not None
        return video

    async def attempts(self) -> list[Attempt]:
        return await self.gateway.store.read(lambda tx: tx.attempts.of_video("video_1"))

    async def incidents(self) -> list[Incident]:
        return await self.gateway.store.read(lambda tx: tx.incidents.page(None, 10))


def _update(case: Case, phase: Phase, url: str | None) -> Update:
    return Update(ref=case.attempt.ref or "", phase=phase, video_url=url)


async def only_good_files(peer: Peer) -> None:
    while True:
        request = await peer.request()
        if "bad" in request.path:
            await peer.answer(b"<!doctype html><title>Nothing here</title>", Content_Type="text/html")
        else:
            await honestly(peer, request)


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with hostile(VEO3O1, *forever(only_good_files)) as upstream, idle(tmp_path, upstream) as built:
        now = built.clock.now()
        times: dict[str, Any] = {"created_at": now, "deadline_at": now + 60_000, "started_at": now}
        video = a_video(status=VideoStatus.IN_PROGRESS, substate=Substate.RUNNING, account="main", **times)
        facts = {"account": "main", "verdict": Verdict.ACCEPTED, "started_at": now, "keyed": True}
        first = an_attempt("att_1", state=AttemptState.RUNNING, ref="ref-1", **facts)
        second = an_attempt("att_2", n=2, state=AttemptState.UNKNOWN, ref="ref-2", **facts)
        other = an_attempt("att_3", video="video_2", state=AttemptState.RUNNING, ref="ref-3", **facts)
        await keep(built.store, video, a_video("video_2", **times), first, second, other)
        yield Pair(tmp_path, built, upstream)


def idle(folder: Path, upstream: Hostile) -> AbstractAsyncContextManager[Gateway]:
    account = an_account("main", "veo3o1", upstream.url)
    return gateway(settings(folder, account, timing=replace(QUICK, asset_tries=1)), Seams(verify=certificates()))


@asynccontextmanager
async def at_work(pair: Pair) -> AsyncIterator[Engine]:
    """The pair's gateway while its worker runs."""
    work = asyncio.create_task(pair.gateway.worker.run())
    tenant = pair.gateway.tenants.get("acme")
    assert tenant is not None
    try:
        yield Engine(pair.gateway, tenant)
    finally:
        pair.gateway.worker.stop()
        await work


async def test_of_two_successes_at_once_one_is_the_video_and_the_other_an_extra_output(pair: Pair):
    await pair.hear("att_1", Phase.SUCCEEDED)
    await pair.hear("att_2", Phase.SUCCEEDED)
    fetching = await pair.video()

    async with at_work(pair) as engine:
        await until(lambda: has_outputs(pair.gateway, "video_1", 1))
        video, [extra] = await pair.video(), await outputs_of(pair.gateway, "video_1")
        events = [event.type for event in await engine.events("video_1")]

    assert (fetching.status, fetching.substate) == (VideoStatus.IN_PROGRESS, Substate.FETCHING)
    assert video.status is VideoStatus.COMPLETED
    assert video.asset is not None
    assert video.asset.sha256 == extra.asset.sha256
    assert video.asset.key != extra.asset.key
    files = {file.relative_to(pair.folder / "assets").as_posix() for file in pair.folder.glob("assets/**/*.mp4")}
    assert files == {video.asset.key, extra.asset.key}
    assert events == [EventType.COMPLETED, EventType.LATE_OUTPUT]


async def test_a_file_that_is_lost_leaves_the_video_to_the_one_that_is_to_come(pair: Pair):
    await pair.hear("att_1", Phase.SUCCEEDED, file="bad")
    await pair.hear("att_2", Phase.SUCCEEDED)

    async with at_work(pair) as engine:
        video = await engine.ended("video_1")

    assert video.status is VideoStatus.COMPLETED
    assert video.asset is not None
    assert "att_2" in video.asset.key


async def test_a_video_fails_when_every_file_of_it_is_lost(pair: Pair):
    await pair.hear("att_1", Phase.SUCCEEDED, file="bad")
    await pair.hear("att_2", Phase.SUCCEEDED, file="bad")

    async with at_work(pair) as engine:
        video = await engine.ended("video_1")
        events = [event.type for event in await engine.events("video_1")]

    assert video.error is not None
    assert video.error.code == "asset_lost"
    assert events == [EventType.FAILED]


async def test_a_video_whose_file_is_lost_waits_for_the_attempt_that_is_still_made_and_fails_with_it(pair: Pair):
    await pair.hear("att_1", Phase.SUCCEEDED, file="bad")

    async def waits_for_the_second() -> bool:
        return (await pair.video()).substate is Substate.RUNNING

    async with at_work(pair):
        await until(waits_for_the_second)
    await pair.hear("att_2", Phase.FAILED)

    video = await pair.video()
    assert video.error is not None
    assert video.error.code == "generation_failed"


async def test_when_the_first_fails_the_second_may_still_give_the_video(pair: Pair):
    await pair.hear("att_1", Phase.FAILED)
    waiting = await pair.video()
    await pair.hear("att_2", Phase.SUCCEEDED)

    async with at_work(pair) as engine:
        video = await engine.ended("video_1")

    assert (waiting.status, waiting.substate) == (VideoStatus.IN_PROGRESS, Substate.RUNNING)
    assert video.status is VideoStatus.COMPLETED


async def test_when_both_fail_the_video_does(pair: Pair):
    await pair.hear("att_1", Phase.FAILED)
    await pair.hear("att_2", Phase.FAILED)

    assert (await pair.video()).status is VideoStatus.FAILED


async def test_the_same_second_id_makes_nothing_new(pair: Pair):
    await pair.conclude("att_1", "ref-2")
    await pair.conclude("att_2", "ref-1")

    assert [one.id for one in await pair.attempts()] == ["att_1", "att_2"]
    assert await pair.incidents() == []


async def test_a_new_id_for_the_same_bytes_is_the_attempt_of_its_own_once(pair: Pair):
    await pair.conclude("att_1", "ref-9")
    await pair.conclude("att_1", "ref-9")

    first, _, third = await pair.attempts()
    assert (third.n, third.ref, third.state, third.verdict) == (3, "ref-9", AttemptState.UNKNOWN, Verdict.ACCEPTED)
    assert (third.key, third.body_sha256, third.keyed) == (first.key, first.body_sha256, True)
    assert third.id != first.id
    assert await pair.gateway.store.read(lambda tx: tx.tasks.exists(TaskKind.WATCH, third.id))
    assert [incident.kind for incident in await pair.incidents()] == [IncidentKind.DUPLICATE_CHARGE]


async def test_an_id_that_belongs_to_another_video_is_a_collision_and_makes_nothing(pair: Pair):
    await pair.conclude("att_1", "ref-3")
    await pair.conclude("att_1", "ref-3")

    [incident] = await pair.incidents()
    assert (incident.kind, incident.attempt) == (IncidentKind.REF_COLLISION, "att_1")
    assert incident.data == {"ref": "ref-3", "other": "att_3"}
    assert len(await pair.attempts()) == 2
