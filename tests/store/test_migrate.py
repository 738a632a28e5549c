"""The schema is brought up to date once, in order, by whoever comes first."""

import asyncio

import pytest

from gateway.store.database import Connection, Database, Migration, SchemaMismatch, StoreError, connect
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


async def an_old_database(database: Database) -> None:
    """One of the first version: three videos, whose files were to be copied, and a poll that is due."""
    await database.migrate(packaged()[:1])
    video = (
        "INSERT INTO videos (id, tenant, fingerprint, spec, routing, metadata, decision, status, version, "
        "created_at, deadline_at) VALUES (?, 'acme', 'f', '{}', '{}', '{}', '{}', 'in_progress', 1, 0, 0)"
    )
    attempt = (
        "INSERT INTO attempts (id, video, tenant, n, account, provider, state, video_url, idempotency_key, "
        "body_sha256, credential_version, keyed, callback, started_at, credits_low, credits_high) "
        "VALUES (?, ?, 'acme', ?, 'main', 'studio', ?, ?, 'k', 'b', 1, 0, 0, 0, 1, 1)"
    )
    task = "INSERT INTO tasks (kind, subject, due, leased_until, worker, epoch, errors) VALUES (?, ?, 9, ?, ?, 3, 2)"
    rows: list[tuple[str, *tuple[str | int | None, ...]]] = [
        *((video, id) for id in ("video_1", "video_2", "video_3")),
        (attempt, "att_0", "video_1", 1, "failed", "https://cdn.example.com/0.mp4"),
        (attempt, "att_1", "video_1", 2, "succeeded", "https://cdn.example.com/1.mp4"),
        (attempt, "att_2", "video_1", 3, "succeeded", "https://cdn.example.com/2.mp4"),
        (attempt, "att_3", "video_2", 1, "succeeded", "https://cdn.example.com/3.mp4"),
        (attempt, "att_4", "video_3", 1, "unknown", None),
        (task, "fetch", "video_1", 9, "wkr_1"),
        *((task, "fetch", id, None, None) for id in ("video_2", "video_3", "video_4")),
        (task, "watch", "att_4", 9, "wkr_1"),
    ]

    async def fill(connection: Connection) -> None:
        for sql, *values in rows:
            await connection.run(sql, *values)

    await database.write(fill)


async def test_what_was_to_be_copied_for_a_video_is_copied_for_the_attempt_that_made_it(database):
    await an_old_database(database)

    await database.migrate(packaged())

    question = "SELECT kind, subject, due, leased_until, worker, epoch, errors FROM tasks ORDER BY kind, subject"
    tasks = await database.read(lambda connection: connection.all(question))
    assert [tuple(task) for task in tasks] == [
        ("fetch", "att_1", 9, None, None, 4, 2),
        ("fetch", "att_3", 9, None, None, 4, 2),
        ("watch", "att_4", 9, 9, "wkr_1", 3, 2),
    ]
