"""Webhooks: what they say, how they are signed, when they come, and what goes wrong with them."""

import asyncio
import base64
import hashlib
import hmac
from typing import cast

import pytest

from gateway.sandbox.agenda import Due
from gateway.sandbox.hooks import Sender
from gateway.sandbox.server import serve
from gateway.sandbox.settings import SandboxSettings
from gateway.sandbox.world import World
from schema.clock import SystemClock
from tests.sandbox.callers import START, Doitong, until

SECRET = b"sandbox-webhook-secret"
SIGNATURE = "x-doitong-signature"


@pytest.fixture
def written(sandbox):
    """Waits until so many deliveries of the only job are in the books."""

    async def wait(count: int) -> None:
        (job,) = sandbox.world.jobs.values()
        await until(lambda: len(job.deliveries) >= count)

    return wait


@pytest.fixture
def hooked(doitong, receiver):
    """Creates a generation whose webhooks go to the receiver."""

    async def create(prompt: str = "a lake", **options):
        return await doitong.id(prompt, webhookUrl=receiver.url, **options)

    return create


async def test_completion_is_told_with_the_documented_payload(hooked, receiver, sandbox, advance):
    job_id = await hooked(duration=6, aspectRatio="9:16")
    advance(60)
    hook = await receiver.next()

    assert hook.json == {
        "id": job_id,
        "status": "completed",
        "url": f"{sandbox.url}/files/{job_id}.mp4",
        "service": "veo3",
        "createdAt": "2026-09-21T14:13:20Z",
        "completedAt": "2026-09-21T14:14:20Z",
        "metadata": {"duration": 6, "width": 360, "height": 640},
    }
    assert START == 1_790_000_000_000


async def test_the_signature_is_an_hmac_of_the_raw_body(hooked, receiver, advance, desk):
    await hooked()
    advance(60)
    first = await receiver.next()
    await desk.control(variant={"doitong_signature": "base64"})
    await hooked("another")
    advance(60)
    second = await receiver.next()

    assert first.headers[SIGNATURE] == "sha256=" + hmac.new(SECRET, first.body, hashlib.sha256).hexdigest()
    digest = hmac.new(SECRET, second.body, hashlib.sha256).digest()
    assert second.headers[SIGNATURE] == "sha256=" + base64.b64encode(digest).decode()


async def test_a_bad_signature_is_made_with_another_secret_and_without_one_there_is_none(
    hooked, receiver, advance, desk
):
    await hooked("[sim:bad-signature]")
    advance(60)
    bad = await receiver.next()
    await desk.control(accounts={"doitong": {"webhook_secret": None}})
    await hooked("another")
    advance(60)
    unsigned = await receiver.next()

    assert bad.headers[SIGNATURE] != "sha256=" + hmac.new(SECRET, bad.body, hashlib.sha256).hexdigest()
    assert SIGNATURE not in unsigned.headers


async def test_failure_is_told_too_with_a_reason(hooked, receiver, advance):
    await hooked("[sim:fail]")
    advance(36)
    hook = await receiver.next()

    assert (hook.json["status"], hook.json["url"], hook.json["completedAt"]) == ("failed", None, None)
    assert hook.json["error"]["message"].startswith("Generation failed")


async def test_nothing_is_told_before_the_end(hooked, receiver, advance, desk):
    await hooked()
    advance(59)

    assert (await desk.truth())["jobs"][0]["deliveries"] == []
    assert receiver.is_quiet


async def test_a_refused_webhook_is_tried_again_with_the_same_bytes_and_then_given_up(
    hooked, receiver, advance, desk, written
):
    receiver.answers = [500, 302, 404, 410]
    await hooked()
    hooks = []
    for number, seconds in enumerate((60, 5, 30, 120)):
        advance(seconds)
        hooks.append(await receiver.next())
        await written(number + 1)
    advance(100_000)

    assert len({hook.body for hook in hooks}) == 1
    deliveries = (await desk.truth())["jobs"][0]["deliveries"]
    assert [(one["number"], one["answer"]) for one in deliveries] == [(1, 500), (2, 302), (3, 404), (4, 410)]
    assert receiver.is_quiet


async def test_a_webhook_nobody_listens_to_is_written_down_as_unanswered(doitong, desk, advance, written):
    await doitong.id(webhookUrl="http://127.0.0.1:1/hook")
    advance(60)
    await written(1)

    (delivery,) = (await desk.truth())["jobs"][0]["deliveries"]
    assert (delivery["answer"], delivery["error"].partition(":")[0]) == (None, "ConnectError")


async def test_a_lost_webhook_never_comes(hooked, receiver, advance, sandbox):
    await hooked("[sim:lost-webhook]")
    advance(100_000)

    assert sandbox.world.agenda.pop(sandbox.world.pace.at(sandbox.world.clock.now())) is None
    assert receiver.is_quiet


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        ("duplicate-webhook", [("completed", True), ("completed", True)]),
        ("stale-webhook", [("completed", True), ("processing", False)]),
        ("late-url", [("completed", False), ("completed", True)]),
        ("no-url", [("completed", False)]),
        ("duplicate-webhook][sim:stale-webhook", [("completed", True), ("completed", True), ("processing", False)]),
    ],
)
async def test_webhooks_come_in_the_scripted_order(*, hooked, receiver, advance, written, marker, told):
    await hooked(f"[sim:{marker}]")
    seen = []
    for number in range(len(told)):
        advance(60)
        seen.append((await receiver.next()).json)
        await written(number + 1)
    advance(1_000)

    assert [(one["status"], one["url"] is not None) for one in seen] == told
    assert receiver.is_quiet


@pytest.mark.parametrize("door", ["generate", "rest"])
async def test_an_early_webhook_comes_before_the_create_answer(doitong, receiver, desk, door):
    options = {"webhookUrl": receiver.url, "key": "k1"}
    answer = await getattr(doitong, door)("[sim:early-webhook]", **options)

    assert not receiver.is_quiet
    hook = await receiver.next()
    (generation,) = answer.json()["data"].values()
    assert (hook.json["id"], hook.json["status"]) == (generation["id"], "completed")
    await getattr(doitong, door)("[sim:early-webhook]", **options)
    assert receiver.is_quiet
    assert len((await desk.truth())["jobs"][0]["deliveries"]) == 1


async def test_a_reset_forgets_what_was_still_to_be_told(hooked, receiver, advance, desk):
    await hooked()
    await desk.reset()
    advance(1_000)

    assert (await desk.truth())["jobs"] == []
    assert receiver.is_quiet


async def test_a_faster_pace_brings_a_webhook_sooner(hooked, receiver, advance, desk):
    await hooked()
    await desk.control(speed=60)
    advance(1)

    assert (await receiver.next()).json["status"] == "completed"


async def test_webhooks_come_by_the_machines_own_clock_too(client, receiver):
    async with serve(SandboxSettings(speed=10_000)) as sandbox:
        job_id = await Doitong(client, sandbox).id("[sim:duplicate-webhook]", webhookUrl=receiver.url)

        assert [(await receiver.next()).json["id"] for _ in range(2)] == [job_id] * 2


async def test_hundreds_of_jobs_are_told_about(start, client, clock, receiver):
    sandbox = await start()
    doitong = Doitong(client, sandbox)
    ids = {await doitong.id(f"lake {number}", webhookUrl=receiver.url) for number in range(200)}
    clock.time += 60_000
    sandbox.world.agenda.on_head()

    assert {(await receiver.next()).json["id"] for _ in ids} == ids


@pytest.mark.parametrize("steps", range(6))
async def test_a_sandbox_ends_although_it_hears_of_work_in_the_same_moment(steps):
    world = World(SandboxSettings(), SystemClock(), "http://127.0.0.1:9")
    much_later = world.pace.at(world.clock.now()) + 10**9
    async with asyncio.timeout(10) as bound:
        async with Sender(world):
            world.agenda.add(much_later + 1, cast("Due", None))
            for _ in range(5):
                await asyncio.sleep(0)  # it waits by then
            world.agenda.add(much_later, cast("Due", None))
            for _ in range(steps):
                await asyncio.sleep(0)

    assert not bound.expired()
