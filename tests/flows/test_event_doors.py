"""The log of events over REST, GraphQL and the command line: its pages, its types, its seats, and its end."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.cli.exits import ExitCode
from gateway.config.settings import EventsSettings
from gateway.services.aging import Aging
from schema.clock import Millis, SystemClock
from schema.event import Event, EventType
from tests.flows.engine import until
from tests.graphql.asking import ask, codes, socket
from tests.support.running import ACME_KEY, Running, Setup, running

pytestmark = pytest.mark.usefixtures("log_apart")

STREAM = {"accept": "text/event-stream"}
DAY: Millis = 86_400_000
LOG = """query Log($types: [EventType!], $first: Int, $after: String, $last: Int, $before: String) {
  eventLog(types: $types, first: $first, after: $after, last: $last, before: $before) {
    edges { cursor node { id type videoId } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
WATCH = "subscription W($types: [EventType!], $after: ID) { events(types: $types, after: $after) { id type } }"


@pytest.fixture
async def pair(tmp_path, database_url) -> AsyncIterator[Running]:
    async with running(Setup(tmp_path, database_url=database_url, events=EventsSettings(watchers=2))) as started:
        yield started


class Later(SystemClock):
    """Five weeks from now."""

    def now(self) -> Millis:
        return super().now() + 35 * DAY


async def happened(pair: Running, *types: EventType, days_ago: int = 0) -> list[str]:
    """Things happen to acme, one after the other; their ids."""
    ids = []
    for type in types:
        at = pair.gateway.clock.now() - days_ago * DAY
        event = Event(
            id=pair.gateway.ids.event(at), tenant="acme", type=type, at=at, video=None, seq=0, data={"id": "main"}
        )

        async def tell(tx, event: Event = event) -> None:
            tx.events.add(event)

        await pair.gateway.store.write(tell)
        ids.append(event.id)
    return ids


async def command(pair: Running, *words: str) -> Result:
    env = {"FILMGATE_URL": pair.url, "FILMGATE_KEY": ACME_KEY}
    return await asyncio.to_thread(CliRunner().invoke, main, ["events", *words], env=env)


SOME = (EventType.CREDITS_LOW, EventType.BUDGET_WARNING, EventType.CREDITS_LOW, EventType.ACCOUNT_DEGRADED)


async def test_graphql_pages_go_both_ways_and_choose_types(pair):
    ids = await happened(pair, *SOME)

    async def page(**wish: object) -> tuple[list[str], dict[str, object]]:
        log = (await ask(pair.client, LOG, **wish))["eventLog"]
        return [edge["node"]["id"] for edge in log["edges"]], log["pageInfo"]

    newest, info = await page(first=3)
    rest, end = await page(first=3, after=info["endCursor"])
    back, _ = await page(last=2, before=end["startCursor"])
    low, _ = await page(types=["CREDITS_LOW"])
    wrong = await codes(pair.client, LOG, after="bm9uZQ")

    assert (newest, rest) == (ids[:0:-1], ids[:1])
    assert (info["hasNextPage"], end["hasNextPage"]) == (True, False)
    assert back == [ids[2], ids[1]]
    assert low == [ids[2], ids[0]]
    assert wrong == ["BAD_USER_INPUT"]


async def test_a_subscription_and_a_stream_tell_the_types_that_were_asked_for(pair):
    ids = await happened(pair, *SOME)

    async with socket(pair.url, ACME_KEY) as ws:
        await ws.subscribe("1", WATCH, types=["BUDGET_WARNING", "ACCOUNT_DEGRADED"], after="start")
        watched = [(await ws.next())["payload"]["data"]["events"]["id"] for _ in range(2)]
    params = {"types": "budget.warning,account.degraded", "after": "start"}
    async with pair.client.stream("GET", "/v1/events", params=params, headers=STREAM) as response:
        streamed: list[str] = []
        async for line in response.aiter_lines():
            streamed += [line.removeprefix("id: ")] if line.startswith("id: ") else []
            if len(streamed) == 2:
                break
    unknown = await pair.client.get("/v1/events", params={"types": "budget.warning,video.lost"})

    assert watched == streamed == [ids[1], ids[3]]
    assert unknown.status_code == 422
    assert unknown.json()["errors"][0]["parameter"] == "types"


async def test_whoever_finds_no_seat_is_told_when_to_come_again_at_each_door(pair):
    video = (await pair.create("boat [sim:stuck]"))["id"]

    async def nobody_watches() -> bool:
        return not pair.gateway.seats.taken()

    async with (
        socket(pair.url, ACME_KEY) as ws,
        pair.client.stream("GET", "/v1/events", headers=STREAM),
        pair.client.stream("GET", f"/v1/videos/{video}/events", headers=STREAM),
    ):
        refused = [await pair.client.get(path, headers=STREAM) for path in ("/v1/events", f"/v1/videos/{video}/events")]
        page = await pair.client.get("/v1/events")
        other = await pair.other.get("/v1/events")
        await ws.subscribe("1", WATCH)
        told = await ws.next()

    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(429, "too_many_requests")] * 2
    assert {answer.headers["retry-after"] for answer in refused} == {"5"}
    assert (page.status_code, other.status_code) == (200, 200)
    (error,) = told["payload"] if told["type"] == "error" else told["payload"]["errors"]
    assert error["extensions"]["code"] == "TOO_MANY_REQUESTS"
    await until(nobody_watches)


async def test_what_was_kept_long_enough_is_gone_and_whoever_resumes_there_is_told_so(pair):
    old = await happened(pair, *SOME, days_ago=31)
    young = await happened(pair, *SOME)

    gone = await pair.gateway.aging.sweep()
    behind = {id: await pair.client.get("/v1/events", headers={**STREAM, "last-event-id": id}) for id in old[:3]}
    paged = await pair.client.get("/v1/events", params={"after": old[0]})
    asked = await codes(pair.client, LOG, after=cursor_of(old[0]))
    never = await pair.client.get("/v1/events", headers={**STREAM, "last-event-id": pair.gateway.ids.event(2**42)})
    all_kept = (await pair.client.get("/v1/events", params={"order": "asc"})).json()["data"]
    followed = await command(pair, "list", "--after", old[0])

    assert gone.events == len(old)
    for answer in (*behind.values(), paged):
        assert (answer.status_code, answer.json()["code"]) == (410, "events_gone")
    assert asked == ["EVENTS_GONE"]
    assert (never.status_code, never.json()["errors"][0]["code"]) == (400, "unknown_event")
    assert [event["id"] for event in all_kept] == young
    assert followed.exit_code != ExitCode.OK
    assert "no longer kept" in followed.stderr


async def test_events_of_a_video_that_has_not_ended_are_kept_however_old_they_are(pair):
    video = (await pair.create("boat [sim:stuck]"))["id"]
    await pair.begun(video)
    store, later = pair.gateway.store, Later()

    await Aging(store, 30, later).sweep()
    whilst_made = await store.read(lambda tx: tx.events.after("acme", video, 0))
    (await pair.client.post(f"/v1/videos/{video}/cancel")).raise_for_status()
    await pair.finished(video)
    await Aging(store, 30, later).sweep()
    ended = await store.read(lambda tx: tx.events.after("acme", video, 0))

    assert [event.type for event in whilst_made] == [EventType.QUEUED, EventType.STARTED]
    assert ended == []


async def test_the_command_line_lists_and_follows(pair):
    ids = await happened(pair, *SOME)
    video = (await pair.create("[sim:instant]"))["id"]
    await pair.finished(video)

    table = await command(pair, "list", "--type", "credits.low")
    raw = await command(pair, "list", "--limit", "2", "-o", "jsonl")
    more = await command(pair, "list", "--after", ids[1], "-o", "json")
    followed = await command(pair, "follow", video, "--after", "start", "-o", "jsonl")
    shown = await command(pair, "follow", video)
    unclear = await command(pair, "follow", video, "--type", "credits.low")

    assert [line.split()[-1] for line in table.stdout.splitlines()[1:]] == [ids[2], ids[0]]
    assert len(raw.stdout.splitlines()) == 2
    assert "there are more: --after " in raw.stderr
    assert [event["id"] for event in json.loads(more.stdout)["data"]] == [ids[0]]
    types = [json.loads(line)["type"] for line in followed.stdout.splitlines()]
    assert (types[0], types[-1]) == ("video.queued", "video.completed")
    assert shown.stdout.split()[2:5] == ["video.completed", video, "completed"]
    assert (followed.exit_code, shown.exit_code, unclear.exit_code) == (ExitCode.OK, ExitCode.OK, ExitCode.USAGE)


def cursor_of(id: str) -> str:
    from gateway.graphql.connections import cursor

    return cursor(id)
