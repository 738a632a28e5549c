"""Requests made to cost more than they are worth: each is refused with its code, through every transport."""

import asyncio
import json
from contextlib import ExitStack

import pytest
from graphql import get_introspection_query, parse

from gateway.graphql import governing
from gateway.graphql.controller import PATH
from gateway.graphql.cost import check_cost
from gateway.graphql.counts import MAX_COMPARISONS, TooMuch
from gateway.graphql.documents import MAX_ERRORS
from gateway.graphql.requests import MAX_VARIABLE_VALUES
from gateway.graphql.schema import build_schema
from tests.graphql.asking import ask, door, post, socket, speaking
from tests.support.attacks import ATTACKS, DOCUMENTS, attack
from tests.support.running import ACME_KEY, Running
from tests.support.work import work_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = {"content-type": "application/json"}
BATCH = """
mutation Create($input: CreateVideosInput!) {
  createVideos(input: $input) { ... on CreateVideosSuccess { batch { id } } }
}
"""


@pytest.mark.parametrize("name", ATTACKS)
async def test_an_attack_is_refused_with_its_code(gw: Running, name: str) -> None:
    body, code = attack(name)
    response = await gw.client.post(PATH, content=body, headers=JSON)

    found = response.json()["errors"]
    assert {error["extensions"]["code"] for error in found} == {code}, found
    assert len(found) <= 60
    assert len(response.content) < 40_000


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_what_an_attack_takes_is_little(name: str) -> None:
    """Counted in calls: the same on every machine. A plain page of videos takes some thousands."""
    documents = build_schema(explorable=False).documents
    document, _ = DOCUMENTS[name]

    assert work_of(lambda: documents.read(document)).calls <= 100_000


@pytest.mark.parametrize("name", ["two hundred operations", "one field a thousand times", "a comment of a megabyte"])
async def test_a_socket_refuses_it_too_and_goes_on(gw: Running, name: str) -> None:
    async with socket(gw.url, ACME_KEY) as ws:
        await ws.subscribe("1", DOCUMENTS[name][0])
        refused = await ws.next()
        await ws.send(
            id="2", type="subscribe", payload={"query": "{ __typename }", "variables": {"a": [1] * MAX_VARIABLE_VALUES}}
        )
        weighed = await ws.next()
        await ws.subscribe("3", "{ __typename }")

        assert refused["type"] == weighed["type"] == "error"
        assert refused["payload"][0]["extensions"]["code"] == DOCUMENTS[name][1]
        assert weighed["payload"][0]["message"].startswith(f"variables: hold more than {MAX_VARIABLE_VALUES}")
        assert await ws.results("3") == [{"data": {"__typename": "Query"}}]


async def test_what_honest_clients_send_is_no_attack(gw: Running) -> None:
    """Fragments of ten components over one list, all ids of a page, and what tools ask."""
    parts = " ".join(f"fragment F{n} on Video {{ id __typename status f{n}: model }}" for n in range(10))
    spreads = " ".join(f"...F{n}" for n in range(10))
    await ask(gw.client, f"{{ videos {{ edges {{ node {{ {spreads} }} }} }} }} {parts}")
    await ask(gw.client, "query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["x"] * 100)
    await ask(gw.client, "{ nodes(ids: [" + '"x" ' * 100 + "]) { id } }")
    await ask(gw.client, get_introspection_query(input_value_deprecation=True))
    assert MAX_COMPARISONS == 1000


@pytest.mark.parametrize("size", ["-1", "-99999999", "-0"])
async def test_a_page_of_a_negative_size_pays_for_nothing_else(size: str) -> None:
    wide = " ".join(f"f{n}" for n in range(120))
    with pytest.raises(TooMuch, match="fields in the answer"):
        check_cost(parse(f"{{ videos(first: 99) {{ a {{ {wide} }} }} a(first: {size}) {{ {wide} {wide} }} }}"))


async def test_a_batch_is_refused_in_clear_words(gw: Running) -> None:
    response = await gw.client.post(PATH, json=[{"query": "{ __typename }"}])

    assert response.status_code == 400
    assert "not taken in batches" in response.json()["errors"][0]["message"]


async def test_of_many_mistakes_the_first_ones_are_told(gw: Running) -> None:
    response = await post(gw.client, "{ " + " ".join(f"a{n}" for n in range(100)) + " }")

    assert len(response.json()["errors"]) == MAX_ERRORS + 1  # and that there are more


async def test_a_tenant_executes_so_many_operations_at_once_and_hinders_nobody_else(gw: Running) -> None:
    executions = gw.gateway.executions
    async with speaking(gw.gateway, concurrent=2), socket(gw.url, ACME_KEY) as ws:
        with ExitStack() as both:
            both.enter_context(executions.seat("acme"))
            one = await post(gw.client, "{ viewer { tenant { id } } }")
            second = both.enter_context(ExitStack())
            second.enter_context(executions.seat("acme"))
            refused = await post(gw.client, "{ viewer { tenant { id } } }")
            streamed = await post(gw.client, "{ __typename }", {"accept": "text/event-stream"})
            await ws.subscribe("1", "{ __typename }")
            said = await ws.next()
            others = await post(gw.other, "{ viewer { tenant { id } } }")
            second.close()
            again = await post(gw.client, "{ viewer { tenant { id } } }")

    assert [one.status_code, refused.status_code, others.status_code, again.status_code] == [200, 429, 200, 200]
    assert refused.headers["retry-after"] == "5"
    (error,) = refused.json()["errors"]
    assert error["extensions"] == {"code": "TOO_MANY_REQUESTS", "retryAfterSeconds": 5}
    assert said["type"] == "error"
    assert said["payload"][0]["extensions"] == error["extensions"]
    assert "TOO_MANY_REQUESTS" in streamed.text
    assert executions.taken() == 0


async def test_a_query_that_takes_too_long_is_cut_short_through_every_transport(
    gw: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(governing, "QUERY_SECONDS", 0.0)
    batch = await ask(gw.client, BATCH, input={"videos": [{"prompt": "a boat"}]})
    id = batch["createVideos"]["batch"]["id"]
    query = f'{{ batch(id: "{id}") {{ videos {{ attempts {{ id }} }} }} }}'  # attempts wait for those of other videos
    plain = await post(gw.client, query)
    streamed = await post(gw.client, query, {"accept": "text/event-stream"})
    async with socket(gw.url, ACME_KEY) as ws:
        await ws.subscribe("1", query)
        said = await ws.next()

    assert (plain.status_code, plain.headers["retry-after"]) == (503, "5")
    assert plain.json()["errors"][0]["extensions"]["code"] == "OVERLOADED"
    assert json.loads(streamed.text.split("data: ")[1].split("\n")[0])["errors"] == plain.json()["errors"]
    assert (said["type"], said["payload"][0]["extensions"]["code"]) == ("error", "OVERLOADED")


async def test_everything_is_let_go_of_when_a_client_hangs_up(gw: Running) -> None:
    async with door(gw.gateway, ACME_KEY) as client:
        asked = [asyncio.create_task(post(client, "{ videos { edges { cursor } } }")) for _ in range(20)]
        await asked[0]
        for each in asked:
            each.cancel()
        await asyncio.wait(asked)
    assert (await post(gw.client, "{ __typename }")).status_code == 200
    assert gw.gateway.executions.taken() == 0
