"""The schema is brought up to date once, in order, by whoever comes first."""

import asyncio

import pytest

from gateway.store.database import Database, Migration, SchemaMismatch, StoreError, connect
from gateway.store.migrate import packaged, statements

FIRST = Migration("0001_first", "CREATE TABLE one (id BIGINT PRIMARY KEY);\nINSERT INTO one VALUES (1);\n")
SECOND = Migration("0002_second", "ALTER TABLE one ADD COLUMN name TEXT;\n")
BROKEN = Migration("0002_broken", "INSERT INTO one VALUES (2);\nINSERT INTO nowhere VALUES (1);\n")


async def ids(database: Database) -> list[int]:
    return [row[0] for row in await database.read(lambda connection: connection.all("SELECT id FROM one ORDER BY id"))]


async def test_an_empty_database_gets_everything_in_order(database):
    assert await database.pending([SECOND, FIRST]) == ["0001_first", "0002_second"]

    assert await database.migrate([SECOND, FIRST]) == ["0001_first", "0002_second"]

    assert await database.pending([FIRST, SECOND]) == []
    assert await ids(database) == [1]


async def test_a_second_time_nothing_happens(database):
    await database.migrate([FIRST])

    assert await database.migrate([FIRST]) == []
    assert await ids(database) == [1]


async def test_only_what_is_missing_is_applied(database):
    await database.migrate([FIRST])

    assert await database.pending([FIRST, SECOND]) == ["0002_second"]
    assert await database.migrate([FIRST, SECOND]) == ["0002_second"]


async def test_a_changed_migration_is_refused(database):
    await database.migrate([FIRST])
    changed = Migration(FIRST.name, FIRST.sql + "-- a harmless remark\n")

    with pytest.raises(SchemaMismatch, match=r"0001_first was changed"):
        await database.migrate([changed, SECOND])
    with pytest.raises(SchemaMismatch):
        await database.pending([changed])

    assert await database.pending([FIRST, SECOND]) == ["0002_second"]


async def test_a_newer_database_is_refused(database):
    await database.migrate([FIRST, SECOND])

    with pytest.raises(SchemaMismatch, match=r"newer version \(0002_second\)"):
        await database.migrate([FIRST])


async def test_a_migration_that_fails_leaves_the_ones_before_and_nothing_of_itself(database):
    with pytest.raises(StoreError):
        await database.migrate([FIRST, BROKEN])

    assert await ids(database) == [1]
    assert await database.pending([FIRST]) == []


async def test_replicas_that_start_together_apply_each_migration_once(database, database_url):
    others = [await connect(database_url, exclusive=False) for _ in range(3)]

    applied = await asyncio.gather(*[each.migrate([FIRST, SECOND]) for each in (database, *others)])

    assert sorted(name for names in applied for name in names) == ["0001_first", "0002_second"]
    assert await ids(database) == [1]
    for other in others:
        await other.close()


def test_a_statement_ends_where_a_line_ends_with_a_semicolon():
    sql = """
-- a comment; with a semicolon;
CREATE TABLE a (
  x TEXT DEFAULT ';
--', -- it's only a comment;
  y TEXT
);
CREATE TRIGGER t BEGIN SELECT 1; END;

INSERT INTO a VALUES ('one;');  -- done
SELECT 2"""

    assert list(statements(sql, "sqlite")) == [
        "CREATE TABLE a (\n  x TEXT DEFAULT ';\n--', \n  y TEXT\n)",
        "CREATE TRIGGER t BEGIN SELECT 1; END",
        "INSERT INTO a VALUES ('one;')",
        "SELECT 2",
    ]


def test_a_statement_for_the_other_engine_is_skipped():
    sql = """
-- both have this
CREATE TABLE a (x TEXT);
-- what follows is
-- for one of them
CREATE TABLE b ( -- sqlite only
  x BLOB
);
CREATE TABLE b (x BYTEA); -- postgresql only
"""

    assert list(statements(sql, "sqlite")) == ["CREATE TABLE a (x TEXT)", "CREATE TABLE b ( \n  x BLOB\n)"]
    assert list(statements(sql, "postgresql")) == ["CREATE TABLE a (x TEXT)", "CREATE TABLE b (x BYTEA)"]


async def test_the_packaged_migrations_make_a_schema_on_both_engines(database):
    migrations = packaged()

    assert await database.migrate(migrations) == [migration.name for migration in migrations]
    assert await database.pending(migrations) == []
