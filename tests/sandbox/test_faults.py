"""Every fault a prompt can script on a create or status call; raw sockets where it is the connection that breaks."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from gateway.sandbox.server import serve
from tests.sandbox.callers import GENERATE, PATIENCE, Veo, until

VEO_CREATE = "/veo3o1/api/generate-video"
CLOSE = "Connection: close\r\n"
BOTH = pytest.mark.parametrize("provider", ["veo3o1", "doitong"])
ACCEPTED_AND_SPOILT = ["drop-after-accept", "500-after-accept", "truncated", "html-200", "empty-200", "no-id"]


def request(provider: str, prompt: str, more: str = "") -> bytes:
    """A whole create call as bytes, with one more header line if wanted."""
    body: dict[str, Any]
    if provider == "veo3o1":
        path, body = VEO_CREATE, {"generationType": "text_to_video", "prompt": prompt}
    else:
        wish = {"type": "VIDEO", "provider": "veo3", "input": {"text": prompt}, "options": {}}
        path, body = "/doitong/graphql", {"query": GENERATE, "variables": {"input": wish}}
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sandbox-{provider}-key\r\n"
    return f"{head}Content-Length: {len(content)}\r\n{more}\r\n".encode() + content


async def exchange(sandbox, sent: bytes) -> bytes:
    """Everything that comes back until the other side closes; a reset raises."""
    _, _, port = sandbox.url.rpartition(":")
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
    try:
        writer.write(sent)
        async with asyncio.timeout(PATIENCE):
            return await reader.read()
    finally:
        writer.close()


def parts(answer: bytes) -> tuple[int, int, bytes]:
    """The status, the promised length and the body that came."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), int(headers["content-length"]), body


@BOTH
async def test_drop_before_accept_resets_the_connection_and_bills_nothing(sandbox, desk, provider):
    with pytest.raises(ConnectionResetError):
        await exchange(sandbox, request(provider, "[sim:drop-before-accept]"))

    truth = await desk.truth()
    assert [(one["accepted"], one["fault"]) for one in truth["submissions"]] == [(False, "drop-before-accept")]
    assert truth["jobs"] == []


@BOTH
async def test_drop_after_accept_resets_the_connection_and_the_job_is_made_and_billed(sandbox, desk, provider):
    with pytest.raises(ConnectionResetError):
        await exchange(sandbox, request(provider, "[sim:drop-after-accept]"))

    truth = await desk.truth()
    assert [(one["accepted"], one["fault"]) for one in truth["submissions"]] == [(True, "drop-after-accept")]
    assert truth["submissions"][0]["job"] == truth["jobs"][0]["id"]
    assert truth["totals"]["billed"] > 0


@BOTH
async def test_truncated_promises_the_whole_body_and_closes_after_half_of_it(sandbox, desk, provider):
    status, promised, body = parts(await exchange(sandbox, request(provider, "[sim:truncated]")))

    assert status == 200
    assert len(body) == promised // 2
    assert len((await desk.truth())["jobs"]) == 1


@BOTH
async def test_hang_after_accept_keeps_silent_until_the_caller_leaves(sandbox, desk, provider):
    _, _, port = sandbox.url.rpartition(":")
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
    writer.write(request(provider, "[sim:hang-after-accept]"))
    await until(lambda: bool(sandbox.world.jobs))

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.05)
    writer.close()

    assert (await desk.truth())["totals"]["accepted"] == 1


async def test_hang_after_accept_answers_in_the_end_if_the_caller_waits(start, client):
    sandbox = await start(hang_seconds=0.01)

    answer = await exchange(sandbox, request("veo3o1", "[sim:hang-after-accept]", CLOSE))

    assert json.loads(parts(answer)[2])["data"]["uuid"]


async def test_callers_who_are_kept_waiting_are_let_go_when_the_sandbox_stops(clock):
    async with serve(clock=clock) as sandbox:
        call = asyncio.create_task(exchange(sandbox, request("veo3o1", "[sim:hang-after-accept]")))
        await until(lambda: bool(sandbox.world.jobs))

    with pytest.raises(ConnectionResetError):
        await call


@pytest.mark.parametrize("marker", ACCEPTED_AND_SPOILT)
async def test_a_spoilt_answer_hides_a_job_that_was_made_and_billed(veo, doitong, desk, marker):
    for call in (veo.generate, doitong.generate, doitong.rest):
        try:
            answer = await call(f"[sim:{marker}]")
            data = answer.json()["data"]
        except (httpx.TransportError, json.JSONDecodeError):
            continue
        assert "uuid" not in data
        assert all(one["id"] is None for one in data.values() if isinstance(one, dict))

    truth = await desk.truth()
    assert [(one["accepted"], one["fault"]) for one in truth["submissions"]] == [(True, marker)] * 3
    assert (truth["totals"]["billed"], len(truth["jobs"])) == (202, 3)


@pytest.mark.parametrize(
    ("marker", "status", "body"),
    [
        ("500-after-accept", 500, b"Internal Server Error"),
        ("html-200", 200, b"<!doctype html>"),
        ("empty-200", 200, b""),
        ("502", 502, b"<!doctype html>"),
        ("503", 503, b"Service Unavailable"),
    ],
)
async def test_answers_from_somewhere_else_are_not_in_the_providers_words(veo, doitong, marker, status, body):
    for call in (veo.generate, doitong.generate, doitong.rest):
        answer = await call(f"[sim:{marker}]")

        assert answer.status_code == status
        assert answer.content[:15] == body[:15]


@pytest.mark.parametrize(
    ("marker", "veo_code", "doitong_code", "doitong_status"),
    [
        ("429", 1003, "RATE_LIMITED", 429),
        ("500", 5000, "INTERNAL_SERVER_ERROR", 500),
        ("5000", 5000, "INTERNAL_SERVER_ERROR", 500),
        ("no-credits", 1001, "INSUFFICIENT_CREDITS", 402),
        ("unauthorized", 1002, "UNAUTHENTICATED", 401),
        ("invalid", 1000, "BAD_USER_INPUT", 400),
        ("reject", 1000, "CONTENT_POLICY_VIOLATION", 400),
    ],
)
async def test_a_refusal_is_worded_as_each_provider_does_and_bills_nothing(
    *, veo, doitong, desk, marker, veo_code, doitong_code, doitong_status
):
    prompt = f"[sim:{marker}] a fox"
    refused = [await veo.generate(prompt), await doitong.generate(prompt), await doitong.rest(prompt)]

    assert refused[0].json()["code"] == veo_code
    assert refused[0].status_code == (500 if marker == "500" else 200)
    for answer in refused[1:]:
        assert answer.status_code == doitong_status
        assert answer.json()["errors"][0]["extensions"]["code"] == doitong_code
    truth = await desk.truth()
    assert [(one["accepted"], one["fault"], one["prompt"]) for one in truth["submissions"]] == [
        (False, marker, prompt)
    ] * 3
    assert (truth["totals"]["billed"], truth["jobs"]) == (0, [])


@pytest.mark.parametrize("marker", ["429", "500", "no-credits", "invalid"])
async def test_a_fault_that_happens_once_is_over_with_the_second_submit_at_that_account(veo, doitong, marker):
    prompt = f"[sim:{marker}-once] a fox"

    assert [(await veo.generate(prompt)).json()["code"] == 0 for _ in range(3)] == [False, True, True]
    assert [(await doitong.generate(prompt)).status_code == 200 for _ in range(3)] == [False, True, True]
    assert (await veo.generate(f"{prompt}, another")).json()["code"] != 0


async def test_an_answer_lost_once_is_found_by_the_same_key(doitong, desk):
    with pytest.raises(httpx.TransportError):
        await doitong.generate("[sim:drop-after-accept-once]", key="k1")
    job_id = await doitong.id("[sim:drop-after-accept-once]", key="k1")

    truth = await desk.truth()
    assert [job["id"] for job in truth["jobs"]] == [job_id]
    assert [one["billed"] for one in truth["submissions"]] == [100, 0]


async def test_a_fault_of_one_provider_leaves_the_other_alone(veo, doitong):
    prompt = "[sim:doitong:500] a fox"

    assert (await veo.generate(prompt)).json()["code"] == 0
    assert (await doitong.generate(prompt)).status_code == 500


async def test_partial_answers_bring_the_job_and_an_error(doitong):
    for answer in ((await doitong.generate("[sim:partial]")).json(), (await doitong.rest("[sim:partial]")).json()):
        (generation,) = answer["data"].values()

        assert generation["id"]
        assert answer["errors"][0]["message"]


@pytest.mark.parametrize(("marker", "seconds"), [("slow", 300), ("instant", 0)])
async def test_slow_takes_five_times_as_long_and_instant_none(doitong, advance, marker, seconds):
    job_id = await doitong.id(f"[sim:{marker}]")
    advance(max(0, seconds - 1))
    before = await doitong.generation(job_id)
    advance(1)
    after = await doitong.generation(job_id)

    assert before["status"] == ("processing" if seconds else "completed")
    assert after["status"] == "completed"


async def test_stuck_never_ends(veo, doitong, advance, desk):
    uuid, job_id = await veo.uuid("[sim:stuck]"), await doitong.id("[sim:stuck]")
    advance(1_000_000)

    data = await veo.data(uuid)
    assert (data["status"], data["progress"], data["estimatedTime"]) == ("processing", 99, 0)
    assert (await doitong.generation(job_id))["status"] == "processing"
    assert {job["ends_at"] for job in (await desk.truth())["jobs"]} == {None}


async def test_a_word_nobody_documented_is_shown_in_the_middle(doitong, advance):
    job_id = await doitong.id("[sim:unknown-status]")
    words = []
    for seconds in (10, 20, 20, 10):
        advance(seconds)
        words.append((await doitong.generation(job_id))["status"])

    assert words == ["processing", "rendering", "processing", "completed"]


async def test_progress_may_fall(start, client, clock):
    veo = Veo(client, await start(veo3o1_seconds=(100.0, 100.0)))
    uuid = await veo.uuid("[sim:regress]")
    told = []
    for _ in range(4):
        clock.time += 20_000
        told.append((await veo.data(uuid))["progress"])

    assert told == [20, 40, 20, 80]


async def test_a_url_may_never_come_or_come_late(veo, doitong, advance):
    never, late = await veo.uuid("[sim:no-url]"), await doitong.id("[sim:late-url]")
    advance(120)

    for _ in range(3):
        data = await veo.data(never)
        assert (data["status"], "videoUrl" in data) == ("completed", False)
    urls = [(await doitong.generation(late))["url"] for _ in range(3)]
    assert [url is not None for url in urls] == [False, True, True]


async def test_status_calls_may_fail_at_first(veo, doitong):
    lost, broken = await doitong.id("[sim:poll-404]"), await veo.uuid("[sim:poll-500]")
    dropped = await doitong.id("[sim:poll-drop]")

    assert [(await doitong.rest_video(lost)).status_code for _ in range(2)] == [404, 200]
    assert [(await veo.status(broken)).json()["code"] for _ in range(3)] == [5000, 5000, 0]
    with pytest.raises(httpx.TransportError):
        await doitong.rest_video(dropped)
    assert (await doitong.rest_video(dropped)).status_code == 200


@BOTH
async def test_a_shut_door_resets_answers_500_or_hangs_and_a_reopened_one_works(sandbox, desk, veo, doitong, provider):
    call = veo.generate if provider == "veo3o1" else doitong.generate

    await desk.control(doors={provider: "refuse"})
    with pytest.raises(ConnectionResetError):
        await exchange(sandbox, request(provider, "a fox"))
    await desk.control(doors={provider: "500"})
    assert (await call()).status_code == 500
    await desk.control(doors={provider: "503"})
    assert (await call()).status_code == 503
    await desk.control(doors={provider: "up"})
    assert (await call()).status_code == 200
    truth = await desk.truth()
    assert truth["calls"][f"{provider}.shut"] == 3
    assert truth["totals"]["submissions"] == 1


async def test_a_hanging_door_answers_nothing(start, client):
    sandbox = await start(hang_seconds=0.01)
    await client.post(f"{sandbox.url}/control", json={"doors": {"veo3o1": "hang"}})

    status, _, _ = parts(await exchange(sandbox, request("veo3o1", "a fox", CLOSE)))

    assert status == 504
    assert sandbox.world.jobs == {}
