"""Accounts over GraphQL: tenants see how they are, operators lay hands on them, refusals are data."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.flows.engine import until
from tests.graphql.asking import ask, codes
from tests.support.running import Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMITS = "{ limit running left resetsAt }"
HEALTH = f"""
    account provider aspectRatios seconds {{ shortest longest default }} qualities imageInput maxPrompt
    circuit {{ state until failures pollFailures opens }} paused credential resting {{ reason until }}
    credits {{ left toldAt source perHour hoursLeft }} waiting
    limits {{ concurrent {LIMITS} perMinute {LIMITS} perDay {LIMITS} }}
    observed {{ kind made failed successRate queue {{ p50Ms p95Ms }} make {{ p50Ms p95Ms }} }} kinds {{ kind }}
"""
PROVIDERS = f"{{ providers {{ {HEALTH} }} }}"
ACCOUNTS = f"{{ accounts {{ sandbox pause {{ at by note }} health {{ {HEALTH} }} }} }}"
EVENTS = """
query Events($account: String, $first: Int! = 100, $after: ID) {
  accountEvents(account: $account, first: $first, after: $after) {
    hasMore nodes { id type at account actor data }
  }
}
"""
SHOWN = """
    __typename
    ... on UserError { code }
    ... on InvalidInputError { errors { field code } }
    ... on AccountSuccess {
      account { pause { by note } health { account paused circuit { failures } credits { left source } } }
    }
"""


def act_of(verb: str) -> str:
    act = f"{verb}Account(input: {{account: $account, note: $note}})"
    return f"mutation ($account: String!, $note: String!) {{ done: {act} {{ {SHOWN} }} }}"


PAUSE, RESUME, RESET = (act_of(verb) for verb in ("pause", "resume", "reset"))
CREDITS = f"""
mutation ($account: String!, $note: String! = "", $credits: Int! = 100) {{
  done: setAccountCredits(input: {{account: $account, credits: $credits, note: $note}}) {{ {SHOWN} }}
}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gw(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(Setup(folder=tmp_path_factory.mktemp("gw"), per_minute=600)) as both:
        yield both


async def done(gw: Running, document: str, account: str = "doitong-main", **variables: Any) -> dict[str, Any]:
    variables = {"note": "so", **variables}
    answer: dict[str, Any] = (await ask(gw.operator, document, account=account, **variables))["done"]
    return answer


async def test_a_tenant_sees_what_rest_shows_it(gw: Running) -> None:
    seen = (await ask(gw.client, PROVIDERS))["providers"]
    rest = (await gw.client.get("/v1/providers")).json()["data"]

    assert [one["account"] for one in seen] == [one["account"] for one in rest] == ["doitong-main", "veo-main"]
    for one, other in zip(seen, rest, strict=True):
        limits = other["limits"]
        assert {name: one["limits"][name]["left"] for name in ("concurrent", "perMinute", "perDay")} == {
            "concurrent": limits["concurrent"]["left"],
            "perMinute": limits["per_minute"]["left"],
            "perDay": limits["per_day"]["left"],
        }
        assert one["circuit"]["state"] == other["circuit"]["state"].upper()
        assert one["observed"]["made"] == other["observed"]["made"]
        assert (one["waiting"], one["credits"], one["seconds"]) == (
            other["waiting"],
            other["credits"],
            other["seconds"],
        )
    assert seen[1]["limits"]["concurrent"] == {"limit": 8, "running": 0, "left": 8, "resetsAt": None}
    assert seen[1]["limits"]["perMinute"] == {"limit": 600, "running": None, "left": 600, "resetsAt": None}


async def test_an_account_is_paused_and_goes_on(gw: Running) -> None:
    paused = await done(gw, PAUSE)
    seen = (await ask(gw.client, PROVIDERS))["providers"][0]
    behind = (await ask(gw.operator, ACCOUNTS))["accounts"][0]
    resumed = await done(gw, RESUME)

    assert paused["__typename"] == "AccountSuccess"
    assert paused["account"]["pause"] == {"by": "house …hijk", "note": "so"}
    assert (seen["paused"], behind["sandbox"], behind["pause"]["note"], behind["health"]) == (True, True, "so", seen)
    assert (resumed["account"]["pause"], resumed["account"]["health"]["paused"]) == (None, False)


async def test_how_many_videos_wait_for_an_account_is_shown(gw: Running) -> None:
    await done(gw, PAUSE)
    video = await gw.create("a boat", gateway={"only": ["doitong-main"]})

    async def waits() -> bool:
        return bool((await ask(gw.client, PROVIDERS))["providers"][0]["waiting"] == 1)

    await until(waits)
    await done(gw, RESUME)

    assert (await gw.finished(video["id"]))["status"] == "completed"


async def test_an_account_is_reset_and_its_credits_are_told(gw: Running) -> None:
    reset, told = await done(gw, RESET), await done(gw, CREDITS, credits=70)

    credits = (await ask(gw.operator, ACCOUNTS))["accounts"][0]["health"]["credits"]

    assert reset["account"]["health"]["circuit"] == {"failures": 0}
    assert told["account"]["health"]["credits"] == {"left": 70, "source": "OPERATOR"}
    assert (credits["left"], credits["source"]) == (70, "OPERATOR")


async def test_what_happened_is_read_a_page_at_a_time(gw: Running) -> None:
    await done(gw, RESET, note="one")
    await done(gw, RESET, note="two")

    first = (await ask(gw.operator, EVENTS, account="doitong-main", first=1))["accountEvents"]
    rest = (await ask(gw.operator, EVENTS, account="doitong-main", after=first["nodes"][0]["id"]))["accountEvents"]
    nothing = (await ask(gw.operator, EVENTS, account="veo-main"))["accountEvents"]

    [newest] = first["nodes"]
    assert (first["hasMore"], newest["type"], newest["actor"], newest["data"]) == (
        True,
        "RESET",
        "house …hijk",
        {"note": "two"},
    )
    assert rest["nodes"][0]["data"] == {"note": "one"}
    assert nothing == {"hasMore": False, "nodes": []}


@pytest.mark.parametrize("variables", [{"first": 0}, {"first": 101}, {"after": "evt_1"}], ids=str)
async def test_an_odd_page_of_events_is_refused(gw: Running, variables: dict[str, Any]) -> None:
    assert await codes(gw.operator, EVENTS, **variables) == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("document", [PAUSE, RESUME, RESET, CREDITS], ids=["pause", "resume", "reset", "credits"])
async def test_refusals_are_data(gw: Running, document: str) -> None:
    nobody = await done(gw, document, "nobody")
    letter = await done(gw, document, note="x" * 1_001)

    assert (nobody["__typename"], nobody["code"]) == ("NotFoundError", "not_found")
    assert (letter["__typename"], letter["errors"][0]["field"]) == ("InvalidInputError", "note")


async def test_a_balance_that_no_account_can_have_is_named(gw: Running) -> None:
    refused = await done(gw, CREDITS, credits=-1)

    assert refused["errors"] == [{"field": "credits", "code": "out_of_range"}]


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        pytest.param(ACCOUNTS, {}, id="accounts"),
        pytest.param(EVENTS, {}, id="accountEvents"),
        pytest.param(PAUSE, {"account": "veo-main", "note": ""}, id="pauseAccount"),
        pytest.param(RESUME, {"account": "veo-main", "note": ""}, id="resumeAccount"),
        pytest.param(RESET, {"account": "veo-main", "note": ""}, id="resetAccount"),
        pytest.param(CREDITS, {"account": "veo-main"}, id="setAccountCredits"),
    ],
)
async def test_who_is_no_operator_is_refused(gw: Running, document: str, variables: dict[str, Any]) -> None:
    for client in (gw.client, gw.other):
        assert await codes(client, document, **variables) == ["FORBIDDEN"]


async def test_an_operator_alone_is_no_tenant_who_may_look(gw: Running) -> None:
    assert await codes(gw.operator, PROVIDERS) == ["FORBIDDEN"]
