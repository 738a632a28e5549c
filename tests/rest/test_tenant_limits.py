"""A tenant's limits at the REST door: so many creates and so many other requests a minute, and every answer says so."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from schema.tenant import TenantLimits
from tests.flows.engine import until
from tests.graphql.asking import post
from tests.rest.answers import problem
from tests.support.browsers import BOTH, browser, minted
from tests.support.running import Running, Setup, configured, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

WISH = {"prompt": "[sim:stuck] a boat"}
BATCH = {"videos": [WISH] * 3}


def limited(folder: Path, **limits: int) -> Setup:
    return Setup(folder=folder, limits=TenantLimits(**limits))


def said(response: httpx.Response) -> tuple[str, str]:
    return response.headers["ratelimit-policy"], response.headers["ratelimit"].partition(";t=")[0]


def older(response: httpx.Response) -> tuple[int, int]:
    assert 0 <= int(response.headers["x-ratelimit-reset"]) <= 60
    return int(response.headers["x-ratelimit-limit"]), int(response.headers["x-ratelimit-remaining"])


async def create(pair: Running, **headers: str) -> httpx.Response:
    return await pair.client.post("/v1/videos", json=WISH, headers={k.replace("_", "-"): v for k, v in headers.items()})


async def count(pair: Running) -> int:
    return len((await pair.client.get("/v1/videos")).json()["data"])


async def test_who_creates_more_than_it_may_in_a_minute_is_refused_with_a_time_to_wait_and_nothing_is_kept(tmp_path):
    async with running(limited(tmp_path, per_minute=2)) as pair:
        accepted = [await create(pair) for _ in range(2)]
        refused = await create(pair)
        kept = await count(pair)
        other = await pair.other.post("/v1/videos", json=WISH)

    assert [said(one) for one in accepted] == [
        ('"creates";q=2;w=60', '"creates";r=1'),
        ('"creates";q=2;w=60', '"creates";r=0'),
    ]
    problem(refused, 429, "rate_limited")
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert said(refused) == ('"creates";q=2;w=60', '"creates";r=0')
    assert older(refused) == (2, 0)
    assert int(refused.headers["x-ratelimit-reset"]) <= int(refused.headers["retry-after"]) <= 60
    seconds, millis = int(refused.headers["retry-after"]), int(refused.headers["retry-after-ms"])
    assert 1000 * seconds <= millis <= min(1200 * seconds, 60_000)
    assert "x-should-retry" not in refused.headers
    assert kept == 2
    assert other.status_code == 202


async def test_a_replay_is_answered_and_does_not_count_and_neither_does_what_was_refused(tmp_path):
    async with running(limited(tmp_path, per_minute=2)) as pair:
        first = await create(pair, idempotency_key="one")
        wrong = await pair.client.post("/v1/videos", json={"prompt": ""})
        unreadable = await pair.client.post("/v1/videos", content=b"{", headers={"content-type": "application/json"})
        again = [await create(pair, idempotency_key="one") for _ in range(3)]
        last = await create(pair)
        over = await create(pair)
        replayed = await create(pair, idempotency_key="one")

    assert [one.status_code for one in (first, *again, last, over, replayed)] == [202] * 5 + [429, 202]
    assert {said(one)[1] for one in (first, wrong, unreadable, *again)} == {'"creates";r=1'}
    assert (wrong.status_code, unreadable.status_code) == (422, 400)
    assert replayed.json()["id"] == first.json()["id"]


async def test_a_batch_counts_every_video_and_is_refused_or_cut_where_the_minute_ends(tmp_path):
    some = {**BATCH, "mode": "affordable"}
    async with running(limited(tmp_path, per_minute=5)) as pair:
        whole = await pair.client.post("/v1/video_batches", json=BATCH)
        refused = await pair.client.post("/v1/video_batches", json=BATCH)
        cut = await pair.client.post("/v1/video_batches", json=some)
        nothing = await pair.client.post("/v1/video_batches", json=some)
        never = await pair.client.post("/v1/video_batches", json={"videos": [WISH] * 6})
        kept = await count(pair)

    assert (whole.status_code, said(whole)[1]) == (202, '"creates";r=2')
    problem(refused, 429, "rate_limited")
    assert said(refused)[1] == '"creates";r=2'
    assert (cut.status_code, cut.json()["accepted"], cut.json()["missing_places"]) == (202, 2, 1)
    assert said(cut)[1] == '"creates";r=0'
    problem(nothing, 429, "rate_limited")
    assert problem(never, 422, "invalid_request")["errors"][0]["pointer"] == "#/videos"
    assert kept == 5


async def test_every_other_request_counts_whatever_its_answer_and_each_says_what_is_left(tmp_path):
    asks: list[Callable[[Running], Awaitable[httpx.Response]]] = [
        lambda pair: pair.client.get("/v1/videos"),
        lambda pair: pair.client.head("/v1/models"),
        lambda pair: pair.client.get("/v1/videos/video_nobody"),
        lambda pair: pair.client.get("/v1/admin/incidents"),
        lambda pair: pair.client.get("/v1/videos", params={"limit": "0"}),
    ]
    async with running(limited(tmp_path, reads_per_minute=5)) as pair:
        created = await create(pair)
        answers = [await ask(pair) for ask in asks]
        refused = await pair.client.get("/v1/videos")
        again = await create(pair)
        nobody = await pair.client.get("/v1/videos", headers={"authorization": "Bearer nobody"})
        other = await pair.other.get("/v1/videos")

    assert [one.status_code for one in answers] == [200, 200, 404, 403, 422]
    assert [said(one) for one in answers] == [('"reads";q=5;w=60', f'"reads";r={n}') for n in (4, 3, 2, 1, 0)]
    problem(refused, 429, "rate_limited")
    assert older(refused) == (5, 0)
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert (created.status_code, again.status_code) == (202, 202)
    assert "ratelimit" not in created.headers
    assert nobody.status_code == 401
    assert "ratelimit" not in nobody.headers
    assert said(other)[1] == '"reads";r=4'


async def test_too_many_waiting_says_that_limit_beside_the_minutes(tmp_path):
    async with running(limited(tmp_path, queued=1, per_minute=9)) as pair:
        pair.gateway.worker.stop()
        first = await create(pair)
        refused = await create(pair)

    assert first.status_code == 202
    problem(refused, 429, "too_many_requests")
    assert refused.headers["ratelimit-policy"] == '"queued";q=1;qu="concurrent-requests", "creates";q=9;w=60'
    assert refused.headers["ratelimit"].startswith('"queued";r=0;t=10, "creates";r=8')
    assert older(refused) == (1, 0)
    assert refused.headers["retry-after"] == "10"


async def test_who_has_no_such_limit_is_told_nothing(tmp_path):
    async with running(Setup(folder=tmp_path)) as pair:
        answers = [await create(pair), await pair.client.get("/v1/videos")]

    assert not [name for one in answers for name in one.headers if "ratelimit" in name]


async def test_a_limit_that_is_changed_counts_for_the_next_request(tmp_path):
    async with running(limited(tmp_path, per_minute=1, reads_per_minute=1)) as pair:
        await create(pair)
        full = [await create(pair), *[await pair.client.get("/v1/videos") for _ in range(2)]]
        acme, *others = pair.gateway.settings.tenants
        after = replace(acme.tenant, limits=TenantLimits(per_minute=3, reads_per_minute=5))
        await configured(pair.gateway, tenants=(replace(acme, tenant=after), *others))
        room = [await create(pair), await pair.client.get("/v1/videos")]

    assert [one.status_code for one in full] == [429, 200, 429]
    assert [(one.status_code, said(one)[1]) for one in room] == [(202, '"creates";r=1'), (200, '"reads";r=3')]


async def test_a_tenant_sees_its_limits_and_what_is_used_of_them_at_both_doors(tmp_path):
    query = """{ tenant { limits { queued weight concurrent perMinute readsPerMinute
                 used { queued concurrent perMinute readsPerMinute } } } }"""
    async with running(limited(tmp_path, concurrent=2, per_minute=9, reads_per_minute=7)) as pair:
        await pair.client.get("/v1/models")
        ids = [(await create(pair)).json()["id"] for _ in range(3)]
        for id in ids[:2]:
            await pair.begun(id)
        seen = (await pair.client.get("/v1/tenant")).json()["limits"]
        asked = (await post(pair.client, query)).json()["data"]["tenant"]["limits"]

    assert seen["used"] == {"queued": 1, "concurrent": 2, "per_minute": 3, "reads_per_minute": 2}
    assert asked["used"] == {"queued": 1, "concurrent": 2, "perMinute": 3, "readsPerMinute": 3}
    assert {name: seen[name] for name in ("concurrent", "per_minute", "reads_per_minute")} == {
        "concurrent": 2,
        "per_minute": 9,
        "reads_per_minute": 7,
    }
    assert (asked["concurrent"], asked["perMinute"], asked["readsPerMinute"]) == (2, 9, 7)


async def test_a_video_that_waits_for_its_tenants_own_says_so_in_its_route_and_has_a_place(tmp_path):
    async with running(limited(tmp_path, concurrent=1)) as pair:
        first, second = [(await create(pair)).json()["id"] for _ in range(2)]
        await pair.begun(first)

        async def waits() -> bool:
            video = (await pair.client.get(f"/v1/videos/{second}")).json()
            return bool(video["gateway"]["substate"] == "waiting_capacity")

        await until(waits)
        route = (await pair.client.get(f"/v1/videos/{second}/route")).json()
        video = (await pair.client.get(f"/v1/videos/{second}")).json()
        await pair.client.post(f"/v1/videos/{second}/cancel")

    full = {"code": "tenant_at_capacity", "params": {"running": 1, "limit": 1}}
    assert [one["excluded"] for one in route["candidates"]] == [[full]] * len(route["candidates"])
    assert video["gateway"]["queue_position"] == 1
    assert video["gateway"]["eta_seconds"] >= 1


async def test_what_a_client_token_asks_for_counts_as_its_tenants(tmp_path):
    async with running(limited(tmp_path, per_minute=4, reads_per_minute=9)) as pair:
        token = (await minted(pair.client, scopes=BOTH, end_user="ann", creates=3))["token"]
        async with browser(pair.url, token) as page:
            read = await page.get("/v1/videos")
            shut = await page.get("/v1/balance")
            unknown = await page.get(f"/v1/videos/video_{'0' * 26}")
            asked = await post(page, "{ videos { edges { cursor } } }")
            cut = await page.post("/v1/video_batches", json={"videos": [WISH] * 5, "mode": "affordable"})
            used_up = await page.post("/v1/videos", json=WISH)
        last = await create(pair)
        async with browser(pair.url, (await minted(pair.client, scopes=BOTH))["token"]) as page:
            over = await page.post("/v1/videos", json=WISH)

    assert [one.status_code for one in (read, shut, unknown, asked)] == [200, 403, 404, 200]
    assert [said(one)[1] for one in (read, shut, unknown, asked)] == [f'"reads";r={n}' for n in (7, 6, 5, 4)]
    assert (cut.json()["accepted"], said(cut)[1]) == (3, '"creates";r=1')
    problem(used_up, 403, "creates_used_up")
    assert (last.status_code, said(last)[1]) == (202, '"creates";r=0')
    problem(over, 429, "rate_limited")
