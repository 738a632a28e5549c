"""Many creates at once: money for fifty makes fifty videos, and one key makes one."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.flows.conftest import ROUNDS
from tests.flows.processes import Place, Server, Upstreams, address, sandbox_process, server
from tests.store.postgres_server import PostgresServer
from tests.support.certificates import certificates
from tests.support.running import ACME_KEY

CREATES = 200
AFFORDABLE = 50
"""Twenty dollars buy fifty videos of two credits at twenty cents."""

SAME = 100
OTHER_KEY = "fg_test_other_0123456789abcdefghijk"
CREATE = """mutation Create($input: CreateVideoInput!) {
  createVideo(input: $input) { __typename ... on CreateVideoSuccess { video { id } } ... on UserError { code } }
}"""


def spender(number: int) -> str:
    """The key of a prepaid tenant; every round has one of its own."""
    return f"fg_test_spender_{number:04d}_0123456789abcdef"


def tenants(rounds: int) -> str:
    """A tenant without limits, and prepaid ones with money for exactly fifty videos."""
    prepaid = "".join(
        f'[[tenants]]\nid = "spender-{number}"\ntest = true\nkeys = ["{spender(number)}"]\n'
        'funding = { mode = "prepaid", opening = "20.00" }\n'
        for number in range(rounds)
    )
    return f'[[tenants]]\nid = "other"\ntest = true\nkeys = ["{OTHER_KEY}"]\n{prepaid}'


@pytest.fixture
async def upstreams(tmp_path: Path) -> AsyncIterator[Upstreams]:
    accounts = [
        {"name": "v", "provider": "veo3o1", "key": "sandbox-veo3o1-key", "credits": 100_000, "concurrent": 0},
        {"name": "d", "provider": "doitong", "key": "sandbox-doitong-key", "credits": 10_000_000},
    ]
    async with sandbox_process(tmp_path, accounts=accounts, speed=60) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgres"])
async def replicas(request, tmp_path, upstreams, rounds) -> AsyncIterator[list[Server]]:
    """One server on SQLite, or two on one PostgreSQL."""
    async with AsyncExitStack() as stack:
        patient = {
            "submit_deadline_seconds": 60,
            "video_deadline_seconds": 600,
            "lease_seconds": 60,
        }  # it is about money, not about time
        chosen: dict[str, Any] = {"tenants": tenants(rounds), **patient}
        count = 1
        if request.param == "postgres":
            postgres: PostgresServer = request.getfixturevalue("postgres")
            name = f"many_{tmp_path.name}".replace("-", "_").lower()
            chosen |= {"database": await postgres.create(name), "assets": tmp_path / "assets"}
            stack.push_async_callback(postgres.drop, name)
            count = 2
        places = [Place(tmp_path / f"replica{number}", address()) for number in range(count)]
        for place in places:
            place.configure(upstreams, public_url=places[0].url, **chosen)
        yield [await stack.enter_async_context(server(place)) for place in places]


def caller(replica: Server, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=replica.place.url,
        headers={"authorization": f"Bearer {key}"},
        timeout=60,
        limits=httpx.Limits(max_connections=None),
        trust_env=False,
        verify=certificates(),
    )


async def by_rest(client: httpx.AsyncClient, number: int) -> str:
    wish = {"prompt": f"wish {number}", "gateway": {"only": ["veo-main"]}}
    response = await client.post("/v1/videos", json=wish)
    return "accepted" if response.status_code == 202 else str(response.json()["code"])


async def by_graphql(client: httpx.AsyncClient, number: int) -> str:
    wish = {"prompt": f"wish {number}", "routing": {"only": ["veo-main"]}}
    response = await client.post("/graphql", json={"query": CREATE, "variables": {"input": wish}})
    answer = response.json()["data"]["createVideo"]
    return "accepted" if answer["__typename"] == "CreateVideoSuccess" else str(answer["code"])


async def test_money_for_fifty_videos_makes_exactly_fifty_through_both_doors(replicas, rounds):
    for number in range(rounds if rounds > ROUNDS else 1):
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(caller(replica, spender(number))) for replica in replicas]
            doors = (by_rest, by_graphql)
            answers = await asyncio.gather(*(doors[n % 2](clients[n // 2 % len(clients)], n) for n in range(CREATES)))
            balance = (await clients[0].get("/v1/balance")).json()
            failed = (await clients[0].get("/v1/videos", params={"status": "failed"})).json()["data"]

        assert [video["error"] for video in failed] == []
        assert Counter(answers) == {"accepted": AFFORDABLE, "insufficient_funds": CREATES - AFFORDABLE}
        assert balance["available_micros"] == 0
        assert balance["held_micros"] + balance["spent_micros"] == 20_000_000


async def test_a_hundred_creates_with_one_key_are_one_video_one_hold_and_one_submission(replicas, upstreams):
    key = {"idempotency-key": "one"}
    async with AsyncExitStack() as stack:
        mine = [await stack.enter_async_context(caller(replica, ACME_KEY)) for replica in replicas]
        theirs = await stack.enter_async_context(caller(replicas[0], OTHER_KEY))
        wish = {"prompt": "only once", "gateway": {"only": ["veo-main"]}}
        answers = await asyncio.gather(
            *(mine[n % len(mine)].post("/v1/videos", json=wish, headers=key) for n in range(SAME))
        )
        other_body = await mine[0].post("/v1/videos", json={**wish, "prompt": "another"}, headers=key)
        other_tenant = await theirs.post("/v1/videos", json={**wish, "prompt": "their own"}, headers=key)
        video = await replicas[0].ended(answers[0].json()["id"])
        entries = (await mine[0].get("/v1/ledger")).json()["data"]
    truth = await upstreams.truth()

    assert {answer.status_code for answer in answers} == {202}
    assert {answer.json()["id"] for answer in answers} == {video["id"]}
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert (other_body.status_code, other_body.json()["code"]) == (422, "idempotency_key_reused")
    assert other_tenant.status_code == 202
    assert other_tenant.json()["id"] != video["id"]
    assert Counter(entry["kind"] for entry in entries) == {"hold": 1, "capture": 1}
    assert [one["prompt"] for one in truth["submissions"]].count("only once") == 1
