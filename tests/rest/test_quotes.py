"""POST /v1/quotes: what a video would cost, with nothing done; and the promise is kept whatever happens."""

import sqlite3
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.rest.answers import problem
from tests.support.running import FAST, Running, Setup, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

VIDEOS, QUOTES = "/v1/videos", "/v1/quotes"
WISH: dict[str, Any] = {"prompt": "a paper boat [sim:instant]", "seconds": 5}


async def quoted(client: httpx.AsyncClient, wish: dict[str, Any]) -> dict[str, Any]:
    response = await client.post(QUOTES, json=wish)
    assert response.status_code == 200, response.text
    quote: dict[str, Any] = response.json()
    return quote


def named(wish: dict[str, Any], quote: dict[str, Any]) -> dict[str, Any]:
    """The wish that names the quote."""
    return {**wish, "gateway": {**wish.get("gateway", {}), "quote_id": quote["id"]}}


def rows(database: Path) -> dict[str, list[Any]]:
    """Every row of every table."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as reader:
        tables = [name for (name,) in reader.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {table: reader.execute(f"SELECT * FROM {table}").fetchall() for table in tables}
    reader.close()
    return found


async def test_it_says_what_a_video_would_cost_and_where_it_would_be_made(pair: Running):
    quote = await quoted(pair.client, WISH)

    assert quote.pop("id").startswith("quote_")
    assert quote["expires_at"] - quote["created_at"] == 900
    assert [candidate["account"] for candidate in quote["decision"]["candidates"]] == ["doitong-main", "veo-main"]
    assert [bool(candidate["excluded"]) for candidate in quote["decision"]["candidates"]] == [False, True]
    for name in ("created_at", "expires_at", "decision"):
        del quote[name]
    assert quote == {
        "object": "quote",
        "currency": "USD",
        "account": "doitong-main",
        "provider": "doitong",
        "low_micros": 100_000,
        "high_micros": 200_000,
        "expected_micros": 100_000,
        "missing_micros": 0,
        "reused_from": None,
    }


async def test_it_sends_nothing_and_keeps_nothing(tmp_path: Path):
    async with running(Setup(folder=tmp_path)) as pair:
        before = rows(tmp_path / "filmgate.db"), await pair.truth()

        for _ in range(3):
            await quoted(pair.client, WISH)

        assert (rows(tmp_path / "filmgate.db"), await pair.truth()) == before


async def test_a_form_can_be_quoted_and_its_quote_used_with_json(pair: Running):
    response = await pair.client.post(QUOTES, data={"prompt": WISH["prompt"], "seconds": "5"})

    video = await pair.create(**named(WISH, response.json()))

    assert video["gateway"]["cost"]["quoted_micros"] == 200_000


async def test_a_wish_that_would_be_refused_is_refused_in_the_same_words(pair: Running):
    wrong = {"prompt": "x", "seconds": 99}
    unmakeable = {"prompt": "x", "gateway": {"max_cost": "0.00"}}

    for wish, code in ((wrong, "invalid_request"), (unmakeable, "no_route")):
        quote, video = [await pair.client.post(url, json=wish) for url in (QUOTES, VIDEOS)]
        assert problem(quote, 422, code)["errors"] == problem(video, 422, code)["errors"]


async def test_it_needs_a_key(pair: Running):
    problem(await pair.client.post(QUOTES, json=WISH, headers={"authorization": ""}), 401, "unauthenticated")


async def test_without_a_price_there_is_no_promise(tmp_path: Path):
    async with running(Setup(folder=tmp_path, doitong_price=None)) as pair:
        wish = {**WISH, "gateway": {"only": ["doitong"]}}

        quote = await quoted(pair.client, wish)
        video = await pair.finished((await pair.create(**wish))["id"])

    assert [quote[name] for name in ("id", "low_micros", "high_micros", "expected_micros")] == [None] * 4
    assert quote["account"] == "doitong-main"
    assert video["gateway"]["cost"]["held_micros"] is video["gateway"]["cost"]["charged_micros"] is None
    assert video["gateway"]["attempts"][0]["cost"]["micros"] is None
    assert video["gateway"]["attempts"][0]["cost"]["credits"] == 100


async def test_a_quote_is_kept_after_the_price_has_risen(tmp_path: Path):
    async with running(Setup(folder=tmp_path)) as pair:
        quote = await quoted(pair.client, WISH)
    async with running(Setup(folder=tmp_path, doitong_price=5_000)) as pair:
        created = await pair.create(**named(WISH, quote))
        video = await pair.finished(created["id"])
        unquoted = await pair.create(**{**WISH, "prompt": "[sim:stuck]"})

    cost = video["gateway"]["cost"]
    assert created["gateway"]["cost"]["held_micros"] == quote["high_micros"] == 200_000
    assert unquoted["gateway"]["cost"]["held_micros"] == 1_000_000
    assert video["gateway"]["attempts"][0]["cost"]["micros"] > cost["charged_micros"], "the provider took more"
    assert cost["charged_micros"] == quote["high_micros"]
    assert cost["held_micros"] == 0


async def test_a_quote_is_the_caller_s_own_for_its_own_wish_and_only_for_a_while(tmp_path: Path):
    async with running(Setup(folder=tmp_path, timing=msgspec.structs.replace(FAST, quote_seconds=0))) as pair:
        expired, theirs = await quoted(pair.client, WISH), await quoted(pair.other, WISH)
        other = await quoted(pair.client, {**WISH, "prompt": "another"})
        forged = {"id": expired["id"][:-1] + ("A" if expired["id"][-1] != "A" else "B")}
        cases = (
            (expired, "quote_expired"),
            (theirs, "unknown_quote"),
            (other, "other_wish"),
            (forged, "unknown_quote"),
            ({"id": "quote_"}, "invalid_value"),
        )
        for quote, code in cases:
            response = await pair.client.post(VIDEOS, json=named(WISH, quote))
            (error,) = problem(response, 422, "invalid_request")["errors"]
            assert (error["pointer"], error["code"]) == ("#/gateway/quote_id", code)
        assert (await pair.client.get(VIDEOS)).json()["data"] == []


async def test_the_time_to_cancel_after_is_a_part_of_the_wish(pair: Running):
    header = {"cancel-after": "10m"}
    quote = (await pair.client.post(QUOTES, json=WISH, headers=header)).json()

    without = await pair.client.post(VIDEOS, json=named(WISH, quote))
    accepted = await pair.client.post(VIDEOS, json=named(WISH, quote), headers=header)

    assert problem(without, 422, "invalid_request")["errors"][0]["code"] == "other_wish"
    assert accepted.status_code == 202
