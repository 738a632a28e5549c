"""What is SQLite's alone: groups, the lock on the file, other processes, and the settings it must keep."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable
from functools import partial
from pathlib import Path

import apsw
import pytest

from gateway.store import sqlite as engine
from gateway.store.database import (
    CommitUnknown,
    Connection,
    Database,
    Migration,
    StoreError,
    StoreInUse,
    StoreUnavailable,
    connect,
)
from schema.errors import Overloaded

SCHEMA = Migration("0001_things", "CREATE TABLE things (name TEXT PRIMARY KEY);\n")


@pytest.fixture(autouse=True)
async def schema(sqlite: Database) -> None:
    await sqlite.migrate([SCHEMA])


@pytest.fixture
def file(sqlite_url: str) -> Path:
    return Path(sqlite_url.removeprefix("sqlite:///"))


async def put(connection: Connection, name: str) -> str:
    await connection.run("INSERT INTO things (name) VALUES (?)", name)
    return name


async def names(database: Database) -> list[str]:
    rows = await database.read(lambda connection: connection.all("SELECT name FROM things ORDER BY name"))
    return [row[0] for row in rows]


def counted_commits(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[None]:
    assert isinstance(database, engine.Sqlite)
    commits: list[None] = []
    commit = database._writer._commit

    def counted() -> None:
        commits.append(None)
        commit()

    monkeypatch.setattr(database._writer, "_commit", counted)
    return commits


async def test_writes_that_come_together_share_a_commit(sqlite, monkeypatch):
    commits = counted_commits(sqlite, monkeypatch)
    monkeypatch.setattr(engine, "GROUP_SECONDS", 1.0)

    await asyncio.gather(*[sqlite.write(partial(put, name=f"{number:03}")) for number in range(128)])

    assert len(commits) == 2, "two groups of 64"
    assert len(await names(sqlite)) == 128


async def test_a_group_ends_after_its_time_on_the_loop(sqlite, monkeypatch):
    commits = counted_commits(sqlite, monkeypatch)
    monkeypatch.setattr(engine, "GROUP_SECONDS", 0.0)

    await asyncio.gather(*[sqlite.write(partial(put, name=f"{number}")) for number in range(5)])

    assert len(commits) == 5


async def test_nobody_is_answered_before_the_commit(sqlite, monkeypatch):
    order: list[str] = []
    commit = sqlite._writer._commit

    def told_commit() -> None:
        commit()
        order.append("committed")

    async def write(name: str) -> None:
        await sqlite.write(partial(put, name=name))
        order.append("answered")

    monkeypatch.setattr(sqlite._writer, "_commit", told_commit)
    await asyncio.gather(write("a"), write("b"))

    assert order == ["committed", "answered", "answered"]


async def test_a_read_does_not_see_what_is_not_committed(sqlite, monkeypatch):
    seen: list[list[str]] = []
    loop = asyncio.get_running_loop()
    commit = sqlite._writer._commit

    def look_first() -> None:
        seen.append(asyncio.run_coroutine_threadsafe(names(sqlite), loop).result(5))
        commit()

    monkeypatch.setattr(sqlite._writer, "_commit", look_first)
    await sqlite.write(partial(put, name="a"))

    assert seen == [[]]
    assert await names(sqlite) == ["a"]


async def test_a_work_that_awaits_something_else_is_refused_and_undone(sqlite):
    async def impatient(connection: Connection) -> None:
        await put(connection, "a")
        await asyncio.sleep(0)

    outcomes = await asyncio.gather(
        sqlite.write(impatient), sqlite.write(partial(put, name="b")), return_exceptions=True
    )

    assert isinstance(outcomes[0], RuntimeError)
    assert "await its Connection and nothing else" in str(outcomes[0])
    assert await names(sqlite) == ["b"]
    with pytest.raises(RuntimeError):
        await sqlite.read(lambda _: asyncio.sleep(0))


async def test_what_a_refused_work_does_while_it_is_closed_reaches_nothing(sqlite):
    async def tidy(connection: Connection) -> None:
        try:
            await asyncio.sleep(0)
        finally:
            await put(connection, "late")

    with pytest.raises(StoreError, match="ended"):
        await sqlite.write(tidy)

    assert await names(sqlite) == []


async def test_a_work_that_raises_stop_iteration_does_not_hold_up_the_others(sqlite):
    def exhausted(_: Connection) -> Awaitable[None]:
        raise StopIteration

    outcomes = await asyncio.gather(
        sqlite.write(exhausted), sqlite.write(partial(put, name="a")), return_exceptions=True
    )

    assert isinstance(outcomes[0], RuntimeError)
    assert outcomes[1] == "a"


async def test_a_transaction_inside_another_is_refused(sqlite):
    async def write_in_write(_: Connection) -> None:
        await sqlite.write(partial(put, name="inner"))

    async def read_in_write(_: Connection) -> None:
        await names(sqlite)

    async def read_in_read(_: Connection) -> None:
        await names(sqlite)

    with pytest.raises(RuntimeError, match="inside another"):
        await sqlite.write(write_in_write)
    with pytest.raises(RuntimeError, match="inside another"):
        await sqlite.write(read_in_write)
    with pytest.raises(RuntimeError, match="inside another"):
        await sqlite.read(read_in_read)
    assert await names(sqlite) == []


@pytest.fixture
def one_group(monkeypatch):
    """However busy the machine is: what is ready together is committed together."""
    monkeypatch.setattr("gateway.store.sqlite.GROUP_SECONDS", 60.0)


async def test_a_commit_that_fails_fails_everybody_in_the_group(sqlite, monkeypatch, one_group):
    commit = sqlite._writer._commit

    def broken() -> None:
        monkeypatch.setattr(sqlite._writer, "_commit", commit)
        raise apsw.IOError("disk I/O error")

    monkeypatch.setattr(sqlite._writer, "_commit", broken)
    writes = [sqlite.write(partial(put, name=name)) for name in "abc"]
    outcomes = await asyncio.gather(*writes, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [CommitUnknown] * 3
    assert await sqlite.write(partial(put, name="d")) == "d"
    assert await names(sqlite) == ["d"]


async def test_when_sqlite_undoes_the_whole_group_everybody_is_told(sqlite, one_group):
    await sqlite.write(partial(put, name="a"))

    async def roll_back(connection: Connection) -> None:
        await connection.run("INSERT OR ROLLBACK INTO things (name) VALUES ('a')")

    writes = [partial(put, name="b"), roll_back, partial(put, name="c")]
    outcomes = await asyncio.gather(*[sqlite.write(work) for work in writes], return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable, StoreUnavailable, str]
    assert await names(sqlite) == ["a", "c"]


async def test_a_full_disk_refuses_and_keeps_nothing(sqlite):
    sqlite._writer._connection.pragma("max_page_count", 8)

    with pytest.raises(StoreUnavailable) as raised:
        await sqlite.write(partial(put, name="x" * 100_000))

    assert raised.value.status == 503
    assert await sqlite.write(partial(put, name="a")) == "a"
    assert await names(sqlite) == ["a"]


async def test_more_than_the_queue_holds_is_refused_at_once(sqlite, monkeypatch):
    monkeypatch.setattr(engine, "MAX_WAITING", 2)

    writes = [sqlite.write(partial(put, name=name)) for name in "abc"]
    outcomes = await asyncio.gather(*writes, return_exceptions=True)

    assert outcomes[:2] == ["a", "b"]
    assert isinstance(outcomes[2], Overloaded)
    assert outcomes[2].retry_after_seconds == 1


async def test_the_loop_goes_on_while_another_process_writes(sqlite, file):
    other = apsw.Connection(str(file))
    other.execute("BEGIN IMMEDIATE")

    write = asyncio.create_task(sqlite.write(partial(put, name="a")))
    turns = 0
    for _ in range(100):
        await asyncio.sleep(0.001)
        turns += await names(sqlite) == []
    other.execute("COMMIT")

    assert await write == "a"
    assert turns == 100
    other.close()


async def test_another_process_that_never_ends_its_write_makes_us_unavailable(sqlite, file, monkeypatch):
    monkeypatch.setattr(engine, "LOCK_WAIT", 50)
    other = apsw.Connection(str(file))
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreUnavailable, match="locked"):
        await sqlite.write(partial(put, name="a"))
    with pytest.raises(StoreUnavailable):
        await sqlite.ping()

    other.execute("COMMIT")
    other.close()
    await sqlite.ping()


async def test_a_second_server_is_refused_and_told_who_is_first(sqlite, sqlite_url, file):
    with pytest.raises(StoreInUse) as raised:
        await connect(sqlite_url)

    assert f"process {os.getpid()}" in str(raised.value)
    assert f"{file}.lock" in str(raised.value)


async def test_a_tool_may_work_beside_the_server(sqlite, sqlite_url):
    tool = await connect(sqlite_url, exclusive=False)

    await asyncio.gather(
        *[
            database.write(partial(put, name=f"{name}{number}"))
            for name, database in (("s", sqlite), ("t", tool))
            for number in range(20)
        ]
    )

    await tool.close()
    assert len(await names(sqlite)) == 40


async def test_after_closing_another_server_may_open(sqlite, sqlite_url):
    await sqlite.close()

    again = await connect(sqlite_url)

    await again.close()


async def test_closing_twice_is_closing_once(sqlite):
    await sqlite.close()
    await sqlite.close()


@pytest.mark.parametrize("version", ["3.40.1", "3.51.2"])
def test_a_sqlite_that_can_corrupt_its_file_is_refused(version):
    with pytest.raises(StoreError, match=r"3\.51\.3 or newer"):
        engine.refuse_old(version)


async def test_both_connections_keep_the_settings_that_durability_needs(sqlite):
    for connection in (sqlite._writer._connection, sqlite._reader):
        assert connection.pragma("journal_mode") == "wal"
        assert connection.pragma("synchronous") == 2
        assert connection.pragma("foreign_keys") == 1
        assert connection.pragma("mmap_size") == 0
    assert sqlite._reader.pragma("query_only") == 1


async def test_a_setting_that_does_not_hold_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setitem(engine.PRAGMAS, "journal_mode", "memory-mapped")

    with pytest.raises(StoreError, match="keeps journal_mode at"):
        await connect(f"sqlite:///{tmp_path}/x.db")


WRITE_FOR_EVER = """
import asyncio, itertools, sys
from gateway.store.database import connect

async def main():
    database = await connect(sys.argv[1])
    for number in itertools.count():
        await asyncio.gather(*[write(database, number * 8 + each) for each in range(8)])

async def write(database, number):
    await database.write(lambda c: c.run("INSERT INTO things (name) VALUES (?)", f"{number:08}"))
    print(number, flush=True)

asyncio.run(main())
"""


async def test_everything_acknowledged_survives_kill_9(sqlite, sqlite_url):
    await sqlite.close()
    command = (sys.executable, "-c", WRITE_FOR_EVER, sqlite_url)
    root = Path(__file__).parents[2]
    writer = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, cwd=root)
    assert writer.stdout is not None
    acknowledged = [int(await writer.stdout.readline()) for _ in range(200)]
    writer.kill()
    rest = await writer.stdout.read()
    await writer.wait()
    acknowledged += [int(line) for line in rest.splitlines(keepends=True) if line.endswith(b"\n")]

    again = await connect(sqlite_url)  # the dead process holds no lock

    assert {f"{number:08}" for number in acknowledged} <= set(await names(again))
    await again.close()
