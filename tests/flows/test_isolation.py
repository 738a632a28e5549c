"""Nobody learns anything of another tenant's: not by its ids, cursors or keys, at no route and no field.

Everything that acme was ever told is tried by two others: one who has videos of its own, and one who has nothing. On
PostgreSQL it is tried again with the tenant taken out of every question, when row security alone stands between them.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest
from graphql import build_schema

from gateway.graphql.schema import sdl
from gateway.store import postgres as engine
from tests.flows.conftest import ROUNDS
from tests.flows.crawling import Answer, Ask, asked, everywhere, twin, without
from tests.flows.neighbours import CANARY, KEYS, Town, town
from tests.graphql.asking import EVENTS, socket
from tests.store.postgres_server import PostgresServer

SCHEMA = build_schema(sdl())
UNSTEADY = ("/v1/providers", "/readyz")
"""What they tell changes by itself, whoever asks."""

_TENANT = re.compile(r"\b((?:\w+\.)?tenant = \?)")


@pytest.fixture
async def here(tmp_path: Path, database_url: str | None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    monkeypatch.chdir(tmp_path)
    async with town(tmp_path, database_url) as built:
        yield built


@pytest.fixture
async def on_postgres(
    tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Town, str]]:
    """The same, and the URL of its database."""
    monkeypatch.chdir(tmp_path)
    url = await postgres.create("isolation")
    async with town(tmp_path, url) as built:
        yield built, url
    await postgres.drop("isolation")


async def crawl(here: Town, door: str, of_a_kind: int) -> tuple[list[Ask], list[tuple[Ask, Answer, Answer]]]:
    """Ask for acme's things by all names: what told something of acme's, and what was not answered as for nobody's."""
    ids = here.some(of_a_kind)
    asks, of_nobody = everywhere(ids, SCHEMA), everywhere([twin(id) for id in ids], SCHEMA)
    answers, nobodys = await asked(here.doors[door], asks), await asked(here.doors[door], of_nobody)
    leaks = leaking(here, asks, answers)
    different = [
        (ask, answer, nobody)
        for ask, answer, other, nobody in zip(asks, answers, of_nobody, nobodys, strict=True)
        if without(answer, ask.names) != without(nobody, other.names) and not ask.path.startswith(UNSTEADY)
    ]
    return leaks, different


def leaking(here: Town, asks: list[Ask], answers: list[Answer]) -> list[Ask]:
    """What was answered with something of acme's."""
    return [ask for ask, answer in zip(asks, answers, strict=True) if tells(here, ask, answer)]


def tells(here: Town, ask: Ask, answer: Answer) -> bool:
    """Whether an answer holds a word of acme's, or an id of acme's that was not in the question."""
    told = answer.body.replace(ask.names, "")
    return CANARY in told or any(id in told for id in here.ids) or "filename=" in str(answer.headers)


async def kept(here: Town) -> list[object]:
    """How acme's videos stand, its money and its policy."""
    answer = await here.doors["acme"].get("/v1/videos?limit=100")
    assert answer.status_code == 200, answer.text
    videos = answer.json()["data"]
    others = [(await here.doors["acme"].get(path)).text for path in ("/v1/ledger?limit=100", "/v1/tenant/policies")]
    return [*((video["id"], video["status"], video["gateway"]["cost"]) for video in videos), *others]


def lacking(spelled: Callable[[str], str]) -> Callable[[str], str]:
    """PostgreSQL's spelling of a question that does not mind the tenant any more."""

    def without_tenant(sql: str) -> str:
        return spelled(_TENANT.sub(r"(\1 OR TRUE)", sql))

    return without_tenant


async def test_acme_has_everything_that_could_be_told(here):
    prefixes = {id.partition("_")[0] for id in here.ids if "_" in id}

    assert prefixes == {"img", "video", "batch", "att", "evt", "led", "whe", "msg"}
    assert len([id for id in here.ids if "_" not in id]) > 10, "cursors"
    assert here.told.count(CANARY) > 10
    statuses = {(await here.gateway.videos.get("acme", id)).status for id in here.videos.values()}
    assert statuses == {"completed", "failed", "canceled", "in_progress"}


@pytest.mark.parametrize("door", ["other", "bare"])
async def test_nobody_is_told_anything_of_another_tenant_by_any_name_for_it(here, door, rounds):
    if rounds <= ROUNDS and (door == "other") != (here.gateway.store.database.name == "sqlite"):
        pytest.skip("the short form asks one who has videos on SQLite, and one who has nothing on PostgreSQL")
    before = await kept(here)

    leaks, different = await crawl(here, door, 2 if rounds > ROUNDS else 1)

    assert leaks == []
    assert different == [], "another tenant's is answered as what there never was"
    assert await kept(here) == before


async def test_another_tenant_s_keys_wishes_and_quotes_are_nobody_s(here):
    other, spec = here.doors["other"], {"prompt": f"[sim:stuck] a boat {CANARY}", "metadata": {"film": CANARY}}
    key, again = {"idempotency-key": f"{CANARY}-running"}, {"x-stainless-retry-count": "1"}
    await here.wish("acme", "a plain boat")
    quote = (await here.doors["acme"].post("/v1/quotes", json={"prompt": "a boat"})).json()["id"]

    same = await other.post("/v1/videos", json=spec, headers=key)
    batch = {"videos": [{"prompt": f"[sim:instant] {CANARY} {n}", "metadata": {"film": CANARY}} for n in range(2)]}
    together = await other.post("/v1/video_batches", json=batch, headers={"idempotency-key": f"{CANARY}-batch"})
    resent = await other.post("/v1/videos", json={"prompt": "a plain boat"}, headers=again)
    promised = await other.post("/v1/videos", json={"prompt": "a boat", "gateway": {"quote_id": quote}})

    for answer in (same, together, resent):
        assert answer.status_code == 202, answer.text
        assert "idempotent-replayed" not in answer.headers
        assert not any(id in answer.text for id in here.ids)
    assert promised.status_code == 422
    assert promised.json()["errors"][0]["code"] == "unknown_quote"


async def test_a_file_that_came_late_is_nobody_else_s(here):
    late, own = here.videos["late"], (await here.doors["other"].get("/v1/videos")).json()["data"][0]["id"]
    outputs = (await here.doors["acme"].get(f"/v1/videos/{late}")).json()["gateway"]["extra_outputs"]
    attempt = outputs[0]["attempt"]

    told = [
        await here.doors[door].get(f"/v1/videos/{video}/content?output={attempt}")
        for door, video in (("acme", late), ("other", late), ("other", own))
    ]

    assert [answer.status_code for answer in told] == [200, 404, 404]


async def test_a_socket_of_another_tenant_s_sees_nothing(here):
    told = []
    async with socket(here.url, KEYS["other"]) as opened:
        for n, id in enumerate(id for video in here.videos.values() for id in (video, twin(video))):
            await opened.subscribe(str(n), EVENTS, id=id, after=0)
            message = await opened.next()
            told.append(str(message["payload"]).replace(id, ""))
            if message["type"] == "next":
                assert await opened.next() == {"id": str(n), "type": "complete"}

    assert len(set(told)) == 1
    assert "NOT_FOUND" in told[0]


# the second line


async def test_where_no_question_minds_the_tenant_row_security_alone_tells_nobody_anything(on_postgres, monkeypatch):
    here, _ = on_postgres
    before = await kept(here)
    monkeypatch.setattr(engine, "dollars", lacking(engine.dollars))

    leaks, different = await crawl(here, "other", 1)

    assert leaks == []
    assert different == []
    assert await kept(here) == before


async def test_where_no_question_minds_the_tenant_and_there_is_no_row_security_everything_leaks(
    on_postgres, monkeypatch
):
    """So that the test above means something."""
    here, url = on_postgres
    monkeypatch.setattr(engine, "dollars", lacking(engine.dollars))
    admin = await asyncpg.connect(url)
    tables = await admin.fetch("SELECT oid::regclass::text FROM pg_class WHERE relforcerowsecurity")
    for (table,) in tables:
        await admin.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    await admin.close()

    asks = everywhere(here.some(1), SCHEMA)
    leaks = leaking(here, asks, await asked(here.doors["other"], asks))

    done = here.videos["completed"]
    told = {(ask.method, ask.path) for ask in leaks if ask.names == done}
    assert {("GET", f"/v1/videos/{done}{what}") for what in ("", "/content", "/receipt")} <= told
    batch = next(id for id in here.ids if id.startswith("batch_"))
    assert any(ask.path == f"/v1/video_batches/{batch}" for ask in leaks)
    assert any(ask.path.startswith("/v1/ledger?") for ask in leaks)
    questions = {ask.body["query"].split("{")[1].split("(")[0].strip() for ask in leaks if ask.path == "/graphql"}
    assert {"video", "videos", "node", "nodes", "batch", "ledger", "videoEvents", "cancelVideo"} <= questions


def test_the_test_itself_takes_the_tenant_out_of_a_question_and_leaves_its_numbers():
    without_tenant = lacking(engine.dollars)
    by_status = without_tenant("SELECT 1 FROM videos WHERE tenant = ? AND id > ?")

    assert by_status == "SELECT 1 FROM videos WHERE (tenant = $1 OR TRUE) AND id > $2"
    assert without_tenant("SELECT 1 FROM videos v WHERE v.tenant = ?").endswith("(v.tenant = $1 OR TRUE)")
    assert twin("led_00000000000000000000000100.5") == "led_000000000000000000000000zz.5"
    assert urlsafe_b64decode(twin("djE6bGVkXzAx") + "==") == b"v1:led_00"
