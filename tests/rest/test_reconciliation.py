"""Operators ask whether accounts and ledger agree: over REST, and by ``filmgate reconcile``."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from gateway.cli import main
from tests.rest.answers import problem
from tests.support.running import ACME_KEY, OPERATOR_KEY, Running, Setup, running

PATH = "/v1/admin/reconciliation"
BILLED_SEVEN = "UPDATE attempts SET credits = 7 WHERE video = ?"
pytestmark = pytest.mark.asyncio(loop_scope="module")


async def reconciled(client: httpx.AsyncClient, query: str = "") -> dict[str, Any]:
    response = await client.get(PATH + query)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def command(pair: Running, *words: str, key: str = OPERATOR_KEY) -> Any:
    env = {"FILMGATE_URL": pair.url, "FILMGATE_KEY": key}
    return await asyncio.to_thread(CliRunner().invoke, main, ["reconcile", *words], env=env)


async def a_wrong_day(pair: Running) -> str:
    """A made video whose provider reported another cost than is booked: the attempt."""
    created = await pair.create("[sim:instant]", gateway={"only": ["veo-main"]})
    video = await pair.finished(created["id"])
    await pair.gateway.store.database.write(lambda connection: connection.run(BILLED_SEVEN, video["id"]))
    attempt: str = video["gateway"]["attempts"][0]["id"]
    return attempt


async def test_a_day_on_which_everything_is_as_booked_has_no_differences(tmp_path: Path):
    async with running(Setup(folder=tmp_path)) as pair:
        for account in ("veo-main", "doitong-main"):
            created = await pair.create("[sim:instant]", gateway={"only": [account]})
            await pair.finished(created["id"])
        found = await reconciled(pair.operator)
        clean = await command(pair)

    assert found["accounts"] == ["doitong-main", "veo-main"]
    assert (found["unexplained"], found["differences"], found["open_suspense"]) == (0, [], [])
    assert found["first"] < found["last"]
    assert clean.exit_code == 0
    assert "EXPECTED" not in clean.stdout
    assert "nothing unexplained" in clean.stderr


async def test_an_unexplained_difference_names_its_attempt_and_fails_the_command(tmp_path: Path):
    async with running(Setup(folder=tmp_path)) as pair:
        attempt = await a_wrong_day(pair)
        found = await reconciled(pair.operator)
        elsewhere = await reconciled(pair.operator, "?account=doitong-main")
        earlier = await reconciled(pair.operator, "?from=2020-02-28&to=2020-03-01")
        told = await command(pair, "--account", "veo-main")
        early = await command(pair, "--from", "2020-02-28", "--to", "2020-03-01")

    (difference,) = found["differences"]
    assert (difference["code"], difference["expected"], difference["found"]) == ("reported_not_booked", 7, 2)
    assert (difference["attempts"], difference["hint"], difference["micros"]) == ([attempt], None, 1_000_000)
    assert found["unexplained"] == 1
    assert (elsewhere["accounts"], elsewhere["differences"]) == (["doitong-main"], [])
    assert (earlier["first"], earlier["last"], earlier["differences"]) == ("2020-02-28", "2020-03-01", [])
    assert told.exit_code == 1
    assert attempt in told.stdout
    assert "1 unexplained" in told.stderr
    assert early.exit_code == 0


@pytest.mark.parametrize(
    ("query", "status", "code", "field"),
    [
        ("?from=yesterday", 422, "invalid_value", "from"),
        ("?to=2026-02-30", 422, "invalid_value", "to"),
        ("?from=2026-11-02&to=2026-11-01", 422, "out_of_range", "to"),
        ("?from=2026-10-01&to=2026-11-01", 422, "out_of_range", "to"),
        ("?from=1969-12-31&to=1970-01-01", 422, "invalid_value", "from"),
        ("?from=2026-W44-7", 422, "invalid_value", "from"),
        ("?to=20261101", 422, "invalid_value", "to"),
        ("?account=nobody", 422, "unknown_account", "account"),
        ("?since=2026-11-01", 400, "unknown_parameter", "since"),
    ],
)
async def test_what_can_not_be_asked_is_refused_by_name(pair: Running, query, status, code, field):
    response = await pair.operator.get(PATH + query)

    assert (response.status_code, response.json()["errors"][0]["code"]) == (status, code)
    assert field in str(response.json()["errors"][0])


ASKED = """query ($from: String, $account: String) { reconciliation(from: $from, account: $account) {
  first last accounts unexplained
  differences { code account day expected found micros attempts explainedBy hint }
  openSuspense { attempt video account day credits hint }
} }"""


async def asked(client: httpx.AsyncClient, **variables: Any) -> dict[str, Any]:
    answer = await client.post("/graphql", json={"query": ASKED, "variables": variables})
    found: dict[str, Any] = answer.json()
    return found


async def test_both_doors_find_the_same(tmp_path: Path):
    async with running(Setup(folder=tmp_path)) as pair:
        await a_wrong_day(pair)
        over_rest = await reconciled(pair.operator)
        found = (await asked(pair.operator))["data"]["reconciliation"]

    (difference,) = found["differences"]
    (same,) = over_rest["differences"]
    assert (difference["code"], difference["attempts"]) == (same["code"].upper(), same["attempts"])
    assert all(found[name] == over_rest[name] for name in ("first", "last", "accounts", "unexplained"))


async def test_graphql_refuses_what_rest_refuses(pair: Running):
    wrong = await asked(pair.operator, **{"from": "yesterday"})
    nobody = await asked(pair.client)

    assert wrong["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert nobody["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_it_is_for_operators_alone(pair: Running):
    assert problem(await pair.client.get(PATH), 403, "forbidden")
    told = await command(pair, key=ACME_KEY)
    assert told.exit_code == 4
