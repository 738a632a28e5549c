"""videoEvents: the whole story of a video, over WebSockets, server-sent events and multipart, and where it resumes."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from gateway.graphql.controller import PATH
from tests.graphql.asking import CANCEL, CREATE, EVENTS, ask, created, socket
from tests.support.running import ACME_KEY, OTHER_KEY, Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODY = "video_" + "0" * 26


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def done(gw: Running) -> str:
    id = await created(gw.client, prompt="boat [sim:instant]")
    await gw.finished(id)
    return id


async def streamed(client: httpx.AsyncClient, accept: str = "text/event-stream", **variables: Any) -> str:
    """The whole body of a subscription that ends."""
    body = {"query": EVENTS, "variables": variables}
    response = await client.post(PATH, json=body, headers={"accept": accept})
    assert response.status_code == 200, response.text
    return response.text


def told(body: str) -> list[dict[str, Any]]:
    """The events in a body of server-sent events that ended well."""
    *frames, end, rest = body.split("\n\n")
    assert (end, rest) == ("event: complete\ndata:", "")
    events = []
    for frame in frames:
        if frame != ":":
            name, data = frame.split("\n")
            assert name == "event: next"
            events.append(json.loads(data.removeprefix("data: "))["data"]["videoEvents"])
    return events


async def test_a_video_is_created_and_watched_to_its_end_on_one_socket(gw: Running) -> None:
    async with socket(gw.url, ACME_KEY) as ws:
        wish = {"prompt": "boat [sim:slow]", "model": "veo3o1/veo-3.1"}
        await ws.subscribe("1", CREATE, input=wish)
        (answer,) = await ws.results("1")
        id = answer["data"]["createVideo"]["video"]["id"]
        await ws.subscribe("2", EVENTS, id=id)
        events = [result["data"]["videoEvents"] for result in await ws.results("2")]

    states = [event["video"]["status"] for event in events]
    assert (states[0], states[-1]) == ("QUEUED", "COMPLETED")
    assert states == sorted(states, key=["QUEUED", "IN_PROGRESS", "COMPLETED"].index)
    assert (events[0]["type"], events[-1]["type"]) == ("QUEUED", "COMPLETED")
    progress = [event["video"]["progress"] for event in events]
    assert progress == sorted(progress)
    assert len(set(progress)) > 3
    seqs = [event["seq"] for event in events]
    assert seqs == sorted(set(seqs))
    assert all(event["video"]["id"] == id and event["video"]["version"] >= event["seq"] for event in events)


async def test_a_finished_video_tells_its_state_and_ends(gw: Running, done: str) -> None:
    (event,) = told(await streamed(gw.client, id=done))

    assert event["type"] == "COMPLETED"
    assert event["video"]["progress"] == 100
    assert event["seq"] == event["video"]["version"]


async def test_a_stream_resumes_after_any_event_with_nothing_left_out(gw: Running, done: str) -> None:
    whole = told(await streamed(gw.client, id=done, after=0))

    assert (whole[0]["type"], whole[-1]["type"]) == ("QUEUED", "COMPLETED")
    for n, event in enumerate(whole[:-1]):
        assert told(await streamed(gw.client, id=done, after=event["seq"])) == whole[n + 1 :]


async def test_events_are_told_as_they_were_written(gw: Running, done: str) -> None:
    ours = told(await streamed(gw.client, id=done, after=0))
    written = await gw.gateway.store.read(lambda tx: tx.events.after("acme", done, 0))

    assert [(event["id"], event["seq"]) for event in ours] == [(event.id, event.seq) for event in written]
    assert [event["type"] for event in ours] == [event.type.name for event in written]


async def test_a_cancel_is_the_last_event_for_whoever_watches(gw: Running) -> None:
    id = await created(gw.client, prompt="boat [sim:stuck]")
    async with socket(gw.url, ACME_KEY) as ws:
        await ws.subscribe("1", EVENTS, id=id)
        first = await ws.next()
        await ask(gw.client, CANCEL, id=id)
        rest = await ws.results("1")

    assert first["payload"]["data"]["videoEvents"]["video"]["status"] in {"QUEUED", "IN_PROGRESS"}
    assert rest[-1]["data"]["videoEvents"]["type"] == "CANCELED"


async def test_attempts_in_an_event_are_as_they_are_then(gw: Running) -> None:
    query = "subscription($id: ID!) { videoEvents(id: $id) { video { status attempts { state } } } }"
    id = await created(gw.client, prompt="boat [sim:slow]")
    async with socket(gw.url, ACME_KEY) as ws:
        await ws.subscribe("1", query, id=id)
        results = [result["data"]["videoEvents"]["video"] for result in await ws.results("1")]

    assert results[0]["attempts"] != results[-1]["attempts"]
    assert results[-1] == {"status": "COMPLETED", "attempts": [{"state": "SUCCEEDED"}]}


@pytest.mark.parametrize("id", [NOBODY, "nonsense", "video_\u0000"])
async def test_what_does_not_exist_can_not_be_watched(gw: Running, id: str) -> None:
    async with socket(gw.url, ACME_KEY) as ws:
        await ws.subscribe("1", EVENTS, id=id)
        message = await ws.next()

    assert (message["id"], message["type"]) == ("1", "error")
    assert [error["extensions"]["code"] for error in message["payload"]] == ["NOT_FOUND"]


async def test_another_tenants_video_can_not_be_watched(gw: Running, done: str) -> None:
    async with socket(gw.url, OTHER_KEY) as ws:
        await ws.subscribe("1", EVENTS, id=done)
        message = await ws.next()

    assert message["payload"][0]["extensions"]["code"] == "NOT_FOUND"
    body = await streamed(gw.other, id=done)
    assert "NOT_FOUND" in body
    assert done not in body


async def test_after_seq_is_never_negative(gw: Running, done: str) -> None:
    body = await streamed(gw.client, id=done, after=-1)

    assert "BAD_USER_INPUT" in body


async def test_server_sent_events_carry_queries_and_errors_too(gw: Running) -> None:
    async def ask_stream(query: str) -> str:
        response = await gw.client.post(PATH, json={"query": query}, headers={"accept": "text/event-stream"})
        assert response.status_code == 200
        return response.text

    assert await ask_stream("{ __typename }") == (
        'event: next\ndata: {"data":{"__typename":"Query"}}\n\nevent: complete\ndata:\n\n'
    )
    for query, code in (
        ("{ nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("query A { __typename } query B { __typename }", "OPERATION_RESOLUTION_FAILURE"),
        ("query($id: ID!) { video(id: $id) { id } }", "BAD_USER_INPUT"),
    ):
        frame = (await ask_stream(query)).split("\n\n")[0]
        answer = json.loads(frame.removeprefix("event: next\ndata: "))
        assert "data" not in answer
        assert [error["extensions"]["code"] for error in answer["errors"]] == [code]


async def test_a_subscription_can_be_a_get(gw: Running, done: str) -> None:
    query = {"query": EVENTS, "variables": json.dumps({"id": done})}
    response = await gw.client.get(PATH, params=query, headers={"accept": "text/event-stream"})

    assert response.headers["content-type"].startswith("text/event-stream")
    assert "no-cache" in response.headers["cache-control"]
    assert response.headers["x-accel-buffering"] == "no"
    assert "\r" not in response.text
    assert len(told(response.text)) == 1


async def test_apollos_multipart_subscriptions_are_spoken(gw: Running, done: str) -> None:
    accept = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json"
    body = await streamed(gw.client, accept, id=done)

    before, part, end = body.split("\r\n--graphql")
    head, content = part.split("\r\n\r\n")
    assert (before, end) == ("", "--\r\n")
    assert head == "\r\ncontent-type: application/json"
    assert json.loads(content)["payload"]["data"]["videoEvents"]["type"] == "COMPLETED"


async def test_a_client_that_leaves_is_forgotten(gw: Running) -> None:
    id = await created(gw.client, prompt="boat [sim:stuck]")
    watchers = gw.gateway.events._hub._topics
    body = {"query": EVENTS, "variables": {"id": id}}
    async with gw.client.stream("POST", PATH, json=body, headers={"accept": "text/event-stream"}) as response:
        await anext(response.aiter_lines())
        assert id in watchers
    async with socket(gw.url, ACME_KEY) as ws:
        await ws.subscribe("1", EVENTS, id=id)
        await ws.next()
        await ws.send(id="1", type="complete")
        await ws.subscribe("1", "{ __typename }")
        while (await ws.next())["payload"] != {"data": {"__typename": "Query"}}:
            pass  # what was under way when the client said complete

    async with asyncio.timeout(60):
        while id in watchers:  # noqa: ASYNC110  # nobody tells when a watcher is gone
            await asyncio.sleep(0.01)


async def test_a_gateway_that_stops_does_not_call_a_stream_complete(tmp_path: Path) -> None:
    async with running(Setup(folder=tmp_path)) as stopping, socket(stopping.url, ACME_KEY) as ws:
        id = await created(stopping.client, prompt="boat [sim:stuck]")
        await ws.subscribe("1", EVENTS, id=id)
        await ws.next()
        stream = asyncio.create_task(streamed(stopping.client, id=id))
        await asyncio.sleep(0.2)

        stopping.gateway.draining.set()

        assert await ws.closed() == 1012
        body = await stream
        assert "event: next" in body
        assert "complete" not in body
