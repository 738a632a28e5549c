"""GET /v1/videos/{id}/receipt and the keys to verify it with: what it says is what the gateway says elsewhere."""

import asyncio
import hashlib
import json
from typing import Any

import httpx
import pytest
import pytest_asyncio

from gateway.policy.receipts import WELL_KNOWN, Signer, known_keys, verify
from gateway.services.receipts import Receipts
from schema.account import Secret
from schema.event import EventType
from tests.rest.answers import problem
from tests.support.running import SECRET_KEY, Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUTING = {"only": ["doitong"], "on_unsupported": "adjust", "max_wait_seconds": 60, "priority": "high"}
WISH = {"seconds": 12, "quality": "high", "gateway": ROUTING}


async def receipt(pair: Running, id: str) -> dict[str, Any]:
    """A video's receipt, which must be genuine."""
    response = await pair.client.get(f"/v1/videos/{id}/receipt")
    keys = await pair.client.get(WELL_KNOWN, headers={"authorization": ""})
    assert response.status_code == 200, response.text
    return verify(response.content, known_keys(keys.content))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def done(pair: Running) -> dict[str, Any]:
    """A finished video that had something adjusted."""
    return await pair.finished((await pair.create("a fox, “3” [sim:instant]", **WISH))["id"])


async def test_it_tells_what_was_asked_and_what_was_bent(pair: Running, done: dict[str, Any]):
    told = await receipt(pair, done["id"])

    assert told["asked"] == {
        "prompt": "a fox, “3” [sim:instant]",
        "model": "auto",
        "aspect_ratio": None,
        "seconds": 12,
        "quality": "high",
        "image_url": None,
        "image": None,
        "routing": {
            "only": ["doitong"],
            "exclude": [],
            "strategy": None,
            "max_cost_micros": None,
            "deadline_seconds": None,
            "cancel_after_seconds": None,
            "on_unsupported": "adjust",
            "on_unknown": None,
            "quote_id": None,
            "max_wait_seconds": 60,
            "on_max_wait": None,
            "priority": "high",
            "reuse": None,
        },
    }
    assert told["adjusted"] == done["gateway"]["adjustments"] == [{"field": "seconds", "asked": "12", "given": "10"}]


async def test_it_tells_what_the_video_tells(pair: Running, done: dict[str, Any]):
    told = await receipt(pair, done["id"])

    assert (told["version"], told["issuer"]) == (1, pair.url)
    assert (told["video"], told["tenant"], told["status"], told["error"]) == (done["id"], "acme", "completed", None)
    assert told["revision"] == done["gateway"]["version"]
    (attempt,), (shown,) = told["attempts"], done["gateway"]["attempts"]
    assert attempt["n"] == 1
    assert [attempt[name] for name in ("id", "account", "provider", "verdict", "state", "ref", "reason")] == [
        shown[name] for name in ("id", "account", "provider", "verdict", "state", "provider_ref", "reason")
    ]
    assert attempt["credits"] == shown["cost"]["credits"]


async def test_its_hash_is_that_of_the_file(pair: Running, done: dict[str, Any]):
    told = await receipt(pair, done["id"])
    content = (await pair.client.get(f"/v1/videos/{done['id']}/content")).content

    assert told["file"] == {
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "media_type": "video/mp4",
    }
    assert told["extra_outputs"] == []


async def test_it_tells_why_it_went_where_it_went(pair: Running, done: dict[str, Any]):
    told = (await receipt(pair, done["id"]))["routed"]
    route = (await pair.client.get(f"/v1/videos/{done['id']}/route")).json()

    assert (told["account"], told["provider"], told["strategy"]) == ("doitong-main", "doitong", "cheapest")
    assert told["candidates"] == [
        {
            "account": candidate["account"],
            "provider": candidate["provider"],
            "able": not candidate["excluded"],
            "reasons": [reason["code"] for reason in candidate["excluded"]],
            "outranked": candidate["outranked"] and candidate["outranked"]["code"],
            "price_low_micros": candidate["price"]["low"],
            "price_high_micros": candidate["price"]["high"],
        }
        for candidate in route["candidates"]
    ]
    assert "not_in_only" in told["candidates"][1]["reasons"]


async def test_its_money_is_the_ledger_s(pair: Running, done: dict[str, Any]):
    told = (await receipt(pair, done["id"]))["money"]
    cost = done["gateway"]["cost"]
    entries = await pair.gateway.store.read(lambda tx: tx.ledger.of_video("acme", done["id"]))
    kinds = {entry.id: str(entry.kind) for entry in entries}

    assert (told["currency"], told["charged_micros"]) == (cost["currency"], cost["charged_micros"])
    assert (told["quoted_low_micros"], told["quoted_high_micros"]) == (cost["quoted_low_micros"], cost["quoted_micros"])
    assert 0 < told["charged_micros"] <= told["held_micros"] == told["quoted_high_micros"]
    assert told["held_micros"] == told["charged_micros"] + (told["released_micros"] or 0)
    assert {kinds[id] for id in told["entries"]} <= {"hold", "capture", "release"}
    assert {"hold", "capture"} <= {kinds[id] for id in told["entries"]}


async def test_its_waits_add_up_to_its_life(pair: Running, done: dict[str, Any]):
    told = await receipt(pair, done["id"])
    video = await pair.gateway.videos.get("acme", done["id"])

    total = told["waits"].pop("total_ms")
    assert video.completed_at is not None
    assert sum(told["waits"].values()) == total == video.completed_at - video.created_at
    [attempt] = (await pair.gateway.videos.seen("acme", done["id"])).attempts
    assert video.started_at is not None
    assert attempt.ended_at is not None
    assert told["waits"] == {
        "queued_ms": attempt.started_at - video.created_at,
        "sending_ms": video.started_at - attempt.started_at,
        "making_ms": attempt.ended_at - video.started_at,
        "copying_ms": video.completed_at - attempt.ended_at,
    }
    assert told["created_at"] < told["attempts"][0]["started_at"] < told["ended_at"]


async def test_it_is_the_same_to_the_byte_every_time_and_from_every_replica(pair: Running, done: dict[str, Any]):
    url = f"/v1/videos/{done['id']}/receipt"
    first, second = await pair.client.get(url), await pair.client.get(url)
    signer = Signer(Secret(pair.gateway.ground.root.reveal()))
    replica = Receipts(store=pair.gateway.store, signer=signer, issuer=pair.url)

    assert first.content == second.content == (await replica.of("acme", done["id"])).document
    assert list(json.loads(first.content))[-1] == "signature"


async def test_one_that_is_known_is_not_sent_again(pair: Running, done: dict[str, Any]):
    url = f"/v1/videos/{done['id']}/receipt"
    first = await pair.client.get(url)
    again = await pair.client.get(url, headers={"if-none-match": first.headers["etag"]})
    other = await pair.client.get(url, headers={"if-none-match": '"another"'})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert other.status_code == 200
    assert first.headers["content-type"] == "application/json"
    assert first.headers["cache-control"] == "private, no-cache"
    assert (await pair.client.head(url)).headers["content-length"] == str(len(first.content))


async def test_a_video_in_the_making_has_none_yet(pair: Running):
    created = await pair.create("[sim:stuck]")

    response = await pair.client.get(f"/v1/videos/{created['id']}/receipt")

    problem(response, 409, "not_ready")


@pytest.mark.parametrize("id", ["video_" + "0" * 26, "nonsense"])
async def test_what_does_not_exist_has_none(pair: Running, id: str):
    problem(await pair.client.get(f"/v1/videos/{id}/receipt"), 404, "not_found")


async def test_it_is_its_tenant_s_alone(pair: Running, done: dict[str, Any]):
    url = f"/v1/videos/{done['id']}/receipt"

    problem(await pair.other.get(url), 404, "not_found")
    problem(await pair.client.get(url, headers={"authorization": ""}), 401, "unauthenticated")


async def test_a_failed_video_s_says_why_and_costs_nothing(pair: Running):
    video = await pair.finished((await pair.create("a boat [sim:fail]"))["id"])

    told = await receipt(pair, video["id"])

    assert (told["status"], told["error"], told["file"]) == ("failed", "generation_failed", None)
    assert [attempt["reason"] for attempt in told["attempts"]] == ["generation_failed"]
    assert not told["money"]["charged_micros"]
    assert told["money"]["held_micros"] == told["money"]["released_micros"] > 0
    assert told["waits"]["copying_ms"] == 0


async def test_every_attempt_is_told(pair: Running):
    video = await pair.finished((await pair.create("a boat [sim:doitong:no-credits] [sim:instant]"))["id"])

    told = await receipt(pair, video["id"])

    assert [(one["n"], one["account"], one["verdict"]) for one in told["attempts"]] == [
        (1, "doitong-main", "rejected"),
        (2, "veo-main", "accepted"),
    ]
    assert told["attempts"][0]["reason"] == "out_of_credits"
    assert told["routed"]["account"] == "veo-main"


async def late_output(pair: Running, id: str) -> None:
    """Until the provider's late success has been written down."""

    async def last() -> EventType:
        return (await pair.gateway.store.read(lambda tx: tx.events.after("acme", id, 0)))[-1].type

    async with asyncio.timeout(60):
        while await last() is not EventType.LATE_OUTPUT:  # noqa: ASYNC110 - what is waited for lies in a database
            await asyncio.sleep(0.02)


async def test_what_is_learnt_after_the_end_makes_a_new_revision(pair: Running):
    created = await pair.create("a boat [sim:slow]", gateway={"only": ["veo3o1"]})
    await pair.begun(created["id"])
    await pair.client.post(f"/v1/videos/{created['id']}/cancel")
    before = await receipt(pair, created["id"])

    await late_output(pair, created["id"])
    after = await receipt(pair, created["id"])
    [extra] = after["extra_outputs"]
    file = (await pair.client.get(f"/v1/videos/{created['id']}/content", params={"output": extra["attempt"]})).content

    assert (before["status"], after["status"]) == ("canceled", "canceled")
    assert before["ended_at"] == after["ended_at"]
    assert before["waits"] == after["waits"]
    assert before["attempts"][0]["state"] == "running"
    assert after["attempts"][0]["state"] == "succeeded"
    assert after["revision"] > before["revision"]
    assert (before["file"], before["extra_outputs"], after["file"]) == (None, [], None)
    assert extra["attempt"] == after["attempts"][0]["id"]
    assert (extra["sha256"], extra["size"]) == (hashlib.sha256(file).hexdigest(), len(file))
    assert extra["at"] > after["ended_at"]


# the keys


async def test_the_keys_are_anybody_s_and_may_be_kept_a_while(pair: Running):
    async with httpx.AsyncClient(trust_env=False) as stranger:
        response = await stranger.get(pair.url + WELL_KNOWN)

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/jwk-set+json"
    assert response.headers["cache-control"] == "public, max-age=3600"
    assert known_keys(response.content) == Signer(pair.gateway.ground.root).keys
    assert SECRET_KEY.reveal() not in response.text
    assert "d" not in response.json()["keys"][0]
