"""``filmgate apply`` and ``filmgate secrets``, each a process of its own on a real database."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.exits import ExitCode
from tests.support.commands import Ran, filmgate
from tests.support.running import ACME_KEY

TABLES = ("tenants", "api_keys", "account_setups", "sealed", "trail", "policies", "revision", "accounts")
FIRST, SECOND = "the first master key of this test, long enough", "the second master key of this test, long enough"


@dataclass
class Desk:
    """Where an operator sits: a folder with a configuration, and the commands."""

    folder: Path

    def write(
        self, *, name: str = "Acme", price: str = "0.20", more: str = "", key: str = FIRST, former: str = ""
    ) -> None:
        (self.folder / "filmgate.toml").write_text(f"""
[secrets]
key = "{key}"
previous = [{f'"{former}"' if former else ""}]

[database]
url = "sqlite:///{self.folder}/filmgate.db"

[[accounts]]
id = "veo-main"
provider = "veo3o1"
credential = "a credential nobody may see"
price_per_credit = "{price}"

[[tenants]]
id = "acme"
name = "{name}"
keys = ["{ACME_KEY.replace("test", "live")}"]
{more}
""")

    async def run(self, *words: str) -> Ran:
        """A command as a process: exit code, what it said, what it talked."""
        ran = await filmgate(*words, folder=self.folder)
        assert "a credential nobody may see" not in ran.out
        return ran

    async def good(self, *words: str) -> Any:
        """The JSON of a command that must succeed."""
        code, stdout, stderr = await self.run(*words, "-o", "json")
        assert code == ExitCode.OK, stderr
        return json.loads(stdout)

    def sql(self, statement: str) -> list[Any]:
        with closing(sqlite3.connect(self.folder / "filmgate.db")) as connection, connection:
            return connection.execute(statement).fetchall()

    def dump(self) -> dict[str, list[Any]]:
        return {table: sorted(self.sql(f"SELECT * FROM {table}"), key=repr) for table in TABLES}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    made.write()
    return made


async def test_a_file_is_planned_applied_and_then_there_is_nothing_to_change(desk: Desk):
    unmade = await desk.run("apply", "--plan")
    code, made, said = await desk.run("apply")
    again = await desk.run("apply")
    desk.write(name="Acme Studios", price="0.25")
    before = desk.dump()
    planned = await desk.run("apply", "--plan")
    after_plan = desk.dump()
    told = await desk.good("apply")

    assert (unmade[0], "filmgate db migrate" in unmade[2]) == (ExitCode.FAILED, True)
    assert (code, said.splitlines()[-1]) == (ExitCode.OK, "3 changes made")
    assert [line for line in made.splitlines() if not line.startswith(" ")] == [
        "+ account veo-main created",
        "+ tenant acme created",
        next(line for line in made.splitlines() if line.startswith("+ api_key key_")),
    ]
    assert (again[0], again[1], again[2].splitlines()[-1]) == (ExitCode.OK, "", "nothing to change")
    assert planned[1].splitlines() == [
        "~ account veo-main updated",
        "    price_per_credit: 200000 -> 250000",
        "~ tenant acme updated",
        '    name: "Acme" -> "Acme Studios"',
    ]
    assert planned[2].splitlines()[-1] == "2 changes to be made: nothing was changed yet"
    assert after_plan == before
    assert [(change["kind"], change["verb"], change["id"]) for change in told] == [
        ("account", "updated", "veo-main"),
        ("tenant", "updated", "acme"),
    ]


async def test_an_apply_that_the_database_refuses_in_the_middle_changes_nothing_at_all(desk: Desk):
    assert (await desk.run("apply"))[0] == ExitCode.OK
    desk.sql("CREATE TRIGGER no_more BEFORE UPDATE ON tenants BEGIN SELECT RAISE(ABORT, 'this disk is full'); END")
    before = desk.dump()
    desk.write(name="Acme Studios", price="0.25")

    code, stdout, stderr = await desk.run("apply")

    assert (code, stdout) == (ExitCode.FAILED, "")
    assert "this disk is full" in stderr
    assert desk.dump() == before


async def test_a_broken_file_is_told_mistake_by_mistake_and_applies_nothing(desk: Desk):
    assert (await desk.run("apply"))[0] == ExitCode.OK
    before = desk.dump()
    desk.write(price="a lot", more='colour = "red"')

    code, _, stderr = await desk.run("apply")

    assert code == ExitCode.CONFIG
    assert "accounts.veo-main.price_per_credit" in stderr
    assert "unknown key 'colour'" in stderr
    assert desk.dump() == before


# the master key


async def test_secrets_go_under_a_new_master_key_and_the_old_one_is_needed_no_more(desk: Desk):
    await desk.run("apply")
    first = await desk.good("secrets", "status")
    desk.write(key=SECOND, former=FIRST)
    moved = await desk.good("secrets", "rekey")
    desk.write(key=SECOND)
    second = await desk.good("secrets", "status")
    again = await desk.run("apply")

    assert first["counts"] == {first["current"]: 2}
    assert (moved["moved"], moved["left"]) == (2, 0)
    assert second["counts"] == {second["current"]: 2}
    assert second["current"] == moved["key_id"] != first["current"]
    assert again[2].splitlines()[-1] == "nothing to change"


@pytest.mark.parametrize("command", ["serve", "apply", "secrets rekey"])
async def test_without_the_master_key_nothing_starts_and_the_key_is_named(desk: Desk, command: str):
    await desk.run("apply")
    id = (await desk.good("secrets", "status"))["current"]
    desk.write(key=SECOND)

    code, _, stderr = await desk.run(*command.split())

    assert code == ExitCode.FAILED
    assert f"lie under the master key {id}, which is not at hand" in stderr
    assert "secrets.previous" in stderr
    assert "Traceback" not in stderr


async def test_a_restored_backup_without_its_master_key_stays_shut(desk: Desk):
    await desk.run("apply")
    assert (await desk.run("db", "backup", "monday.db"))[0] == ExitCode.OK
    assert (await desk.run("db", "restore", "monday.db"))[0] == ExitCode.OK
    desk.write(key=SECOND)

    shut = [await desk.run(*words) for words in (("db", "release"), ("serve",))]
    desk.write()
    opened = await desk.run("db", "release")

    assert [code for code, _, _ in shut] == [ExitCode.FAILED, ExitCode.FAILED]
    assert all("which is not at hand" in stderr for _, _, stderr in shut)
    assert opened[0] == ExitCode.OK, opened[2]


async def test_a_secret_that_was_put_in_anothers_place_does_not_open(desk: Desk):
    desk.write(more='\n[[accounts]]\nid = "veo-second"\nprovider = "veo3o1"\ncredential = "another credential"')
    await desk.run("apply")
    [first], [second] = (
        desk.sql(f"SELECT wrapped, body FROM sealed WHERE kind = 'credential' AND owner = '{owner}'")
        for owner in ("veo-main", "veo-second")
    )
    for owner, (wrapped, body) in (("veo-main", second), ("veo-second", first)):
        desk.sql(f"UPDATE sealed SET wrapped = '{wrapped}', body = '{body}' WHERE owner = '{owner}'")

    code, _, stderr = await desk.run("apply")

    assert code == ExitCode.FAILED
    assert "credential" in stderr
    assert "Traceback" not in stderr
