"""Credits of accounts: they run low and that is told once, an empty account is left in time, a top-up brings it back.

And the operator's hand: a paused account is sent nothing, and what waits for it begins at its resume.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from gateway.sandbox.server import Sandbox, serve
from gateway.sandbox.settings import DEFAULT_ACCOUNTS, AccountSettings, SandboxSettings
from gateway.wiring import Seams
from schema.account import Limits, Secret
from schema.account_event import AccountEventType
from schema.tenant import RoutingPolicy
from schema.video import Strategy
from tests.flows.engine import QUICK, Engine, an_account, settings, until, working
from tests.store.postgres_server import PostgresServer
from tests.support.certificates import certificates
from tests.support.running import FAST, SPEED, Running, Setup, running

VEO = "veo-main"
HAND = f"/v1/admin/accounts/{VEO}"
CREDITS = 20
COST = 2
"""Of one video there, in its credits."""

STEPS = (20, 10, 5)
"""Shares that are told, percent."""


@pytest.fixture
async def here(database_url: str | None, tmp_path: Path) -> AsyncIterator[Running]:
    """A gateway that likes the first account best; both engines."""
    few = tuple(
        replace(one, credits=CREDITS, concurrent=0) if one.name == "veo3o1" else one for one in DEFAULT_ACCOUNTS
    )
    setup = Setup(
        database_url=database_url,
        folder=tmp_path,
        timing=replace(FAST, tend_seconds=0.05),
        routing=RoutingPolicy(strategy=Strategy.ORDERED, order=(VEO, "doitong-main")),
        sandbox=SandboxSettings(speed=5 * SPEED, accounts=few),  # a whole account is used up
        seams=Seams(verify=certificates()),
    )
    async with running(setup) as both:
        yield both


async def made(here: Running, prompt: str) -> str:
    """The account that made one more video."""
    video = await here.finished((await here.create(prompt))["id"])
    assert video["status"] == "completed", video
    account: str = video["gateway"]["account"]
    return account


async def shown(here: Running) -> dict[str, Any]:
    """The account, as a tenant sees it."""
    seen = (await here.client.get("/v1/providers")).json()["data"]
    return next(one for one in seen if one["account"] == VEO)


async def events(here: Running, *types: AccountEventType) -> list[dict[str, Any]]:
    """What happened to the account of these types, oldest first."""
    page = (await here.operator.get("/v1/admin/accounts/events", params={"account": VEO, "limit": 100})).json()
    return [one for one in reversed(page["data"]) if one["type"] in types]


async def act(here: Running, verb: str, **body: Any) -> dict[str, Any]:
    response = await here.operator.post(f"{HAND}/{verb}", json=body)
    assert response.status_code == 200, response.text
    account: dict[str, Any] = response.json()
    return account


async def low(here: Running) -> list[tuple[int, int]]:
    return [(one["data"]["percent"], one["data"]["left"]) for one in await events(here, AccountEventType.CREDITS_LOW)]


async def refused(here: Running) -> list[str]:
    """What the upstreams refused."""
    return [one["outcome"] for one in (await here.truth())["submissions"] if not one["accepted"]]


async def top_up(sandbox: Sandbox, account: str, credits: int) -> None:
    async with httpx.AsyncClient(verify=certificates(), trust_env=False) as client:
        body = {"accounts": {account: {"credits": credits}}}
        (await client.post(f"{sandbox.url}/control", json=body)).raise_for_status()


async def test_each_share_is_told_once_and_the_account_is_left_before_it_refuses(here):
    told = await act(here, "credits", credits=CREDITS, note="the dashboard")
    makers = []
    for n in range(CREDITS // COST + 1):
        makers.append(await made(here, f"a boat {n}"))
        left = CREDITS - COST * (n + 1)
        await until(partial(_told, here, len([share for share in STEPS if left * 100 <= CREDITS * share])))

    assert told["credits"]["left"] == CREDITS
    assert makers == [*[VEO] * (CREDITS // COST), "doitong-main"]
    assert await low(here) == [(20, 4), (10, 2), (5, 0)]
    assert await refused(here) == []
    seen = (await shown(here))["credits"]
    assert (seen["left"], seen["source"], seen["per_hour"], seen["hours_left"]) == (0, "operator", CREDITS, 0)

    await top_up(here.sandbox, "veo3o1", 100)
    more = await act(here, "credits", credits=100)

    assert await made(here, "a boat again") == VEO
    assert more["credits"]["left"] == 100
    [topped_up] = await events(here, AccountEventType.CREDITS_TOPPED_UP)
    assert topped_up["data"] == {"credits": 100, "before": 0, "note": ""}
    assert len(await low(here)) == len(STEPS)


async def _told(here: Running, count: int) -> bool:
    return len(await low(here)) >= count


async def test_a_top_up_clears_the_steps_so_that_they_are_told_anew(here):
    await act(here, "credits", credits=CREDITS)
    await act(here, "credits", credits=1)
    await until(partial(_told, here, 3))
    await act(here, "credits", credits=CREDITS)
    await act(here, "credits", credits=1)

    await until(partial(_told, here, 6))

    anew = await low(here)
    assert [sorted(anew[:3], reverse=True), sorted(anew[3:], reverse=True)] == [[(step, 1) for step in STEPS]] * 2


async def test_a_decision_says_what_is_left_and_what_is_needed(here):
    await act(here, "credits", credits=COST - 1)

    quote = (await here.client.post("/v1/quotes", json={"prompt": "a boat"})).json()

    candidates = {one["account"]: one for one in quote["decision"]["candidates"]}
    [reason] = candidates[VEO]["excluded"]
    assert (reason["code"], reason["params"]) == ("out_of_credits", {"left": COST - 1, "needed": COST})


async def test_a_balance_that_a_refusal_mentions_is_known_and_a_top_up_ends_the_rest(here):
    await top_up(here.sandbox, "veo3o1", 1)
    assert await made(here, "a boat that the first refuses") == "doitong-main"
    seen = await shown(here)

    after = await act(here, "credits", credits=40)
    await top_up(here.sandbox, "veo3o1", 40)

    assert (seen["credits"]["left"], seen["credits"]["source"]) == (1, "provider")
    assert seen["resting"]["reason"] == "out_of_credits"
    assert after["resting"] is None
    assert await made(here, "a boat that it makes") == VEO


async def test_what_waits_for_credits_begins_at_the_top_up(here):
    await act(here, "credits", credits=COST - 1)
    waiting = (await here.create("a boat for this one", gateway={"only": [VEO]}))["id"]
    await until(partial(_waits, here, waiting))

    await act(here, "credits", credits=CREDITS)

    assert (await here.finished(waiting))["gateway"]["account"] == VEO


async def test_who_is_too_dear_for_what_is_left_waits_apart_from_those_it_pays_for(here):
    doitong = "/v1/admin/accounts/doitong-main/credits"
    await here.operator.post(doitong, json={"credits": 250})
    dear = (await here.create("a boat", quality="high", gateway={"only": ["doitong-main"]}))["id"]
    await until(partial(_waits, here, dear))

    apart = await here.gateway.store.read(lambda tx: tx.queue.place("acme", dear)) is None
    cheap = (await here.create("a boat", gateway={"only": ["doitong-main"]}))["id"]
    made_first = await here.finished(cheap)
    still = await _waits(here, dear)
    await here.operator.post(doitong, json={"credits": 5_000})

    assert (apart, made_first["status"], still) == (True, "completed", True)
    assert (await here.finished(dear))["status"] == "completed"


async def test_a_paused_account_is_sent_nothing_and_what_waits_begins_at_its_resume(here):
    paused = await act(here, "pause", note="a bill to settle")
    elsewhere = await made(here, "a boat for anybody")
    waiting = (await here.create("a boat for this one", gateway={"only": [VEO]}))["id"]
    await until(partial(_waits, here, waiting))
    submissions = (await here.truth())["submissions"]

    resumed = await act(here, "resume", note="settled")
    video = await here.finished(waiting)

    assert (paused["paused"], paused["pause"]["by"], paused["pause"]["note"]) == (
        True,
        "house …hijk",
        "a bill to settle",
    )
    assert elsewhere == "doitong-main"
    assert [one["provider"] for one in submissions] == ["doitong"]
    assert (resumed["paused"], resumed["pause"]) == (False, None)
    assert (video["status"], video["gateway"]["account"]) == ("completed", VEO)
    kept = await events(here, AccountEventType.PAUSED, AccountEventType.RESUMED)
    assert [(one["type"], one["actor"], one["data"]) for one in kept] == [
        ("account.paused", "house …hijk", {"note": "a bill to settle"}),
        ("account.resumed", "house …hijk", {"note": "settled"}),
    ]


async def _waits(here: Running, video: str) -> bool:
    seen = (await here.client.get(f"/v1/videos/{video}")).json()
    return bool(seen["gateway"]["substate"] == "waiting_capacity")


async def test_what_a_paused_account_is_making_is_watched_to_its_end(here):
    video = (await here.create("[sim:slow] a boat"))["id"]
    await here.begun(video)

    await act(here, "pause")

    assert (await here.finished(video))["status"] == "completed"


async def test_a_reset_lets_an_account_be_tried_at_once(here):
    await here.finished((await here.create("[sim:veo3o1:unauthorized-once] a boat"))["id"])
    before = await shown(here)

    after = await act(here, "reset", note="the key is right")

    assert (before["credential"], after["credential"]) == ("refused", "works")
    assert await made(here, "another boat") == VEO
    [reset] = await events(here, AccountEventType.RESET)
    assert (reset["actor"], reset["data"]) == ("house …hijk", {"note": "the key is right"})


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    accounts = (
        AccountSettings(name="a", provider="veo3o1", key="key of a", credits=CREDITS, concurrent=0),
        AccountSettings(name="b", provider="doitong", key="key of b", credits=10**9, plan="enterprise"),
    )
    async with serve(SandboxSettings(speed=SPEED, accounts=accounts)) as running:
        yield running


@pytest.fixture
async def two(sandbox: Sandbox, postgres: PostgresServer, tmp_path: Path) -> AsyncIterator[tuple[Engine, Engine]]:
    """Two gateways that share a database, and like the first account best."""
    name = f"credits_{secrets.token_hex(4)}"
    database = await postgres.create(name)
    accounts = (
        an_account("a", "veo3o1", sandbox.veo3o1_url, credential=Secret("key of a"), limits=Limits()),
        an_account("b", "doitong", sandbox.doitong_url, credential=Secret("key of b")),
    )
    async with AsyncExitStack() as stack:
        engines = []
        for n in range(2):
            folder = tmp_path / str(n)
            folder.mkdir()
            chosen = settings(
                folder,
                *accounts,
                allow=(sandbox.url,),
                timing=replace(QUICK, tend_seconds=0.05),
                database_url=database,
                routing=RoutingPolicy(strategy=Strategy.ORDERED, order=("a", "b")),
            )
            engines.append(await stack.enter_async_context(working(chosen)))
        yield engines[0], engines[1]
    await postgres.drop(name)


async def test_two_gateways_at_once_spend_no_more_than_there_is_and_tell_each_share_once(sandbox, two):
    one, another = two
    await one.gateway.operators.credits("a", CREDITS, actor="house", note="its dashboard")

    accepted = await asyncio.gather(*(two[n % 2].accept(f"boat {n}") for n in range(CREDITS // COST + 6)))
    ended = await asyncio.gather(*(one.ended(video.id) for video in accepted))

    assert sorted(video.account for video in ended) == ["a"] * (CREDITS // COST) + ["b"] * 6
    assert {sent.outcome for sent in sandbox.world.books.submissions} == {"accepted"}

    async def all_told() -> bool:
        return len(await shares(another)) >= len(STEPS)

    await until(all_told)
    await top_up(sandbox, "a", 100)
    await another.gateway.operators.credits("a", 100, actor="house", note="paid")
    again = await one.accept("boat again")
    assert (await one.ended(again.id)).account == "a"
    assert sorted(await shares(one), reverse=True) == list(STEPS)


async def shares(engine: Engine) -> list[int]:
    page = await engine.gateway.operators.events(account="a", limit=100)
    return [one.data["percent"] for one in reversed(page.events) if one.type is AccountEventType.CREDITS_LOW]
