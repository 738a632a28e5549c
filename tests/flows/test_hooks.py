"""Videos that are told of by hooks alone: whatever comes twice, early, late or in any order, each ends once."""

import asyncio
import hashlib
import hmac
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from gateway.policy.signing import callback_token
from gateway.ports import listen
from gateway.sandbox.settings import SandboxSettings
from gateway.services.hooks import Heard
from gateway.serving import serving
from gateway.store.store import Transaction
from gateway.wiring import Seams, gateway
from providers.base import Hook
from schema.event import TERMINAL, EventType
from schema.lifecycle import AttemptState
from tests.flows.conftest import ROUNDS
from tests.flows.engine import until
from tests.support.certificates import certificates
from tests.support.figures import told as figure
from tests.support.running import FAST, SPEED, Running, Setup, running

SECRET = b"sandbox-webhook-secret"
HOOKS_ONLY = {"status_query": ""}
SILENT = "a boat [sim:instant] [sim:lost-webhook]"
"""Made at once, and nobody tells: what is told is the test's business."""

SOON = replace(FAST, submit_deadline_seconds=0.5)

STATES = ("queued", "running", "completed", "failed", "completed again")
ORDERS = list(itertools.permutations(STATES))


@asynccontextmanager
async def hearing(folder: Path, database_url: str | None, **chosen: Any) -> AsyncIterator[Running]:
    setup = Setup(folder=folder, database_url=database_url, doitong_options=HOOKS_ONLY, **chosen)
    async with running(setup) as started:
        yield started


@pytest.fixture
async def here(tmp_path: Path, database_url: str | None) -> AsyncIterator[Running]:
    async with hearing(tmp_path, database_url) as started:
        yield started


async def begun(here: Running) -> dict[str, Any]:
    """A video that Doitong has made, and that the gateway waits for."""
    created = await here.create(SILENT, gateway={"only": ["doitong"]})
    await here.begun(created["id"])
    video: dict[str, Any] = (await here.client.get(f"/v1/videos/{created['id']}")).json()
    return video


def path(here: Running, video: dict[str, Any]) -> str:
    return f"/hooks/doitong/{callback_token(here.gateway.ground.root, video['gateway']['attempts'][0]['id'])}"


def body(here: Running, video: dict[str, Any], state: str) -> bytes:
    """What Doitong would say; ``again`` says the same in other bytes."""
    ref = video["gateway"]["attempts"][0]["provider_ref"]
    word, _, again = state.partition(" ")
    said: dict[str, Any] = {"id": ref, "status": {"running": "processing"}.get(word, word)}
    if word == "running":
        said["progress"] = 40
    if word == "completed":
        said["url"] = f"{here.sandbox.url}/files/{ref}.mp4"
    return json.dumps(said, indent=1 if again else None).encode()


def signed(content: bytes) -> dict[str, str]:
    return {"x-doitong-signature": f"sha256={hmac.new(SECRET, content, hashlib.sha256).hexdigest()}"}


def hook(content: bytes) -> Hook:
    return Hook(headers=tuple(signed(content).items()), body=content)


async def hear(here: Running, video: dict[str, Any], state: str) -> Heard:
    token = path(here, video).rpartition("/")[2]
    return await here.gateway.hooks.hear("doitong", token, hook(body(here, video, state)))


async def state_of(here: Running, id: str) -> dict[str, Any]:
    """Everything that is written down about a video."""

    async def read(tx: Transaction) -> dict[str, Any]:
        return {
            "video": await tx.videos.peek(id),
            "attempts": await tx.attempts.of_video(id),
            "events": await tx.events.after("acme", id, 0),
            "ledger": await tx.ledger.of_video("acme", id),
            "outputs": await tx.outputs.of_video("acme", id),
            "incidents": await tx.incidents.page(None, 100),
        }

    return await here.gateway.store.read(read)


def ends(state: dict[str, Any]) -> list[EventType]:
    return [event.type for event in state["events"] if event.type in TERMINAL]


def kinds(state: dict[str, Any]) -> list[str]:
    return sorted(entry.kind.value for entry in state["ledger"])


async def test_fifty_equal_hooks_at_once_are_one_transition_one_settlement_and_one_event(here):
    video = await begun(here)
    content = body(here, video, "completed")

    answers = await asyncio.gather(
        *(here.client.post(path(here, video), content=content, headers=signed(content)) for _ in range(50))
    )

    assert (await here.finished(video["id"]))["status"] == "completed"
    state = await state_of(here, video["id"])
    assert {answer.status_code for answer in answers} == {204}
    assert ends(state) == [EventType.COMPLETED]
    assert kinds(state).count("capture") == 1
    assert len(state["attempts"]) == 1


async def test_fifty_equal_hooks_at_two_replicas_are_one(tmp_path, postgres):
    url = await postgres.create_migrated("two_that_hear")
    async with hearing(tmp_path, url) as here:
        listener = listen("127.0.0.1", 0)
        other = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with (
            gateway(here.gateway.settings, Seams(verify=certificates())) as second,
            serving(second, listener=listener),
            httpx.AsyncClient(trust_env=False, timeout=30) as client,
        ):
            video = await begun(here)
            content, at = body(here, video, "completed"), path(here, video)
            answers = await asyncio.gather(
                *(
                    client.post((here.url, other)[n % 2] + at, content=content, headers=signed(content))
                    for n in range(50)
                )
            )
            await here.finished(video["id"])
            state = await state_of(here, video["id"])
    await postgres.drop("two_that_hear")

    assert {answer.status_code for answer in answers} == {204}
    assert ends(state) == [EventType.COMPLETED]
    assert kinds(state).count("capture") == 1


@pytest.mark.parametrize("seconds", [0.05, 3600], ids=["50 ms before the answer", "and no answer comes"])
async def test_an_early_hook_binds_the_attempt_whose_submit_is_not_answered_and_nothing_is_sent_twice(
    tmp_path, database_url, seconds
):
    sandbox = SandboxSettings(speed=SPEED, hang_seconds=seconds)
    async with hearing(tmp_path, database_url, sandbox=sandbox, timing=SOON) as here:
        created = await here.create("a boat [sim:early-webhook] [sim:hang-after-accept]", gateway={"only": ["doitong"]})

        video = await here.finished(created["id"])

        state, truth = await state_of(here, created["id"]), await here.truth()
    [job] = truth["jobs"]
    assert video["status"] == "completed"
    assert [attempt["provider_ref"] for attempt in video["gateway"]["attempts"]] == [job["id"]]
    assert [told["answer"] for told in job["deliveries"]] == [204]  # taken the first time, so before the answer
    assert len(truth["submissions"]) == 1
    assert ends(state) == [EventType.COMPLETED]
    assert kinds(state).count("capture") == 1


async def test_every_order_of_what_can_be_told_ends_as_its_first_end_says_once(here, rounds):
    """The first end decides; what comes before it only moves on, and what comes after changes nothing."""
    orders = ORDERS if rounds > ROUNDS else ORDERS[:: len(ORDERS) // 12]
    videos = await asyncio.gather(*(begun(here) for _ in orders))

    async def play(video: dict[str, Any], order: tuple[str, ...]) -> dict[str, Any]:
        progress = 0
        for state in order:
            await hear(here, video, state)
            shown = await here.gateway.videos.get("acme", video["id"])
            assert shown.progress >= progress
            progress = shown.progress
        await here.finished(video["id"])
        return await state_of(here, video["id"])

    ended = await asyncio.gather(*(play(*pair) for pair in zip(videos, orders, strict=True)))

    found: dict[str, set[Any]] = {"completed": set(), "failed": set()}
    for order, state in zip(orders, ended, strict=True):
        first = next(word for word in order if word not in ("queued", "running")).partition(" ")[0]
        amounts = sorted((e.kind.value, p.unit, p.amount) for e in state["ledger"] for p in e.postings)
        found[first].add(
            (
                state["video"].status,
                state["video"].error and state["video"].error.code,
                tuple(attempt.state for attempt in state["attempts"]),
                tuple(ends(state)),
                tuple(amounts),
                len(state["outputs"]),
            )
        )
    assert {first: len(same) for first, same in found.items()} == {"completed": 1, "failed": 1}
    [(status, *_)], [(failed, *_)] = found["completed"], found["failed"]
    assert (status, failed) == ("completed", "failed")


async def test_a_captured_hook_that_comes_a_thousand_times_changes_nothing(here, rounds):
    video = await begun(here)
    await hear(here, video, "running")
    await hear(here, video, "completed")
    await here.finished(video["id"])
    before = await state_of(here, video["id"])
    times = 1000 if rounds > ROUNDS else 250

    async def again(number: int) -> Heard:
        return await hear(here, video, ("completed", "running")[number % 2])

    heard = [await asyncio.gather(*(again(number) for number in range(50))) for _ in range(times // 50)]

    assert {one for some in heard for one in some} == {Heard.AGAIN}
    assert await state_of(here, video["id"]) == before


async def test_a_hook_of_an_attempt_that_is_not_known_yet_waits_for_it(here):
    """As when it reaches a database that has not heard of the attempt."""
    video = await begun(here)
    [known] = (await state_of(here, video["id"]))["attempts"]
    coming = replace(known, id=f"{known.id}2", n=2, state=AttemptState.UNKNOWN, ref=None, key="another")
    content = json.dumps({"id": "gen-early", "status": "failed"}).encode()
    at = f"/hooks/doitong/{callback_token(here.gateway.ground.root, coming.id)}"
    answers = [await here.client.post(at, content=content, headers=signed(content)) for _ in range(2)]

    await here.gateway.store.write(lambda tx: tx.attempts.add(coming))

    async def applied() -> bool:
        found = await here.gateway.store.read(lambda tx: tx.attempts.get(coming.id))
        return found is not None and found.state is AttemptState.FAILED

    await until(applied)
    state = await state_of(here, video["id"])
    assert [answer.status_code for answer in answers] == [202, 202]
    assert await here.gateway.store.read(lambda tx: tx.hooks.parked(coming.id)) == []
    assert state["incidents"] == []
    assert [attempt.ref for attempt in state["attempts"]] == [known.ref, "gen-early"]


async def test_a_hook_of_an_attempt_that_never_appears_is_an_incident_when_its_time_is_over(tmp_path, database_url):
    content = json.dumps({"id": "gen_1", "status": "processing"}).encode()
    async with hearing(tmp_path, database_url, timing=replace(FAST, hook_grace_seconds=0.2)) as here:
        at = f"/hooks/doitong/{callback_token(here.gateway.ground.root, 'att_of_the_lost_window')}"
        answer = await here.client.post(at, content=content, headers=signed(content))

        async def written() -> bool:
            return bool(await here.gateway.store.read(lambda tx: tx.incidents.page(None, 10)))

        await until(written)
        again = await here.client.post(at, content=content, headers=signed(content))
        found = await here.gateway.store.read(lambda tx: tx.incidents.page(None, 10))

    assert (answer.status_code, again.status_code) == (202, 202)
    assert [one.attempt for one in found] == ["att_of_the_lost_window"]


async def test_while_the_database_is_away_the_provider_is_told_to_come_again(tmp_path, postgres):
    url = await postgres.create_migrated("away")
    async with hearing(tmp_path, url) as here:
        video = await begun(here)
        content = body(here, video, "running")
        await postgres.drop("away")

        answer = await here.client.post(path(here, video), content=content, headers=signed(content))

    assert answer.status_code == 503
    figure(f"told to come again in {answer.headers['retry-after']} s")
