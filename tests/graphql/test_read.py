"""video, node, models and viewer: the facts REST shows, and nothing of other tenants."""

import asyncio
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from tests.graphql.asking import ask, codes, created, errors
from tests.support.running import Running

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHOLE = """
query Whole($id: ID!) {
  video(id: $id) {
    id status substate progress prompt model seconds aspectRatio quality imageUrl metadata
    createdAt startedAt completedAt deadlineAt expiresAt
    error { code message }
    provider account
    cost { currency quotedLowMicros quotedMicros chargedMicros }
    credits
    attempts {
      id number account provider state verdict providerRef startedAt endedAt reason { code message }
      creditsLow creditsHigh credits
    }
    adjustments { field asked given }
    extraOutputs { attempt size sha256 createdAt contentUrl }
    contentUrl version
  }
}
"""
ROUTE = """
query Route($id: ID!) {
  video(id: $id) {
    route {
      at strategy
      candidates {
        account provider able credits { low high } price { lowMicros highMicros }
        excluded { code params until } adjustments { field asked given }
      }
    }
  }
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def done(gw: Running) -> str:
    """A finished video that had something adjusted."""
    wish = {"seconds": 12, "routing": {"onUnsupported": "ADJUST", "only": ["doitong"]}, "metadata": {"scene": "one"}}
    id = await created(gw.client, **wish)
    assert (await gw.finished(id))["status"] == "completed"
    return id


async def test_graphql_tells_the_facts_that_rest_tells(gw: Running, done: str) -> None:
    video = (await ask(gw.client, WHOLE, id=done))["video"]
    rest = (await gw.client.get(f"/v1/videos/{done}")).json()
    ours = rest["gateway"]

    assert video["id"] == rest["id"]
    assert video["status"] == rest["status"].upper() == "COMPLETED"
    assert (video["progress"], video["prompt"], video["model"]) == (rest["progress"], rest["prompt"], rest["model"])
    assert str(video["seconds"]) == rest["seconds"] == "10"
    assert video["aspectRatio"] == "WIDE_16_9"
    assert rest["aspect_ratio"] == "16:9"
    assert video["quality"] == rest["quality"]
    assert (video["metadata"], video["error"]) == (rest["metadata"], rest["error"])
    assert [seconds(video[name]) for name in ("createdAt", "completedAt", "expiresAt")] == [
        rest[name] for name in ("created_at", "completed_at", "expires_at")
    ]
    assert (video["substate"], video["provider"], video["account"]) == (None, ours["provider"], ours["account"])
    assert (video["credits"], video["version"]) == (ours["credits"], ours["version"])
    assert video["adjustments"] == ours["adjustments"] == [{"field": "seconds", "asked": "12", "given": "10"}]
    assert video["cost"] == {
        "currency": ours["cost"]["currency"],
        "quotedLowMicros": ours["cost"]["quoted_low_micros"],
        "quotedMicros": ours["cost"]["quoted_micros"],
        "chargedMicros": ours["cost"]["charged_micros"],
    }
    assert video["cost"]["quotedMicros"] > 0
    assert video["contentUrl"] == f"/v1/videos/{done}/content"
    assert (await gw.client.get(video["contentUrl"])).status_code == 200


async def test_attempts_are_the_same_at_both_doors(gw: Running, done: str) -> None:
    (attempt,) = (await ask(gw.client, WHOLE, id=done))["video"]["attempts"]
    (rest,) = (await gw.client.get(f"/v1/videos/{done}")).json()["gateway"]["attempts"]

    assert attempt["number"] == 1
    assert [attempt[name] for name in ("id", "account", "provider", "providerRef", "reason")] == [
        rest[name] for name in ("id", "account", "provider", "provider_ref", "reason")
    ]
    assert (attempt["state"], attempt["verdict"]) == ("SUCCEEDED", "ACCEPTED")
    assert (rest["state"], rest["verdict"]) == ("succeeded", "accepted")
    assert (seconds(attempt["startedAt"]), seconds(attempt["endedAt"])) == (rest["started_at"], rest["ended_at"])
    assert [attempt[name] for name in ("creditsLow", "creditsHigh", "credits")] == [
        rest["cost"][name] for name in ("credits_low", "credits_high", "credits")
    ]


async def test_extra_outputs_are_the_same_at_both_doors(gw: Running) -> None:
    id = await created(gw.client, prompt="boat [sim:slow]")
    await gw.begun(id)
    await gw.client.post(f"/v1/videos/{id}/cancel")
    outputs: list[dict[str, Any]] = []
    async with asyncio.timeout(60):
        while not outputs:
            await asyncio.sleep(0.02)
            outputs = (await ask(gw.client, WHOLE, id=id))["video"]["extraOutputs"]
    (output,) = outputs
    (rest,) = (await gw.client.get(f"/v1/videos/{id}")).json()["gateway"]["extra_outputs"]

    assert [output[name] for name in ("attempt", "size", "sha256")] == [rest[n] for n in ("attempt", "size", "sha256")]
    assert seconds(output["createdAt"]) == rest["created_at"]
    file = await gw.client.get(output["contentUrl"])
    assert (file.status_code, len(file.content)) == (200, output["size"])


async def test_the_decision_names_every_account_and_what_stood_against_it(gw: Running, done: str) -> None:
    route = (await ask(gw.client, ROUTE, id=done))["video"]["route"]

    assert route["strategy"] == "CHEAPEST"
    chosen, other = route["candidates"]
    assert (chosen["account"], chosen["able"], chosen["excluded"]) == ("doitong-main", True, [])
    assert chosen["price"]["highMicros"] == chosen["credits"]["high"] * 1_000
    assert chosen["adjustments"] == [{"field": "seconds", "asked": "12", "given": "10"}]
    assert other["able"] is False
    assert {"code": "not_in_only", "params": {"only": "doitong"}, "until": None} in other["excluded"]


async def test_a_failed_video_says_why_and_is_no_error(gw: Running) -> None:
    id = await created(gw.client, prompt="boat [sim:fail]")
    await gw.finished(id)

    video = (await ask(gw.client, WHOLE, id=id))["video"]

    assert video["status"] == "FAILED"
    assert video["error"]["code"] == "generation_failed"
    assert video["contentUrl"] is None
    assert video["attempts"][0]["reason"]["code"] == "generation_failed"


async def test_moments_are_rfc_3339_in_utc_with_milliseconds(gw: Running, done: str) -> None:
    video = (await ask(gw.client, WHOLE, id=done))["video"]

    for name in ("createdAt", "startedAt", "completedAt", "deadlineAt"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", video[name])
    assert video["createdAt"] <= video["startedAt"] <= video["completedAt"] < video["deadlineAt"]


@pytest.mark.parametrize("id", ["video_" + "0" * 26, "att_" + "0" * 26, "nonsense", "", "video_\u0000", "x" * 5000])
async def test_what_does_not_exist_is_null_and_no_error(gw: Running, id: str) -> None:
    data = await ask(gw.client, "query($id: ID!) { video(id: $id) { id } node(id: $id) { id } }", id=id)

    assert data == {"video": None, "node": None}


async def test_other_tenants_see_null(gw: Running, done: str) -> None:
    query = "query($id: ID!) { video(id: $id) { id } node(id: $id) { id } nodes(ids: [$id]) { id } }"
    data = await ask(gw.other, query, id=done)

    assert data == {"video": None, "node": None, "nodes": [None]}


async def test_a_node_is_the_thing_its_id_names(gw: Running, done: str) -> None:
    query = """query($id: ID!) {
      node(id: $id) { __typename id ... on Video { status } }
      nodes(ids: ["nothing", $id]) { __typename id }
    }"""
    data = await ask(gw.client, query, id=done)

    assert data["node"] == {"__typename": "Video", "id": done, "status": "COMPLETED"}
    assert data["nodes"] == [None, {"__typename": "Video", "id": done}]


async def test_a_hundred_nodes_at_most(gw: Running) -> None:
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"

    assert len((await ask(gw.client, query, ids=["x"] * 100))["nodes"]) == 100
    assert await codes(gw.client, query, ids=["x"] * 101) == ["BAD_USER_INPUT"]


async def test_attempts_of_many_videos_are_read_at_once_and_reach_the_right_video(gw: Running, done: str) -> None:
    await gw.finished(await created(gw.client, prompt="boat [sim:instant]"))

    data = await ask(gw.client, "{ videos { edges { node { id account attempts { number account } } } } }")

    nodes = [edge["node"] for edge in data["videos"]["edges"]]
    assert len(nodes) > 1
    for node in nodes:
        assert [attempt["account"] for attempt in node["attempts"]][-1:] == [node["account"]]


async def test_models_are_those_that_rest_lists(gw: Running) -> None:
    models = (await ask(gw.client, "{ models { name accounts } }"))["models"]
    rest = (await gw.client.get("/v1/models")).json()

    assert {model["name"] for model in models} == {model["id"] for model in rest["data"]}
    assert {"name": "doitong/veo3", "accounts": ["doitong-main"]} in models


async def test_the_viewer_is_the_tenant_and_the_scopes_of_its_key(gw: Running) -> None:
    viewer = (await ask(gw.other, "{ viewer { tenant { id name test } scopes } }"))["viewer"]

    assert viewer == {
        "tenant": {"id": "other", "name": "other", "test": True},
        "scopes": ["VIDEOS_READ", "VIDEOS_WRITE"],
    }


async def test_a_bug_is_logged_and_not_shown(gw: Running, done: str, capsys: Any) -> None:
    broken = await created(gw.client, prompt="boat [sim:instant]")
    await gw.finished(broken)

    async def spoil(connection: Any) -> None:
        await connection.run("UPDATE videos SET decision = ? WHERE id = ?", '{"at": "a secret"}', broken)

    await gw.gateway.store.database.write(spoil)
    query = "query($id: ID!) { video(id: $id) { id route { at } } }"
    (error,) = await errors(gw.client, query, id=broken)

    assert error["message"] == "Something went wrong on our side"
    assert error["path"] == ["video", "route"]
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert error["extensions"]["requestId"].startswith("req_")
    logged = capsys.readouterr().out
    assert "graphql.failed" in logged
    assert error["extensions"]["requestId"] in logged
    assert "ValidationError" in logged


def seconds(moment: str | None) -> int | None:
    """A DateTime as REST's seconds."""
    return None if moment is None else int(datetime.fromisoformat(moment).astimezone(UTC).timestamp())
