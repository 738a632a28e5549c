"""What becomes of a video: whole stories, from a caller's POST over both real sockets to the file's bytes."""

import asyncio
import io
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import av
import pytest
from msgspec.structs import replace

from gateway.sandbox.mp4 import SIZES
from gateway.sandbox.settings import DEFAULT_ACCOUNTS, SandboxSettings, Variant
from gateway.wiring import Seams
from schema.event import TERMINAL, Event, EventType
from schema.tenant import RoutingPolicy
from schema.video import Strategy
from tests.flows.engine import until
from tests.support.certificates import certificates
from tests.support.pictures import png
from tests.support.running import FAST, Running, Setup, running

VEO, DOITONG = {"only": ["veo3o1"]}, {"only": ["doitong"]}
HOOKS_ONLY = {"status_query": ""}
REST = {"transport": "rest", "status_query": "", "status_path": "/v1/videos/{ref}"}
QUICK = replace(FAST, replay_schedule_seconds=(0.05, 0.1, 0.15), asset_tries=2)
FRAMES_PER_SECOND = 12
SPEED = 600.0
"""A video takes a tenth of a second, one marked slow half a second."""
UNHURRIED = {"speed": 100}
"""Slow enough that every poll sees something new."""


def a_gateway(
    folder: Path, *, prefer: str = "doitong", sandbox: dict[str, Any] | None = None, **chosen: Any
) -> AbstractAsyncContextManager[Running]:
    """A gateway with both providers, none of which minds how many videos it makes at once."""
    unlimited = tuple(replace(account, concurrent=0) for account in DEFAULT_ACCOUNTS)
    settings = SandboxSettings(**{"speed": SPEED, "accounts": unlimited, **(sandbox or {})})
    routing = RoutingPolicy(strategy=Strategy.ORDERED, order=(prefer,))
    plain = {"folder": folder, "timing": QUICK, "seams": Seams(verify=certificates()), "routing": routing}
    return running(Setup(**{**plain, "sandbox": settings, **chosen}))


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Running]:
    async with a_gateway(tmp_path) as started:
        yield started


@asynccontextmanager
async def hearing(folder: Path, **chosen: Any) -> AsyncIterator[Running]:
    """A gateway that can not ask Doitong: it must be told."""
    async with a_gateway(folder, doitong_options=HOOKS_ONLY, **chosen) as started:
        yield started


async def told(here: Running, id: str) -> list[Event]:
    """Every event of a video, in order."""
    return await here.gateway.store.read(lambda tx: tx.events.after("acme", id, 0))


async def reached(here: Running, id: str, *substates: str) -> dict[str, Any]:
    """The video once it is in one of these substates."""
    found: dict[str, Any] = {}

    async def arrived() -> bool:
        found.update((await here.client.get(f"/v1/videos/{id}")).json())
        return found["gateway"]["substate"] in substates

    await until(arrived)
    return found


async def late_output(here: Running, id: str) -> None:
    """Until the upstream's late success has been written down."""

    async def happened() -> bool:
        return (await told(here, id))[-1].type is EventType.LATE_OUTPUT

    await until(happened)


async def jobs(here: Running) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await here.truth())["jobs"]
    return found


def outcome(video: dict[str, Any]) -> tuple[str, str | None]:
    return video["status"], None if video["error"] is None else video["error"]["code"]


def accounts(video: dict[str, Any]) -> list[str]:
    return [attempt["account"] for attempt in video["gateway"]["attempts"]]


# everything goes well


@pytest.mark.parametrize(
    ("options", "wish", "seconds", "aspect"),
    [
        ({}, {"gateway": VEO}, 8, "16:9"),
        ({}, {"gateway": VEO, "aspect_ratio": "9:16"}, 8, "9:16"),
        ({}, {"gateway": DOITONG}, 5, "16:9"),
        ({}, {"gateway": DOITONG, "seconds": "7", "aspect_ratio": "1:1"}, 7, "1:1"),
        ({}, {"model": "doitong/veo3", "aspect_ratio": "9:16", "quality": "high", "seconds": "10"}, 10, "9:16"),
        (REST, {"gateway": DOITONG, "seconds": "6", "aspect_ratio": "9:16"}, 6, "9:16"),
    ],
    ids=["veo3o1", "veo3o1-tall", "graphql", "graphql-square", "graphql-pro", "rest"],
)
async def test_a_video_is_made_and_its_file_plays_as_asked(tmp_path, options, wish, seconds, aspect):
    async with a_gateway(tmp_path, doitong_options=options) as here:
        video = await here.finished((await here.create(**wish))["id"])
        content = (await here.client.get(f"/v1/videos/{video['id']}/content")).content
        [job] = await jobs(here)

    assert outcome(video) == ("completed", None)
    assert video["progress"] == 100
    assert video["gateway"]["cost"]["charged_micros"] <= video["gateway"]["cost"]["quoted_micros"]
    assert video["gateway"]["attempts"][0]["provider_ref"] == job["id"]
    with av.open(io.BytesIO(content), mode="r") as played:
        picture = played.streams.video[0]
        frames = sum(1 for _ in played.decode(video=0))
        assert frames == seconds * FRAMES_PER_SECOND
        assert played.duration is not None
        assert abs(played.duration / av.time_base - seconds) < 0.5
        assert (picture.width, picture.height) == SIZES[aspect]


async def test_a_picture_is_handed_on_to_the_provider_that_takes_one(here):
    picture = png(64, 36)
    image = (await here.client.post("/v1/images", files={"file": ("boat.png", picture)})).json()

    video = await here.finished((await here.create(input_reference={"image_id": image["id"]}))["id"])

    [job] = await jobs(here)
    assert outcome(video) == ("completed", None)
    assert accounts(video) == ["veo-main"]
    assert (await here.client.get(job["image_url"])).content == picture


async def test_an_account_is_never_given_more_at_once_than_it_takes(tmp_path):
    limited = tuple(replace(account, concurrent=2) for account in DEFAULT_ACCOUNTS)
    async with a_gateway(tmp_path, concurrent=2, sandbox={"accounts": limited, "speed": 1000}) as here:
        ids = [(await here.create(f"boat {number}", gateway=VEO))["id"] for number in range(10)]
        videos = [await here.finished(id) for id in ids]
        truth = await here.truth()

    veo = next(account for account in truth["accounts"] if account["provider"] == "veo3o1")
    assert {outcome(video) for video in videos} == {("completed", None)}
    assert veo["peak_running"] == 2
    assert veo["violations"] == {}
    assert truth["totals"]["submissions"] == 10


# refusals


@pytest.mark.parametrize("marker", ["429", "no-credits", "unauthorized"])
async def test_after_a_clean_refusal_the_next_account_makes_it(here, marker):
    video = await here.finished((await here.create(f"a boat [sim:doitong:{marker}]"))["id"])

    assert outcome(video) == ("completed", None)
    assert accounts(video) == ["doitong-main", "veo-main"]
    assert [attempt["verdict"] for attempt in video["gateway"]["attempts"]] == ["rejected", "accepted"]
    assert [job["provider"] for job in await jobs(here)] == ["veo3o1"]


@pytest.mark.parametrize(
    ("provider", "marker", "code"),
    [
        ("veo3o1", "invalid", "invalid_request"),
        ("veo3o1", "reject", "invalid_request"),
        ("veo3o1", "fail", "generation_failed"),
        ("doitong", "invalid", "invalid_request"),
        ("doitong", "reject", "content_rejected"),
        ("doitong", "fail", "generation_failed"),
    ],
)
async def test_what_a_provider_will_not_make_is_not_shopped_around(tmp_path, provider, marker, code):
    async with a_gateway(tmp_path, prefer=provider) as here:
        video = await here.finished((await here.create(f"a boat [sim:{provider}:{marker}]"))["id"])

    assert outcome(video) == ("failed", code)
    assert [attempt["provider"] for attempt in video["gateway"]["attempts"]] == [provider]


@pytest.mark.parametrize(
    "variant",
    [
        Variant(veo3o1_errors="status", doitong_errors="body"),
        Variant(doitong_answer="generatevideo", doitong_signature="base64"),
    ],
    ids=["errors-elsewhere", "words-elsewhere"],
)
async def test_where_documents_disagree_both_readings_work(tmp_path, variant):
    async with a_gateway(tmp_path, sandbox={"variant": variant}) as here:
        for wish in (VEO, DOITONG):
            made = await here.finished((await here.create(gateway=wish))["id"])
            refused = await here.finished((await here.create("a boat [sim:invalid]", gateway=wish))["id"])
            assert outcome(made) == ("completed", None)
            assert outcome(refused) == ("failed", "invalid_request")


# lost submits


LOST = ("drop-after-accept", "500-after-accept", "truncated", "html-200", "empty-200", "no-id")


@pytest.mark.parametrize("marker", LOST)
async def test_a_lost_submit_without_keys_is_billed_once_and_said_to_be_unknown(tmp_path, marker):
    async with a_gateway(tmp_path, prefer="veo3o1") as here:
        video = await here.finished((await here.create(f"a boat [sim:{marker}]"))["id"])
        made = await jobs(here)

    assert outcome(video) == ("failed", "submission_outcome_unknown")
    assert [attempt["state"] for attempt in video["gateway"]["attempts"]] == ["unknown"]
    assert [job["provider"] for job in made] == ["veo3o1"]


@pytest.mark.parametrize("marker", [*LOST, "drop-before-accept", "502"])
async def test_a_lost_submit_with_keys_is_replayed_completed_and_billed_once(here, marker):
    video = await here.finished((await here.create(f"a boat [sim:{marker}-once]"))["id"])

    assert outcome(video) == ("completed", None)
    assert accounts(video) == ["doitong-main"]
    assert len(await jobs(here)) == 1


async def test_an_answer_lost_for_good_is_bound_by_the_hook(here):
    video = await here.finished((await here.create("a boat [sim:drop-after-accept]"))["id"])

    [job] = await jobs(here)
    assert outcome(video) == ("completed", None)
    assert [attempt["provider_ref"] for attempt in video["gateway"]["attempts"]] == [job["id"]]


@pytest.mark.parametrize(
    ("policy", "made_by", "ends"),
    [
        ("fail", ["veo-main"], ("failed", "submission_outcome_unknown")),
        ("wait", ["veo-main"], ("failed", "deadline_exceeded")),
        ("retry", ["veo-main", "veo-main"], ("completed", None)),
        ("failover", ["veo-main", "doitong-main"], ("completed", None)),
    ],
)
async def test_what_follows_a_lost_submit_is_the_tenant_s_choice(tmp_path, policy, made_by, ends):
    wish = {"on_unknown": policy, "deadline_seconds": 2, **(VEO if policy == "retry" else {})}
    async with a_gateway(tmp_path, prefer="veo3o1") as here:
        video = await here.finished((await here.create("a boat [sim:drop-after-accept-once]", gateway=wish))["id"])
        made = await jobs(here)

    assert outcome(video) == ends
    assert accounts(video) == made_by
    assert len(made) == len(made_by)


async def test_another_id_for_the_same_key_is_the_same_video(here):
    prompt = "a boat [sim:drop-after-accept-once] [sim:different-id]"
    video = await here.finished((await here.create(prompt))["id"])

    assert outcome(video) == ("completed", None)
    assert len(await jobs(here)) == 1


# hooks


@pytest.mark.parametrize("marker", ["early-webhook", "duplicate-webhook", "stale-webhook", "late-url", "slow"])
async def test_hooks_alone_bring_a_video_to_its_end_once(tmp_path, marker):
    async with hearing(tmp_path) as here:
        video = await here.finished((await here.create(f"a boat [sim:{marker}]", gateway=DOITONG))["id"])
        expected = 2 if marker in {"duplicate-webhook", "stale-webhook", "late-url"} else 1

        async def delivered() -> bool:
            return len((await jobs(here))[0]["deliveries"]) == expected

        await until(delivered)
        again = (await here.client.get(f"/v1/videos/{video['id']}")).json()
        events = await told(here, video["id"])
        [job] = await jobs(here)

    assert outcome(video) == ("completed", None)
    assert again == video
    assert [event.type for event in events if event.type in TERMINAL] == [EventType.COMPLETED]
    assert {delivery["answer"] // 100 for delivery in job["deliveries"]} == {2}


@pytest.mark.parametrize("marker", ["lost-webhook", "bad-signature"])
async def test_without_a_hook_to_believe_polls_find_out(here, marker):
    video = await here.finished((await here.create(f"a boat [sim:{marker}]", gateway=DOITONG))["id"])

    assert outcome(video) == ("completed", None)


@pytest.mark.parametrize("marker", ["lost-webhook", "bad-signature"])
async def test_without_polls_and_a_hook_to_believe_the_deadline_ends_it(tmp_path, marker):
    async with hearing(tmp_path) as here:
        wish = {**DOITONG, "deadline_seconds": 1}
        video = await here.finished((await here.create(f"a boat [sim:{marker}]", gateway=wish))["id"])

    assert outcome(video) == ("failed", "deadline_exceeded")


# what is told on the way


@pytest.mark.parametrize("wish", [VEO, DOITONG], ids=["veo3o1", "doitong"])
@pytest.mark.parametrize("marker", ["unknown-status", "regress", "poll-404", "poll-500", "poll-drop"])
async def test_strange_news_on_the_way_stops_nothing(tmp_path, marker, wish):
    async with a_gateway(tmp_path, sandbox={} if "poll" in marker else UNHURRIED) as here:
        prompt = f"a boat [sim:{marker}] [sim:lost-webhook]"
        video = await here.finished((await here.create(prompt, gateway=wish))["id"])
        progress = [event.data["progress"] for event in await told(here, video["id"])]

    assert outcome(video) == ("completed", None)
    assert progress == sorted(progress)


async def test_progress_never_falls_and_every_event_has_a_later_version(tmp_path):
    async with a_gateway(tmp_path, sandbox=UNHURRIED) as here:
        video = await here.finished((await here.create("a boat [sim:regress]", gateway=VEO))["id"])
        events = await told(here, video["id"])

    progress = [event.data["progress"] for event in events]
    versions = [event.seq for event in events]
    assert events[0].type is EventType.QUEUED
    assert events[-1].type is EventType.COMPLETED
    assert len(set(progress)) > 3
    assert progress == sorted(progress)
    assert versions == sorted(set(versions))


# completed, they said


@pytest.mark.parametrize("wish", [VEO, DOITONG], ids=["veo3o1", "doitong"])
async def test_completed_without_a_file_for_too_long_is_a_failure(here, wish):
    video = await here.finished((await here.create("a boat [sim:no-url]", gateway=wish))["id"])

    assert outcome(video) == ("failed", "provider_incomplete")
    assert len(await jobs(here)) == 1


@pytest.mark.parametrize("wish", [VEO, DOITONG], ids=["veo3o1", "doitong"])
@pytest.mark.parametrize("marker", ["late-url", "gone-file"])
async def test_a_file_that_is_late_is_waited_for(here, marker, wish):
    video = await here.finished((await here.create(f"a boat [sim:{marker}]", gateway=wish))["id"])

    assert outcome(video) == ("completed", None)
    assert len(await jobs(here)) == 1


@pytest.mark.parametrize("marker", ["bad-file", "short-file", "empty-file", "huge-file", "redirect-file"])
async def test_a_file_that_is_none_never_becomes_a_video_nor_a_second_one(tmp_path, here, marker):
    video = await here.finished((await here.create(f"a boat [sim:{marker}]", gateway=VEO))["id"])

    assert outcome(video) == ("failed", "asset_lost")
    assert len(await jobs(here)) == 1
    assert (await here.client.get(f"/v1/videos/{video['id']}/content")).status_code == 410
    assert not [*tmp_path.glob("assets/**/*.mp4")]
    assert not [*tmp_path.glob("filmgate-data/incoming/*")]


# too late, and canceled


async def test_what_never_ends_is_ended_by_its_deadline(here):
    video = await here.finished((await here.create("a boat [sim:stuck]", gateway={**VEO, "deadline_seconds": 1}))["id"])

    assert outcome(video) == ("failed", "deadline_exceeded")
    assert [attempt["state"] for attempt in video["gateway"]["attempts"]] == ["running"]
    assert video["gateway"]["provider_may_still_bill"]


async def test_a_success_after_the_deadline_is_told_and_changes_nothing(tmp_path):
    async with a_gateway(tmp_path, sandbox={"speed": 40}) as here:
        wish = {**DOITONG, "deadline_seconds": 1}
        failed = await here.finished((await here.create(gateway=wish))["id"])
        await late_output(here, failed["id"])
        after = (await here.client.get(f"/v1/videos/{failed['id']}")).json()

    assert outcome(failed) == outcome(after) == ("failed", "deadline_exceeded")
    assert after["completed_at"] == failed["completed_at"]
    assert after["gateway"]["attempts"][0]["state"] == "succeeded"


async def test_canceled_before_it_was_sent_it_is_never_sent(tmp_path):
    async with a_gateway(tmp_path, concurrent=1) as here:
        await reached(here, (await here.create("a boat [sim:stuck]", gateway=VEO))["id"], "running")
        waiting = await here.create("another boat", gateway=VEO)
        await reached(here, waiting["id"], "waiting_capacity")
        canceled = (await here.client.post(f"/v1/videos/{waiting['id']}/cancel")).json()
        tasks = await here.gateway.store.read(lambda tx: tx.videos.queued())
        truth = await here.truth()

    assert outcome(canceled) == ("canceled", None)
    assert canceled["gateway"]["attempts"] == []
    assert tasks == {}
    assert [one["prompt"] for one in truth["submissions"]] == ["a boat [sim:stuck]"]


async def test_canceled_while_it_is_sent_it_stays_canceled_and_its_end_is_known(tmp_path):
    async with a_gateway(tmp_path, sandbox={"hang_seconds": 0.5}) as here:
        sent = await here.create("a boat [sim:hang-after-accept]", gateway=VEO)
        await reached(here, sent["id"], "submitting")
        canceled = (await here.client.post(f"/v1/videos/{sent['id']}/cancel")).json()
        await late_output(here, sent["id"])
        after = (await here.client.get(f"/v1/videos/{sent['id']}")).json()
        [job] = await jobs(here)

    assert outcome(canceled) == outcome(after) == ("canceled", None)
    assert [attempt["provider_ref"] for attempt in after["gateway"]["attempts"]] == [job["id"]]
    assert after["gateway"]["attempts"][0]["state"] == "succeeded"


@pytest.mark.parametrize("wish", [VEO, DOITONG], ids=["veo3o1", "doitong"])
async def test_canceled_while_it_is_made_it_is_never_completed(tmp_path, wish):
    async with a_gateway(tmp_path, sandbox={"speed": 50}) as here:
        begun = await here.create(gateway=wish)
        await reached(here, begun["id"], "running")
        canceled = (await here.client.post(f"/v1/videos/{begun['id']}/cancel")).json()
        await late_output(here, begun["id"])
        after = (await here.client.get(f"/v1/videos/{begun['id']}")).json()
        events = [event.type for event in await told(here, begun["id"])]

    assert outcome(canceled) == outcome(after) == ("canceled", None)
    assert Counter(event for event in events if event in TERMINAL) == {EventType.CANCELED: 1}


async def test_what_has_ended_can_not_be_canceled(here):
    video = await here.finished((await here.create(gateway=DOITONG))["id"])

    refused = await here.client.post(f"/v1/videos/{video['id']}/cancel")

    assert (refused.status_code, refused.json()["code"]) == (409, "already_ended")
    assert (await here.client.get(f"/v1/videos/{video['id']}")).json() == video


async def test_of_a_cancel_and_a_completion_at_once_the_first_wins(here):
    ids = [(await here.create(f"boat {number} [sim:instant]", gateway=DOITONG))["id"] for number in range(20)]
    await asyncio.gather(*(here.client.post(f"/v1/videos/{id}/cancel") for id in ids))
    videos = [await here.finished(id) for id in ids]

    for video in videos:
        ends = [event.type for event in await told(here, video["id"]) if event.type in TERMINAL]
        assert [event.value for event in ends] == [f"video.{video['status']}"]
