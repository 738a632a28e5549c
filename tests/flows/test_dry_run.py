"""A quote is a dry run: nothing is sent, no row changes, and a create right after it decides the same."""

import json
import secrets
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.edges.doors import GraphQLDoor, Json, RestDoor, decision_of
from tests.store.postgres_server import PostgresServer
from tests.support.commands import filmgate
from tests.support.running import ACME_KEY, Running, Setup, running

ROOT = Path(__file__).parents[2]
WISHES: dict[str, Json] = {
    "plain": {},
    "only-one-can": {"aspect_ratio": "1:1", "seconds": 5},
    "bent": {"seconds": 30, "gateway": {"on_unsupported": "adjust", "strategy": "balanced"}},
}
OPTIONS = {
    "plain": (),
    "only-one-can": ("--aspect", "1:1", "--seconds", "5"),
    "bent": ("--seconds", "30", "--on-unsupported", "adjust", "--strategy", "balanced"),
}
Dump = Callable[[], Awaitable[dict[str, list[Any]]]]


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(Setup(folder=tmp_path)) as pair:
        yield pair


def sqlite_rows(folder: Path) -> Dump:
    async def dump() -> dict[str, list[Any]]:
        with sqlite3.connect(f"file:{folder / 'filmgate.db'}?mode=ro", uri=True) as reader:
            tables = [name for (name,) in reader.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            found = {table: sorted(reader.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in tables}
        reader.close()
        return found

    return dump


def postgres_rows(url: str) -> Dump:
    async def dump() -> dict[str, list[Any]]:
        connection = await asyncpg.connect(url)
        try:
            tables = [
                row["tablename"]
                for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            ]
            return {
                table: sorted((tuple(row) for row in await connection.fetch(f"SELECT * FROM {table}")), key=repr)
                for table in tables
            }
        finally:
            await connection.close()

    return dump


async def asked_everywhere(pair: Running, wish: Json) -> None:
    """The wish quoted at every door, and one that nobody can make."""
    for door in (RestDoor(pair.client), GraphQLDoor(pair.client)):
        await door.quote({"prompt": "a paper boat", **wish})
    refused = await pair.client.post("/v1/quotes", json={"prompt": "a boat", "gateway": {"max_cost": "0.01"}})
    assert refused.status_code == 422


async def nothing_happens(pair: Running, dump: Dump) -> None:
    await pair.finished((await pair.create("[sim:instant]"))["id"])
    before, truth = await dump(), await pair.truth()
    assert len(before["videos"]) == 1

    for wish in WISHES.values():
        await asked_everywhere(pair, wish)
    await command(pair, "quote", "a paper boat", *OPTIONS["bent"])

    assert await pair.truth() == truth
    assert await dump() == before


async def command(pair: Running, *words: str) -> Json:
    """What the command prints, run as people run it."""
    ran = await filmgate(*words, "-o", "json", environ={"FILMGATE_URL": pair.url, "FILMGATE_KEY": ACME_KEY})
    assert ran.code == 0, ran.err
    answer: Json = json.loads(ran.out)
    return answer


async def test_a_quote_sends_nothing_and_changes_no_row(gateway: Running, tmp_path: Path) -> None:
    await nothing_happens(gateway, sqlite_rows(tmp_path))


async def test_a_quote_changes_no_row_on_postgres_either(tmp_path: Path, postgres: PostgresServer) -> None:
    name = f"dry_run_{secrets.token_hex(4)}"
    url = await postgres.create(name)
    try:
        async with running(Setup(folder=tmp_path, database_url=url)) as pair:
            await nothing_happens(pair, postgres_rows(url))
    finally:
        await postgres.drop(name)


def timeless(decision: Json) -> Json:
    return {name: value for name, value in decision.items() if name != "at"}


@pytest.mark.parametrize("wish", WISHES.values(), ids=WISHES)
@pytest.mark.parametrize("door", [RestDoor, GraphQLDoor], ids=["rest", "graphql"])
async def test_a_create_right_after_decides_the_same_from_the_same_facts(
    gateway: Running, door: type[RestDoor | GraphQLDoor], wish: Json
) -> None:
    asked = {"prompt": "a paper boat [sim:instant]", **wish}
    here = door(gateway.client)

    quoted = await here.quote(asked)
    id = await here.create(asked)
    decided, adjustments = await here.route(id)
    video = await gateway.finished(id)

    assert decided["snapshot"] == quoted["snapshot"] != ""
    assert timeless(decided) == timeless(quoted)
    assert video["gateway"]["account"] == quoted["candidates"][0]["account"]
    assert adjustments == quoted["candidates"][0]["adjustments"]


@pytest.mark.parametrize("words", OPTIONS.values(), ids=OPTIONS)
async def test_the_command_line_decides_the_same_too(gateway: Running, words: tuple[str, ...]) -> None:
    quote = await command(gateway, "quote", "a boat [sim:instant]", *words)
    video = await command(gateway, "videos", "create", "a boat [sim:instant]", *words, "--quote", quote["id"])
    await gateway.finished(video["id"])
    explained = await command(gateway, "videos", "explain", video["id"])

    assert explained["snapshot"] == quote["decision"]["snapshot"]
    assert timeless(decision_of(explained)) == timeless(decision_of(quote["decision"]))
