"""The audit on real books: clean as they are, and every rule, once broken behind the gateway's back, is told."""

import asyncio
import shutil
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.policy.auditing import FindingCode
from gateway.services.audit import Audit
from gateway.store.database import Connection, connect
from tests.flows.scripted import MIDNIGHT, Day, opened

CONFIG = """
[database]
url = "sqlite:///{folder}/filmgate.db"
[secrets]
key = "Vq3xT9mLr7WzKp2Hn5BdYc8JfGs4AeUo"
[[tenants]]
id = "cedar"
test = true
keys = ["fg_test_cedar_0123456789abcdefghijk"]
funding = {{ per_day = "7.30" }}
"""


async def played(folder: Path) -> dict[str, str]:
    """A made video of each kind of tenant, a lost one, and one that is canceled and runs: name → its id."""
    async with opened(folder, MIDNIGHT) as day:
        made = {tenant: await make(day, tenant) for tenant in ("acme", "bluebird", "cedar")}
        lost = await day.ask("acme", only=("veo-main",))
        await day.lose(await day.intend(lost))
        runs = await day.ask("bluebird", only=("veo-main",))
        await day.run(runs, 2)
        await day.cancel(runs)
        return {**made, "lost": lost.id, "runs": runs.id}


async def make(day: Day, tenant: str) -> str:
    video = await day.ask(tenant)
    await day.make(*await day.run(video, 150), 150)
    return video.id


@pytest.fixture(scope="module")
def books(tmp_path_factory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("books")
    return folder, asyncio.run(played(folder))


async def broken(books: Path, folder: Path, *statements: str) -> None:
    """A copy of the books in which one row is not what it was."""
    shutil.copy(books / "filmgate.db", folder / "filmgate.db")
    database = await connect(f"sqlite:///{folder}/filmgate.db")

    async def change(connection: Connection) -> list[int]:
        await connection.run("DROP TRIGGER entries_not_changed")
        await connection.run("DROP TRIGGER entries_not_removed")
        return [await connection.run(statement) for statement in statements]

    assert set(await database.write(change)) <= {1}
    await database.close()


async def findings_in(folder: Path) -> dict[FindingCode, list[dict[str, str]]]:
    async with opened(folder, MIDNIGHT + 3_600_000) as day:
        found = await Audit(store=day.gateway.store, tenants=day.gateway.tenants, clock=day.clock).verify()
    told: dict[FindingCode, list[dict[str, str]]] = {}
    for finding in found:
        told.setdefault(finding.code, []).append(finding.where)
    return told


async def test_the_books_as_they_are_have_nothing_wrong(books, tmp_path):
    await broken(books[0], tmp_path)

    assert await findings_in(tmp_path) == {}


ENTRY = "id = (SELECT id FROM entries WHERE video = '{video}' AND kind = '{kind}' LIMIT 1)"
MORE = "'\"amount\":150000', '\"amount\":150001'"
BREAKS = {
    FindingCode.HOLD_DIFFERS: ("runs", "UPDATE videos SET held = held + 1 WHERE id = '{video}'"),
    FindingCode.HELD_AFTER_END: ("runs", "UPDATE attempts SET state = 'failed' WHERE video = '{video}'"),
    FindingCode.CHARGE_DIFFERS: ("acme", "UPDATE videos SET charged = charged + 1 WHERE id = '{video}'"),
    FindingCode.COST_DIFFERS: ("bluebird", "UPDATE attempts SET credits = 151 WHERE video = '{video}'"),
    FindingCode.BALANCE_DIFFERS: ("acme", "UPDATE balances SET amount = amount + 1 WHERE account = 'funding'"),
    FindingCode.NO_SUCH_VIDEO: ("acme", f"UPDATE entries SET video = 'video_0' WHERE {ENTRY}"),
    FindingCode.NO_SUCH_ATTEMPT: (
        "lost",
        "UPDATE entries SET attempt = 'att_0' WHERE video = '{video}' AND account > ''",
    ),
    FindingCode.IMPLAUSIBLE_TIME: ("acme", f"UPDATE entries SET at = at + 1 WHERE {ENTRY}"),
    FindingCode.UNBALANCED: ("acme", f"UPDATE entries SET postings = replace(postings, {MORE}) WHERE {ENTRY}"),
}


@pytest.mark.parametrize("code", BREAKS)
async def test_a_broken_rule_is_told_with_the_ids_it_is_about(books, tmp_path, code):
    folder, videos = books
    name, statement = BREAKS[code]
    await broken(folder, tmp_path, statement.format(video=videos[name], kind="capture"))

    told = await findings_in(tmp_path)

    (where,) = told[code][:1]
    assert where.get("video", videos[name]) == videos[name]
    assert where.keys() & {"video", "entry", "account", "tenant"}


async def test_a_budget_that_was_counted_wrong_is_told_until_the_next_start_counts_it_anew(books, tmp_path):
    await broken(books[0], tmp_path)
    async with opened(tmp_path, MIDNIGHT + 3_600_000) as day:
        change = "UPDATE spending SET amount = amount + 1 WHERE tenant = 'cedar'"
        await day.gateway.store.database.write(lambda connection: connection.run(change))
        found = await Audit(store=day.gateway.store, tenants=day.gateway.tenants, clock=day.clock).verify()

    assert [(finding.code, finding.where["tenant"]) for finding in found] == [(FindingCode.SPENDING_DIFFERS, "cedar")]
    assert await findings_in(tmp_path) == {}


async def test_a_second_capture_is_told_even_when_every_sum_is_right(books, tmp_path):
    folder, videos = books
    capture = ENTRY.format(video=videos["bluebird"], kind="capture")
    shrunk = f"UPDATE entries SET postings = replace(postings, '150000', '75000') WHERE {capture}"
    columns = "kind, at, tenant, video, attempt, account, actor, note, once, postings"
    another = "substr(id, 1, 29) || CASE substr(id, 30) WHEN 'z' THEN 'y' ELSE 'z' END"
    twice = f"INSERT INTO entries (id, {columns}) SELECT {another}, {columns} FROM entries WHERE {capture}"
    await broken(folder, tmp_path, shrunk, twice)

    told = await findings_in(tmp_path)

    assert told == {FindingCode.CAPTURED_TWICE: [{"tenant": "bluebird", "video": videos["bluebird"]}]}


async def test_money_that_was_never_there_is_told(books, tmp_path):
    folder, _ = books
    await broken(
        folder, tmp_path, "UPDATE entries SET postings = replace(postings, '13500000', '1') WHERE kind = 'top_up'"
    )

    told = await findings_in(tmp_path)

    assert told[FindingCode.BELOW_ZERO] == [{"account": "tenant:acme:available", "unit": "micros"}]


def verify(folder: Path, *words: str):
    config = folder / "filmgate.toml"
    config.write_text(CONFIG.format(folder=folder))
    return CliRunner().invoke(main, ["ledger", "verify", "-c", str(config), *words])


async def test_the_command_says_that_the_books_balance_while_a_server_runs(books, tmp_path):
    await broken(books[0], tmp_path)

    async with opened(tmp_path, MIDNIGHT):
        result = await asyncio.to_thread(verify, tmp_path)

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.rstrip().endswith("15 accounts: the books balance")


async def test_the_command_fails_and_lists_what_is_wrong(books, tmp_path):
    folder, videos = books
    await broken(folder, tmp_path, f"UPDATE videos SET charged = charged + 1 WHERE id = '{videos['acme']}'")

    table = await asyncio.to_thread(verify, tmp_path)
    json = await asyncio.to_thread(verify, tmp_path, "-o", "json")

    assert (table.exit_code, json.exit_code) == (1, 1)
    assert f"charge_differs  150000    150001  tenant=acme video={videos['acme']}" in table.stdout
    assert "1 thing is wrong" in table.stderr
    (finding,) = msgspec.json.decode(json.stdout)["findings"]
    assert (finding["code"], finding["expected"], finding["found"]) == ("charge_differs", 150_000, 150_001)


def test_the_command_says_when_there_are_no_books_yet(tmp_path):
    result = verify(tmp_path)

    assert result.exit_code == 1
    assert "not there yet" in result.stderr
