"""What both engines promise, word for word the same."""

import asyncio
import math
from contextvars import ContextVar
from functools import partial

import pytest

from gateway.store.database import (
    Connection,
    ConstraintViolation,
    Database,
    InvalidValue,
    Migration,
    ReadOnly,
    StoreError,
    UniqueViolation,
    connect,
)

SCHEMA = Migration(
    "0001_things",
    """
CREATE TABLE things (
  name TEXT PRIMARY KEY,
  size BIGINT NOT NULL DEFAULT 0 CHECK (size >= 0),
  owner TEXT,
  ratio DOUBLE PRECISION,
  UNIQUE (owner, size)
);
CREATE TABLE parts (thing TEXT NOT NULL REFERENCES things (name), label TEXT NOT NULL);
CREATE UNIQUE INDEX parts_by_lower_label ON parts (lower(label));
CREATE TABLE files (name TEXT PRIMARY KEY, content BYTEA NOT NULL); -- postgresql only
CREATE TABLE files (name TEXT PRIMARY KEY, content BLOB NOT NULL); -- sqlite only
CREATE TABLE tasks (id BIGINT PRIMARY KEY, due BIGINT, holder TEXT);
""",
)
INSERT = "INSERT INTO things (name, size) VALUES (?, ?)"


class Refused(Exception):
    """What a work raises when it does not want its transaction."""


@pytest.fixture(autouse=True)
async def schema(database: Database) -> None:
    await database.migrate([SCHEMA])


async def put(connection: Connection, name: str, size: int = 0) -> str:
    await connection.run(INSERT, name, size)
    return name


async def put_and_refuse(connection: Connection, name: str) -> None:
    await put(connection, name)
    raise Refused(name)


async def names(database: Database) -> list[str]:
    rows = await database.read(lambda connection: connection.all("SELECT name FROM things ORDER BY name"))
    return [row[0] for row in rows]


async def test_what_was_written_is_there_when_the_database_is_opened_again(database, database_url):
    await database.write(partial(put, name="a"))

    again = await connect(database_url, exclusive=False)

    assert await names(again) == ["a"]
    await again.close()


async def test_a_write_returns_what_its_work_returned(database):
    assert await database.write(partial(put, name="a")) == "a"


async def test_a_work_that_raises_leaves_nothing_behind(database):
    with pytest.raises(Refused):
        await database.write(partial(put_and_refuse, name="a"))

    assert await names(database) == []


async def test_works_that_run_at_once_fail_alone(database):
    works = [partial(put_and_refuse if number % 3 == 0 else put, name=f"{number:02}") for number in range(30)]

    outcomes = await asyncio.gather(*map(database.write, works), return_exceptions=True)

    kept = [f"{number:02}" for number in range(30) if number % 3]
    assert [outcome for outcome in outcomes if isinstance(outcome, str)] == kept
    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 10
    assert await names(database) == kept


async def test_two_hundred_writers_at_once_are_all_served(database):
    await database.write(partial(put, name="counter"))

    async def increment(connection: Connection) -> int:
        row = await connection.one("UPDATE things SET size = size + 1 WHERE name = 'counter' RETURNING size")
        assert row is not None
        return int(row[0])

    seen = await asyncio.gather(*[database.write(increment) for _ in range(200)])

    assert sorted(seen) == list(range(1, 201))


async def test_a_work_sees_what_it_wrote_itself(database):
    async def write_and_look(connection: Connection) -> int:
        await put(connection, "a", 7)
        row = await connection.one("SELECT size FROM things WHERE name = ?", "a")
        assert row is not None
        return int(row[0])

    assert await database.write(write_and_look) == 7


async def test_a_cancelled_caller_does_not_undo_its_write(database, database_url):
    task = asyncio.create_task(database.write(partial(put, name="a")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await database.close()

    again = await connect(database_url)
    assert await names(again) == ["a"]
    await again.close()


async def test_closing_finishes_what_was_begun(database, database_url):
    writes = [asyncio.create_task(database.write(partial(put, name=f"{number:02}"))) for number in range(20)]
    await asyncio.sleep(0)

    await database.close()

    await asyncio.gather(*writes)
    again = await connect(database_url)
    assert len(await names(again)) == 20
    await again.close()


async def test_a_closed_database_refuses(database):
    await database.close()

    with pytest.raises(StoreError):
        await database.write(partial(put, name="a"))
    with pytest.raises(StoreError):
        await names(database)


async def test_a_read_can_not_write(database):
    with pytest.raises(ReadOnly):
        await database.read(partial(put, name="a"))
    with pytest.raises(ReadOnly):
        await database.read(partial(put, name="a"), snapshot=True)

    assert await names(database) == []


async def test_a_read_after_a_refused_one_works(database):
    with pytest.raises(StoreError):
        await database.read(lambda connection: connection.all("SELECT nonsense"))

    assert await names(database) == []


async def test_a_connection_is_of_no_use_after_its_transaction(database):
    kept: list[Connection] = []

    async def keep(connection: Connection) -> None:
        kept.append(connection)

    await database.write(keep)
    await database.read(keep)

    for connection in kept:
        with pytest.raises(StoreError, match="ended"):
            await connection.all("SELECT 1")


async def test_catching_a_failed_statement_does_not_save_the_transaction(database):
    async def stubborn(connection: Connection) -> str:
        await put(connection, "a")
        with pytest.raises(UniqueViolation):
            await put(connection, "a")
        return "done"

    with pytest.raises(UniqueViolation):
        await database.write(stubborn)

    assert await names(database) == []


async def test_a_second_row_with_a_unique_key_says_which_columns(database):
    await database.write(partial(put, name="a"))

    with pytest.raises(UniqueViolation) as raised:
        await database.write(partial(put, name="a"))

    assert (raised.value.table, raised.value.columns) == ("things", ("name",))


async def test_a_unique_violation_over_two_columns_names_both_in_order(database):
    sql = "INSERT INTO things (name, owner, size) VALUES (?, ?, ?)"
    await database.write(lambda connection: connection.run(sql, "a", "me", 1))

    with pytest.raises(UniqueViolation) as raised:
        await database.write(lambda connection: connection.run(sql, "b", "me", 1))

    assert raised.value.columns == ("owner", "size")


async def test_a_unique_violation_of_an_expression_names_the_index(database):
    sql = "INSERT INTO parts (thing, label) VALUES (?, ?)"
    await database.write(partial(put, name="a"))
    await database.write(lambda connection: connection.run(sql, "a", "Lens"))

    with pytest.raises(UniqueViolation) as raised:
        await database.write(lambda connection: connection.run(sql, "a", "LENS"))

    assert raised.value.constraint == "parts_by_lower_label"
    assert raised.value.columns == ()


@pytest.mark.parametrize(
    ("sql", "args"),
    [
        (INSERT, ("a", -1)),
        ("INSERT INTO things (name, size) VALUES ('a', NULL)", ()),
        ("INSERT INTO parts (thing, label) VALUES (?, ?)", ("nothing", "x")),
    ],
    ids=["check", "not null", "foreign key"],
)
async def test_other_constraints_are_named_alike(database, sql, args):
    with pytest.raises(ConstraintViolation) as raised:
        await database.write(lambda connection: connection.run(sql, *args))

    assert not isinstance(raised.value, UniqueViolation)


async def test_errors_quote_no_values(database):
    secret = "very secret prompt"
    sql = "INSERT INTO things (name, owner, size) VALUES (?, ?, -1)"

    with pytest.raises(ConstraintViolation) as raised:
        await database.write(lambda connection: connection.run(sql, secret, secret))

    assert secret not in str(raised.value)
    assert raised.value.__cause__ is None


async def test_on_conflict_do_nothing_returns_a_row_only_for_the_first(database):
    sql = f"{INSERT} ON CONFLICT (name) DO NOTHING RETURNING name"

    rows = [await database.write(lambda connection: connection.one(sql, "a", 1)) for _ in range(2)]

    assert rows[0] is not None
    assert rows[0][0] == "a"
    assert rows[1] is None


async def test_of_many_with_the_same_key_at_once_one_wins(database):
    sql = f"{INSERT} ON CONFLICT (name) DO NOTHING RETURNING name"

    rows = await asyncio.gather(*[database.write(lambda connection: connection.one(sql, "a", 1)) for _ in range(40)])

    assert sum(row is not None for row in rows) == 1


async def test_update_returning_gives_the_new_rows(database):
    for name in ("a", "b", "c"):
        await database.write(partial(put, name=name))
    sql = "UPDATE things SET size = CAST(? AS BIGINT) + 1 WHERE name <> ? RETURNING name, size"

    rows = await database.write(lambda connection: connection.all(sql, 1, "c"))

    assert sorted(tuple(row) for row in rows) == [("a", 2), ("b", 2)]


async def test_run_counts_the_rows_it_changed(database):
    counts: list[int] = []

    async def work(connection: Connection) -> None:
        counts.append(await connection.run("INSERT INTO things (name) VALUES ('a'), ('b'), ('c')"))
        counts.append(await connection.run("CREATE TEMPORARY TABLE more (id BIGINT)"))
        counts.append(await connection.run("INSERT INTO things (name) VALUES ('a') ON CONFLICT DO NOTHING"))
        counts.append(await connection.run("UPDATE things SET size = 1 WHERE name > ?", "a"))
        counts.append(await connection.run("SELECT 1"))
        counts.append(await connection.run("DELETE FROM things WHERE name = ? RETURNING name", "a"))
        counts.append(await connection.run("DELETE FROM things WHERE name = ?", "nobody"))

    await database.write(work)

    assert counts == [3, 0, 0, 2, 0, 1, 0]


async def test_one_gives_the_first_row_or_none(database):
    async def work(connection: Connection) -> None:
        await connection.run("INSERT INTO things (name, size) VALUES ('a', 1), ('b', 2)")
        first = await connection.one("SELECT name, size FROM things ORDER BY name")
        assert first is not None
        assert (first[0], first[1]) == ("a", 1)
        assert await connection.one("SELECT name FROM things WHERE size = 9") is None
        changed = await connection.one("UPDATE things SET size = size + 5 RETURNING size")
        assert changed is not None
        rows = await connection.all("SELECT size FROM things ORDER BY name")
        assert [row[0] for row in rows] == [6, 7], "every row is changed, though only the first is given"

    await database.write(work)


CLAIM = """
WITH due AS MATERIALIZED (
  SELECT id FROM tasks WHERE due <= CAST(? AS BIGINT) ORDER BY due, id LIMIT 7 /*skip locked*/
)
UPDATE tasks SET due = NULL, holder = ? WHERE id IN (SELECT id FROM due) RETURNING id
"""


async def test_eight_claimers_never_claim_the_same_task(database):
    async def fill(connection: Connection) -> None:
        for number in range(100):
            await connection.run("INSERT INTO tasks (id, due) VALUES (?, ?)", number, 1_000 + number)

    async def claim_all(holder: str) -> list[int]:
        mine: list[int] = []
        while rows := await database.write(lambda connection: connection.all(CLAIM, 2_000, holder)):
            mine += [row[0] for row in rows]
        return mine

    await database.write(fill)
    claimed = await asyncio.gather(*[claim_all(f"worker {number}") for number in range(8)])

    assert sorted(id for mine in claimed for id in mine) == list(range(100))


async def test_a_row_locked_for_update_is_read_and_changed_by_one_at_a_time(database):
    await database.write(partial(put, name="a"))

    async def double_read(connection: Connection) -> None:
        row = await connection.one("SELECT size FROM things WHERE name = ? /*for update*/", "a")
        assert row is not None
        await connection.run("UPDATE things SET size = ? WHERE name = ?", row[0] + 1, "a")

    await asyncio.gather(*[database.write(double_read) for _ in range(30)])

    row = await database.read(lambda connection: connection.one("SELECT size FROM things"))
    assert row is not None
    assert row[0] == 30


@pytest.mark.parametrize("number", [2**62, 2**63 - 1, 0])
async def test_big_integers_come_back_whole(database, number):
    await database.write(partial(put, name="a", size=number))

    row = await database.read(lambda connection: connection.one("SELECT size FROM things WHERE size = ?", number))

    assert row is not None
    assert row[0] == number


@pytest.mark.parametrize("text", ["", "año 日本 🎬 e\u0301", "quote ' and \" and ? and $1", "line\nfeed\ttab\x01"])
async def test_any_text_comes_back_whole(database, text):
    await database.write(partial(put, name=text))

    assert await names(database) == [text]


async def test_bytes_floats_and_none_come_back_whole(database):
    content = bytes(range(256)) * 400

    async def work(connection: Connection) -> None:
        await connection.run("INSERT INTO files (name, content) VALUES (?, ?)", "a", content)
        await connection.run("INSERT INTO things (name, owner, ratio) VALUES (?, ?, ?)", "a", None, 0.1)

    await database.write(work)

    file = await database.read(lambda connection: connection.one("SELECT content FROM files"))
    thing = await database.read(lambda connection: connection.one("SELECT owner, ratio FROM things"))
    assert file is not None
    assert thing is not None
    assert file[0] == content
    assert tuple(thing) == (None, 0.1)


@pytest.mark.parametrize(
    ("name", "size"),
    [("a\0b", 0), ("a\ud800", 0), ("a", 2**63), ("a", math.nan)],
    ids=["NUL", "lone surrogate", "65 bits", "NaN"],
)
async def test_values_that_no_column_can_hold_are_refused_alike(database, name, size):
    with pytest.raises(InvalidValue):
        await database.write(lambda connection: connection.run(INSERT, name, size))

    assert await names(database) == []


async def test_question_marks_in_literals_and_comments_are_not_placeholders(database):
    sql = """SELECT '?', CAST(? AS TEXT) AS "really?", 'it''s ?' -- really?
        /* why? */ FROM things WHERE name = ?"""
    await database.write(partial(put, name="a"))

    row = await database.read(lambda connection: connection.one(sql, "x", "a"))

    assert row is not None
    assert tuple(row) == ("?", "x", "it's ?")


async def test_ping_says_nothing_when_a_transaction_could_be_committed(database):
    await database.ping()


async def test_announcing_and_listening_never_hear_themselves(database):
    heard: list[list[str]] = []
    await database.listen(heard.append)

    await database.announce(["video_1"])
    await database.close()

    assert heard == []


async def test_a_work_that_commits_together_with_others_knows_whose_it_is(database):
    """What stands in a context, as the id of a request does, is read within transactions: the audit trail keeps it."""
    asker: ContextVar[int] = ContextVar("asker", default=-1)

    async def asked(_: Connection) -> int:
        return asker.get()

    async def ask(number: int) -> int:
        asker.set(number)
        answer: int = await database.write(asked)
        return answer

    assert await asyncio.gather(*(ask(number) for number in range(20))) == list(range(20))
